"""Autoencoders of hidden layers: gradients against differences, the divergence, the schedule."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.autoencoder import (
    AutoencoderSettings,
    divergence_gradient,
    rate_share,
    train_autoencoder,
)
from hingeline.defences.detector.dense import random_dense


def test_gradients_by_parameters_are_those_of_the_answers() -> None:
    rng = np.random.default_rng(3)
    network = random_dense((4, 6, 3), rng, positive=True)
    rows, down = rng.standard_normal((7, 4)), rng.standard_normal((7, 3))
    by_input, gradients = network.backward(network.states(rows), down, parameters=True)
    for parameter, gradient in [*zip(network.parameters, gradients, strict=True), (rows, by_input)]:
        direction = rng.standard_normal(parameter.shape)
        before, values = parameter.copy(), list[float]()
        for sign in (1, -1):
            parameter[...] = before + sign * 1e-6 * direction
            values.append(float((network(rows) * down).sum()))
        parameter[...] = before
        slope = (values[0] - values[1]) / 2e-6
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-5, abs=1e-7)


def test_the_gradient_of_the_divergence_is_that_of_its_value() -> None:
    rng = np.random.default_rng(8)
    codes, drawn, direction = (rng.standard_normal((6, 3)) for _ in range(3))
    up, down = (divergence_gradient(codes + s * 1e-6 * direction, drawn)[0] for s in (1, -1))
    gradient = divergence_gradient(codes, drawn)[1]
    assert (up - down) / 2e-6 == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


def test_the_divergence_of_two_points_is_what_a_hand_computes() -> None:
    # one number in a code: constant 2 x 1 x 2 = 4; own pairs 1 apart, drawn pairs 2 apart
    codes, drawn = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    cross = (4 / 4 + 4 / 8 + 4 / 5 + 4 / 5) / 4
    assert divergence_gradient(codes, drawn)[0] == pytest.approx(4 / 5 + 4 / 8 - 2 * cross)


def test_the_divergence_from_its_own_prior_is_zero_on_average() -> None:
    rng = np.random.default_rng(21)
    drawn = [np.sqrt(2.0) * rng.standard_normal((2, 30, 4)) for _ in range(400)]
    values = np.array([divergence_gradient(first, second)[0] for first, second in drawn])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert (values < 0).any()


def test_the_rate_falls_where_the_paper_lets_it() -> None:
    places = (0, 74, 75, 99, 100, 124, 125, 149)
    assert [rate_share(epoch, 150) for epoch in places] == [1.0, 1.0, 0.5, 0.5, 0.2, 0.2, 0.1, 0.1]


@pytest.mark.parametrize("loss", ["plain", "wae"])
def test_what_lies_on_a_plane_is_reconstructed_better_than_its_mean(loss: str) -> None:
    rng = np.random.default_rng(4)
    values = np.abs(rng.standard_normal((300, 2)) @ rng.standard_normal((2, 10)))
    settings = AutoencoderSettings(hidden=32, code=4, loss=loss, epochs=100)  # type: ignore[arg-type]
    coder, error = train_autoencoder(values, settings, rng)
    spread = ((values - values.mean(axis=0)) ** 2).mean() / coder.scale**2
    assert error < 0.3 * spread
    assert coder.statistics(values)[:, 0].mean() < 0.3 * spread


def test_statistics_and_codes_have_the_gradients_of_differences() -> None:
    rng = np.random.default_rng(6)
    values = np.abs(rng.standard_normal((40, 9)))
    coder, _ = train_autoencoder(values, AutoencoderSettings(8, 3, epochs=5), rng)
    seen, step = values[:6], rng.standard_normal((6, 9))
    for read, back, width in (
        (coder.statistics, coder.statistics_gradient, 2),
        (coder.codes, coder.codes_gradient, 3),
    ):
        down = rng.standard_normal((6, width))
        slopes = ((read(seen + 1e-6 * step) - read(seen - 1e-6 * step)) * down).sum(axis=1) / 2e-6
        assert slopes == pytest.approx((back(seen, down) * step).sum(axis=1), rel=1e-5, abs=1e-7)


def test_a_layer_that_is_always_zero_is_refused() -> None:
    with pytest.raises(InvalidInput, match="zero at all inputs"):
        train_autoencoder(np.zeros((20, 4)), AutoencoderSettings(), np.random.default_rng(0))


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(InvalidInput, match="wants widths"):
        AutoencoderSettings(code=0)
