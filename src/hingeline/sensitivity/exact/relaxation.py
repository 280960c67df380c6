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

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.exact.caps import Caps, farthest
from hingeline.sensitivity.exact.problem import FlipProblem

SLACK = 1e-11
"""Bounds on pre-activations are widened by this share of their size, against rounding."""


@dataclass(frozen=True, eq=False)
class Affine:
    """Affine functions of the change, each for the node it belongs to.

    Attributes:
        nodes: Which node, shape "p".
        parts: Slopes as combinations of the first layer's rows, shape "p f".
        offsets: Shape "p".
        sizes: Size of what went into the offsets, against rounding, shape "p".
    """

    nodes: IntArray
    parts: FloatArray
    offsets: FloatArray
    sizes: FloatArray


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
    """For each layer, functions that are not negative wherever the fixed neurons are as fixed."""
    feasible: BoolArray
    """False if no change in the ball fits the node, shape "n"."""


def node_ranges(
    problem: FlipProblem, fixed: FloatArray, radius: float, parents: Sequence[LayerRange], caps: Caps
) -> NodeRanges:
    """Bounds on all pre-activations for changes up to `radius`.

    Args:
        problem: The network around the input.
        fixed: 1 for neurons held on, -1 for held off, 0 for free; all layers side by side, shape "n w_all".
        radius: Size of the ball.
        parents: Bounds that are known to hold at these nodes; infinite where there are none.
        caps: Half-spaces that are known to hold the nodes' flips.
    """
    layers: list[LayerRange] = []
    demands: list[Affine] = []
    feasible = np.ones(len(fixed), dtype=np.bool_)
    place = 0
    for layer, known in enumerate(parents):
        held = fixed[:, place : place + known.low.shape[1]]
        place += held.shape[1]
        low, high = known.low.copy(), known.high.copy()
        # what is decided needs no new bound, unless it was decided by fixing it: then it makes a demand
        nodes, neurons = np.nonzero(known.unstable | (held != 0))
        below, above = _neuron_bounds(problem, layers, layer, nodes, neurons)
        reach = radius * problem.first_size  # of the first layer's terms, for rounding
        # the same function twice in the first layer
        least, _ = farthest(problem, below.parts @ problem.weights[0], nodes, caps, radius)
        _, most = farthest(problem, above.parts @ problem.weights[0], nodes, caps, radius)
        least = least + below.offsets - SLACK * (below.sizes + np.abs(below.parts) @ reach)
        most = most + above.offsets + SLACK * (above.sizes + np.abs(above.parts) @ reach)
        low[nodes, neurons] = np.maximum(low[nodes, neurons], least)
        high[nodes, neurons] = np.minimum(high[nodes, neurons], most)
        low, high = (
            np.where(held > 0, np.maximum(low, 0.0), low),
            np.where(held < 0, np.minimum(high, 0.0), high),
        )
        feasible &= (low <= high).all(axis=1)
        layers.append(LayerRange(low, np.maximum(low, high)))
        demands.append(_demands(held[nodes, neurons], below, above))
    return NodeRanges(tuple(layers), tuple(demands), feasible)


def _demands(held: FloatArray, below: Affine, above: Affine) -> Affine:
    """On: what lies above the pre-activation is not negative. Off: what lies below it is not positive."""
    some, on = held != 0, held > 0
    return Affine(
        above.nodes[some],
        np.where(on[:, np.newaxis], above.parts, -below.parts)[some],
        np.where(on, above.offsets, -below.offsets)[some],
        np.where(on, above.sizes, below.sizes)[some],
    )


def _neuron_bounds(
    problem: FlipProblem, layers: Sequence[LayerRange], layer: int, nodes: IntArray, neurons: IntArray
) -> tuple[Affine, Affine]:
    """Affine bounds from below and above of pre-activations in one layer."""
    offsets = problem.biases[layer][neurons]
    if layer == 0:
        parts = np.eye(len(problem.biases[0]))[neurons]
        exact = Affine(nodes, parts, offsets, problem.first_offset_size[neurons])
        return exact, exact
    # below the kink the flatter line is nearer where less is above
    slopes = [(r.high > -r.low).astype(np.float64) for r in layers]
    rows = problem.weights[layer][neurons]
    below = put_back(problem, layers, slopes, Affine(nodes, rows, offsets, np.abs(offsets)))
    above = put_back(problem, layers, slopes, Affine(nodes, -rows, -offsets, np.abs(offsets)))
    return below, Affine(nodes, -above.parts, -above.offsets, above.sizes)


def put_back(
    problem: FlipProblem, layers: Sequence[LayerRange], slopes: Sequence[FloatArray], ahead: Affine
) -> Affine:
    """A lower bound, affine in the change, of functions of what the last of `layers` hands on.

    Args:
        problem: The network around the input.
        layers: Ranges of the layers below.
        slopes: For each of these layers, slopes a of free neurons from below, shape "n w".
        ahead: The functions; `parts` holds their coefficients, shape "p w".
    """
    nodes, rows, offsets, sizes = ahead.nodes, ahead.parts, ahead.offsets, ahead.sizes
    for layer in range(len(layers) - 1, -1, -1):
        upper, lift, lower = _relaxed(layers[layer], slopes[layer])
        negative = np.minimum(rows, 0.0)
        lifted = (negative * lift[nodes]).sum(axis=1)
        rows = (rows - negative) * lower[nodes] + negative * upper[nodes]
        offsets = offsets + lifted + rows @ problem.biases[layer]
        biases = problem.first_offset_size if layer == 0 else np.abs(problem.biases[layer])
        sizes = sizes - lifted + np.abs(rows) @ biases
        if layer:
            rows = rows @ problem.weights[layer]
    return Affine(nodes, rows, offsets, sizes)


def _relaxed(ranges: LayerRange, below: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope and lift of the line above each neuron, and slope of the one below."""
    on, free = ranges.low >= 0, ranges.unstable
    # u (z - l) / (u - l) above a free neuron
    chord = np.divide(ranges.high, ranges.high - ranges.low, where=free, out=np.zeros_like(ranges.high))
    upper = np.where(on, 1.0, chord)
    return upper, np.where(free, -chord * ranges.low, 0.0), np.where(on, 1.0, np.where(free, below, 0.0))
