"""Where the neurons of a known network switch on a line, and where that shows; offline and exact.

Layer by layer: within each piece between the crossings of the layers before, the pre-activations of the next
layer are affine in the parameter of the line.

Cost: no queries; two evaluations of the network for each piece and layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line

TINY = float(np.finfo(np.float64).tiny)
VISIBLE = 1e-9
"""Changes of slope below this fraction of the line's largest slope are next to nothing."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where a network's neurons switch on a line."""

    t: FloatArray
    """Parameters, shape "c"."""
    layer: IntArray
    """Hidden layer of each, from 1, shape "c"."""
    neuron: IntArray
    """Its number in the layer, shape "c"."""
    change: FloatArray
    """Largest change of an output's slope there, shape "c"."""
    room: FloatArray
    """Distance to the nearest other crossing, shape "c"."""
    steepest: float
    """Largest slope of an output on the line."""


def bends_of(network: PiecewiseLinearNetwork, line: Line, *, visible: bool = True) -> FloatArray:
    """Parameters at which a network bends on a line, ascending.

    Args:
        network: Any depth.
        line: The line and its ends.
        visible: Leave out crossings that change the output's slope by next to nothing.
    """
    edges, _, _ = _walked(network, line)
    return edges[1:-1][_changes_slope(network, line, edges)] if visible else edges[1:-1]


def crossings_of(network: PiecewiseLinearNetwork, line: Line) -> Crossings:
    """Every crossing of every hidden neuron on a line."""
    edges, found, neurons = _walked(network, line)
    t = np.concatenate([np.zeros(0), *found])
    none = np.zeros(0, dtype=np.int64)
    layers = [np.full(len(own), number) for number, own in enumerate(found, start=1)]
    slopes = _slopes(network, line, edges)
    after = np.searchsorted(edges, t)
    change = np.abs(slopes[after] - slopes[after - 1]).max(axis=1) if len(t) else np.zeros(0)
    room = np.minimum(t - edges[after - 1], edges[after + 1] - t) if len(t) else np.zeros(0)
    return Crossings(
        t, np.concatenate([none, *layers]), np.concatenate([none, *neurons]), change, room,
        float(np.abs(slopes).max(initial=0.0)),
    )  # fmt: skip


def _walked(
    network: PiecewiseLinearNetwork, line: Line
) -> tuple[FloatArray, list[FloatArray], list[IntArray]]:
    """Ends of all pieces, ascending, and for each hidden layer its crossings and whose they are."""
    edges = np.array([line.low, line.high])
    found, neurons = list[FloatArray](), list[IntArray]()
    for layer in range(len(network.weights) - 1):
        low, high = edges[:-1], edges[1:]
        inner = _inner(edges)
        heights = network.pre_activations(line.at(inner.ravel()))[layer].reshape(2, len(low), -1)
        slope = (heights[1] - heights[0]) / np.maximum(inner[1] - inner[0], TINY)[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = inner[0][:, np.newaxis] - heights[0] / slope
        inside = np.isfinite(t) & (t > low[:, np.newaxis]) & (t < high[:, np.newaxis])
        found.append(t[inside])
        neurons.append(np.nonzero(inside)[1])
        edges = np.unique(np.concatenate([edges, t[inside]]))
    return edges, found, neurons


def _inner(edges: FloatArray) -> FloatArray:
    """Two parameters inside each piece, shape "2 p"."""
    low, high = edges[:-1], edges[1:]
    return np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])


def _slopes(network: PiecewiseLinearNetwork, line: Line, edges: FloatArray) -> FloatArray:
    """Slopes of the outputs on each piece, "p k"."""
    inner = _inner(edges)
    values = network(line.at(inner.ravel())).reshape(2, len(edges) - 1, -1)
    return np.asarray((values[1] - values[0]) / np.maximum(inner[1] - inner[0], TINY)[:, np.newaxis])


def _changes_slope(network: PiecewiseLinearNetwork, line: Line, edges: FloatArray) -> BoolArray:
    """Which inner edges change the output's slope: neurons above a dead one do not show."""
    slopes = _slopes(network, line, edges)
    size = float(np.abs(slopes).max(initial=0.0))
    change: BoolArray = np.abs(np.diff(slopes, axis=0)).max(axis=1) > VISIBLE * size
    return change
