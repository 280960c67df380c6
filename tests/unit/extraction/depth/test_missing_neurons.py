"""Lines along which only a neuron that was not found can switch."""

import numpy as np

from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.missing import line_along, strange_directions
from hingeline.extraction.depth.observed_lines import Record

NOTHING = KnownLayers(3)
FOUND = KnownLayer(np.eye(3)[:2], np.zeros(2), np.ones(2, dtype=np.bool_))


def record_with(gradient: list[float]) -> Record:
    none, one = np.zeros(0), np.ones((1, 3))
    whole = np.zeros(0, dtype=np.int64)
    jacobian = np.array([[gradient]])
    empty = np.zeros((0, 3))
    return Record(
        (), empty, empty, none, none, whole, whole, one, jacobian, np.full(1, 1e-13), one, np.ones((1, 1))
    )


def test_a_gradient_outside_the_found_rows_shows_the_missing_one() -> None:
    places = strange_directions(record_with([1.0, 2.0, -3.0]), NOTHING, FOUND, np.random.default_rng(3))
    assert len(places) == 1
    np.testing.assert_allclose(np.abs(places[0][1]), [0.0, 0.0, 1.0], atol=1e-12)


def test_gradients_made_of_found_rows_show_nothing() -> None:
    record = record_with([1.0, 2.0, 0.0])
    assert not strange_directions(record, NOTHING, FOUND, np.random.default_rng(3))


def test_the_line_stays_in_the_region_of_the_layers_below() -> None:
    below = NOTHING.with_layer(FOUND)
    line = line_along(below, np.ones(3), np.array([1.0, 0.0, 0.0]), 1.0, 4.0)
    assert line is not None
    assert (line.at(np.array([line.low, line.high]))[:, :2] > 0).all()
