"""Lines, lifts and sides for neurons that are seldom on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.lifting import lift_of
from hingeline.extraction.depth.open_chords import open_chords, open_patterns
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.rare_places import rare_segments


def _layer(rng: np.random.Generator, outputs: int, inputs: int) -> KnownLayer:
    weights = rng.standard_normal((outputs, inputs))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return KnownLayer(weights, 0.1 * rng.standard_normal(outputs), np.ones(outputs, dtype=np.bool_))


def _known(rng: np.random.Generator, *widths: int) -> KnownLayers:
    layers = [_layer(rng, after, before) for before, after in pairwise(widths)]
    return KnownLayers(widths[0], tuple(layers))


def test_chords_stay_where_most_neurons_are_on_and_meet_a_neuron_that_needs_one_channel_alone() -> None:
    rng = np.random.default_rng(1)
    known = _known(rng, 6, 6)
    assert open_patterns(known, 1.0, rng)[0].all()
    chords = [*open_chords(known, 1.0, 0, rng), *open_chords(known, 1.0, 2, rng)]
    assert chords
    met = False
    for chord in chords:
        points = chord.at(np.linspace(chord.low, chord.high, 200))
        assert known.patterns(points).all()
        channels = known.offered(points)[:, :-1]
        height = 0.1 * channels[:, 2] - (channels.sum(axis=1) - channels[:, 2]) - 0.05
        met |= bool((height > 0).any() and (height < 0).any())
    assert met


def test_segments_between_rare_places_meet_more_neurons_than_their_number() -> None:
    rng = np.random.default_rng(2)
    known = _known(rng, 6, 6, 6, 6)
    below = known.below(2)
    segments = rare_segments(below, 1.0, 8, rng)
    met = np.zeros(6, dtype=np.bool_)
    for one in segments:
        heights = known.heights(one.at(np.linspace(one.low, one.high, 2000)))[-1]
        met |= (heights > 0).any(axis=0) & (heights < 0).any(axis=0)
    assert len(segments) == 8
    assert met.sum() >= 5


def _offered(known: KnownLayers, theta: FloatArray, points: FloatArray) -> FloatArray:
    return np.asarray(known.offered(points) @ theta)


def test_a_row_is_the_same_function_over_channels_that_were_scaled_turned_and_decided() -> None:
    rng = np.random.default_rng(4)
    first = _layer(rng, 3, 4)
    before = KnownLayers(4, (KnownLayer(first.weights, first.biases, np.array([True, True, False])),))
    scales = np.array([1.0, 2.5, -0.5])
    turned = KnownLayer(
        first.weights * scales[:, np.newaxis], first.biases * scales, np.ones(3, dtype=np.bool_)
    )
    now = KnownLayers(4, (turned,))
    # in the third neuron the row comes in as relu(-z) = relu(z) - z
    theta = np.array([0.3, -0.4, 0.5, -0.5, 0.2])
    theta /= np.linalg.norm(theta)
    points = rng.standard_normal((300, 4))
    names = [(7, False), (8, False), (9, False), (9, True)]
    lift = lift_of((before, names), (now, names[:3]), points)
    assert lift is not None
    lifted = lift.of(PartialNeuron(theta, np.zeros((5, 0)), (0,)))
    assert lifted is not None and lifted.whole
    ratio = _offered(now, lifted.theta, points) / _offered(before, theta, points)
    assert ratio[0] > 0
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


def test_of_a_channel_that_was_missing_the_weight_is_not_told() -> None:
    rng = np.random.default_rng(5)
    full = _layer(rng, 3, 4)
    fewer = KnownLayer(full.weights[:2], full.biases[:2], np.ones(2, dtype=np.bool_))
    names = [(1, False), (2, False), (3, False)]
    before, now = KnownLayers(4, (fewer,)), KnownLayers(4, (full,))
    lift = lift_of((before, names[:2]), (now, names), rng.standard_normal((100, 4)))
    assert lift is not None
    lifted = lift.of(PartialNeuron(np.array([0.6, 0.8, 0.0]), np.zeros((3, 0)), (0,)))
    assert lifted is not None and lifted.told.tolist() == [True, True, False, True]
