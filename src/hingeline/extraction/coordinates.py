"""The way back from coordinates around the middle of a box: the first biases of a network found there move.

Cost: no queries.
"""

from __future__ import annotations

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def moved_back(network: PiecewiseLinearNetwork, centre: FloatArray | None) -> PiecewiseLinearNetwork:
    """The same network on plain inputs: W (x - centre) + b."""
    if centre is None:
        return network
    biases = [network.biases[0] - network.weights[0] @ centre, *network.biases[1:]]
    return PiecewiseLinearNetwork(network.weights, biases)
