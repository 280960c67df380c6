"""Detectors: thresholds that keep their promise, gradients through layers, storage, refusals."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detector_cases import QUICK, clouds, detector, host

from hingeline.core.errors import FormatError, InvalidInput, MissingExtra
from hingeline.defences.detector.detector import KINDS, Kind, conformal_threshold
from hingeline.defences.detector.fitting import fit_detector
from hingeline.defences.detector.scorers import fit_gaussian, fit_logistic
from hingeline.defences.detector.storage import load_detector
from hingeline.networks.feed_forward import random_network
from hingeline.sensitivity.models.network_model import NetworkModel

STORED: tuple[Kind, ...] = ("mahalanobis", "logistic", "svc")


def test_the_threshold_is_the_order_statistic_that_the_promise_asks_for() -> None:
    scores = np.random.default_rng(1).permutation(np.arange(1.0, 100.0))
    # ceil(100 x .95) = 95: of 99 held-out and one fresh score, 5 may lie above
    assert conformal_threshold(scores, 0.05) == 95.0
    with pytest.raises(InvalidInput, match="at least 19"):
        conformal_threshold(scores[:18], 0.05)
    assert conformal_threshold(scores[:19], 0.05) == scores[:19].max()


def test_fresh_scores_exceed_the_threshold_as_often_as_promised() -> None:
    rng = np.random.default_rng(2)
    held, fresh = rng.standard_exponential((4000, 49)), rng.standard_exponential(4000)
    rate = np.mean([f > conformal_threshold(h, 0.1) for h, f in zip(held, fresh, strict=True)])
    assert abs(rate - 0.1) < 4 * np.sqrt(0.09 / 4000)


@pytest.mark.parametrize("kind", KINDS)
def test_clean_inputs_fire_about_as_often_as_promised(kind: Kind) -> None:
    found = detector(kind)
    fired = found.fires(clouds(4000, 31)[0]).mean()
    spread = np.sqrt(0.05 * 0.95 * (1 / found.held_out + 1 / 4000))
    assert abs(fired - 0.05) < 3 * spread
    assert found.held_out == 400


@pytest.mark.parametrize("kind", KINDS)
def test_score_gradients_are_those_of_what_they_are_said_to_be(kind: Kind) -> None:
    found, x = detector(kind), clouds(20, 33)[0]
    step = np.random.default_rng(9).standard_normal(x.shape)

    def score(points: Any) -> Any:
        return found.stand_in.scores(found.readings.of(points))

    slopes = (score(x + 1e-6 * step) - score(x - 1e-6 * step)) / 2e-6
    assert slopes == pytest.approx((found.score_gradients(x) * step).sum(axis=1), rel=1e-3, abs=1e-4)
    assert found.smooth == (kind != "forest")
    assert found.smooth == (found.gradient_words == "the score itself")


def test_the_stand_in_of_a_forest_ranks_inputs_much_as_the_forest() -> None:
    found = detector("forest")
    x = np.clip(clouds(500, 34)[0] + 0.2 * np.random.default_rng(1).standard_normal((500, 8)), 0, 1)
    read = found.readings.of(x)
    assert np.corrcoef(found.scorer.scores(read), found.stand_in.scores(read))[0, 1] > 0.7
    assert "imitates the isolation forest" in found.gradient_words


def test_a_distance_in_white_readings_is_euclidean() -> None:
    rng = np.random.default_rng(5)
    mix = rng.standard_normal((3, 3)) * np.array([1.0, 100.0, 1e-3])
    clean = rng.standard_normal((50_000, 3))
    scores = fit_gaussian(clean @ mix).scores(np.eye(3) @ mix)
    assert scores == pytest.approx(np.ones(3), rel=0.03)


def test_logistic_scores_of_two_gaussians_are_their_log_odds() -> None:
    rng = np.random.default_rng(6)
    clean, attacked = rng.standard_normal((2, 20_000, 1)) + np.array([0.0, 2.0])[:, None, None]
    at = np.array([[0.0], [1.0], [3.0]])
    # log N(r; 2, 1) / N(r; 0, 1) = 2 r - 2
    assert fit_logistic(clean, attacked).scores(at) == pytest.approx([-2.0, 0.0, 4.0], abs=0.15)


@pytest.mark.parametrize("kind", STORED)
def test_a_stored_detector_scores_to_the_last_digit(kind: Kind, tmp_path: Path) -> None:
    found, x = detector(kind), clouds(50, 35)[0]
    found.save(tmp_path / "one.safetensors")
    again = load_detector(tmp_path / "one.safetensors", host())
    assert np.array_equal(again.scores(x), found.scores(x))
    assert np.array_equal(again.fires(x), found.fires(x))
    assert again.summary() == found.summary()


def test_a_stored_detector_is_refused_by_another_model(tmp_path: Path) -> None:
    detector("mahalanobis").save(tmp_path / "one.safetensors")
    other = NetworkModel(random_network((8, 24, 24, 3), seed=1))
    with pytest.raises(InvalidInput, match="another model"):
        load_detector(tmp_path / "one.safetensors", other)
    with pytest.raises(InvalidInput, match=r"other sizes|widths"):
        load_detector(tmp_path / "one.safetensors", NetworkModel(random_network((8, 5, 5, 3), seed=1)))


def test_what_is_no_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk.safetensors").write_bytes(b"nothing")
    with pytest.raises(FormatError):
        load_detector(tmp_path / "junk.safetensors", host())


def test_a_forest_cannot_be_stored(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be stored"):
        detector("forest").save(tmp_path / "one.safetensors")


def test_rows_of_the_threshold_are_never_learnt_from() -> None:
    x, _ = clouds(200, 40)
    moved = x + 0.01

    def threshold(attacked: Any) -> float:
        return fit_detector(host(), x, kind="logistic", attacked=attacked, settings=QUICK, seed=3).threshold

    # seed 3 shares rows out the same way each time: changing one row changes nothing unless it was learnt
    changed = [threshold(np.where(np.arange(200)[:, None] == row, 0.0, moved)) for row in range(24)]
    same = np.isclose(changed, threshold(moved), rtol=1e-12)
    assert same.any() and not same.all()


def test_the_same_seed_gives_the_same_detector() -> None:
    x, fresh = clouds(120, 50)[0], clouds(9, 51)[0]
    one, two, three = (fit_detector(host(), x, settings=QUICK, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.scores(fresh), two.scores(fresh))
    assert not np.array_equal(one.scores(fresh), three.scores(fresh))


def test_a_layer_may_be_chosen() -> None:
    found = fit_detector(host(), clouds(120, 50)[0], layers=[1], settings=QUICK)
    assert found.summary()["layers"] == ["2 (24)"] and found.readings.width == 2


class NoLayers:
    """A door's model: it answers and that is all."""

    name, input_dim, output_dim = "door", 8, 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "oracle"}, "kind must be one of"),
        ({"kind": "logistic"}, "learns from attacked"),
        ({"attacked": np.zeros((5, 8))}, "learns from clean inputs only"),
        ({"layers": [2]}, "from 0 to 1"),
        ({"layers": [0, 0]}, "twice"),
        ({"false_positives": 1.0}, "between 0 and 1"),
        ({"false_positives": 0.001}, "at least 999"),
        ({"x_clean": np.zeros((12, 8))}, "too few"),
        ({"model": NoLayers()}, "shows none"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change: dict[str, Any], words: str) -> None:
    wanted: dict[str, Any] = {"model": host(), "x_clean": clouds(120, 50)[0], "settings": QUICK, **change}
    with pytest.raises(InvalidInput, match=words):
        fit_detector(wanted.pop("model"), wanted.pop("x_clean"), **wanted)


def test_without_scikit_learn_a_forest_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtra, match="scikit-learn"):
        fit_detector(host(), clouds(120, 50)[0], kind="forest", settings=QUICK)
