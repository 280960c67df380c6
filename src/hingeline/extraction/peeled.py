"""A known first layer that can be steered: any pre-activations z are reached by x = W^+ (z - b).

Where all z are positive the rest of the network sees h = z, so the layers above are a network of their own
on the positive orthant, and a second-layer neuron that ever switches does so somewhere in that orthant.

Source: choice of the all-on cell, specs on deeper layers; orientation from the zero pattern of J W^+ is
Rolnick and Körding 2020 in the contracting case. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import AmbiguousSign
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.single_layer import RegionView, SingleLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line

LARGEST_CONDITION = 1e5
"""A first layer is steered if its unit rows are at least so well conditioned."""
SURE = 8.0
"""Deviations from a hyperplane at which the side is sure."""
MINORITY = 0.25
"""Share of the regions that may contradict the others about a neuron's side, from coarse answers."""


@dataclass(frozen=True, eq=False)
class Peeled:
    """First layer z = weights x + biases with its inverse."""

    weights: FloatArray
    """Signed unit rows, shape "n d"."""
    biases: FloatArray
    """Shape "n"."""
    errors: FloatArray
    """Standard deviation of one entry of each row, shape "n"."""
    inverse: FloatArray
    """Pseudo-inverse of the weights, shape "d n"."""
    basis: FloatArray
    """Orthonormal rows spanning the weights' rows, shape "n d"."""

    @classmethod
    def of(cls, weights: FloatArray, biases: FloatArray, errors: FloatArray) -> Peeled:
        """Build the inverse and the basis."""
        basis = np.linalg.svd(weights, full_matrices=False)[2]
        inverse = np.asarray(np.linalg.pinv(weights), dtype=np.float64)
        return cls(weights, biases, errors, inverse, basis)

    @property
    def width(self) -> int:
        """Neurons of the first layer."""
        return len(self.biases)

    def heights(self, points: FloatArray) -> FloatArray:
        """Pre-activations: "p d" to "p n"."""
        return points @ self.weights.T + self.biases

    def steer(self, heights: FloatArray) -> FloatArray:
        """Points with given pre-activations: "p n" to "p d"."""
        return (heights - self.biases) @ self.inverse.T

    def room(self, points: FloatArray) -> FloatArray:
        """Distance of points to the nearest face of the positive orthant."""
        return np.abs(self.heights(points)).min(axis=1)

    def line(self, start: FloatArray, end: FloatArray) -> Line:
        """The line through two positive height vectors, cut where a height would vanish."""
        step = end - start
        with np.errstate(divide="ignore"):
            ratio = -start / step
        low = float(np.max(ratio[step > 0], initial=-1e4))
        high = float(np.min(ratio[step < 0], initial=1e4))
        margin = 1e-7 * (high - low)
        direction = step @ self.inverse.T
        length = float(np.linalg.norm(direction))
        direction = direction / length
        # from the point nearest to zero: rounding of a far origin would look like noise of the oracle
        origin = self.steer(start[np.newaxis])[0]
        shift = float(origin @ direction)
        origin = origin - shift * direction
        ends = (np.array([low + margin, high - margin, 0.5]) * length) + shift
        return Line(origin, direction, length, float(ends[0]), float(ends[1]), float(ends[2]))

    def view(self, line: MeasuredLine, planes: Hyperplanes | None = None) -> tuple[RegionView, FloatArray]:
        """The most precise measured region of a line inside the orthant, in heights, and its value.

        With `planes`, known from coarse answers: of the regions whose side of each of them is sure.
        """
        errors = line.jacobian_errors
        if planes is not None and planes.count:
            errors = errors * np.maximum(1.0, (SURE / (planes.certainty(line.centres) + 1e-9)) ** 2)
        piece = int(np.argmin(errors))
        error = float(line.jacobian_errors[piece]) * float(np.linalg.norm(self.inverse, axis=0).max())
        centre = self.heights(line.centres[piece][np.newaxis])[0]
        return RegionView(centre, line.jacobians[piece] @ self.inverse, error), line.values[piece]

    def layer_above(self, planes: Hyperplanes) -> SingleLayer:
        """Hyperplanes seen inside the orthant as a layer on the heights, no bypass yet."""
        # normal x + offset = A (z - b) + offset with A = normal W^+
        rows = planes.normals @ self.inverse
        lengths = np.linalg.norm(rows, axis=1)
        offsets = planes.offsets - rows @ self.biases
        outputs = planes.jumps.shape[1]
        stretch = float(np.linalg.norm(self.inverse, axis=0).max()) * np.sqrt(self.inverse.shape[1])
        return SingleLayer(
            rows / lengths[:, np.newaxis],
            offsets / lengths,
            planes.jumps * lengths[:, np.newaxis],
            planes.errors * stretch / lengths,
            np.zeros((outputs, self.width)),
            np.zeros(outputs),
        )

    def with_above(self, above: SingleLayer) -> PiecewiseLinearNetwork:
        """The whole network."""
        rest = above.to_network()
        return PiecewiseLinearNetwork([self.weights, *rest.weights], [self.biases, *rest.biases])


def steerable(normals: FloatArray) -> bool:
    """Whether any pre-activations of these unit rows can be reached."""
    if len(normals) > normals.shape[1]:
        return False
    singular = np.linalg.svd(normals, compute_uv=False)
    return bool(singular[-1] * LARGEST_CONDITION > singular[0])


def unexplained_gradients(normals: FloatArray, lines: Sequence[MeasuredLine]) -> BoolArray:
    """Per line, whether some gradient leaves the span of the rows: then a first-layer neuron is missing."""
    basis = np.linalg.svd(normals, full_matrices=False)[2]
    missing = np.zeros(len(lines), dtype=np.bool_)
    for index, line in enumerate(lines):
        good = np.isfinite(line.jacobian_errors)
        rows = line.jacobians[good]
        rest = rows - (rows @ basis.T) @ basis
        size = np.linalg.norm(rows, axis=2)
        noise = line.jacobian_errors[good][:, np.newaxis] * np.sqrt(normals.shape[1])
        missing[index] = bool((np.linalg.norm(rest, axis=2) > 20 * noise + 1e-5 * size).any())
    return missing


def orient(planes: Hyperplanes, lines: Sequence[MeasuredLine], *, coarse: bool = False) -> Peeled:
    """Signs of a steerable first layer: a neuron whose coefficient in J W^+ is not zero is on there.

    Args:
        planes: The first layer.
        lines: Lines with measured regions.
        coarse: Whether answers are: then some regions may be wrong, and the majority decides.

    Raises:
        AmbiguousSign: A neuron is on on both sides of its hyperplane, or was never seen on.
    """
    inverse = np.linalg.pinv(planes.normals)
    spread = np.linalg.norm(inverse, axis=0)
    votes = np.zeros((planes.count, 2))
    for line in lines:
        for piece in np.nonzero(np.isfinite(line.jacobian_errors))[0]:
            coefficients = np.abs(line.jacobians[piece] @ inverse).max(axis=0)
            noise = line.jacobian_errors[piece] * spread
            # errors of the rows leak from one coefficient into the others
            leak = np.linalg.norm(coefficients * planes.errors) * spread if coarse else np.zeros(1)
            on = coefficients > 30 * np.hypot(noise, leak) + 1e-5 * coefficients.max(initial=0.0)
            side = (planes.normals @ line.centres[piece] + planes.offsets > 0).astype(np.int64)
            votes[on, side[on]] += 1
    positive = votes[:, 1] > votes[:, 0]
    minority = np.minimum(votes[:, 0], votes[:, 1])
    doubtful = minority > (MINORITY * votes.sum(axis=1) if coarse else 0)
    if doubtful.any() or (votes.sum(axis=1) == 0).any():
        raise AmbiguousSign(f"{int(doubtful.sum())} neurons seem on both sides of their hyperplane")
    sign = np.where(positive, 1.0, -1.0)
    return Peeled.of(planes.normals * sign[:, np.newaxis], planes.offsets * sign, planes.errors)
