"""Products of matrices from layer to layer, told by QR.

The factors are not normal, so eigenvalues of theirs are never multiplied. An orthonormal frame is carried
through and its stretching taken off at every step: no overflow, and the small directions keep their digits.

Source: Benettin, Galgani, Giorgilli and Strelcyn 1980, for Lyapunov exponents. Cost: one QR for each factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class AccumulatedProduct:
    """How a product of matrices stretches, direction by direction.

    Attributes:
        log_sizes: Logarithms of |R_kk| of each factor, shape "n k".
        exponents: Their means over the factors, shape "k"; for many factors they tend to (1/n) log s_k.
    """

    log_sizes: FloatArray
    exponents: FloatArray

    @property
    def cumulated(self) -> FloatArray:
        """Sums over the factors so far, shape "n k"."""
        return np.cumsum(self.log_sizes, axis=0)


def accumulated_product(
    matrices: Sequence[FloatArray], start: FloatArray | None = None
) -> AccumulatedProduct:
    """Multiply matrices upward, taking an orthonormal frame off at every step.

    Args:
        matrices: Factors, the lowest first, shapes "K_1 K_0", "K_2 K_1", ...
        start: Columns that are carried, shape "K_0 k"; as many unit vectors as the smallest layer has
            coordinates if None.

    Raises:
        InvalidInput: No factors, or shapes that do not follow each other.
    """
    if not matrices:
        raise InvalidInput("a product wants one factor at least")
    least = min(min(matrix.shape) for matrix in matrices)
    frame = np.eye(matrices[0].shape[1]) if start is None else np.asarray(start, dtype=np.float64)
    sizes: list[FloatArray] = []
    for matrix in matrices:
        if matrix.shape[1] != len(frame):
            raise InvalidInput(f"a factor takes {matrix.shape[1]} coordinates; {len(frame)} lie below it")
        frame, upper = np.linalg.qr(matrix @ frame)
        with np.errstate(divide="ignore"):
            sizes.append(np.log(np.abs(np.diag(upper)))[:least])
    count = min(len(size) for size in sizes)
    found = np.array([size[:count] for size in sizes])
    return AccumulatedProduct(frozen(found), frozen(found.mean(axis=0)))
