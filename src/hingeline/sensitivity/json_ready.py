"""Numbers and arrays as JSON takes them: None for what is not finite, lists for arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def number(value: Any) -> float | None:
    """A float, or None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def listed(values: Any) -> Any:
    """Nested lists of an array of numbers or truth values."""
    if isinstance(values, np.ndarray):
        return [listed(value) for value in values]
    return number(values) if isinstance(values, float | np.floating) else np.asarray(values).item()
