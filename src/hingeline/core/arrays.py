"""Names for the arrays that pass between parts: float64, rows as examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hingeline.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def frozen(array: npt.ArrayLike) -> FloatArray:
    """A float64 copy that cannot be written to; what results hold."""
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def as_points(points: Any, input_dim: int) -> FloatArray:
    """Read `points` as rows of `input_dim` finite float64 numbers.

    Args:
        points: Array-like of shape "n d", or "d" for one point.
        input_dim: The number d that the oracle takes.

    Raises:
        InvalidInput: Wrong shape, not numbers, or not finite.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"points must be numbers: {error}") from error
    array = array[np.newaxis] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] != input_dim:
        raise InvalidInput(f"points must have shape (n, {input_dim}); got {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInput("points must be finite; some are NaN or infinite")
    return array
