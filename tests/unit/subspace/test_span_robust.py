"""Doors and wishes that once broke the verb."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from practice import Function, he_layers, relu_function

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Status


def steep_softplus(seed: int) -> tuple[Function, FloatArray]:
    """A network of four softplus neurons that bend within a thousandth of a typical coordinate."""
    (first, bias), (last, _) = he_layers(25, 4, 1, seed=seed)
    first = 1000 * first

    def values(points: FloatArray) -> FloatArray:
        return np.logaddexp(points @ first.T + bias, 0.0) @ last.T

    return values, first


def within(function: Function, low: float, high: float) -> Function:
    """The function, at a door that trusts its caller to stay within bounds."""

    def values(points: FloatArray) -> FloatArray:
        assert points.min() >= low
        assert points.max() <= high
        return function(points)

    return values


@pytest.mark.parametrize("seed", range(8))
def test_a_sharp_bend_that_a_step_crosses_adds_no_false_direction(seed: int) -> None:
    function, first = steep_softplus(seed)
    finding = hl.span(hl.oracle(function, input_dim=25), seed=seed)
    rows = np.linalg.qr(first.T)[0]
    assert finding.outcome.ok
    basis = finding.require().basis
    assert basis.shape == (25, 4)
    assert np.linalg.norm(basis - rows @ (rows.T @ basis), 2) < 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_differences_of_a_smooth_function_stay_in_the_box(seed: int) -> None:
    layers = he_layers(6, 20, 3, 1, seed=seed)

    def smooth(points: FloatArray) -> FloatArray:
        for weight, bias in layers[:-1]:
            points = np.tanh(points @ weight.T + bias)
        return points @ layers[-1][0].T

    finding = hl.span(hl.oracle(within(smooth, 0, 2), input_dim=6, bounds=(0.0, 2.0)), seed=seed)
    assert finding.outcome.ok


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 1.0)])
def test_moves_across_a_box_show_nothing_of_what_is_known(bounds: tuple[float, float]) -> None:
    function = within(relu_function(he_layers(20, 6, 5, 1)), *bounds)
    finding = hl.span(hl.oracle(function, input_dim=20, bounds=bounds))
    assert finding.outcome.ok
    assert finding.require().rank == 6
    # 1,500 moves of two queries end it; a move that leaked would start the count again
    assert finding.queries < 2 * 1500 + 1000


@pytest.mark.parametrize("at", [60, 100, 150, 250])
def test_a_door_that_changes_meanwhile_is_noticed(at: int) -> None:
    before, after = (relu_function(he_layers(20, 6, 5, 1, seed=seed)) for seed in (0, 9))
    asked = 0

    def changing(points: FloatArray) -> FloatArray:
        nonlocal asked
        asked += len(points)
        return (before if asked < at else after)(points)

    finding = hl.span(hl.oracle(changing, input_dim=20))
    assert finding.outcome.status is Status.INCONCLUSIVE or finding.require().rank == 6


def test_answers_without_a_gradient_are_not_called_constant() -> None:
    def hashed(points: FloatArray) -> FloatArray:
        return np.sin(1e9 * points).sum(axis=1, keepdims=True)

    outcome = hl.span(hl.oracle(hashed, input_dim=5), budget=20_000).outcome
    assert not outcome.ok
    assert "0 long moves" not in outcome.reason


@pytest.mark.parametrize(
    "wish",
    [
        {"settings": {"moves": "5"}},
        {"settings": {"moves": 5.5}},
        {"settings": {"points": 2.5}},
        {"settings": {"confidence": "x"}},
        {"settings": {"quantum": "1/255"}},
        {"settings": {"step": 1e-300, "method": "gaussian"}},
        {"settings": "x"},
        {"settings": {"method": "complement", "quantum": 0.1}},
        {"box": (0,)},
        {"box": "ab"},
        {"box": 5},
        {"box": (None, 1)},
        {"seed": -1},
        {"seed": None},
        {"seed": 1.5},
        {"budget": "5"},
        {"budget": 1.5},
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_meant_is_refused_in_words(wish: dict[str, Any]) -> None:
    def first(points: FloatArray) -> FloatArray:
        return points[:, :1]

    oracle = hl.oracle(first, input_dim=3)
    with pytest.raises(InvalidInput):
        hl.span(oracle, **wish)


def test_a_bare_function_is_no_oracle() -> None:
    function: Any = np.abs
    with pytest.raises(InvalidInput, match="oracle"):
        hl.span(function)


def test_labels_on_a_grid_of_inputs_are_refused_before_the_search() -> None:
    function = relu_function(he_layers(20, 6, 5, 3))

    def labels(points: FloatArray) -> FloatArray:
        return function(points).argmax(axis=1)[:, np.newaxis].astype(float)

    finding = hl.span(hl.oracle(labels, input_dim=20), settings={"quantum": 0.1})
    assert finding.outcome.status is Status.REFUSED
    assert finding.queries < 100


@pytest.mark.parametrize("wish", [{"sigma": "a"}, {"box": "ab"}, {"box": (0, 1, 2)}], ids=str)
def test_a_wish_for_obfuscation_that_cannot_be_meant_is_refused_in_words(wish: dict[str, Any]) -> None:
    oracle = hl.oracle(relu_function(he_layers(20, 6, 5, 3)), input_dim=20)
    with pytest.raises(InvalidInput):
        hl.obfuscate(oracle, hl.span(oracle), np.zeros((2, 20)), **wish)


def test_a_direction_at_the_edge_of_noise_is_not_measured_for_ever() -> None:
    (first, bias), (last, _) = he_layers(40, 12, 10)
    last[:, 0] *= 1e-10

    def values(points: FloatArray) -> FloatArray:
        return np.logaddexp(points @ first.T + bias, 0.0) @ last.T

    finding = hl.span(hl.oracle(values, input_dim=40), budget=8000)
    assert finding.outcome.status is not Status.BUDGET_SPENT
