"""Audits of all kinds of doors: nothing raises, every row is counted, and the outcome is what is so."""

import numpy as np
import pytest
from audited_doors import CountedDoor, audited, layered, log_softmax, small_inputs, softmax

import hingeline as hl
from hingeline.auditing import trials
from hingeline.auditing.settings import PARTS
from hingeline.core.errors import QueryFailed
from hingeline.report.machine import result_text

ALL = {"parts": ("extraction", "line", "span", "fragility", "stability"), "flips": 4, "asked_flips": 1}
EVERY = {**ALL, "parts": PARTS, "defence_inputs": 2, "defences": ("round:2",)}
THREE = layered(2, 4, 3)
SCORE = layered(4, 5, 1)
X2, X4 = small_inputs(2), small_inputs(4)


def stage(finding, name):
    return finding.value.stage(name)


def status(finding, name):
    return str(stage(finding, name).finding.outcome.status)


def test_a_toy_of_three_classes_and_two_inputs_is_copied_and_has_nothing_to_hide():
    door = CountedDoor(THREE, 2)
    found = audited(door, X2, THREE(X2).argmax(axis=1), settings=EVERY)
    assert found.outcome.ok
    measures = found.value.measures
    assert (measures["leak.copy"], measures["leak.layers"], measures["leak.neurons"]) == (1, 1, 4)
    assert (measures["span.rank"], measures["span.hidden"], measures["accuracy"]) == (2, None, 1.0)
    assert measures["leak.digits"] > 10
    assert stage(found, "fragility").facts["held"] == stage(found, "fragility").facts["tried"] > 0
    assert stage(found, "extraction").facts["agreement"] == 1.0
    assert len(result_text(found)) > 1000


def test_labels_only_leak_no_weights_and_the_rest_is_asked_for():
    found = audited(CountedDoor(lambda x: THREE(x).argmax(axis=1)[:, None], 2), X2, settings=EVERY)
    rebuilt = stage(found, "extraction")
    assert rebuilt.finding is None and "Labels alone" in rebuilt.left_out
    assert found.value.copy is None
    assert (found.value.measures["door.values"], found.value.measures["leak.layers"]) == (0, 0)
    assert {s.name for s in found.value.stages if s.left_out} == {"extraction", "stability", "defences"}
    assert found.value.measures["span.rank"] == 2
    assert np.isfinite(found.value.measures["fragility.median"])


def test_a_smooth_network_leaks_no_weights_and_its_input_subspace_all_the_same():
    smooth = layered(6, 2, 3, activation=np.tanh)
    found = audited(CountedDoor(smooth, 6), small_inputs(6))
    assert "curved" in stage(found, "extraction").left_out
    assert found.value.measures["leak.copy"] == 0
    assert found.value.measures["span.rank"] == 2
    assert found.value.measures["span.hidden"] == 1.0


@pytest.mark.parametrize("width", [1, 3])
def test_of_a_constant_door_nothing_is_claimed(width):
    door = CountedDoor(lambda x: np.full((len(x), width), 0.25), 3)
    found = audited(
        door, small_inputs(3), [0, 1, 2, 0, 1, 2] if width == 3 else [0, 1, 0, 1, 0, 1], settings=ALL
    )
    assert str(found.outcome.status) == "inconclusive"
    assert found.value.measures["leak.copy"] is None
    assert found.value.measures["door.values"] is None
    assert not any(np.isnan(v) for v in found.value.measures.values() if v is not None)


@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_one_score_is_decided_by_its_threshold(threshold):
    truth = (SCORE(X4)[:, 0] > threshold).astype(int)
    found = audited(CountedDoor(SCORE, 4), X4, truth, settings={**ALL, "threshold": threshold})
    assert found.outcome.ok
    assert found.value.usage.classes.tolist() == truth.tolist()
    assert found.value.measures["accuracy"] == 1.0
    facts = stage(found, "fragility").facts
    # where the boundary has a corner, the way on leads back: one such flip is not tried
    assert facts["held"] == facts["tried"] >= 3


def test_one_probability_is_decided_at_one_half():
    x = X4
    found = audited(CountedDoor(lambda x: 0.5 + 0.5 * np.tanh(SCORE(x) / 2), 4), x, settings=ALL)
    assert found.value.usage.classes.tolist() == (SCORE(x)[:, 0] > 0).astype(int).tolist()
    assert found.value.copy is not None
    assert stage(found, "line").facts["largest_gap"] < 1e-4
    assert stage(found, "fragility").facts["held"] == stage(found, "fragility").facts["tried"]


@pytest.mark.parametrize("answer", [softmax, log_softmax])
def test_probabilities_leak_the_log_ratios(answer):
    network = layered(4, 5, 3)
    found = audited(
        CountedDoor(lambda x: answer(network(x)), 4), X4, network(X4).argmax(axis=1), settings=ALL
    )
    assert found.outcome.ok
    assert found.value.copy.output_dim == 3
    assert found.value.measures["accuracy"] == 1.0
    assert found.value.line.predicted.shape[1] == 2
    assert stage(found, "line").facts["largest_gap"] < 1e-6


def test_inputs_where_probabilities_are_saturated_leave_the_line_unread():
    network = layered(4, 5, 3)
    far = 1e4 * X4
    found = audited(CountedDoor(lambda x: softmax(network(x)), 4), far)
    assert found.value.copy is not None
    assert found.value.line.predicted is None
    assert stage(found, "line").facts["readable"] == 0


def test_within_bounds_no_question_leaves_them():
    network = layered(4, 5, 2)
    door = CountedDoor(lambda x: network(4 * x - 2), 4, bounds=(0.0, 1.0))
    found = audited(door, np.random.default_rng(2).random((5, 4)), settings=ALL)
    asked = np.concatenate(door.batches)
    assert asked.min() >= 0 and asked.max() <= 1
    assert found.value.copy is not None
    assert stage(found, "fragility").facts["held"] == stage(found, "fragility").facts["tried"]


def test_a_door_of_float32_is_told_in_fewer_digits():
    network = layered(4, 5, 2)
    found = audited(
        CountedDoor(lambda x: network(x).astype(np.float32), 4, dtype="float32"), X4, settings=ALL
    )
    assert found.value.card.precision == "float32"
    assert 2 < found.value.measures["leak.digits"] < 9
    facts = stage(found, "fragility").facts
    assert found.outcome.ok == (found.value.not_established == ())
    assert facts["held"] == facts["tried"] > 0


def test_a_noisy_door_is_never_called_copied_with_digits_it_does_not_have():
    rng, network = np.random.default_rng(11), layered(4, 5, 2)
    noise = 1e-2
    door = CountedDoor(lambda x: network(x) + noise * rng.standard_normal((len(x), 2)), 4)
    found = audited(door, X4, budget=4000)
    measures = found.value.measures
    assert found.value.card.kind == "stochastic"
    assert measures["leak.digits"] is None or measures["leak.digits"] < 3


@pytest.mark.parametrize("seed", range(5))
def test_random_noisy_doors_are_counted_and_budgeted_like_others(seed):
    draw = np.random.default_rng(1000 + seed)
    noise, budget = 10.0 ** draw.uniform(-9, -1), int(draw.integers(50, 1500))
    network = layered(3, 4, 2, seed=seed)
    door = CountedDoor(lambda x: network(x) + noise * draw.standard_normal((len(x), 2)), 3)
    found = audited(door, small_inputs(3), budget=budget)
    assert found.outcome.ok <= (found.value.not_established == ())


@pytest.mark.parametrize("breaks_after", [0, 20, 42, 60])
def test_a_door_that_stops_answering_ends_the_audit_in_words(breaks_after, tmp_path):
    door = CountedDoor(THREE, 2, breaks_after=breaks_after, error=QueryFailed("connection lost"))
    if breaks_after >= 42:
        with pytest.raises(QueryFailed, match="connection lost"):
            hl.audit(door, X2, settings=ALL)
        return
    found = hl.audit(door, X2, settings=ALL)
    assert str(found.outcome.status) == "refused"
    assert "connection lost" in found.outcome.reason
    assert found.value.measures["leak.copy"] is None


def test_a_door_without_an_answer_at_the_given_inputs_says_so_and_goes_on():
    network = layered(4, 5, 2)
    model = lambda x: np.where(np.abs(x).max(axis=1, keepdims=True) > 1e6, np.nan, network(x))  # noqa: E731
    found = hl.audit(CountedDoor(model, 4), 1e7 * X4, settings=ALL)
    assert str(found.outcome.status) == "partial"
    assert "no usable answer" in dict(found.value.not_established)["inputs"]
    assert found.value.usage is None
    assert found.value.copy is not None


def test_without_inputs_what_needs_them_is_named():
    found = audited(CountedDoor(THREE, 2), settings=EVERY)
    assert found.outcome.ok
    assert set(dict(found.value.not_established)) == {"inputs", "fragility", "stability", "defences"}
    assert found.value.measures["accuracy"] is None
    assert "fragility" in found.outcome.reason


@pytest.mark.parametrize("x", [X4[0], X4[:1], np.repeat(X4[:1], 5, axis=0)])
def test_one_input_or_the_same_five_times_are_enough(x):
    found = audited(CountedDoor(layered(4, 5, 2), 4), x, settings=ALL)
    assert found.value.measures["leak.copy"] == 1
    assert len(found.value.line.positions) == 101
    assert np.ptp(found.value.line.values, axis=0).max() > 0


def test_parts_that_were_not_asked_for_are_named_beside_a_complete_outcome():
    found = audited(CountedDoor(THREE, 2), settings={"parts": ("line",)})
    assert found.outcome.ok
    assert "extraction, span, fragility, stability, defences" in found.outcome.reason
    assert found.value.measures["leak.copy"] is None


def test_a_copy_that_the_door_denies_is_not_complete(monkeypatch):
    network = layered(4, 5, 2)
    real = trials.Decision.of
    # a copy that decides the other way round wherever it is compared
    monkeypatch.setattr(trials.Decision, "of", lambda self, outputs: 1 - real(self, outputs))
    found = audited(CountedDoor(network, 4), X4)
    assert str(found.outcome.status) == "partial"
    assert "of the given inputs only" in dict(found.value.not_established)["extraction"]
    assert type(found.value.measures["leak.copy"]).__name__ == "AtLeast"


def test_max_pooling_is_no_conclusion_about_what_leaks():
    rng = np.random.default_rng(0)
    w, v = rng.standard_normal((24, 12)), rng.standard_normal((12, 2))
    model = lambda x: np.maximum((x @ w.T + 0.5).reshape(-1, 12, 2).max(axis=2), 0) @ v  # noqa: E731
    found = audited(CountedDoor(model, 12), settings={"parts": ("extraction",)})
    assert not found.outcome.ok
    assert found.value.copy is None
    assert type(found.value.measures["leak.layers"]).__name__ == "AtLeast"
