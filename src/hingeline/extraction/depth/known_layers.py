"""The layers found so far, as everything above them sees them.

A neuron shows itself to the layers above as relu(z). While it is not decided on which side of its
hyperplane it is on, both relu(z) and z are offered: relu(-z) = relu(z) - z, so that the neurons above are
linear in what is offered either way, and their coefficients decide. Each such number is a channel.

Source: affine bypass for unresolved signs, specs on extraction, section 4. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.probing.line import Line

TINY = 1e-300
MATTERS = 1e-7
"""Share of a point's channels in unknown directions above which they matter."""
CHUNK = 2048
"""Points worked on at a time."""


@dataclass(frozen=True, eq=False)
class KnownLayer:
    """One hidden layer over the channels below it."""

    weights: FloatArray
    """Shape "n c" for c channels below."""
    biases: FloatArray
    """Shape "n"."""
    decided: BoolArray
    """Neurons whose active side is known; the others may be on where z < 0. Shape "n"."""
    untold: tuple[FloatArray, ...] = ()
    """Per neuron the directions of (weights, bias) that are not known, columns "c+1 f"; none: all known."""
    error: float = 0.0
    """Typical standard deviation of a coefficient of a unit vector (weights, bias)."""
    errors: FloatArray | None = None
    """That of each neuron, shape "n"; None: all typical."""

    @property
    def width(self) -> int:
        """Neurons."""
        return len(self.biases)

    @property
    def channels(self) -> int:
        """What the layer offers to those above: relu(z) of all, then z of the undecided."""
        return self.width + int((~self.decided).sum())


@dataclass(frozen=True, eq=False)
class KnownLayers:
    """Hidden layers from the bottom up."""

    dim: int
    """Input coordinates."""
    layers: tuple[KnownLayer, ...] = ()

    @property
    def channels(self) -> int:
        """Channels offered to the next layer."""
        return self.layers[-1].channels if self.layers else self.dim

    @property
    def error(self) -> float:
        """Relative error of the last channels that the errors of all layers lead to, roughly."""
        return float(np.sqrt(sum(layer.error**2 for layer in self.layers)))

    def with_layer(self, layer: KnownLayer) -> KnownLayers:
        """One layer more."""
        return replace(self, layers=(*self.layers, layer))

    def below(self, count: int) -> KnownLayers:
        """Only the first layers."""
        return replace(self, layers=self.layers[:count])

    def offered(self, points: FloatArray) -> FloatArray:
        """Channels and a constant one at points: "p r" to "p c+1"."""
        values = points
        for layer in self.layers:
            z = values @ layer.weights.T + layer.biases
            values = np.concatenate([np.maximum(z, 0.0), z[:, ~layer.decided]], axis=1)
        return np.concatenate([values, np.ones((len(points), 1))], axis=1)

    def reliable(self, points: FloatArray) -> BoolArray:
        """Points at which no unknown coefficient of any known neuron matters: "p"."""
        found = np.ones(len(points), dtype=np.bool_)
        for count, layer in enumerate(self.layers):
            open_ = [columns for columns in layer.untold if columns.shape[1]]
            if not open_:
                continue
            offered = self.below(count).offered(points)
            size = np.linalg.norm(offered, axis=1)
            for columns in open_:
                found &= np.linalg.norm(offered @ columns, axis=1) < MATTERS * size
        return found

    def heights(self, points: FloatArray) -> list[FloatArray]:
        """Pre-activations, one "p n" array per layer."""
        values, found = points, list[FloatArray]()
        for layer in self.layers:
            z = values @ layer.weights.T + layer.biases
            found.append(z)
            values = np.concatenate([np.maximum(z, 0.0), z[:, ~layer.decided]], axis=1)
        return found

    def room(self, points: FloatArray) -> FloatArray:
        """Distance of points to the nearest known hyperplane, as it goes on in their regions: "p"."""
        nearest, values = np.full(len(points), np.inf), points
        slopes = np.broadcast_to(np.eye(self.dim), (len(points), self.dim, self.dim))
        for layer in self.layers:
            z = values @ layer.weights.T + layer.biases
            rows: FloatArray = layer.weights @ slopes
            away = np.abs(z) / np.maximum(np.linalg.norm(rows, axis=2), TINY)
            nearest = np.minimum(nearest, away.min(axis=1, initial=np.inf))
            open_ = ~layer.decided
            values = np.concatenate([np.maximum(z, 0.0), z[:, open_]], axis=1)
            slopes = np.concatenate([rows * (z > 0)[:, :, np.newaxis], rows[:, open_]], axis=1)
        return nearest

    def patterns(self, points: FloatArray) -> BoolArray:
        """On which side of every known neuron points are: "p n" over all layers."""
        heights = self.heights(points)
        if not heights:
            return np.zeros((len(points), 0), dtype=np.bool_)
        return np.concatenate([z > 0 for z in heights], axis=1)

    def slopes(self, points: FloatArray) -> FloatArray:
        """Derivative of each channel by the input at points: "p r" to "p c r"."""
        values = points
        slopes = np.broadcast_to(np.eye(self.dim), (len(points), self.dim, self.dim))
        for layer in self.layers:
            z = values @ layer.weights.T + layer.biases
            rows: FloatArray = layer.weights @ slopes
            open_ = ~layer.decided
            values = np.concatenate([np.maximum(z, 0.0), z[:, open_]], axis=1)
            slopes = np.concatenate([rows * (z > 0)[:, :, np.newaxis], rows[:, open_]], axis=1)
        return np.array(slopes)

    def breaks(self, line: Line) -> FloatArray:
        """Parameters between which every channel is affine on a line, its ends included; ascending."""
        edges = np.array([line.low, line.high])
        for count, layer in enumerate(self.layers):
            # within each piece of the layers below, this layer's pre-activations are affine in t
            low, high = edges[:-1], edges[1:]
            inner = np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])
            offered = self.below(count).offered(line.at(inner.ravel()))[:, :-1]
            z = (offered @ layer.weights.T + layer.biases).reshape(2, len(low), -1)
            rate = (z[1] - z[0]) / np.maximum(inner[1] - inner[0], TINY)[:, np.newaxis]
            with np.errstate(divide="ignore", invalid="ignore"):
                t = inner[0][:, np.newaxis] - z[0] / rate
            inside = np.isfinite(t) & (t > low[:, np.newaxis]) & (t < high[:, np.newaxis])
            edges = np.unique(np.concatenate([edges, t[inside]]))
        return edges


def chunks(count: int, size: int = CHUNK) -> Sequence[slice]:
    """Slices of at most `size` that cover `count` rows."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
