"""Linear bounds on neurons and leads that hold in a ball around the input, for many nodes at once.

A node fixes some neurons on or off. A neuron that may be both, with pre-activation between l < 0 < u, lies
between a z (any a in [0, 1]) and u (z - l) / (u - l). Put in from the last layer back, these give every
pre-activation and every lead an affine bound in the change.

Source: the bounds are those of Zhang et al. 2018 (CROWN), with slopes a chosen at the change where the bound
shall be tight; constraints of fixed neurons are kept as inequalities and left to the least-distance program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.sensitivity.exact.problem import FlipProblem

SLACK = 1e-11
"""Bounds on pre-activations are widened by this share of their size, against rounding."""


@dataclass(frozen=True, eq=False)
class Affine:
    """Affine functions of the change: "n m c" and "n m"."""

    slopes: FloatArray
    offsets: FloatArray


@dataclass(frozen=True, eq=False)
class LayerRange:
    """One hidden layer at several nodes."""

    low: FloatArray
    """Smallest pre-activation in the ball, shape "n w"."""
    high: FloatArray
    """Largest, shape "n w"."""

    @property
    def unstable(self) -> BoolArray:
        """Neurons that may be on or off, shape "n w"."""
        return (self.low < 0) & (self.high > 0)


@dataclass(frozen=True, eq=False)
class NodeRanges:
    """Every hidden layer at several nodes, and what their fixed neurons demand."""

    layers: tuple[LayerRange, ...]
    demands: tuple[Affine, ...]
    """For each layer, functions that are not negative wherever the fixed neurons are as fixed; of neurons
    that are not fixed they mean nothing."""
    feasible: BoolArray
    """False if no change in the ball fits the node, shape "n"."""


def node_ranges(
    problem: FlipProblem, fixed: FloatArray, radius: float, parents: Sequence[LayerRange] | None
) -> NodeRanges:
    """Bounds on all pre-activations for changes up to `radius`.

    Args:
        problem: The network around the input.
        fixed: 1 for neurons held on, -1 for held off, 0 for free; all layers side by side, shape "n w_all".
        radius: Size of the ball.
        parents: Bounds that are known to hold at these nodes; None if there are none.
    """
    layers: list[LayerRange] = []
    demands: list[Affine] = []
    feasible = np.ones(len(fixed), dtype=np.bool_)
    place = 0
    for layer in range(problem.hidden):
        width = len(problem.weights[layer])
        held = fixed[:, place : place + width]
        place += width
        below, above = _neuron_bounds(problem, layers, layer, len(fixed))
        low = below.offsets - reach_of(problem, below.slopes, radius, -1.0)
        high = above.offsets + reach_of(problem, above.slopes, radius, 1.0)
        low, high = low - SLACK * np.abs(low), high + SLACK * np.abs(high)
        if parents is not None:
            low, high = np.maximum(low, parents[layer].low), np.minimum(high, parents[layer].high)
        low, high = (
            np.where(held > 0, np.maximum(low, 0.0), low),
            np.where(held < 0, np.minimum(high, 0.0), high),
        )
        feasible &= (low <= high).all(axis=1)
        layers.append(LayerRange(low, np.maximum(low, high)))
        on = held > 0
        demands.append(
            Affine(
                np.where(on[:, :, np.newaxis], above.slopes, -below.slopes),
                np.where(on, above.offsets, -below.offsets),
            )
        )
    return NodeRanges(tuple(layers), tuple(demands), feasible)


def _neuron_bounds(
    problem: FlipProblem, layers: Sequence[LayerRange], layer: int, nodes: int
) -> tuple[Affine, Affine]:
    """Affine bounds of a layer's pre-activations from below and above."""
    weight, bias = problem.weights[layer], problem.biases[layer]
    rows = np.broadcast_to(weight, (nodes, *weight.shape))
    offsets = np.broadcast_to(bias, (nodes, len(bias)))
    if layer == 0:
        exact = Affine(rows, offsets)
        return exact, exact
    # below the kink the flatter line is nearer where less is above
    slopes = [(r.high > -r.low).astype(np.float64) for r in layers]
    below = put_back(problem, layers, slopes, rows, offsets)
    above = put_back(problem, layers, slopes, -rows, -offsets)
    return below, Affine(-above.slopes, -above.offsets)


def put_back(
    problem: FlipProblem,
    layers: Sequence[LayerRange],
    slopes: Sequence[FloatArray],
    rows: FloatArray,
    offsets: FloatArray,
) -> Affine:
    """A lower bound, affine in the change, of rows . (what the last of `layers` hands on) + offsets.

    Args:
        problem: The network around the input.
        layers: Ranges of the layers below.
        slopes: For each of these layers, slopes a of free neurons from below, shape "n w".
        rows: Shape "n m w".
        offsets: Shape "n m".
    """
    for layer in range(len(layers) - 1, -1, -1):
        upper, lift, lower = _relaxed(layers[layer], slopes[layer])
        negative = np.minimum(rows, 0.0)
        offsets = offsets + np.einsum("nmw,nw->nm", negative, lift)
        rows = (rows - negative) * lower[:, np.newaxis] + negative * upper[:, np.newaxis]
        offsets = offsets + rows @ problem.biases[layer]
        nodes, m, width = rows.shape
        rows = (rows.reshape(-1, width) @ problem.weights[layer]).reshape(nodes, m, -1)
    return Affine(rows, offsets)


def _relaxed(ranges: LayerRange, below: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope and lift of the line above each neuron, and slope of the one below."""
    on, free = ranges.low >= 0, ranges.unstable
    # u (z - l) / (u - l) above a free neuron
    chord = np.divide(ranges.high, ranges.high - ranges.low, where=free, out=np.zeros_like(ranges.high))
    upper = np.where(on, 1.0, chord)
    return upper, np.where(free, -chord * ranges.low, 0.0), np.where(on, 1.0, np.where(free, below, 0.0))


def reach_of(problem: FlipProblem, slopes: FloatArray, radius: float, sign: float) -> FloatArray:
    """How far affine functions rise (sign 1) or fall (sign -1) within ball and box: "n m c" to "n m"."""
    norm, size = problem.threat.norm, np.abs(slopes)
    if norm == "linf":
        if not problem.boxed:
            return radius * size.sum(axis=2)
        return _in_box(sign * slopes, np.maximum(problem.low, -radius), np.minimum(problem.high, radius))
    ball = radius * (np.linalg.norm(slopes, axis=2) if norm == "l2" else size.max(axis=2, initial=0.0))
    if not problem.boxed:
        return ball
    # no coordinate alone goes farther than the ball's radius either
    box = _in_box(sign * slopes, np.maximum(problem.low, -radius), np.minimum(problem.high, radius))
    return np.minimum(ball, box)


def _in_box(slopes: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    # sum_i max(s_i low_i, s_i high_i) with low <= 0 <= high
    return np.maximum(slopes, 0.0) @ high + np.minimum(slopes, 0.0) @ low
