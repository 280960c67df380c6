"""Facts about order that hold for a trained classifier of digits, whatever the training."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.fisher.universal import universal_directions
from hingeline.sensitivity.models.network_model import NetworkModel

HALF = 898


@pytest.fixture(scope="module")
def trained() -> tuple[NetworkModel, FloatArray]:
    """A 64-64-10 classifier trained on one half, and all images with that half first."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(81).permutation(len(pixels))
    images = pixels[order] / 16
    model = MLPClassifier((64,), max_iter=1000, random_state=82).fit(images[:HALF], labels[order][:HALF])
    return NetworkModel(PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)), images


@pytest.fixture(scope="module")
def curves(trained: tuple[NetworkModel, FloatArray]) -> FlipCurves:
    model, images = trained
    return flip_curves(model, Decision(10), images[HALF:], [0.25, 0.5, 1.0], rng=np.random.default_rng(83))


def test_fisher_directions_flip_ten_times_as_many_as_random_ones(curves: FlipCurves) -> None:
    assert curves.ratio_low[1] >= 10
    # chance is what the flat boundary foretells, or a little more: there are other boundaries
    assert 0.8 * curves.theory[1] < curves["random"].shares[1] < 1.6 * curves.theory[1]


def test_without_its_sign_a_direction_flips_half_as_many(curves: FlipCurves) -> None:
    assert np.all(curves["fisher"].shares >= 1.5 * curves["fisher_unsigned"].shares)
    np.testing.assert_allclose(curves["fisher_by_slope"].shares, curves["fisher"].shares, atol=0.02)


def test_the_fisher_direction_is_nearly_that_of_the_gradient(curves: FlipCurves) -> None:
    assert np.median(curves.cosines) > 0.95
    assert curves["fisher"].low[1] >= 0.9 * curves["gradient"].shares[1]


def test_the_nearest_linearised_boundary_is_at_least_as_good(curves: FlipCurves) -> None:
    assert np.all(curves["boundary"].shares >= curves["fisher"].shares)


def test_an_exact_door_flips_nothing_at_size_zero(curves: FlipCurves) -> None:
    assert not curves.control.flips.any() and not curves.control_of_two.flips.any()


def test_a_trained_classifier_is_saturated_at_many_inputs_whose_boundary_is_close(
    trained: tuple[NetworkModel, FloatArray],
) -> None:
    model, images = trained
    found = fisher_directions(model, Decision(10), images[HALF:])
    assert found.saturated.mean() > 0.3
    assert np.median(found.linear_distances[found.saturated]) < 1.0
    assert np.all(np.linalg.norm(found.top, axis=1) > 0.999)


def test_one_direction_for_each_class_flips_held_out_digits(trained: tuple[NetworkModel, FloatArray]) -> None:
    model, images = trained
    found = universal_directions(
        model, Decision(10), images[:HALF], [1.0], rng=np.random.default_rng(84), held_out=images[HALF:]
    )
    assert found["held_out"].low[0] > 2 * found["held_out_random"].high[0]
    assert found["held_out_by_class"].shares[0] > found["held_out"].shares[0]
