"""Numbers as people read them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hingeline.report.machine import json_ready
from hingeline.report.numbers import count, duration, plural, small


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"), (3.14e-13, "3.1e-13"), (1e-14, "1e-14"), (0.25, "0.25"), (12.0, "12"), (99.4, "99"),
        (99.9, "100"), (1234.5, "1,234"), (5e6, "5e6"), (-2e-3, "-2e-3"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_small_numbers(value: float, words: str) -> None:
    assert small(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (65.0, "1 min 5 s"),
        (7800.0, "2 h 10 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_counts_and_plurals() -> None:
    assert count(12345) == "12,345"
    assert (plural(1, "neuron"), plural(2, "neuron")) == ("1 neuron", "2 neurons")
    assert plural(0, "query", "queries") == "0 queries"


def test_what_json_cannot_carry_becomes_words() -> None:
    value = {1: np.array([1.0, np.inf]), "a": (np.int64(3), math.nan, np.bool_(True)), "b": None, "c": object}
    ready = json_ready(value)
    assert ready == {"1": [1.0, "inf"], "a": [3, "nan", True], "b": None, "c": str(object)}
    json.dumps(ready, allow_nan=False)
