"""A trained classifier of digits, three hidden layers: a small sample of the reproduction."""

from __future__ import annotations

import functools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.models.network_model import NetworkModel


@functools.cache
def trained() -> tuple[NetworkModel, np.ndarray]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(131).permutation(len(pixels))
    images, classes = pixels[order] / 16, labels[order]
    fitted = MLPClassifier((64, 64, 64), max_iter=1000, random_state=132).fit(images[:898], classes[:898])
    right = fitted.predict(images[898:]) == classes[898:]
    network = PiecewiseLinearNetwork([w.T for w in fitted.coefs_], fitted.intercepts_)
    return NetworkModel(network), images[898:][right]


@functools.cache
def diagnosed() -> NetworkDiagnosis:
    model, images = trained()
    return diagnose_network(model, images[:300], rng=np.random.default_rng(133), data=images)


def test_signed_fisher_steps_flip_twenty_times_as_many_as_random_ones() -> None:
    model, images = trained()
    curves = flip_curves(model, Decision(10), images, [0.5], rng=np.random.default_rng(134))
    assert curves.ratio_low[0] >= 20
    assert curves["fisher"].low[0] >= 0.9 * curves["gradient"].shares[0]


def test_gains_along_it_are_those_of_the_earlier_prototype() -> None:
    gains = diagnosed().gains
    assert gains is not None
    chosen = np.exp(np.median(gains.raw.cumulative, axis=1))
    random = np.exp(np.median(gains.raw.random_cumulative, axis=(1, 2)))
    np.testing.assert_allclose(chosen, [2.4, 5.6, 12.9, 23.7], rtol=0.25)
    np.testing.assert_allclose(random, [1.1, 1.8, 3.4, 5.7], rtol=0.25)
    for table in (gains.whitened.table(), gains.raw.table()):
        assert all(row["chosen"]["low"] > row["random"]["median"] for row in table)


def test_saturation_is_told_beside_distances_that_are_short() -> None:
    found = diagnosed()
    assert found.fisher.saturated.mean() > 0.3
    assert np.median(found.fisher.linear_distances) < 1.0
    assert np.median(found.fisher.cosines) > 0.95
    assert np.median(found.eigenvalue_ratios) > 2


def test_correlations_of_the_twin_are_bounded_and_exponents_are_positive() -> None:
    found = diagnosed()
    assert found.twin is not None and found.cocycle is not None
    assert max(rows.max() for rows in found.twin.correlations) <= 1 + 1e-9
    middle, low, high = found.cocycle.spread()[:, 0]
    assert 0 < low < middle < high
