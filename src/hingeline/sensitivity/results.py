"""What measured results share: arrays that cannot be written to, and values that JSON can hold."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import FloatArray

Scalar = TypeVar("Scalar", bound=np.generic)

_CURVE_POINTS = 200
"""Points of a drawn distribution; more cannot be seen."""


def sealed(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A copy of the same type that cannot be written to."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


def number(value: float | np.floating[Any]) -> float | None:
    """A number for JSON; None for what has none: infinite (never found) or undefined."""
    return float(value) if np.isfinite(value) else None


def listed(array: npt.NDArray[Any]) -> Any:
    """An array as nested lists for JSON, None where a value is infinite or undefined."""
    if array.dtype.kind != "f":
        return array.tolist()
    held = array.astype(object)
    held[~np.isfinite(array)] = None
    return held.tolist()


def numbers(array: npt.NDArray[Any]) -> tuple[float, ...]:
    """The values of an array as a figure holds them."""
    return tuple(float(v) for v in array)


def distribution(values: FloatArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sorted finite values and the share of all values up to each; infinities count but are not drawn."""
    finite = np.sort(values[np.isfinite(values)])
    share = np.arange(1, len(finite) + 1) / max(1, len(values))
    if len(finite) > _CURVE_POINTS:
        kept = np.linspace(0, len(finite) - 1, _CURVE_POINTS).astype(np.int64)
        finite, share = finite[kept], share[kept]
    return numbers(finite), numbers(share)


def over(numerator: FloatArray, denominator: FloatArray, otherwise: float) -> FloatArray:
    """Quotients; `otherwise` where they are not defined (0/0, infinite/infinite)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.asarray(numerator, dtype=np.float64) / denominator
    return np.where(np.isnan(quotient), otherwise, quotient)
