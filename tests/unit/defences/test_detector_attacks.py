"""Attacks that know a detector: the model with a class more, what they hand back, and what counts."""

from __future__ import annotations

import numpy as np
import pytest
from detector_cases import RADIUS, THREAT, clouds, detector, host

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.defences.detector.adaptive import ExtraClassAttack, FeatureMatching, JointAttack, joint_attacks
from hingeline.defences.detector.detector import KINDS, HiddenLayerDetector, Kind
from hingeline.defences.detector.extra_class import Evading, ExtraClassModel, LabelsAlone
from hingeline.defences.detector.judging import best_of
from hingeline.defences.detector.oblivious import OBLIVIOUS, equal_noise, loss_ascent, many_steps
from hingeline.defences.detector.pursuit import Pursuit
from hingeline.defences.detector.smallest import LabelsAttack, SmallestUndetected
from hingeline.networks.feed_forward import random_network
from hingeline.sensitivity.attacks.label_search import LabelSearch
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

SHORT = Pursuit(steps=20)


def every_place(kind: Kind, seed: int) -> FloatArray:
    """Clean inputs, attacked ones, noise: places where a detector fires and where it does not."""
    x, y = clouds(300, seed)
    rng = np.random.default_rng(seed)
    attacked = [many_steps(host(), x, y, THREAT, r, rng) for r in (0.05, 0.2)]
    return np.concatenate([x, *attacked, rng.random((300, 8))])


def undetected(found: HiddenLayerDetector, points: FloatArray, y: object) -> BoolArray:
    return (host().outputs(points).argmax(axis=1) != y) & ~found.fires(points)


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_more_wins_exactly_where_the_detector_fires(kind: Kind) -> None:
    points, found = every_place(kind, 61), detector(kind)
    fires, classes = found.fires(points), host().outputs(points).argmax(axis=1)
    decided = ExtraClassModel(host(), found).outputs(points).argmax(axis=1)
    assert 0 < fires.mean() < 1
    assert np.array_equal(decided, np.where(fires, 3, classes))


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_more_has_a_gradient_nearly_everywhere(kind: Kind) -> None:
    points, joint = every_place(kind, 62), ExtraClassModel(host(), detector(kind))
    weights = np.zeros((len(points), 4))
    weights[:, 3] = 1.0
    assert (joint.gradients(points, weights) != 0).any(axis=1).mean() > 0.99


def test_gradients_of_all_classes_are_those_of_differences() -> None:
    points, joint = clouds(12, 63)[0], ExtraClassModel(host(), detector("mahalanobis"))
    step = np.random.default_rng(1).standard_normal(points.shape)
    slopes = (joint.outputs(points + 1e-6 * step) - joint.outputs(points - 1e-6 * step)) / 2e-6
    assert (joint.jacobians(points) @ step[:, :, None])[:, :, 0] == pytest.approx(slopes, rel=1e-4, abs=1e-5)


def test_to_be_detected_is_no_success() -> None:
    decision = Evading(4)
    outputs = np.array([[1, 0, 0, 2], [1, 0, 0, 0.5], [0, 1, 0, 2], [0, 1, 0, 0.5]])
    classes = np.zeros(4, dtype=np.int64)
    assert decision.flipped(outputs, classes).tolist() == [False, False, False, True]
    assert decision.leads(outputs, classes)[:, 0].tolist() == [2.0, 1.0, 1.0, -0.5]


def test_labels_alone_show_a_label_and_no_gradient() -> None:
    joint = ExtraClassModel(host(), detector("mahalanobis"))
    shown = LabelsAlone(joint).outputs(clouds(30, 64)[0])
    assert set(np.unique(shown)) == {0.0, 1.0} and (shown.sum(axis=1) == 1).all()
    with pytest.raises(UnsupportedOracle):
        LabelsAlone(joint).gradients(clouds(1, 64)[0], np.ones((1, 4)))


def test_a_detector_of_other_inputs_is_refused() -> None:
    with pytest.raises(InvalidInput, match="reads inputs of 8"):
        ExtraClassModel(NetworkModel(random_network((5, 6, 3), seed=0)), detector("mahalanobis"))


@pytest.mark.parametrize(("kind", "norm"), [("mahalanobis", "linf"), ("forest", "l2")])
def test_what_attacks_hand_back_is_allowed_and_undetected_or_the_input(kind: Kind, norm: str) -> None:
    found, (x, y) = detector(kind), clouds(40, 65)
    threat = Threat(norm, (0.0, 1.0), free=np.arange(8) != 3)  # type: ignore[arg-type]
    attacks = (
        JointAttack(found, pursuit=SHORT),
        ExtraClassAttack(found, SHORT),
        FeatureMatching(found, *clouds(40, 66), SHORT),
        SmallestUndetected(found, pursuit=SHORT, halvings=2),
        LabelsAttack(found, LabelSearch(directions=3, probes=10)),
    )
    for attack in attacks:
        points = attack(host(), x, y, threat, 0.3, np.random.default_rng(1))
        moved = (points != x).any(axis=1)
        assert (threat.size(points - x) <= 0.3 * (1 + 1e-9)).all()
        assert (points[:, 3] == x[:, 3]).all() and np.array_equal(points, np.clip(points, 0, 1))
        assert undetected(found, points[moved], y[moved]).all()
        assert moved.any(), attack.name


def test_the_joint_loss_looks_at_the_detector_only_near_its_threshold() -> None:
    found, x = detector("mahalanobis"), every_place("mahalanobis", 67)
    y = np.arange(len(x)) % 3
    attack, excess = JointAttack(found, weight=1e6), found.excess_gradients(x)[0] / found.spread
    quiet = excess + 0.05 < 0
    climb, plain = attack.ascent(host(), x, y), JointAttack(found, weight=0.0).ascent(host(), x, y)
    assert np.array_equal(climb[quiet], plain[quiet]) and quiet.any() and not quiet.all()
    assert not np.isclose(climb[~quiet], plain[~quiet]).all(axis=1).any()


def test_only_what_has_no_gradient_is_aimed_at_with_more_slack() -> None:
    assert [a.weight for a in joint_attacks(detector("svc"))] == [0.1, 1.0, 10.0]
    assert len({(a.weight, a.slack) for a in joint_attacks(detector("forest"))}) == 6
    assert len({a.name for a in joint_attacks(detector("forest"))}) == 6


def test_the_best_of_attacks_succeeds_wherever_one_of_them_does() -> None:
    found, (x, y) = detector("logistic"), clouds(60, 68)
    attacks = [JointAttack(found, pursuit=SHORT), OBLIVIOUS["one step"], OBLIVIOUS["first flip"]]
    both = best_of(found, attacks)(host(), x, y, THREAT, RADIUS, np.random.default_rng(1))
    each = [
        undetected(found, a(host(), x, y, THREAT, RADIUS, np.random.default_rng(1)), y) for a in attacks[1:]
    ]
    assert undetected(found, both, y)[np.logical_or.reduce(each)].all()


def test_noise_has_the_norm_of_the_attacks() -> None:
    x, y = np.full((50, 8), 0.5), np.zeros(50, dtype=np.int64)
    for norm in ("linf", "l2"):
        threat = Threat(norm, (0.0, 1.0))
        noise = equal_noise(host(), x, y, threat, 0.1, np.random.default_rng(2))
        assert threat.size(noise - x) == pytest.approx(np.full(50, 0.1))


def test_the_loss_climbed_is_the_cross_entropy() -> None:
    x, y = clouds(10, 69)
    step = np.random.default_rng(3).standard_normal(x.shape)

    def loss(points: FloatArray) -> FloatArray:
        outputs = host().outputs(points)
        return np.logaddexp.reduce(outputs, axis=1) - outputs[np.arange(10), y]

    slopes = (loss(x + 1e-6 * step) - loss(x - 1e-6 * step)) / 2e-6
    assert slopes == pytest.approx((loss_ascent(host(), x, y) * step).sum(axis=1), rel=1e-4, abs=1e-6)


def test_the_smallest_change_is_no_larger_than_a_radius_that_is_enough() -> None:
    found, (x, y) = detector("mahalanobis"), clouds(40, 70)
    rng = np.random.default_rng(4)
    points, sizes = SmallestUndetected(found).smallest(host(), x, y, THREAT, rng)
    won = undetected(found, JointAttack(found)(host(), x, y, THREAT, RADIUS, rng), y)
    assert (sizes[won] <= RADIUS * 1.1).mean() > 0.9
    assert undetected(found, points[np.isfinite(sizes)], y[np.isfinite(sizes)]).all()
