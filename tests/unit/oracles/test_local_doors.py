"""Functions and networks as doors: fresh float64 rows come out, or words about what came instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, OutsideDomain, QueryFailed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.oracles.session import QuerySession

NETWORK = PiecewiseLinearNetwork([[[1.0, -1.0], [2.0, 0.5]], [[1.0, 3.0]]], [[0.0, 1.0], [-2.0]])
POINTS = np.array([[1.0, 2.0], [-3.0, 0.25], [0.0, 0.0]])


def door(function: Callable[[Any], Any], **known: Any) -> CallableOracle:
    return CallableOracle(function, OracleSpec(**{"name": "f", "input_dim": 2} | known))


def test_a_network_answers_through_its_door_what_it_computes() -> None:
    opened = network_oracle(NETWORK, "small", bounds=(-5.0, 5.0))
    assert isinstance(opened, Oracle)
    assert (opened.spec.name, opened.spec.input_dim, opened.spec.output_dim) == ("small", 2, 1)
    assert opened.spec.bounds == (-5.0, 5.0)
    assert np.array_equal(opened.query(POINTS), NETWORK(POINTS))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda x: x[:, 0], [[1.0], [-3.0], [0.0]]),
        (lambda x: x[:, :1].tolist(), [[1.0], [-3.0], [0.0]]),
        (lambda x: (x > 0).astype(int), [[1, 1], [0, 1], [0, 0]]),
        (lambda x: x > 0, [[1, 1], [0, 1], [0, 0]]),
        (lambda x: x.astype(np.float16), POINTS.tolist()),
    ],
    ids=["a vector", "lists", "integers", "booleans", "half precision"],
)
def test_answers_become_float64_tables(answer: Callable[[Any], Any], expected: list[list[float]]) -> None:
    answers = door(answer).query(POINTS)
    assert answers.dtype == np.float64
    assert answers.tolist() == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: None, "f answered NoneType where real numbers"),
        (lambda x: ["a"] * len(x), "f answered <U1 where real numbers"),
        (lambda x: x + 1j, "f answered complex128 where real numbers"),
        (lambda x: {"y": x}, "f answered dict where real numbers"),
        (lambda x: [[1.0], [2.0, 3.0], []], "f answered something that is not an array"),
        (lambda x: x @ np.ones((3, 1)), r"f raised ValueError at rows of shape \(2,\)"),
        (lambda x: 1 / 0, "f raised ZeroDivisionError at rows"),
    ],
    ids=["None", "words", "complex", "a dict", "ragged", "wrong width", "a bug"],
)
def test_answers_that_are_no_table_of_numbers_are_refused(answer: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(QueryFailed, match=words):
        door(answer).query(POINTS)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: x[:2], r"answered 3 rows with an array of shape \(2, 2\)"),
        (lambda x: 7.0, r"an array of shape \(\)"),
        (lambda x: x[:, :, None], r"an array of shape \(3, 2, 1\)"),
        (lambda x: x * np.nan, "answered NaN or infinity in 3 of 3 rows"),
    ],
    ids=["rows lost", "one number", "too deep", "NaN"],
)
def test_tables_of_another_shape_are_refused_by_the_session(answer: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(QueryFailed, match=words):
        QuerySession(door(answer)).ask(POINTS)


def test_our_own_errors_and_an_interrupt_pass_through() -> None:
    def stop(_: Any) -> Any:
        raise KeyboardInterrupt

    def outside(_: Any) -> Any:
        raise OutsideDomain("only digits here")

    with pytest.raises(KeyboardInterrupt):
        door(stop).query(POINTS)
    with pytest.raises(OutsideDomain, match="only digits here"):
        door(outside).query(POINTS)


def test_a_function_that_writes_to_its_input_harms_nobody() -> None:
    points = POINTS.copy()

    def careless(rows: Any) -> Any:
        rows *= 0
        return rows

    door(careless).query(points)
    assert np.array_equal(points, POINTS)


def test_a_function_that_reuses_its_output_harms_nobody() -> None:
    buffer = np.zeros((3, 2))

    def thrifty(rows: Any) -> Any:
        buffer[:] = rows
        return buffer

    opened = door(thrifty)
    first = opened.query(POINTS)
    opened.query(POINTS + 1)
    assert np.array_equal(first, POINTS)


def test_rows_come_in_the_precision_and_shape_that_were_promised() -> None:
    seen: list[Any] = []
    opened = CallableOracle(
        lambda x: seen.append((x.dtype, x.shape)) or x.reshape(len(x), -1),
        OracleSpec("f", 6, dtype="float32"),
        (1, 2, 3),
    )
    answers = opened.query(np.full((4, 6), 0.1))
    assert seen == [(np.dtype("float32"), (4, 1, 2, 3))]
    assert answers[0, 0] == float(np.float32(0.1))


def test_a_shape_that_does_not_hold_a_row_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"input_shape \(2, 2\) does not hold 6 numbers"):
        CallableOracle(lambda x: x, OracleSpec("f", 6), (2, 2))
