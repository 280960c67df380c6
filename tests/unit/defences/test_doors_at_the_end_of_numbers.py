"""Doors at numbers that hardly fit, and settings that are no numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.rounded import Rounded
from hingeline.defences.doors.top_k import TopK
from hingeline.defences.doors.typed import defence_from
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec


def test_logits_at_both_ends_of_the_numbers_have_probabilities() -> None:
    row = np.array([1e308, -1e308, 0.0])
    spec = OracleSpec("far", 1, 3, answers="logits")
    door = CallableOracle(lambda points: np.tile(row, (len(points), 1)), spec)
    assert defence_from("softmax").around(door).query(np.zeros((2, 1))).tolist() == [[1.0, 0.0, 0.0]] * 2


@pytest.mark.parametrize(
    "build",
    [lambda: Rounded(2.5), lambda: Rounded("3"), lambda: Rounded(bits=1.5), lambda: TopK(1.5)],  # type: ignore[arg-type]
)
def test_half_a_decimal_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput):
        build()
