"""The doctor at doors of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from practice_doors import DOORS, CountingOracle, open_door, random_network

from hingeline.core.errors import BudgetExhausted, InvalidInput, UnsupportedOracle
from hingeline.core.outcome import Status
from hingeline.core.randomness import Randomness
from hingeline.oracles.journal import Journal
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.doctor import calibration, doctor, examine
from hingeline.probing.questions import MOST_QUERIES

SHAPES = [(10, 10, 10, 1), (20, 15, 3), (64, 32, 10), (300, 40, 10)]
SCALAR = [(10, 12, 1), (10, 10, 10, 1), (300, 40, 1)]
VECTOR = [(20, 15, 3), (64, 32, 10), (300, 40, 10)]
SEEDS = [0, 1]

# Door, shapes, answers, kind, what is beneath (all that may be said, where answers are too coarse for one).
EXPECTED = [
    ("float64", SHAPES, "logits", "piecewise linear", {True}),
    ("float32", SHAPES, "logits", "piecewise linear", {True}),
    ("float16 answers", SHAPES, "logits", "staircase", {True, None}),
    ("inputs cast to float32", SHAPES, "logits", "piecewise linear", {True}),
    ("inputs rounded to bytes", VECTOR, "logits", "staircase", {True, None}),
    ("4 decimals", SHAPES, "logits", "staircase", {True, None}),
    ("2^-15 grid", SHAPES, "logits", "staircase", {True, None}),
    ("6 digits", SHAPES, "logits", "staircase", {True, None}),
    ("whole numbers", SHAPES, "logits", "staircase", {True, None}),
    ("noise 1e-6", SHAPES, "logits", "stochastic", {True, None}),
    ("softmax", VECTOR, "probabilities", "piecewise linear", {True}),
    ("softmax float32", VECTOR, "probabilities", "piecewise linear", {True}),
    ("softmax 4 decimals", VECTOR, "probabilities", "staircase", {True, None}),
    ("log-softmax", VECTOR, "log-probabilities", "piecewise linear", {True}),
    ("softmax of tanh", VECTOR, "probabilities", "smooth", {False}),
    ("sigmoid", SCALAR, "probabilities", "piecewise linear", {True}),
    ("sigmoid float32", SCALAR, "probabilities", "piecewise linear", {True}),
    ("labels", VECTOR, "labels", "staircase", {None}),
    ("one-hot", VECTOR, "labels", "staircase", {None}),
    ("two labels", SCALAR, "labels", "staircase", {None}),
    ("tanh", VECTOR, "logits", "smooth", {False}),
    ("GELU", VECTOR, "logits", "smooth", {False}),
    ("sigmoid inside", VECTOR, "logits", "smooth", {False}),
    ("constant", SHAPES, "unknown", "constant", {None}),
    ("all zero", SHAPES, "unknown", "constant", {None}),
    ("softmax over one", SCALAR, "unknown", "constant", {None}),
    ("clipped to -1..1", VECTOR, "logits", "piecewise linear", {True}),
    ("dead output", SHAPES, "logits", "piecewise linear", {True}),
]


def card_of(door: CountingOracle, seed: int = 0) -> DoctorCard:
    value = doctor(door, seed=seed).value
    assert value is not None
    return value


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "shapes", "answers", "kind", "beneath"), EXPECTED, ids=lambda v: str(v)[:30]
)
def test_the_card_says_what_kind_of_door_it_is(name, shapes, answers, kind, beneath, seed):
    for sizes in shapes:
        card = card_of(open_door(name, sizes, seed), seed)
        assert (card.answers, card.kind) == (answers, kind), (sizes, card)
        assert card.straight in beneath, (sizes, card)


@pytest.mark.parametrize("name", DOORS)
def test_every_row_is_counted_and_never_more_than_48(name):
    for sizes in [(1, 5, 1), (3, 4, 2), (20, 15, 3)]:
        door = open_door(name, sizes)
        finding = doctor(door)
        assert finding.queries == door.rows <= MOST_QUERIES
        assert finding.value is None or finding.value.queries == finding.queries


def test_a_network_that_is_dead_near_the_origin_and_clipped_far_out_costs_no_more():
    network = random_network((3, 8, 2), 0)
    door = CountingOracle(lambda x: network(np.clip(np.where(np.abs(x) < 8, 0, x), -50, 50)), 3)
    assert doctor(door).queries == door.rows <= MOST_QUERIES


@pytest.mark.parametrize("factor", [1e-200, 1e-8, 1e8, 1e150])
@pytest.mark.parametrize("name", ["float64", "tanh"])
def test_the_unit_of_the_answers_does_not_matter(name, factor):
    plain = open_door(name, (20, 15, 3))
    first, second = card_of(plain), card_of(CountingOracle(lambda x: factor * plain.query(x), 20))
    assert (first.kind, first.straight) == (second.kind, second.straight)
    assert second.noise_at_scale == pytest.approx(factor * first.noise_at_scale, rel=0.5)


@pytest.mark.parametrize(
    "name", ["float64", "float32", "softmax", "4 decimals", "labels", "tanh", "constant"]
)
def test_same_seed_same_card(name):
    first, second = (card_of(open_door(name, (20, 15, 3)), seed=7) for _ in range(2))
    assert first.to_dict() == second.to_dict()


@pytest.mark.parametrize("dim", [1, 2, 3072])
def test_a_plain_door_costs_42_queries_whatever_its_input_dimension(dim):
    # In one dimension there are two directions, and a point met twice is asked once.
    finding = doctor(open_door("float64", (dim, 16, 3)))
    assert finding.outcome.ok and finding.queries == (40 if dim == 1 else 42)


@pytest.mark.parametrize(
    ("name", "precision", "step"),
    [
        ("float64", "float64", None),
        ("float32", "float32", None),
        ("float16 answers", "float16", None),
        ("softmax float32", "float32", None),
        ("4 decimals", "float64", 1e-4),
        ("2^-15 grid", "unknown", 2.0**-15),
        ("whole numbers", "unknown", 1.0),
    ],
)
def test_precision_and_rounding_are_read_off_the_answers(name, precision, step):
    for seed in SEEDS:
        card = card_of(open_door(name, (20, 15, 3), seed), seed)
        assert (card.precision, card.rounding) == (precision, step)


def test_significant_digits_are_told_from_a_grid():
    card = card_of(open_door("6 digits", (20, 15, 3)))
    assert (card.resolution.digits, card.rounding) == (6, None)


@pytest.mark.parametrize(
    ("name", "ends"), [("clipped to 0..1", (0.0, 1.0)), ("clipped to -1..1", (-1.0, 1.0))]
)
def test_clipped_inputs_are_found_and_the_bounds_to_type_are_named(name, ends):
    for seed in SEEDS:
        card = card_of(open_door(name, (20, 30, 3), seed), seed)
        assert card.flat_beyond == ends
        assert f"--bounds {ends[0]:.3g} {ends[1]:.3g}" in " ".join(card.notes)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (10.0, 20.0), (-3.0, float("inf"))])
@pytest.mark.parametrize("name", ["float64", "float32", "4 decimals", "labels", "tanh", "softmax"])
def test_no_probe_leaves_the_bounds(name, bounds):
    for dim in (1, 20):
        door = open_door(name, (dim, 15, 3), bounds=bounds)
        assert doctor(door).value is not None
        points = np.concatenate(door.seen)
        assert points.min() >= bounds[0] and points.max() <= bounds[1]


def test_within_bounds_the_card_is_as_good_as_without():
    card = card_of(open_door("float64", (784, 64, 10), bounds=(0.0, 1.0)))
    assert (card.kind, card.straight, card.precision) == ("piecewise linear", True, "float64")
    assert card.radius == pytest.approx(28.0) and card.scale == pytest.approx(np.sqrt(784 / 3))


def test_a_stochastic_door_is_told_with_its_deviation():
    card = card_of(open_door("noise 1e-6", (20, 15, 3)))
    assert not card.deterministic and card.noise_at_scale == pytest.approx(1e-6, rel=0.7)
    assert "different answers" in " ".join(card.notes)


def test_a_door_that_depends_on_the_batch_is_told():
    card = card_of(open_door("centred in its batch", (20, 15, 3)))
    assert card.depends_on_batch and "--batch-size 1" in " ".join(card.notes)
    assert card.verdicts[0].possible == "no"


def test_batch_order_of_additions_is_not_called_dependence():
    card = card_of(open_door("float64", (784, 64, 10)))
    assert card.deterministic and not card.depends_on_batch


def test_rounded_inputs_are_told_and_their_noise_is_not_taken_for_zero():
    network = random_network((20, 15, 3), 0)
    card = card_of(open_door("inputs rounded to bytes", (20, 15, 3)))
    points = np.random.default_rng(1).normal(size=(200, 20))
    error = np.sqrt(np.mean((network(np.round(points * 255) / 255) - network(points)) ** 2))
    assert card.inputs_rounded and error / 3 < card.noise_at_scale < 3 * error


def test_dead_outputs_are_named():
    card = card_of(open_door("dead output", (20, 15, 3)))
    assert card.constant_outputs == (3,)
    assert "1 of 4 outputs never changed: 3" in " ".join(card.notes)


@pytest.mark.parametrize(
    ("noise", "words"), [(0.0, "no neuron is seen to act"), (0.03, "Noise and rounding")]
)
def test_neurons_that_are_all_off_are_told_from_neurons_that_noise_hides(noise, words):
    rng = np.random.default_rng(21)
    w, v = rng.standard_normal((7, 6)), rng.standard_normal((3, 7))
    bias = -40 if noise == 0 else 0
    model = lambda x: np.maximum(x @ w.T + bias, 0) @ v.T + 0.1 + noise * rng.standard_normal((len(x), 3))  # noqa: E731
    weights = card_of(CountingOracle(model, 6)).verdicts[0]
    assert weights.possible == "no" and words in weights.why


def test_labels_come_with_the_classes_seen():
    card = card_of(open_door("labels", (20, 15, 3)))
    assert set(card.classes) <= {0, 1, 2} and len(card.classes) >= 2
    assert [v.possible for v in card.verdicts] == ["no", "yes", "yes"]


def test_whole_number_scores_are_not_taken_for_labels_but_labels_said_are_believed():
    assert card_of(open_door("whole numbers", (20, 15, 1))).answers == "logits"
    assert card_of(open_door("whole numbers", (20, 15, 1), answers="labels")).answers == "labels"


def test_scores_that_lie_between_0_and_1_are_not_taken_for_probabilities():
    network = random_network((10, 12, 1), 3)
    squeezed = CountingOracle(lambda x: 0.5 + 1e-3 * np.clip(network(x), -400, 400), 10, bounds=(-1.0, 1.0))
    assert card_of(squeezed).answers == "logits"


def test_a_softmax_said_to_be_logits_is_left_as_it_is():
    card = card_of(open_door("softmax", (20, 15, 3), answers="logits"))
    assert card.answers == "logits" and card.head.kind == "none" and card.straight is False


def test_a_door_that_fails_far_out_is_usable_near():
    network = random_network((20, 15, 3), 0)
    door = CountingOracle(lambda x: np.where(np.abs(x) > 100, np.nan, 1.0)[:, :3] * network(x), 20)
    card = card_of(door)
    assert card.straight is True and "NaN" in card.far_failure
    assert card.scale < card.radius < 100 * np.sqrt(20)


def test_a_door_that_answers_nan_is_refused_with_the_reason():
    finding = doctor(CountingOracle(lambda x: np.full((len(x), 2), np.nan), 4))
    assert finding.outcome.status is Status.REFUSED and "NaN" in finding.outcome.reason
    assert finding.value is None


def test_a_budget_of_10_leaves_a_card_of_what_was_seen():
    finding = doctor(open_door("softmax", (20, 15, 3)), budget=10)
    assert finding.outcome.status is Status.BUDGET_SPENT and finding.queries <= 10
    assert finding.value is not None and finding.value.answers == "probabilities"
    assert not finding.value.complete and finding.value.verdicts == ()


def test_a_budget_too_small_for_the_first_batch_asks_nothing():
    door = open_door("float64", (20, 15, 3))
    finding = doctor(door, budget=3)
    assert (finding.value, finding.queries, door.rows) == (None, 0, 0)


def test_examine_raises_when_its_phase_runs_dry_and_hands_over_the_partial_card():
    session = QuerySession(open_door("float64", (20, 15, 3)), budget=30)
    with pytest.raises(BudgetExhausted) as caught:
        examine(session, Randomness(0))
    assert isinstance(caught.value.partial, DoctorCard) and not caught.value.partial.complete


def test_an_interrupt_is_not_swallowed():
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doctor(CountingOracle(interrupted, 3))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_cannot_be_meant_is_refused(scale):
    with pytest.raises(InvalidInput, match="scale"):
        doctor(open_door("float64", (20, 15, 3)), scale=scale)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_a_given_scale_moves_the_probes(scale):
    door = open_door("float64", (20, 15, 3))
    finding = doctor(door, scale=scale)
    assert finding.value is not None and finding.value.scale == scale and finding.value.straight is True
    assert np.linalg.norm(np.concatenate(door.seen), axis=1).max() == pytest.approx(1500 * scale)


@pytest.mark.parametrize("name", DOORS)
def test_the_card_is_json_ready(name):
    finding = doctor(open_door(name, (3, 8, 2)))
    told = json.loads(json.dumps(finding.to_dict(), allow_nan=False))
    assert told["evidence"]["card"]["headline"] == str(finding.value)


def test_an_examination_replayed_from_its_journal_asks_nothing_and_finds_the_same(tmp_path: Path):
    cards, rows = [], []
    for _ in range(2):
        door = open_door("noise 1e-6", (20, 15, 3))
        with Journal.open(tmp_path / "journal.sqlite") as journal:
            finding = doctor(door, journal=journal)
        cards.append(finding.require().to_dict())
        rows.append((door.rows, finding.queries))
    assert cards[0] == cards[1]
    assert rows == [(42, 42), (0, 42)]


def test_log_ratios_of_a_softmax_are_those_of_the_logits_within_the_measured_noise():
    network = random_network((20, 15, 3), 0)
    measured = calibration(card_of(open_door("softmax", (20, 15, 3))))
    points = 3 * np.random.default_rng(0).normal(size=(50, 20))
    logits = network(points)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert measured.to_values is not None
    values = measured.to_values(probabilities)
    gaps = [np.abs(values - np.delete(logits - logits[:, [r]], r, axis=1)).max() for r in range(3)]
    assert values.shape == (50, 2) and min(gaps) < 12 * measured.noise.at(points).max() < 1e-13


def test_plain_values_are_calibrated_without_conversion():
    card = card_of(open_door("float64", (20, 15, 3)))
    measured = calibration(card)
    assert measured.to_values is None and measured.radius == np.inf
    assert (measured.noise, measured.scale) == (card.noise, card.scale)


def test_labels_cannot_be_calibrated():
    with pytest.raises(UnsupportedOracle, match="labels only"):
        calibration(card_of(open_door("labels", (20, 15, 3))))


def test_saturated_probabilities_cannot_be_calibrated():
    def nearly_certain(x):
        p = 0.001 * (x[:, :1] > 0)
        return np.hstack([p, 1 - p])

    steep = CountingOracle(nearly_certain, 20)
    card = card_of(steep)
    with pytest.raises(UnsupportedOracle):
        calibration(card)


def test_the_same_examination_goes_through_a_session_of_its_own():
    session = QuerySession(open_door("float64", (20, 15, 3)))
    card = examine(session, Randomness(3))
    assert session.spent == card.queries == session.spending.queries_by_phase["doctor"]
