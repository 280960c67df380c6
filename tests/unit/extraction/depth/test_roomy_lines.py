"""Lines through regions in which the layers below have more neurons on than random places have."""

import numpy as np
import pytest

from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.roomy_lines import (
    line_from,
    line_over,
    line_through,
    open_places,
    region_at,
    spare_directions,
)

WIDTH = 12


def square_layers(count: int, seed: int) -> KnownLayers:
    rng = np.random.default_rng(seed)
    layers = [
        KnownLayer(
            rng.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5,
            0.1 * rng.standard_normal(WIDTH),
            np.ones(WIDTH, dtype=np.bool_),
        )
        for _ in range(count)
    ]
    return KnownLayers(WIDTH, tuple(layers))


@pytest.mark.parametrize("seed", [3, 4])
def test_a_whole_first_layer_can_be_on(seed: int) -> None:
    known = square_layers(1, seed)
    places = open_places(known, 3.0, np.random.default_rng(seed))
    assert known.patterns(places).all()


@pytest.mark.parametrize("seed", [3, 4])
def test_open_places_have_more_on_than_random_ones(seed: int) -> None:
    known, rng = square_layers(2, seed), np.random.default_rng(seed)
    typical = np.median(known.patterns(rng.standard_normal((200, WIDTH))).sum(axis=1))
    assert np.median(known.patterns(open_places(known, 3.0, rng)).sum(axis=1)) > 1.3 * typical


@pytest.mark.parametrize("wanted", [0, 5, 11])
def test_neurons_that_are_wanted_on_are_on(wanted: int) -> None:
    known, rng = square_layers(2, 5), np.random.default_rng(wanted)
    chances = np.zeros(WIDTH)
    chances[wanted] = 10.0
    places = open_places(known, 3.0, rng, [np.ones(WIDTH), chances])
    assert (known.heights(places)[1][:, wanted] > 0).mean() > 0.9


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_lines_stay_in_their_region(seed: int) -> None:
    known, rng = square_layers(2, seed), np.random.default_rng(seed)
    place = open_places(known, 3.0, rng)[0]
    region = region_at(known, place)
    theta = rng.standard_normal(WIDTH + 1)
    lines = line_through(region, 3.0, rng), line_from(region, place, 3.0, rng)
    for line in [*lines, line_over(known, place, theta, 3.0, rng)]:
        assert line is not None and line.low < line.high
        patterns = known.patterns(line.at(np.linspace(line.low, line.high, 9)))
        assert (patterns == known.patterns(place[np.newaxis])).all()


def test_what_is_to_spare_is_what_moves_below_and_not_in_the_last_layer() -> None:
    eye, on = np.eye(4), np.ones(4, dtype=np.bool_)
    layers = [KnownLayer(eye, np.array(shift), on) for shift in ([0.0, 0, 0, -9], [0.0, 0, -9, -9])]
    point = np.ones((1, 4))
    assert spare_directions(KnownLayers(4, tuple(layers)), point) == [1]
    assert [spare_directions(KnownLayers(4, (one,)), point)[0] for one in layers] == [1, 2]
