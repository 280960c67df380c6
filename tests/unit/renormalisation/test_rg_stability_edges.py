"""What the verb `stability` says of targets, inputs and settings at the edge of what can be meant."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Status
from hingeline.renormalisation.stability import stability
from hingeline.renormalisation.stacks.stack import StochasticStack

QUICK: dict[str, Any] = {
    "samples": 800,
    "samples_per_answer": 100,
    "closely": 1,
    "random_directions": 2,
    "permutations": 2,
}


def stack_of(*sizes: int, seed: int = 41) -> StochasticStack:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((w, d)) / np.sqrt(d) for d, w in itertools.pairwise(sizes)]
    return StochasticStack(weights, [0.2 * rng.standard_normal(w) for w in sizes[1:]])


INPUTS = np.random.default_rng(42).random((4, 6))


def test_a_single_machine_with_a_softmax_is_diagnosed() -> None:
    found = stability(stack_of(6, 5, 3), INPUTS, **QUICK)
    # that there is no step between layers of units is said, and is no shortfall
    assert found.value is not None
    assert any("one layer of units" in sentence for sentence in found.value.left_out)
    assert "one layer of units" not in found.outcome.reason
    assert found.value.summary()["stack"]["looks"][0]["scaling"] is None
    json.dumps(found.value.to_dict(), allow_nan=False)


def test_that_flips_could_not_be_measured_is_a_shortfall() -> None:
    # both classes are alike where the first coordinate is 0: no size can be taken from distances of 0
    weights, biases = (
        [np.eye(2), np.array([[1.0, 0.0], [-1.0, 0.0]])],
        [np.full(2, 5.0), np.array([-5.0, 5.0])],
    )
    points = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [2.0, 1.0]])
    found = stability((weights, biases), points, random_directions=2)
    assert found.value is not None
    assert found.value.curves is None
    assert found.outcome.status is Status.PARTIAL
    assert "Not measured: Flip curves and lines" in found.outcome.reason


def test_what_flips_by_itself_is_said_beside_what_a_step_flips() -> None:
    # a unit of field 0 decides: every answer is a coin
    stack = StochasticStack([np.array([[1.0]]), np.array([[1.0], [-1.0]])], [np.zeros(1), np.zeros(2)])
    points = np.array([[0.03], [0.05], [-0.04], [0.06], [1.0], [0.9], [-0.8], [1.1]])
    found = stability(stack, points, **QUICK)
    assert found.value is not None
    assert found.value.curves is not None
    assert found.value.curves.control_of_two.shares[0] > 0
    assert "flip by themselves" in found.outcome.reason


def test_one_class_is_refused() -> None:
    with pytest.raises(InvalidInput, match="one class"):
        stability(stack_of(6, 5, 4, 1), INPUTS, **QUICK)


@pytest.mark.parametrize("settings", [5, [], ["samples"], "samples", {"samples": 400, 3: 4}, object()])
def test_settings_that_are_no_mapping_of_names_are_refused(settings: Any) -> None:
    with pytest.raises(InvalidInput, match="setting"):
        stability(stack_of(6, 5, 3), INPUTS, settings=settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sizes", 3.0),
        ("sizes", "abc"),
        ("sizes", [0.1, None]),
        ("values", 5),
        ("values", [0, "x"]),
        ("values", (0, np.inf)),
    ],
)
def test_sizes_and_values_that_are_no_numbers_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=name):
        stability(stack_of(6, 5, 3), INPUTS, **{name: value})


@pytest.mark.parametrize("label", [9, 10**30, 1e300, -1])
def test_labels_beyond_the_classes_are_refused_however_large(label: float) -> None:
    with pytest.raises(InvalidInput, match="labels go from"):
        stability(stack_of(6, 5, 3), INPUTS, [label] * 4, **QUICK)


def test_inputs_at_which_the_first_layer_is_frozen_are_a_shortfall() -> None:
    plain = stack_of(6, 5, 4, 3)
    stack = StochasticStack([60.0 * plain.weights[0], *plain.weights[1:]], plain.biases)
    # at 0 the units of the first layer still change, at 9 they do not
    points = np.vstack([np.zeros((2, 6)), np.full((2, 6), 9.0)])
    found = stability(stack, points, **QUICK)
    assert found.outcome.status is not Status.COMPLETE
    assert found.value is not None
    assert any("at 2 of 4 inputs" in sentence for sentence in found.value.left_out)


@pytest.mark.parametrize("times", [1e101, 1e200, 1e300])
def test_numbers_whose_squares_overflow_are_refused_in_words(times: float) -> None:
    plain = stack_of(6, 5, 4, 3)
    with pytest.raises(InvalidInput, match="can be squared"):
        StochasticStack([times * weight for weight in plain.weights], plain.biases)
    with pytest.raises(InvalidInput, match="other units"):
        stability(plain, times * INPUTS, **QUICK)
    for size in (times, 1e-20 / times):
        with pytest.raises(InvalidInput, match="sizes are lengths"):
            stability(plain, INPUTS, sizes=(size,), **QUICK)


@pytest.mark.parametrize("size", [1e-99, 1e99])
def test_the_largest_numbers_that_are_taken_are_computed_without_a_warning(size: float) -> None:
    plain = stack_of(6, 5, 4, 3)
    assert stability(plain, INPUTS, sizes=(size,), **QUICK).value is not None
    assert stability(plain, 1e99 * INPUTS, **QUICK).value is not None
    loud = StochasticStack([1e99 * weight for weight in plain.weights], plain.biases)
    assert stability(loud, INPUTS, **QUICK).value is not None
    assert stability(loud, 1e99 * INPUTS, **QUICK).value is not None
