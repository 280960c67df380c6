"""How far known hyperplanes are, so that steps of gradients stay inside their regions."""

import numpy as np
import pytest

from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers


def known_layers(seed: int, decided: bool) -> KnownLayers:
    rng = np.random.default_rng(seed)
    known = KnownLayers(4)
    for width in (5, 4, 3):
        sides = np.ones(width, dtype=np.bool_) if decided else rng.uniform(size=width) < 0.5
        weights = rng.standard_normal((width, known.channels))
        known = known.with_layer(KnownLayer(weights, rng.standard_normal(width), sides))
    return known


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_no_known_neuron_switches_nearer_than_the_room(seed: int, decided: bool) -> None:
    known, rng = known_layers(seed, decided), np.random.default_rng(seed)
    points = rng.standard_normal((40, 4))
    ways = rng.standard_normal((40, 200, 4))
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    near = points[:, np.newaxis] + 0.999 * known.room(points)[:, np.newaxis, np.newaxis] * ways
    before, after = known.patterns(points), known.patterns(near.reshape(-1, 4)).reshape(40, 200, -1)
    assert (before[:, np.newaxis] == after).all()


@pytest.mark.parametrize("seed", range(5))
def test_some_known_neuron_switches_just_beyond_it(seed: int) -> None:
    known = known_layers(seed, True).below(1)
    points = np.random.default_rng(seed).standard_normal((40, 4))
    heights, rows = known.heights(points)[0], known.layers[0].weights
    nearest = np.argmin(np.abs(heights) / np.linalg.norm(rows, axis=1), axis=1)
    normal = rows[nearest] / np.linalg.norm(rows[nearest], axis=1, keepdims=True)
    side = np.sign(heights[np.arange(40), nearest])[:, np.newaxis]
    beyond = points - 1.001 * known.room(points)[:, np.newaxis] * side * normal
    assert (known.patterns(points) != known.patterns(beyond)).any(axis=1).all()


def test_without_layers_there_is_room_everywhere() -> None:
    assert np.isinf(KnownLayers(3).room(np.ones((2, 3)))).all()
