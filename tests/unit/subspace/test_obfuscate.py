"""Obfuscated inputs, asked: labels kept, values unmoved, the control beside them; acceptance rows 20, 21."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from known_spans import random_basis, row_span, span_of, trained_digits

from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.subspace.obfuscate import obfuscate

WEIGHTS = np.random.default_rng(0).standard_normal((3, 12))
NETWORK = PiecewiseLinearNetwork(
    [WEIGHTS, np.random.default_rng(1).standard_normal((3, 3))], [np.zeros(3), np.array([0.1, 0.0, -0.1])]
)
SPAN = span_of(row_span(WEIGHTS))
X = np.random.default_rng(2).uniform(size=(6, 12))


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


HEADS = {
    "logits": lambda z: z,
    "probabilities": softmax,
    "log-probabilities": lambda z: np.log(softmax(z)),
    "labels": lambda z: z.argmax(axis=1),
    "one-hot labels": lambda z: np.eye(3)[z.argmax(axis=1)],
    "one logit": lambda z: z[:, :1],
    "one probability": lambda z: 1 / (1 + np.exp(-z[:, :1])),
}


def door(head=HEADS["logits"], seen=None, **known):
    def answer(points):
        if seen is not None:
            seen.append(np.array(points))
        return head(NETWORK(points))

    return CallableOracle(answer, OracleSpec("door", 12, **known))


@pytest.fixture(scope="module")
def digits():
    network, images, _ = trained_digits()
    return network_oracle(network, "digits"), span_of(row_span(network.weights[0])), images[:100]


def test_row_20_noise_of_deviation_100_is_not_seen_and_a_tenth_of_it_inside_the_span_is(digits):
    oracle, span, images = digits
    finding = obfuscate(oracle, span, images, sigma=100.0)
    made = finding.require()
    assert made.labels_kept == 1 and made.largest_change < 1e-5
    assert [control.sigma for control in made.controls] == [0.1, 1.0, 10.0]
    assert made.controls[2].labels_kept < 0.3 and made.control.labels_kept < 0.3
    assert (made.changes <= np.maximum(made.bounds, 1e-11)).all()


def test_row_21_boxed_images_keep_their_labels_and_look_like_noise(digits):
    oracle, span, images = digits
    made = obfuscate(oracle, span, images, box=(0.0, 1.0)).require()
    assert made.construction == "boxed" and made.converged.all()
    assert made.obfuscated.min() >= 0 and made.obfuscated.max() <= 1
    assert made.labels_kept == 1 and made.largest_change < 1e-6
    assert made.correlation_original.max() <= 0.7 and made.control.labels_kept < 0.8
    assert made.correlation_target.mean() > made.correlation_original.mean()


def test_eight_bit_images_are_on_the_grid_and_say_what_rounding_did(digits):
    oracle, span, images = digits
    made = obfuscate(oracle, span, images, box=(0.0, 1.0), eight_bit=True).require()
    np.testing.assert_allclose(made.obfuscated * 255, np.rint(made.obfuscated * 255), atol=1e-12)
    assert 1e-4 < made.rounding_changes.max() < 0.1 and made.labels_kept == 1


@pytest.mark.parametrize("name", HEADS)
def test_every_kind_of_answer_is_read(name):
    finding = obfuscate(door(HEADS[name]), SPAN, X, sigma=5.0)
    made = finding.require()
    shown = made.control.labels_kept < 1 or made.control.largest_change > 1
    assert made.labels_kept == 1 and shown
    labels = "labels" in name
    kind = "none" if labels else "logits" if "logit" in name else "log-ratios"
    assert made.value_kind == kind
    assert np.isnan(made.largest_change) if labels else made.largest_change < 1e-12
    assert finding.queries == 6 * 6


@pytest.mark.parametrize(
    ("wish", "construction", "rows"),
    [
        ({}, "null noise", 3),
        ({"target": np.zeros(12)}, "reads as target", 3),
        ({"box": (0.0, 1.0)}, "boxed", 3),
        ({"box": (-1.0, 2.0), "target": X[::-1]}, "boxed", 3),
        ({"box": (0.0, 1.0), "sigma": 0.5, "eight_bit": True}, "boxed", 4),
    ],
)
def test_what_is_made_and_what_it_costs(wish, construction, rows):
    finding = obfuscate(door(), SPAN, X, control_sigmas=(), **wish)
    made = finding.value
    assert made.construction == construction and finding.queries == rows * 6
    assert made.residuals.max() < 1e-12
    np.testing.assert_allclose(made.seen + made.unseen, X, atol=1e-15)
    json.dumps(finding.to_dict(), allow_nan=False)


def test_no_query_leaves_the_box_or_the_bounds_of_the_door():
    seen = []
    finding = obfuscate(door(seen=seen, bounds=(0.0, 1.0)), SPAN, X, control_sigmas=(1.0, 100.0))
    asked = np.concatenate(seen)
    assert asked.min() >= 0 and asked.max() <= 1 and finding.value.box == (0.0, 1.0)


def test_the_same_seed_makes_the_same_inputs_and_another_one_others():
    first, again, other = (obfuscate(door(), SPAN, X, seed=s).value.obfuscated for s in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_wrong_span_is_noticed():
    finding = obfuscate(door(), span_of(random_basis(12, 3, 5)), X, sigma=10.0)
    assert finding.outcome.status is Status.PARTIAL and "keep their label" in finding.outcome.reason
    assert finding.value.labels_kept < 1


def test_a_move_too_short_to_matter_proves_nothing():
    finding = obfuscate(door(HEADS["labels"]), SPAN, X, sigma=1e-9)
    assert finding.value.labels_kept == 1 and finding.outcome.status is Status.INCONCLUSIVE


def test_a_span_without_dimensions_has_no_control_and_proves_nothing():
    constant = CallableOracle(lambda x: np.ones((len(x), 2)), OracleSpec("flat", 12))
    finding = obfuscate(constant, span_of(np.zeros((12, 0))), X)
    assert finding.value.control is None and finding.outcome.status is Status.INCONCLUSIVE


def test_a_partial_span_is_said_to_be_one():
    finding = obfuscate(door(), replace(SPAN, standing="partial", where="data"), X)
    assert finding.outcome.ok and "The span is partial" in finding.outcome.reason
    assert "span is that of the data" in finding.outcome.reason


def test_an_oracle_that_sees_everything_is_refused_without_a_query():
    finding = obfuscate(door(), span_of(np.eye(12)), X)
    assert finding.outcome.status is Status.REFUSED and finding.queries == 0 and finding.value is None


@pytest.mark.parametrize(("budget", "value"), [(17, False), (18, True), (30, True)])
def test_a_budget_ends_with_what_was_asked(budget, value):
    finding = obfuscate(door(), SPAN, X, budget=budget)
    assert finding.outcome.status is Status.BUDGET_SPENT and finding.queries <= budget
    assert (finding.value is not None) == value


def test_a_finding_of_the_span_will_do_and_its_doctor_is_believed():
    card = {"answers": "probabilities", "head": {"kind": "softmax", "reference": 1, "lowest": 0, "gap": 0}}
    provenance = Provenance("span", "door", 0)
    known = Finding(SPAN, Outcome(Status.COMPLETE, ""), {"doctor": card}, Spending(0, 0.0), provenance)
    made = obfuscate(door(HEADS["probabilities"]), known, X).require()
    assert made.value_kind == "log-ratios"
    with pytest.raises(InvalidInput, match="holds no span"):
        obfuscate(door(), replace(known, value=None), X)


@pytest.mark.parametrize(
    ("span", "x", "wish", "complaint"),
    [
        (SPAN, X[:, :5], {}, "shape"),
        (SPAN, np.zeros((0, 12)), {}, "no inputs"),
        (SPAN, X + 1, {"box": (0.0, 1.0)}, "outside the box"),
        (SPAN, X, {"box": (0.5, 0.5)}, "two finite ends"),
        (SPAN, X, {"box": (0.0, np.inf)}, "two finite ends"),
        (SPAN, X, {"sigma": 0.0}, "positive"),
        (SPAN, X, {"sigma": np.nan}, "positive"),
        (SPAN, X, {"control_sigmas": (1.0, -1.0)}, "positive"),
        (SPAN, X, {"eight_bit": True}, "needs a box"),
        (SPAN, X, {"target": X[:2]}, "2 targets for 6"),
        (SPAN, X, {"target": np.full(12, np.nan)}, "finite"),
        (span_of(np.zeros((12, 0)), rank=3), X, {}, "only the rank"),
        (span_of(random_basis(9, 2)), X, {}, "9 inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(span, x, wish, complaint):
    seen = []
    with pytest.raises(InvalidInput, match=complaint):
        obfuscate(door(seen=seen), span, x, **wish)
    assert not seen


@pytest.mark.parametrize(
    ("bounds", "box", "complaint"),
    [((0.0, np.inf), None, "open at one end"), ((0.0, 1.0), (-1.0, 1.0), "beyond the oracle's bounds")],
)
def test_the_bounds_of_the_door_count(bounds, box, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        obfuscate(door(bounds=bounds), SPAN, X, box=box)
