from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.practice_model import PracticeModel, PracticeSettings
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import OracleSpec

# f(x) = (relu(x1) + 1/3, relu(x2) - 1/3)
NETWORK = PiecewiseLinearNetwork([np.eye(2), np.eye(2)], [np.zeros(2), np.array([1 / 3, -1 / 3])])
SCALAR = PiecewiseLinearNetwork([np.eye(2), np.ones((1, 2))], [np.zeros(2), np.array([-1.0])])
POINTS = np.array([[0.0, 1.0], [0.1, -5.0], [0.2, 3.0]])


def shown(network: PiecewiseLinearNetwork = NETWORK, **settings: Any) -> np.ndarray:
    return PracticeModel(network, PracticeSettings(**settings)).answers(POINTS)


def test_without_a_defence_the_answers_are_the_networks_own() -> None:
    assert np.array_equal(shown(), NETWORK(POINTS))


def test_rounding_keeps_so_many_decimals() -> None:
    assert shown(round=2).tolist() == [[0.33, 0.67], [0.43, -0.33], [0.53, 2.67]]


def test_softmax_gives_the_closed_form() -> None:
    powers = np.exp(NETWORK(POINTS))
    assert np.allclose(shown(softmax=True), powers / powers.sum(axis=1, keepdims=True), rtol=1e-14)


def test_softmax_of_one_logit_gives_both_classes() -> None:
    logit = SCALAR(POINTS)
    assert np.allclose(
        shown(SCALAR, softmax=True), np.hstack([1 - 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-logit))])
    )


@pytest.mark.parametrize(("network", "labels"), [(NETWORK, [1, 0, 1]), (SCALAR, [0, 0, 1])])
def test_labels_are_the_winning_class(network: PiecewiseLinearNetwork, labels: list[int]) -> None:
    assert shown(network, labels=True).ravel().tolist() == labels


def test_noise_has_the_stated_size_and_its_seed() -> None:
    model = PracticeModel(NETWORK, PracticeSettings(noise=0.5, seed=3))
    deviations = model.answers(np.zeros((4000, 2))) - NETWORK(np.zeros((4000, 2)))
    assert deviations.std() == pytest.approx(0.5, rel=0.05)
    assert np.array_equal(shown(noise=0.5, seed=3), shown(noise=0.5, seed=3))
    assert not np.array_equal(shown(noise=0.5, seed=3), shown(noise=0.5, seed=4))


def test_the_nth_row_gets_the_nth_draw_whatever_the_batches() -> None:
    model = PracticeModel(NETWORK, PracticeSettings(noise=1.0))
    parts = np.concatenate([model.answers(POINTS[:1]), model.answers(POINTS[1:])])
    assert np.array_equal(parts, shown(noise=1.0))


def test_float32_is_computed_in_float32() -> None:
    generator = np.random.default_rng(0)
    network = PiecewiseLinearNetwork(
        [generator.normal(size=(50, 20)), generator.normal(size=(3, 50))], [np.zeros(50), np.zeros(3)]
    )
    points = generator.normal(size=(100, 20))
    answers = PracticeModel(network, PracticeSettings(dtype="float32")).answers(points)
    error = np.abs(answers - network(points)).max()
    assert np.array_equal(answers, answers.astype(np.float32))
    # More than the rounding of inputs and answers alone would leave, less than a bug.
    assert 1e-6 < error < 1e-4


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_model_file_is_served_like_the_network_in_it(tmp_path: Path, suffix: str) -> None:
    save_network(NETWORK, tmp_path / f"net{suffix}")
    model = PracticeModel(tmp_path / f"net{suffix}", PracticeSettings())
    assert np.array_equal(model.answers(POINTS), NETWORK(POINTS))


def test_a_function_is_served_when_its_dimension_is_said() -> None:
    model = PracticeModel(lambda x: x.sum(axis=1), PracticeSettings(), input_dim=2)
    assert (model.input_dim, model.output_dim) == (2, 1)
    assert model.answers(POINTS).ravel().tolist() == POINTS.sum(axis=1).tolist()


def test_an_oracle_with_small_batches_is_asked_in_small_batches() -> None:
    sizes: list[int] = []

    def function(points: np.ndarray) -> np.ndarray:
        sizes.append(len(points))
        return points

    PracticeModel(CallableOracle(function, OracleSpec("f", 2, max_batch=2)), PracticeSettings()).answers(
        POINTS
    )
    assert sizes == [1, 2, 1]


def test_a_model_on_another_host_is_not_served_on() -> None:
    far = network_oracle(NETWORK, remote=True)
    with pytest.raises(InvalidInput, match="on another host"):
        PracticeModel(far, PracticeSettings())


@pytest.mark.parametrize(
    "settings",
    [
        {"labels": True, "softmax": True},
        {"labels": True, "round": 2},
        {"round": -1},
        {"noise": -1.0},
        {"noise": float("nan")},
        {"latency": -1.0},
        {"rate": 0.0},
        {"fail_every": 0},
        {"max_batch": 0},
        {"dtype": "float16"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        PracticeSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "no defence"),
        ({"softmax": True, "round": 4, "noise": 1e-6}, "noise 1e-06, probabilities, rounded to 4 decimals"),
        ({"labels": True, "rate": 5.0}, "labels only, at most 5 rows per second"),
    ],
)
def test_settings_say_themselves_in_words(settings: dict[str, Any], words: str) -> None:
    assert PracticeSettings(**settings).described == words
