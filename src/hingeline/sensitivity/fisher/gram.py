"""The running mean of Gram matrices G'G, and its top eigenvectors, in bounded memory.

Up to 2,048 coordinates the d x d mean is kept, exactly. Beyond, the stack of all roots is kept as the few
singular vectors that weigh most: after each batch the stack is cut to its largest rows, which changes the
mean by no more than the largest square cut off; these bounds add up and are told.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray

DENSE_DIM = 2048
"""Coordinates up to which d^2 numbers are kept: 32 MiB."""
KEPT_ROWS = 128
"""Rows kept beyond that."""


class RunningGram:
    """Mean of G'G over inputs, fed in batches.

    Args:
        dim: Coordinates d.
    """

    def __init__(self, dim: int) -> None:
        self._dense = np.zeros((dim, dim)) if dim <= DENSE_DIM else None
        self._rows = np.zeros((0, dim))
        self._cut = 0.0
        self._trace = 0.0
        self._squares = 0.0
        self._count = 0

    @property
    def inputs_that_count(self) -> float:
        """(sum of the inputs' traces)^2 / sum of squares: how many inputs weigh alike; NaN if none weighs."""
        return self._trace**2 / self._squares if self._squares > 0 else float("nan")

    @property
    def trace(self) -> float:
        """Trace of the mean, exact."""
        return self._trace / max(1, self._count)

    @property
    def error(self) -> float:
        """Bound on the error of every eigenvalue of the mean, besides rounding."""
        return self._cut / max(1, self._count)

    def add(self, roots: FloatArray) -> None:
        """Take in the roots G of a batch of inputs, shape "n c d"."""
        stack = roots.reshape(-1, roots.shape[2])
        self._count += len(roots)
        traces = (roots**2).sum(axis=(1, 2))
        self._trace += float(traces.sum())
        self._squares += float((traces**2).sum())
        if self._dense is not None:
            self._dense += stack.T @ stack
            return
        for first in range(0, len(stack), KEPT_ROWS):
            self._merge(stack[first : first + KEPT_ROWS])

    def top(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Largest eigenvalues of the mean and their unit eigenvectors, "q" and "q d"."""
        scale = max(1, self._count)
        if self._dense is not None:
            values, vectors = np.linalg.eigh(self._dense)
            return np.maximum(values[::-1][:count], 0.0) / scale, vectors.T[::-1][:count]
        _, sizes, right = np.linalg.svd(self._rows, full_matrices=False)
        return sizes[:count] ** 2 / scale, right[:count]

    def _merge(self, rows: FloatArray) -> None:
        _, sizes, right = np.linalg.svd(np.concatenate([self._rows, rows]), full_matrices=False)
        self._rows = sizes[:KEPT_ROWS, np.newaxis] * right[:KEPT_ROWS]
        self._cut += float(sizes[KEPT_ROWS] ** 2) if len(sizes) > KEPT_ROWS else 0.0
