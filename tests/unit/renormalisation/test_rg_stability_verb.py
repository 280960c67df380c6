"""`hl.stability`: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.events import Event, PhaseEnded, PhaseStarted
from hingeline.core.outcome import Status
from hingeline.evaluation.demo_data import digits_network

QUICK: dict[str, Any] = {
    "samples": 400,
    "samples_per_answer": 50,
    "closely": 1,
    "curve_inputs": 3,
    "random_directions": 3,
    "permutations": 3,
}
ENDED = (Status.COMPLETE, Status.PARTIAL)


def stack_of(*widths: int, head: Any = "softmax", seed: int = 821) -> hl.StochasticStack:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in zip(widths[1:], widths[:-1], strict=True)]
    return hl.StochasticStack(weights, [np.zeros(len(weight)) for weight in weights], head)


def measured(*given: Any, **named: Any) -> hl.StabilityDiagnosis:
    """The value, complete or not: so few samples seldom settle anything."""
    found = hl.stability(*given, **named)
    assert found.outcome.status in ENDED and found.value is not None
    return found.value


def inputs(rows: int = 5, dim: int = 4, seed: int = 822) -> Any:
    return np.random.default_rng(seed).standard_normal((rows, dim))


def text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def test_a_stack_is_measured_without_a_query_and_its_evidence_is_json() -> None:
    found = hl.stability(stack_of(4, 5, 5, 3), inputs(), seed=7, **QUICK)
    assert found.outcome.status in ENDED and found.queries == 0 and found.value is not None
    assert found.value.kind == "stack" and found.value.stack is not None and found.value.network is None
    assert text(found.evidence) and text(found.value.summary()) and text(found.provenance.settings)
    assert found.provenance.seed == 7 and found.provenance.verb == "stability"
    assert set(found.spending.seconds_by_phase) >= {"close looks", "class flows", "flip curves"}


def test_the_same_seed_gives_the_same_and_another_seed_another() -> None:
    one, same, other = (
        text(hl.stability(stack_of(4, 5, 5, 3), inputs(), seed=seed, **QUICK).evidence) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_how_much_is_measured_of_one_thing_does_not_change_another() -> None:
    stack, x = stack_of(4, 5, 5, 3), inputs()
    few = measured(stack, x, **QUICK)
    more = measured(stack, x, **{**QUICK, "closely": 2})
    np.testing.assert_array_equal(few.fisher.top, more.fisher.top)
    assert few.curves is not None and more.curves is not None
    np.testing.assert_array_equal(few.curves["random"].shares, more.curves["random"].shares)


def test_without_identification_nothing_is_called_relevant_and_no_eigenvalue_is_told() -> None:
    found = measured(stack_of(4, 5, 5, 3), inputs(), **QUICK)
    assert found.stack is not None and found.stack.identification is None
    verdicts = found.stack.verdicts()
    assert verdicts["not established"] == sum(verdicts.values()) > 0
    assert all(one.eigenvalue is None for flow in found.stack.flows for one in flow.relevance)
    assert all(matrix.spectrum is None for flow in found.stack.flows for matrix in flow.matrices)


@pytest.mark.parametrize("declared", ["collective", "tied units"])
def test_with_identification_eigenvalues_are_told(declared: str) -> None:
    settings = {**QUICK, "identification": declared, "closely": 1, "samples": 1000}
    found = measured(stack_of(4, 5, 5, 3), inputs(), **settings)
    assert found.stack is not None and found.stack.identification == declared
    assert any(matrix.spectrum is not None for flow in found.stack.flows for matrix in flow.matrices)


def test_one_input_is_enough_and_has_no_class_laws() -> None:
    found = measured(stack_of(4, 5, 5, 3), inputs(1)[0], **QUICK)
    assert found.stack is not None and found.stack.laws is None
    assert any("one class" in sentence for sentence in found.left_out)


def test_a_stack_of_one_layer_has_no_flow_and_that_is_no_shortfall() -> None:
    found = hl.stability(stack_of(4, 5, 3), inputs(), **QUICK)
    assert found.value is not None and found.value.stack is not None
    assert all(flow.matrices == () for flow in found.value.stack.flows)
    assert "one layer of units" not in found.outcome.reason and text(found.evidence)


def test_joint_states_of_the_top_units_are_classes_too() -> None:
    assert measured(stack_of(4, 5, 2, head="units"), inputs(), **QUICK).classes.max() < 4


def test_a_network_is_measured_too_and_has_no_findings_of_a_stack() -> None:
    x = np.random.default_rng(823).uniform(size=(3, 64))
    found = hl.stability(digits_network(), x, seed=3, curve_inputs=3, random_directions=3)
    assert found.value is not None and found.value.kind == "network" and found.queries == 0
    assert found.value.network is not None and found.value.stack is None and text(found.evidence)


@pytest.mark.parametrize(
    "said", [{"samples": 20_000}, {"identification": "collective"}, hl.StabilitySettings(closely=2)]
)
def test_settings_of_stacks_are_refused_for_a_network(said: Any) -> None:
    with pytest.raises(hl.InvalidInput, match="would have no effect"):
        hl.stability(digits_network(), np.zeros((1, 64)), settings=said)


@pytest.mark.parametrize("said", [{"operators": "pairs"}, {"identification": "collective"}])
def test_settings_of_a_flow_are_refused_for_one_layer(said: Any) -> None:
    with pytest.raises(hl.InvalidInput, match="no step between layers"):
        hl.stability(stack_of(4, 5, 3), inputs(), **said)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"samples": 10}, "at least 400 samples"),
        ({"samples": True}, "whole number"),
        ({"closely": 0}, "whole number"),
        ({"temperature": 1}, "no setting temperature"),
        ({"operators": "spins"}, "no operators are called"),
        ({"identification": "gauge"}, "no identification is called"),
        ({"identification": "collective", "operators": "pairs"}, "class means or total"),
        ({"sizes": (1.0, -1.0)}, "above 0"),
        ({"sizes": 1.0}, "numbers"),
        ({"values": (1, 0)}, "the smaller first"),
        ({"values": (0, 1)}, "neither"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: Any, told: str) -> None:
    with pytest.raises(hl.InvalidInput, match=told):
        hl.stability(stack_of(4, 5, 5, 3), inputs(), **settings)


def test_settings_are_said_once() -> None:
    with pytest.raises(hl.InvalidInput, match="inside settings"):
        hl.stability(stack_of(4, 5, 5, 3), inputs(), settings={}, samples=500)


def test_tied_units_want_two_layers_of_one_width() -> None:
    with pytest.raises(hl.InvalidInput, match="different width"):
        hl.stability(stack_of(4, 5, 6, 3), inputs(), identification="tied units")


@pytest.mark.parametrize("y", [[0, 1], [0, 1, 2, 3, 0], [0.5] * 5])
def test_labels_that_do_not_fit_are_refused(y: Any) -> None:
    with pytest.raises(hl.InvalidInput):
        hl.stability(stack_of(4, 5, 5, 3), inputs(), y)


@pytest.mark.parametrize("x", [np.zeros((2, 5)), np.zeros((0, 4)), np.full((2, 4), np.nan), "x"])
def test_inputs_that_do_not_fit_are_refused(x: Any) -> None:
    with pytest.raises(hl.InvalidInput):
        hl.stability(stack_of(4, 5, 5, 3), x)


def test_every_phase_that_begins_ends() -> None:
    events: list[Event] = []
    hl.stability(stack_of(4, 5, 5, 3), inputs(), on_event=events.append, **QUICK)
    begun = [event.phase for event in events if isinstance(event, PhaseStarted)]
    assert begun == [event.phase for event in events if isinstance(event, PhaseEnded)]


def test_inputs_of_two_values_have_their_best_pixels_looked_for() -> None:
    x = np.random.default_rng(824).integers(0, 2, (4, 4)).astype(float)
    found = measured(stack_of(4, 5, 5, 3), x, values=(0, 1), **QUICK)
    assert found.binary is not None and found.binary.counts.tolist() == [1, 2, 4]
