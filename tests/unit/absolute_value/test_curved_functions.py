"""A function that is even and proportional, but bends everywhere, is no network of absolute values."""

from __future__ import annotations

import numpy as np

import hingeline as hl
from hingeline.core.arrays import FloatArray


def length(points: FloatArray) -> FloatArray:
    return 1e-4 * np.sqrt((points * points).sum(axis=1, keepdims=True))


def test_a_norm_is_not_searched_for_kinks_without_end() -> None:
    found = hl.recover_absolute_value(hl.oracle(length, input_dim=5), seed=1035)
    assert not found.outcome.ok
    assert "curved" in found.outcome.reason
