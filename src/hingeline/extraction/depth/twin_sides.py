"""Neurons of undecided side that stand in a network as both halves, relu(z) and relu(-z): one half each.

A pair is u relu(z) + s z. Turning a neuron changes its s by u, so that the right sides are those with which
the linear parts of all pairs of a layer cancel: a linear system in zeros and ones. Whatever does not vary
where answers are explained does not matter in it.

Cost: no queries. Source: affine bypass for unresolved signs, specs on extraction, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import BinaryStatus, solve_binary

OPPOSITE = 1e-9
"""Distance of two unit rows, one turned, within which they are both halves of one neuron."""
LEFT = 1e-6
"""Part of the largest linear part of a neuron that sides may leave."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Neurons of a hidden layer, those in two halves once."""

    first: IntArray
    """Index of each, shape "n"."""
    second: IntArray
    """Index of its other half; -1 without, shape "n"."""
    scale: FloatArray
    """Length of a first half's row over that of the second's, shape "n"."""

    @classmethod
    def of(cls, network: PiecewiseLinearNetwork, layer: int) -> Halves:
        """Those of a hidden layer, counted from 1."""
        rows = np.column_stack([network.weights[layer - 1], network.biases[layer - 1]])
        length = np.maximum(np.linalg.norm(rows, axis=1), 1e-300)
        unit = rows / length[:, np.newaxis]
        apart = np.linalg.norm(unit[:, np.newaxis] + unit, axis=2)
        other = np.where(apart.min(axis=1) < OPPOSITE, apart.argmin(axis=1), -1)
        first = np.nonzero((other < 0) | (other > np.arange(len(rows))))[0]
        second = other[first]
        return cls(first, second, np.where(second < 0, 1.0, length[first] / length[second]))

    @property
    def paired(self) -> int:
        """How many neurons stand in two halves."""
        return int((self.second >= 0).sum())


def one_sided(network: PiecewiseLinearNetwork, points: FloatArray) -> PiecewiseLinearNetwork:
    """The network with one half of every pair, in all layers in which just one choice of halves is the same.

    Args:
        network: Some of its neurons in two halves.
        points: Where it answers right, shape "p r".
    """
    for layer in range(1, len(network.weights)):
        halves = Halves.of(network, layer)
        if halves.paired:
            network = _chosen(network, layer, halves, points)
    return network


def _chosen(
    network: PiecewiseLinearNetwork, layer: int, halves: Halves, points: FloatArray
) -> PiecewiseLinearNetwork:
    rows, above = network.weights[layer - 1][halves.first], network.weights[layer]
    both = np.where(halves.second < 0, 0.0, above[:, halves.second] / halves.scale)
    jumps, slopes = above[:, halves.first] + both, -both
    heights = network.pre_activations(points)[layer - 1][:, halves.first]
    middle = heights.mean(axis=0)
    varying = np.linalg.qr(heights - middle, mode="r") / len(points) ** 0.5
    target = -(varying @ slopes.T).T.ravel()
    system = np.concatenate([varying * jump for jump in jumps])
    size = float(np.abs(system).max())
    found = solve_binary(system, target, LEFT / 10 * max(size, 1e-300), time_limit=1.0)
    if found.status is not BinaryStatus.EXACT or not found.unique or found.bits is None:
        return network
    turn = np.where(found.bits, -1.0, 1.0)
    weights, biases = list(network.weights), list(network.biases)
    weights[layer - 1] = rows * turn[:, np.newaxis]
    biases[layer - 1] = biases[layer - 1][halves.first] * turn
    weights[layer] = jumps
    # what is left of the linear part where it does not vary is a constant
    biases[layer] = biases[layer] + (slopes + jumps * found.bits) @ middle
    return PiecewiseLinearNetwork(weights, biases)
