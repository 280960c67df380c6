"""How errors of directions found early spread into later ones.

A direction is the part of a normal outside V, measured outside a V that is slightly tilted. With the unit
normal's parts c along V and s outside, and its own error, the new direction's error is

    e = (noise - sum_l c_l e_l) / s.

All columns of B are alike, so the errors have one covariance matrix S (r by r) for each; its trace is the sum
of the squared principal angles and its largest eigenvalue the square of the largest. Where c was not measured
its parts are taken as equal and of random sign.

Cost: no queries.
Source: our own design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray


class Tilt:
    """Covariance of the errors of V, summed over all columns of B."""

    def __init__(self) -> None:
        self._covariance: FloatArray = np.zeros((0, 0))

    @property
    def total(self) -> float:
        """Square root of the sum of the squared principal angles, radians."""
        return float(np.sqrt(np.trace(self._covariance)))

    @property
    def largest(self) -> float:
        """Largest principal angle, radians; 0 for an empty V."""
        if not len(self._covariance):
            return 0.0
        return float(np.sqrt(max(np.linalg.eigvalsh(self._covariance)[-1], 0.0)))

    def leak(self, within: FloatArray | float) -> float:
        """Part of a unit normal that shows outside V only because of the tilt.

        Args:
            within: The normal's parts along V, shape "r", or only their length.
        """
        if not len(self._covariance):
            return 0.0
        if isinstance(within, float):
            return within * self.total / float(np.sqrt(len(self._covariance)))
        return float(np.sqrt(max(within @ self._covariance @ within, 0.0)))

    def probes(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Unit vectors along V drawn with the errors' covariance: "count r".

        The mean square of a normal's parts along them, times `total` squared, is its leak squared.
        """
        values, vectors = np.linalg.eigh(self._covariance)
        mix = (rng.standard_normal((count, len(values))) * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        return mix / np.linalg.norm(mix, axis=1, keepdims=True)

    def append(self, within: FloatArray | float, size: float, noise: float) -> float:
        """Take in one direction.

        Args:
            within: As for `leak`.
            size: Part of the unit normal outside V.
            noise: Own error of that part.

        Returns:
            The direction's error, radians.
        """
        rank = len(self._covariance)
        # nothing is exact: the covariance must not be empty
        error = max(
            float(np.hypot(noise, self.leak(within))) / size, float(np.finfo(np.float64).tiny) ** 0.25
        )
        grown = np.zeros((rank + 1, rank + 1))
        grown[:rank, :rank] = self._covariance
        grown[rank, rank] = error**2
        if not isinstance(within, float):
            grown[rank, :rank] = grown[:rank, rank] = -self._covariance @ within / size
        self._covariance = grown
        return error
