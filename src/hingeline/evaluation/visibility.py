"""Which neurons of a network can be found at all from its answers, to a given tolerance.

Idea: a neuron shows by its hinge. If the function stays within the tolerance when the neuron is taken as off
everywhere, or as on everywhere, no question at the points considered tells that it is there. Neurons of the
first layer switch at their hyperplane however far it lies, so points are put on both sides of it; neurons on
one hyperplane show by the sum of their hinges. Deeper neurons are judged by what random points excite.

Cost: two evaluations of the network per neuron asked about.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.randomness import Randomness
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

# Sizes of random inputs, in units of N(0, 1).
SCALES = (0.1, 1.0, 10.0, 100.0)
POINTS = 2000
# Unit rows and offsets that differ by less are one hyperplane.
SAME_PLANE = 1e-9


def is_visible(
    network: PiecewiseLinearNetwork, layer: int, neurons: tuple[int, ...], tolerance: float, seed: int = 0
) -> bool:
    """Whether some question would show that these neurons are there.

    Args:
        network: The truth.
        layer: 1 for the first hidden layer.
        neurons: Rows of that layer: one, or exact copies of one.
        tolerance: Output gap at N(0, 1) inputs below which nothing shows; it grows with larger inputs.
        seed: Of the random inputs.
    """
    canonical = network.canonical()
    points = _points(canonical, layer, neurons, seed)
    allowed = tolerance * np.maximum(1.0, np.linalg.norm(points, axis=1) / np.sqrt(points.shape[1]))
    values = canonical(points)
    if layer == 1:
        group = _on_one_plane(canonical, neurons)
        gaps = [_without_hinge(canonical, points, layer, group, 0.5) - values]
    else:
        group = _mask(canonical, layer, neurons)
        gaps = [_without_hinge(canonical, points, layer, group, share) - values for share in (0.0, 1.0)]
    return all(bool((np.abs(gap).max(axis=1) > allowed).any()) for gap in gaps)


def same_plane(network: PiecewiseLinearNetwork, layer: int, one: int, other: int) -> bool:
    """Whether two neurons of a layer switch at the same hyperplane, at whichever side they are on."""
    canonical = network.canonical()
    rows = np.column_stack([canonical.weights[layer - 1], canonical.biases[layer - 1]])
    scale = SAME_PLANE * (1.0 + np.abs(rows[one]).max())
    return bool(min(np.abs(rows[one] - rows[other]).max(), np.abs(rows[one] + rows[other]).max()) <= scale)


def _on_one_plane(network: PiecewiseLinearNetwork, neurons: tuple[int, ...]) -> BoolArray:
    width = network.hidden_widths[0]
    return np.array([same_plane(network, 1, neurons[0], other) for other in range(width)])


def _mask(network: PiecewiseLinearNetwork, layer: int, neurons: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(network.hidden_widths[layer - 1], dtype=np.bool_)
    mask[list(neurons)] = True
    return mask


def _points(network: PiecewiseLinearNetwork, layer: int, neurons: tuple[int, ...], seed: int) -> FloatArray:
    rng = Randomness(seed).step("visibility")
    normal = rng.standard_normal((POINTS, network.input_dim))
    if layer > 1:
        return np.concatenate([scale * normal for scale in SCALES])
    row, offset = network.weights[0][neurons[0]], network.biases[0][neurons[0]]
    foot = normal - np.outer(normal @ row + offset, row)
    step = np.maximum(1.0, np.linalg.norm(foot, axis=1))[:, np.newaxis] * row
    return np.concatenate([foot + step, foot - step])


def _without_hinge(
    network: PiecewiseLinearNetwork, points: FloatArray, layer: int, group: BoolArray, share: float
) -> FloatArray:
    """Outputs when the neurons of `group` give `share` of their pre-activation, on or off."""
    hidden = points
    for index, (weight, bias) in enumerate(zip(network.weights[:-1], network.biases[:-1], strict=True)):
        heights = hidden @ weight.T + bias
        hidden = np.maximum(heights, 0.0)
        if index == layer - 1:
            hidden[:, group] = share * heights[:, group]
    return hidden @ network.weights[-1].T + network.biases[-1]
