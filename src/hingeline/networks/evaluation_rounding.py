"""How far rounding may take the outputs of a network that is evaluated in float64, over a whole box.

A computed layer differs from the exact one by at most r' = |W| r + (n + 2) u (|W| (|h| + r) + |b|), for any
order of its sums and with or without fused multiply-adds. A ReLU does not increase a difference, and where
its input is surely below -r', it leaves none.
Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.5. Cost: n d per layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.affine_forms import TINY, UNIT
from hingeline.networks.layer_ranges import layer_ranges
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def network_rounding(network: PiecewiseLinearNetwork, low: FloatArray, high: FloatArray) -> FloatArray:
    """Largest rounding error of each output at float64 points of the box from `low` to `high`, "k"."""
    ranges = layer_ranges(network, low, high)
    inputs = [np.maximum(np.abs(low), np.abs(high)), *(np.maximum(z.high, 0.0) for z in ranges[:-1])]
    sizes, biases = [np.abs(w) for w in network.weights], [np.abs(b) for b in network.biases]
    return evaluation_rounding(sizes, biases, inputs, [z.high for z in ranges])


def evaluation_rounding(
    sizes: Sequence[FloatArray],
    biases: Sequence[FloatArray],
    inputs: Sequence[FloatArray],
    highs: Sequence[FloatArray],
) -> FloatArray:
    """The same from bounds.

    Args:
        sizes: Of each layer's weights, "out in".
        biases: Sizes of its biases, "out".
        inputs: Sizes of what it takes, "in".
        highs: Its largest pre-activations, "out".
    """
    wrong: FloatArray = np.zeros(len(inputs[0]))
    for layer, (size, bias, into) in enumerate(zip(sizes, biases, inputs, strict=True)):
        terms = size.shape[1] + 2
        # so much more than sums of sizes can lose by being rounded themselves
        up = 1.0 + 4.0 * terms * UNIT
        carried = size @ wrong
        wrong = up * (carried + terms * UNIT * (size @ into + bias + carried) + TINY)
        if layer + 1 < len(sizes):
            wrong = np.minimum(wrong, up * np.maximum(highs[layer] + wrong, 0.0))
    return wrong
