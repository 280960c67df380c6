"""Everything measured about one second-layer neuron, solved together.

Each local normal gives d equations and each value one, all linear in the coefficients of the unsigned
features. Solving them together, weighted by their errors, keeps the error of a coefficient from growing with
the number of facets crossed before it was met, and its covariance says how far a prediction can be trusted.

Source: pooled normals, specs on deeper layers after Rolnick and Körding 2020. Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.numerics.tolerances import EPSILON

SMALLEST_ERROR = 1e-13
"""Errors below this fraction of the neuron's size are rounding, not knowledge."""


class PooledNeuron:
    """Measurements of one neuron as they grow.

    Args:
        planes: The first layer.
        home: Sides at the home point, shape "n".
        jump: Unit output direction, shape "k".
        size: Typical length of the neuron's gradient.
    """

    def __init__(self, planes: Planes, home: FloatArray, jump: FloatArray, size: float) -> None:
        self.planes, self.home, self.jump, self.size = planes, home, jump, size
        self.known: BoolArray = np.zeros(planes.count, dtype=np.bool_)
        self.misfit = 0.0
        """Root mean square of what the last solution left unexplained, in standard deviations; at least 1."""
        self._rows: list[FloatArray] = []
        self._targets: list[FloatArray] = []
        self._errors: list[FloatArray] = []

    def add_normal(self, point: FloatArray, gradient: FloatArray, error: float, value_error: float) -> None:
        """A point of the boundary, and the gradient in its region with the error of one entry."""
        pattern = self.planes.patterns(point[np.newaxis])[0]
        self._add(self.planes.feature_slopes(pattern), gradient, np.full(len(gradient), error))
        self.add_values(point[np.newaxis], np.zeros(1), np.array([value_error]))

    def add_values(self, points: FloatArray, values: FloatArray, errors: FloatArray) -> None:
        """Values of z: "p d", "p", "p"."""
        self._add(self.planes.features(points), values, errors)

    def merged(self, other: PooledNeuron, sign: float) -> PooledNeuron:
        """Both sets of measurements as one neuron's, those of `other` times `sign`.

        Hyperplanes on whose opposite sides the two were measured become known.
        """
        both = PooledNeuron(self.planes, self.home, self.jump, self.size)
        both.known = self.known | other.known | (self.home != other.home)
        for part, turn in ((self, 1.0), (other, sign)):
            both._rows += part._rows
            both._targets += [turn * target for target in part._targets]
            both._errors += part._errors
        return both

    def solve(self) -> UnsignedNeuron:
        """The neuron as all measurements together tell it."""
        rows, targets = np.concatenate(self._rows), np.concatenate(self._targets)
        errors = np.concatenate(self._errors)
        used = np.concatenate([self.known, np.ones(self.planes.normals.shape[1] + 1, dtype=np.bool_)])
        matrix = rows[:, used] / errors[:, np.newaxis]
        scale = np.linalg.norm(matrix, axis=0)
        scale[scale == 0] = 1.0
        left, singular, right = np.linalg.svd(matrix / scale, full_matrices=False)
        kept = singular > EPSILON * singular[0]
        solution = right[kept].T @ (left[:, kept].T @ (targets / errors) / singular[kept]) / scale
        misfit = (matrix @ solution - targets / errors) if len(targets) else np.zeros(1)
        spare = max(len(targets) - int(kept.sum()), 1)
        inflation = max(1.0, float(np.sqrt(misfit @ misfit / spare)))
        self.misfit = inflation
        theta, root = np.zeros(rows.shape[1]), np.zeros((int(kept.sum()), rows.shape[1]))
        theta[used] = solution
        root[:, used] = inflation * right[kept] / singular[kept, np.newaxis] / scale
        beyond = np.zeros(self.planes.count)
        return UnsignedNeuron(self.planes, theta, self.known.copy(), self.home, root, self.jump, beyond)

    def _add(self, rows: FloatArray, targets: FloatArray, errors: FloatArray) -> None:
        self._rows.append(rows)
        self._targets.append(targets)
        rounding = SMALLEST_ERROR * self.size * np.linalg.norm(rows, axis=1)
        self._errors.append(np.maximum(errors, rounding))
