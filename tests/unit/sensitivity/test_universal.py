"""One direction for a whole set, on networks where it is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.fisher.gram import RunningGram
from hingeline.sensitivity.fisher.universal import universal_directions
from hingeline.sensitivity.models.network_model import NetworkModel


def test_of_a_linear_score_the_universal_direction_is_its_gradient() -> None:
    rng = np.random.default_rng(71)
    weights = rng.normal(size=(1, 12))
    model = NetworkModel(PiecewiseLinearNetwork([weights], [[0.0]]))
    points = rng.normal(size=(80, 12))
    found = universal_directions(
        model, Decision(1), points, [100.0], rng=rng, held_out=rng.normal(size=(60, 12))
    )
    cosine = found.directions[0] @ weights[0] / np.linalg.norm(weights)
    np.testing.assert_allclose(abs(cosine), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.shares[0], 1.0)
    # one step for all flips one side of the boundary only; with a direction for each class both
    upper = (points @ weights[0] > 0).mean()
    np.testing.assert_allclose(found["made_from"].shares, max(upper, 1 - upper))
    np.testing.assert_allclose(found["made_from_other_sign"].shares, min(upper, 1 - upper))
    assert found["held_out_by_class"].shares[0] == 1.0


def test_the_mean_is_that_of_the_single_inputs() -> None:
    model = NetworkModel(random_network((10, 14, 4), seed=72, activation="tanh"))
    points = np.random.default_rng(73).normal(size=(50, 10))
    single = fisher_directions(model, Decision(4), points, directions=3)
    parts = np.einsum("nr,nri,nrj->ij", single.eigenvalues, single.directions, single.directions) / 50
    found = universal_directions(
        model, Decision(4), points, [1.0], rng=np.random.default_rng(0), directions=10
    )
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(parts)[::-1], atol=1e-12)
    np.testing.assert_allclose(found.eigenvalues.sum(), single.traces.mean())
    np.testing.assert_allclose(found.shares.sum(), 1.0)
    alike = single.traces.sum() ** 2 / (single.traces**2).sum()
    np.testing.assert_allclose(found.inputs_that_count, alike)


def test_long_inputs_are_averaged_within_the_bound_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    roots = np.random.default_rng(74).normal(size=(90, 3, 40)) * np.geomspace(1, 1e-3, 40)
    dense = RunningGram(40)
    monkeypatch.setattr("hingeline.sensitivity.fisher.gram.DENSE_DIM", 10)
    monkeypatch.setattr("hingeline.sensitivity.fisher.gram.KEPT_ROWS", 8)
    cut = RunningGram(40)
    for first in range(0, 90, 7):
        dense.add(roots[first : first + 7])
        cut.add(roots[first : first + 7])
    known, (values, vectors) = dense.top(3)[0], cut.top(3)
    assert 0 < np.abs(values - known).max() <= cut.error < known[0] / 2
    np.testing.assert_allclose(cut.trace, dense.trace)
    assert abs(vectors[0] @ dense.top(1)[1][0]) > 0.999


def test_flips_of_inputs_held_out_stand_apart_and_beside_chance() -> None:
    model = NetworkModel(random_network((40, 60, 5), seed=75))
    rng = np.random.default_rng(76)
    points, others = rng.normal(size=(200, 40)), rng.normal(size=(150, 40))
    found = universal_directions(model, Decision(5), points, [2.0, 4.0], rng=rng, held_out=others)
    assert found["held_out"].flips.shape == (2, 150) and found["made_from"].flips.shape == (2, 200)
    assert np.all(found["held_out_by_class"].shares > found["held_out_random"].shares)
    json.dumps(found.to_dict(), allow_nan=False)
    assert len(found.figures((5, 8))) == 2
    alone = universal_directions(model, Decision(5), points, [2.0], rng=rng)
    assert [curve.name for curve in alone.curves] == ["made_from", "made_from_other_sign"]


def test_random_directions_shared_by_all_inputs_count_as_fewer_trials() -> None:
    model = NetworkModel(PiecewiseLinearNetwork([np.eye(1, 5)], [[0.0]]))
    rng = np.random.default_rng(77)
    points = np.tile([[0.1, 0, 0, 0, 0]], (300, 1))
    found = universal_directions(model, Decision(1), points, [0.3], rng=rng, held_out=points)
    # all inputs are one input: 20 directions are 20 trials, not 6,000
    assert found["held_out_random"].effective[0] <= 20


def test_a_class_without_gradient_takes_the_direction_of_all() -> None:
    # one hidden neuron, off wherever the first class is decided
    network = PiecewiseLinearNetwork([np.eye(1, 3), [[0.0], [1.0]]], [[0.0], [1.0, 0.0]])
    points = np.array([[-1.0, 0, 0], [-2.0, 0, 0], [3.0, 0, 0]])
    found = universal_directions(
        NetworkModel(network), Decision(2), points, [1.0], rng=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(found.class_eigenvalues > 0, [False, True])
    np.testing.assert_allclose(np.abs(found.class_directions), np.eye(1, 3).repeat(2, axis=0), atol=1e-12)


def test_a_network_without_gradients_has_no_universal_direction() -> None:
    model = NetworkModel(random_network((5, 8, 3), seed=1, activation="sign"))
    with pytest.raises(InvalidInput, match="no input has a gradient"):
        universal_directions(model, Decision(3), np.ones((4, 5)), [1.0], rng=np.random.default_rng(0))
