"""Classifiers whose probabilities are rounded or saturate: the span from two classes, and its use."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from known_spans import enlarged_digits

from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.evaluation.practice_model import PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.opening import oracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.subspace.obfuscate import obfuscate
from hingeline.subspace.recovered import RecoveredSpan
from hingeline.subspace.span import span

Trained = tuple[PiecewiseLinearNetwork, FloatArray, FloatArray]
MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"


def trained(images: FloatArray, classes: FloatArray, hidden: tuple[int, ...]) -> PiecewiseLinearNetwork:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden, max_iter=60 if len(hidden) < 2 else 25, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not have converged
        model.fit(images, classes)
    return PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)


@pytest.fixture(scope="module")
def small() -> Trained:
    """A 64-16-10 classifier of digits, examples and other images."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    images = images / 16
    return trained(images[:1500], classes[:1500], (16,)), images[:300], images[1500:1560]


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(logits: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(logits[:, :1] - logits[:, 1:2]))


def door(
    network: PiecewiseLinearNetwork,
    shown: Callable[[FloatArray], FloatArray],
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> CallableOracle:
    spec = OracleSpec("classifier", network.weights[0].shape[1], bounds=bounds)
    return CallableOracle(lambda points: shown(network(points)), spec)


def worst_tilt(found: RecoveredSpan, network: PiecewiseLinearNetwork) -> float:
    """Largest angle of a returned direction to the rows of the first layer; they may be fewer."""
    truth = np.linalg.qr(network.weights[0].T)[0]
    return float(np.linalg.norm(found.basis - truth @ (truth.T @ found.basis), 2))


def decimals(count: int) -> Callable[[FloatArray], FloatArray]:
    return lambda logits: np.round(softmax(logits), count)


HEADS = {
    "six decimals": (decimals(6), 14, 1e-2),
    "four decimals": (decimals(4), 12, 0.1),
    "three decimals": (decimals(3), 7, 0.1),
    "float32": (lambda z: softmax(z).astype(np.float32).astype(np.float64), 14, 1e-2),
}


@pytest.mark.parametrize("head", list(HEADS))
def test_a_classifier_whose_probabilities_vanish_shows_its_span_between_classes(
    small: Trained, head: str
) -> None:
    network, examples, others = small
    shown, fewest, tilt = HEADS[head]
    finding = span(door(network, shown), data=examples)
    found = finding.value
    assert found is not None and found.method == "pairs"
    assert fewest <= found.rank <= 16
    assert found.standing != "exact" and finding.outcome.reason
    assert worst_tilt(found, network) < min(tilt, found.angle)
    assert finding.queries < 30_000
    made = obfuscate(door(network, shown), finding, others).value
    assert made is not None and made.control is not None
    assert made.labels_kept >= 0.95 and made.control.labels_kept < 0.6


def test_nothing_that_is_asked_leaves_the_bounds(small: Trained) -> None:
    network, examples, _ = small
    asked: list[tuple[float, float]] = []

    def answer(points: FloatArray) -> FloatArray:
        asked.append((float(points.min()), float(points.max())))
        return decimals(6)(network(points))

    span(CallableOracle(answer, OracleSpec("classifier", 64, bounds=(0, 1))), data=examples, budget=4000)
    assert min(low for low, _ in asked) >= 0 and max(high for _, high in asked) <= 1


def test_the_span_is_found_without_examples_without_bounds_and_from_one_probability(small: Trained) -> None:
    network, examples, _ = small
    for shown, bounds, data in (
        (decimals(6), (0.0, 1.0), None),
        (decimals(6), None, None),
        (lambda z: np.round(sigmoid(8 * z), 6), (0.0, 1.0), examples),
    ):
        found = span(door(network, shown, bounds), data=data, settings={"method": "pairs"}).value
        assert found is not None and found.rank >= 10 and found.standing != "exact"
        assert worst_tilt(found, network) < 0.1


def test_inputs_on_a_grid_are_asked_on_it(small: Trained) -> None:
    network, examples, _ = small

    def answer(points: FloatArray) -> FloatArray:
        return decimals(6)(network(np.rint(points * 255) / 255))

    target = CallableOracle(answer, OracleSpec("classifier", 64, bounds=(0, 1)))
    found = span(target, data=examples, settings={"quantum": 1 / 255}).value
    assert found is not None and found.rank >= 8 and found.standing != "exact"
    assert worst_tilt(found, network) < 0.1


def test_a_budget_that_ends_leaves_what_was_found(small: Trained) -> None:
    network, examples, _ = small
    finding = span(door(network, decimals(6)), data=examples, budget=1500)
    assert finding.outcome.status is Status.BUDGET_SPENT and finding.queries <= 1500
    assert finding.value is not None and 4 <= finding.value.rank <= 12
    assert worst_tilt(finding.value, network) < 0.1


def test_the_same_seed_asks_the_same(small: Trained) -> None:
    network, examples, _ = small
    first, second = (span(door(network, decimals(6)), data=examples, budget=3000, seed=3) for _ in range(2))
    assert first.value is not None and second.value is not None
    assert np.array_equal(first.value.basis, second.value.basis) and first.queries == second.queries


def test_precise_probabilities_are_searched_all_over_the_box(small: Trained) -> None:
    network, examples, _ = small
    finding = span(door(network, softmax), data=examples)
    assert finding.value is not None and finding.value.method == "complement"
    assert finding.value.rank >= 14 and worst_tilt(finding.value, network) < 1e-8


def served(
    network: PiecewiseLinearNetwork, examples: FloatArray, others: FloatArray
) -> Finding[RecoveredSpan]:
    """Over HTTP with 6 decimals: the span is true as far as it goes, and good enough to hide behind."""
    with PracticeServer(network, settings=PracticeSettings(softmax=True, round=6)) as server:
        target = oracle(server.url, bounds=(0.0, 1.0))
        finding = span(target, data=examples)
        made = obfuscate(target, finding, others).value
    assert made is not None and made.control is not None
    assert made.labels_kept == 1.0 and made.control.labels_kept < 0.7
    assert made.obfuscated.min() >= 0 and made.obfuscated.max() <= 1
    assert np.mean(made.correlation_original) < 0.6
    assert finding.value is not None and finding.value.standing != "exact"
    assert worst_tilt(finding.value, network) < 0.1
    return finding


@pytest.mark.slow
def test_digits_behind_http_with_six_decimals_can_be_obfuscated() -> None:
    images, classes = enlarged_digits()
    network = trained(images[:1500], classes[:1500], (80, 40))
    found = served(network, images[:300], images[1500:1520]).value
    assert found is not None and found.rank >= 40


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.exists(), reason="MNIST is not here")
def test_mnist_behind_http_with_six_decimals_can_be_obfuscated() -> None:
    images, classes = (_idx(f"train-{kind}", at) for kind, at in (("images-idx3", 16), ("labels-idx1", 8)))
    images = images.reshape(-1, 784) / 255
    network = trained(images[:5000], classes[:5000], (80, 40))
    found = served(network, images[:300], images[5000:5020]).value
    assert found is not None and found.rank >= 70


def _idx(name: str, start: int) -> FloatArray:
    raw = gzip.decompress((MNIST / f"{name}-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=start).astype(np.float64)
