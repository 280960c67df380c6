"""Fisher information pulled back to the input, on classifiers whose answer is known in closed form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Curves, Pictures
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def linear(weights: FloatArray, biases: FloatArray) -> NetworkModel:
    return NetworkModel(PiecewiseLinearNetwork([weights], [biases]))


def probabilities(model: NetworkModel, points: FloatArray) -> FloatArray:
    parts = np.exp(model.outputs(points) - model.outputs(points).max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)


def dense(model: NetworkModel, points: FloatArray) -> FloatArray:
    """J'(diag p - pp')J as it stands in books."""
    p, jacobian = probabilities(model, points), model.jacobians(points)
    inner = np.einsum("nk,kl->nkl", p, np.eye(p.shape[1])) - p[:, :, np.newaxis] * p[:, np.newaxis]
    return np.swapaxes(jacobian, 1, 2) @ inner @ jacobian


def rebuilt(found: FisherDirections) -> FloatArray:
    vectors = found.directions
    return np.einsum("nr,nri,nrj->nij", found.eigenvalues[:, : vectors.shape[1]], vectors, vectors)


def aligned(a: FloatArray, b: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.abs((a * b).sum(axis=-1)) / lengths


@pytest.fixture
def tanh() -> tuple[NetworkModel, FloatArray]:
    rng = np.random.default_rng(11)
    return NetworkModel(random_network((12, 16, 14, 5), seed=21, activation="tanh")), rng.normal(
        size=(40, 12)
    )


def test_a_softmax_linear_classifier_has_the_fisher_information_of_its_weights() -> None:
    rng = np.random.default_rng(31)
    weights, points = rng.normal(size=(4, 9)), rng.normal(size=(20, 9))
    model = linear(weights, rng.normal(size=4))
    found = fisher_directions(model, Decision(4), points, directions=3)
    p = probabilities(model, points)
    for row in range(20):
        known = weights.T @ (np.diag(p[row]) - np.outer(p[row], p[row])) @ weights
        np.testing.assert_allclose(rebuilt(found)[row], known, atol=1e-13)


def test_a_deep_network_has_the_eigenvalues_of_the_dense_matrix(
    tanh: tuple[NetworkModel, FloatArray],
) -> None:
    model, points = tanh
    found = fisher_directions(model, Decision(5), points, directions=4)
    known = np.linalg.eigvalsh(dense(model, points))[:, ::-1][:, :4]
    np.testing.assert_allclose(found.eigenvalues, known, atol=1e-14 * known.max())
    np.testing.assert_allclose(found.traces, known.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        found.participation, known.sum(axis=1) ** 2 / (known**2).sum(axis=1), rtol=1e-10
    )


def test_of_two_classes_the_direction_is_the_gradient_of_the_log_odds() -> None:
    model = NetworkModel(random_network((10, 12, 2), seed=22, activation="gelu"))
    points = np.random.default_rng(12).normal(size=(50, 10))
    found = fisher_directions(model, Decision(2), points)
    gradients = model.gradients(points, np.tile([1.0, -1.0], (50, 1)))
    p = probabilities(model, points)
    assert aligned(found.top, gradients).min() > 1 - 1e-12
    known = p.prod(axis=1) * (gradients**2).sum(axis=1)
    np.testing.assert_allclose(found.eigenvalues[:, 0], known, rtol=1e-12)
    assert found.eigenvalues.shape == (50, 1)
    np.testing.assert_allclose(found.participation, 1.0)


def test_one_output_is_a_logistic_score_about_its_threshold() -> None:
    model = NetworkModel(random_network((10, 12, 1), seed=23, activation="tanh"))
    points = np.random.default_rng(13).normal(size=(30, 10))
    found = fisher_directions(model, Decision(1, threshold=0.2), points)
    gradients, score = model.jacobians(points)[:, 0], model.outputs(points)[:, 0] - 0.2
    known = (gradients**2).sum(axis=1) / (2.0 + 2.0 * np.cosh(score))
    np.testing.assert_allclose(found.eigenvalues[:, 0], known, rtol=1e-12)
    assert aligned(found.top, gradients).min() > 1 - 1e-12


def test_the_quadratic_form_foretells_the_divergence_of_small_steps(
    tanh: tuple[NetworkModel, FloatArray],
) -> None:
    model, points = tanh
    steps = 1e-2 * np.random.default_rng(14).normal(size=points.shape) / np.sqrt(12)
    before, after = probabilities(model, points), probabilities(model, points + steps)
    divergence = (before * np.log(before / after)).sum(axis=1)
    form = 0.5 * np.einsum(
        "ni,nij,nj->n", steps, rebuilt(fisher_directions(model, Decision(5), points, directions=4)), steps
    )
    np.testing.assert_allclose(form, divergence, rtol=0.05)


def test_a_saturated_answer_keeps_its_direction() -> None:
    rng = np.random.default_rng(15)
    weights = rng.normal(size=(3, 8))
    for gap in (50.0, 700.0, 900.0):  # the rivals' probabilities: 1e-22, 1e-304, below the smallest number
        model = linear(weights, np.array([gap, 0.0, -40.0]))
        found = fisher_directions(model, Decision(3), np.zeros((1, 8)))
        assert aligned(found.top, weights[:1] - weights[1:2])[0] > 1 - 1e-12
        known = np.log(((weights[0] - weights[1]) ** 2).sum()) - gap
        np.testing.assert_allclose(found.log_eigenvalues[0, 0], known, rtol=1e-12)
        assert found.saturated[0] and np.isfinite(found.linear_distances[0])


def test_an_input_near_the_boundary_is_not_called_saturated() -> None:
    model = linear(np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2))
    points = np.array([[0.3, 0.0], [3.0, 0.0], [10.0, 0.0]])
    found = fisher_directions(model, Decision(2), points)
    np.testing.assert_array_equal(found.saturated, [False, False, True])
    np.testing.assert_allclose(found.linear_distances, points[:, 0] / np.sqrt(2))
    assert 0.95 < found.seen[0] <= 1.0


def test_a_constant_added_to_all_logits_changes_nothing(tanh: tuple[NetworkModel, FloatArray]) -> None:
    model, points = tanh
    network = model.network
    shift = np.zeros(5) + 1e3
    shifted = NetworkModel(
        FeedForwardNetwork(network.weights, (*network.biases[:-1], network.biases[-1] + shift), "tanh")
    )
    one, two = (fisher_directions(m, Decision(5), points) for m in (model, shifted))
    np.testing.assert_allclose(one.log_eigenvalues, two.log_eigenvalues, atol=1e-9)
    assert aligned(one.top, two.top).min() > 1 - 1e-12


def test_a_rotation_of_the_input_rotates_the_directions(tanh: tuple[NetworkModel, FloatArray]) -> None:
    model, points = tanh
    turn = np.linalg.qr(np.random.default_rng(16).normal(size=(12, 12)))[0]
    weights = (model.network.weights[0] @ turn, *model.network.weights[1:])
    turned = NetworkModel(FeedForwardNetwork(weights, model.network.biases, "tanh"))
    one = fisher_directions(model, Decision(5), points)
    two = fisher_directions(turned, Decision(5), points @ turn)
    np.testing.assert_allclose(one.log_eigenvalues, two.log_eigenvalues, atol=1e-8)
    assert aligned(one.top @ turn, two.top).min() > 1 - 1e-12


def test_few_rivals_of_many_are_the_most_probable_and_the_rest_is_told() -> None:
    rng = np.random.default_rng(17)
    model = linear(rng.normal(size=(50, 6)), 4 * rng.normal(size=50))
    points = rng.normal(size=(10, 6))
    some = fisher_directions(model, Decision(50), points, most_rivals=20)
    every = fisher_directions(model, Decision(50), points, most_rivals=49)
    assert 0 < some.left_out.max() < 1e-2 and every.left_out.max() == 0
    gaps = np.abs(some.eigenvalues[:, 0] / every.eigenvalues[:, 0] - 1)
    assert np.all(gaps < 100 * some.left_out + 1e-12)


def test_coordinates_that_may_not_change_are_in_no_direction(tanh: tuple[NetworkModel, FloatArray]) -> None:
    model, points = tanh
    free = np.arange(12) % 3 > 0
    found = fisher_directions(model, Decision(5), points, threat=Threat(free=free))
    assert not found.directions[:, :, ~free].any()
    part = dense(model, points)[:, free][:, :, free]
    np.testing.assert_allclose(found.traces, np.trace(part, axis1=1, axis2=2), rtol=1e-12)


def test_without_a_gradient_there_is_no_direction_and_no_boundary() -> None:
    model = NetworkModel(random_network((5, 8, 3), seed=1, activation="sign"))
    found = fisher_directions(model, Decision(3), np.ones((2, 5)))
    assert not found.directions.any() and not found.eigenvalues.any()
    assert np.isinf(found.linear_distances).all() and np.isnan(found.seen).all()
    assert found.summary()["share_without_gradient"] == 1.0


def test_splitting_the_batch_changes_nothing(
    tanh: tuple[NetworkModel, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, points = tanh
    whole = fisher_directions(model, Decision(5), points)
    monkeypatch.setattr("hingeline.sensitivity.fisher.fisher_root._CHUNK_NUMBERS", 200)
    parts = fisher_directions(model, Decision(5), points)
    np.testing.assert_allclose(whole.log_eigenvalues, parts.log_eigenvalues, atol=1e-9)
    np.testing.assert_array_equal(whole.classes, parts.classes)


def test_what_it_tells_is_json_and_its_figures_have_the_right_shape(
    tanh: tuple[NetworkModel, FloatArray],
) -> None:
    found = fisher_directions(tanh[0], Decision(5), tanh[1])
    json.dumps(found.to_dict(), allow_nan=False)
    spectrum, pictures = found.figures((3, 4))
    assert isinstance(spectrum, Curves) and isinstance(pictures, Pictures)
    assert len(pictures.rows) == 4 and len(pictures.rows[0][0].pixels) == 3
    with pytest.raises(InvalidInput, match="does not hold 12 pixels"):
        found.figures((5, 5))


def test_answers_that_are_not_finite_are_refused() -> None:
    model = linear(np.full((2, 3), 1e308), np.zeros(2))
    with np.errstate(over="ignore"), pytest.raises(InvalidInput, match="finite logits"):
        fisher_directions(model, Decision(2), np.full((1, 3), 10.0))
