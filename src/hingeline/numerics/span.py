"""The span of measured rows, growing row by row, with a rank decision made from their error bars."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray


class GrowingSpan:
    """Rows seen so far and an orthonormal basis of their span.

    A row adds a dimension if what is left of it outside the span exceeds what its own error and the
    basis' error explain.

    Args:
        dim: Length of a row.
        sigmas: Standard deviations that the rest must exceed.
    """

    def __init__(self, dim: int, sigmas: float = 12.0) -> None:
        self.dim, self.sigmas = dim, sigmas
        self.basis: FloatArray = np.zeros((0, dim))
        self._basis_errors: FloatArray = np.zeros(0)
        self._rows: list[FloatArray] = []
        self._weights: list[float] = []

    @property
    def rank(self) -> int:
        """Dimensions so far."""
        return len(self.basis)

    @property
    def full(self) -> bool:
        """True if the span is everything."""
        return self.rank == self.dim

    def add(self, row: FloatArray, error: float) -> bool:
        """Take one row in; True if it added a dimension.

        Args:
            row: Shape "dim".
            error: Standard deviation of one entry.
        """
        self._rows.append(row)
        self._weights.append(1 / max(error, np.finfo(np.float64).tiny))
        rest, allowed = self._rest(row, error)
        length = float(np.linalg.norm(rest))
        if self.full or length <= allowed:
            return False
        self.basis = np.vstack([self.basis, rest / length])
        self._basis_errors = np.append(self._basis_errors, allowed / self.sigmas / length)
        return True

    def contains(self, row: FloatArray, error: float) -> bool:
        """True if the row lies in the span within the errors."""
        rest, allowed = self._rest(row, error)
        return bool(np.linalg.norm(rest) <= allowed)

    def refined(self) -> FloatArray:
        """The best orthonormal basis of the same rank for all rows, weighted by their errors."""
        if self.full:
            return np.eye(self.dim)
        weights = np.array(self._weights)
        rows = np.array(self._rows) * (weights / weights.max())[:, np.newaxis]
        return np.linalg.svd(rows, full_matrices=False)[2][: self.rank]

    def _rest(self, row: FloatArray, error: float) -> tuple[FloatArray, float]:
        inside = self.basis @ row
        rest = row - inside @ self.basis
        again = self.basis @ rest  # twice is enough to stay orthogonal
        rest = rest - again @ self.basis
        from_basis = float(np.linalg.norm(inside * self._basis_errors))
        return rest, self.sigmas * (error * np.sqrt(self.dim) + from_basis)
