"""Numeric slack, always derived from the noise that an oracle was measured to have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class NoiseFloor:
    """Absolute error of one answer as a function of the input's norm: `absolute + per_norm * |x|`.

    The error of a float answer grows with the largest intermediate value, which grows with |x|,
    not with |f(x)|: outputs may cancel. Both numbers are standard deviations (per output coordinate,
    the worst one), measured by the doctor.
    """

    absolute: float
    """At the origin, in output units."""
    per_norm: float
    """Growth per unit of |x|."""

    def at(self, points: FloatArray) -> FloatArray:
        """Standard deviation at each row of `points` ("n d" to "n")."""
        return self.at_norm(np.linalg.norm(points, axis=-1))

    def at_norm(self, norms: FloatArray) -> FloatArray:
        """Standard deviation at inputs of the given norms."""
        return self.absolute + self.per_norm * norms
