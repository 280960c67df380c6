"""Weights of last-layer neurons that only answers tell."""

from dataclasses import replace

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.untold_weights import UntoldWeights

CHANNELS, NEURONS, PLACES = 6, 5, 400


def layer(seed: int, outputs: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Unit rows, weights of the outputs, channels and a one (the last channel seldom on), answers."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((NEURONS, CHANNELS + 1))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    weights = rng.standard_normal((outputs, NEURONS))
    channels = np.maximum(rng.standard_normal((PLACES, CHANNELS)), 0)
    channels[:, -1] *= rng.uniform(size=PLACES) < 0.2
    offered = np.concatenate([channels, np.ones((PLACES, 1))], axis=1)
    return rows, weights, offered, np.maximum(offered @ rows.T, 0) @ weights.T


def without_last_channel(row: FloatArray) -> PartialNeuron:
    """A neuron of which all but the weight of the last channel is told."""
    told = row.copy()
    told[CHANNELS - 1] = 0
    untold = np.eye(CHANNELS + 1)[:, [CHANNELS - 1]]
    return PartialNeuron(told / np.linalg.norm(told), untold, ())


def weights_of(
    rows: FloatArray, partial: list[int], weights: FloatArray, *answers: FloatArray
) -> UntoldWeights:
    neurons = [
        without_last_channel(row) if index in partial else PartialNeuron(row, np.zeros((len(row), 0)), ())
        for index, row in enumerate(rows)
    ]
    # a told row of length one is another multiple of the true one: the outputs' weights are so, too
    scale = np.array([row @ one.theta for row, one in zip(rows, neurons, strict=True)])
    offered, values = answers
    return UntoldWeights(neurons, weights * scale, 0 * weights, offered, values, np.ones(len(values)))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_answers_where_a_seldom_channel_is_on_tell_its_weights(seed: int, outputs: int) -> None:
    rows, weights, offered, values = layer(seed, outputs)
    told = weights_of(rows, [0, 2, 3], weights, offered, values).told(np.random.default_rng(1))
    assert told
    for index, one in told.items():
        assert one.whole
        np.testing.assert_allclose(one.theta, rows[index], atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_a_neuron_still_missing_at_some_places_leads_to_nothing_false(seed: int) -> None:
    rows, weights, offered, values = layer(seed, 1)
    missing = np.array([0.3, -1, 0.2, -0.5, 0.1, 0.3, -0.5])
    values = values + np.maximum(offered @ missing, 0)[:, np.newaxis]
    told = weights_of(rows, [1, 2], weights, offered, values).told(np.random.default_rng(1))
    for index, one in told.items():
        np.testing.assert_allclose(one.theta, rows[index], atol=1e-9)
    if seed in {1, 3, 6, 11}:
        # both are on at many places, and off at many
        assert set(told) == {1, 2}


@pytest.mark.parametrize("seed", range(6))
def test_a_neuron_that_never_switches_there_is_told_by_sides_only(seed: int) -> None:
    rows, weights, offered, _ = layer(seed, 1)
    # on wherever the seldom channel is, and wherever else
    rows[0, :-2] = np.abs(rows[0, :-2])
    rows[0, -2:] = 0.3, 3.0
    values = np.maximum(offered @ rows.T, 0) @ weights.T
    exact = weights_of(rows, [0], weights, offered, values)
    told = exact.told(np.random.default_rng(1))
    np.testing.assert_allclose(told[0].theta, rows[0] / np.linalg.norm(rows[0]), atol=1e-9)
    assert not replace(exact, sided=False).told(np.random.default_rng(1))


def test_nothing_is_told_where_answers_do_not_fit() -> None:
    rows, weights, offered, values = layer(3, 1)
    noise = 0.1 * np.random.default_rng(2).standard_normal(values.shape)
    assert not weights_of(rows, [0, 2], weights, offered, values + noise).told(np.random.default_rng(1))


def test_a_neuron_that_is_off_wherever_the_channel_is_on_stays_as_it_is() -> None:
    rows, weights, offered, values = layer(4, 1)
    rows[2] = [-0.5, -0.4, -0.3, -0.2, -0.1, -0.6, -0.3]
    values = np.maximum(offered @ rows.T, 0) @ weights.T
    told = weights_of(rows, [0, 2], weights, offered, values).told(np.random.default_rng(1))
    assert set(told) == {0}
