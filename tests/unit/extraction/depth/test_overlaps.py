"""Rows put together from vectors that each tell a part of one."""

import numpy as np
import pytest

from hingeline.extraction.depth.overlaps import PartialRows, same_neuron, whole_row

NEURONS, CHANNELS, VIEWS = 5, 40, 16


def parts(noise: float, seed: int = 5) -> tuple[np.ndarray, PartialRows]:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((NEURONS, CHANNELS))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    told = rng.random((NEURONS * VIEWS, CHANNELS)) < 0.5
    values = np.repeat(rows, VIEWS, axis=0) * rng.choice([-1.0, 1.0], (NEURONS * VIEWS, 1))
    values = (values + noise * rng.standard_normal(values.shape)) * told
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    lines = np.tile(np.arange(VIEWS), NEURONS)
    return rows, PartialRows(values, told, np.full(NEURONS * VIEWS, max(noise, 1e-15)), lines)


@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_parts_of_one_row_are_found_together_and_make_it(noise: float) -> None:
    rows, given = parts(noise)
    groups = same_neuron(given)
    assert len(groups) == NEURONS
    for group in groups:
        assert len(group) == VIEWS
        made = whole_row(given, group)
        assert made is not None
        assert made.told.all()
        true = rows[group[0] // VIEWS]
        off = made.theta - np.sign(made.theta @ true) * true
        assert np.linalg.norm(off) < 1e-7 + 10 * noise


def test_parts_of_one_line_alone_are_no_neuron() -> None:
    _, given = parts(0.0)
    one_line = PartialRows(given.values, given.told, given.errors, np.zeros(len(given.lines), dtype=np.int64))
    assert not same_neuron(one_line)


def test_what_no_part_tells_is_not_told() -> None:
    _, given = parts(0.0)
    told = given.told.copy()
    told[:, 0] = False
    values = given.values * told
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    given = PartialRows(values, told, given.errors, given.lines)
    made = whole_row(given, same_neuron(given)[0])
    assert made is not None
    assert not made.told[0]
    assert made.theta[0] == 0


def test_parts_that_share_no_number_make_no_row() -> None:
    value = np.zeros((2, 12))
    value[0, :6], value[1, 6:] = 6**-0.5, 6**-0.5
    given = PartialRows(value, value > 0, np.full(2, 1e-12), np.arange(2))
    assert whole_row(given, np.arange(2)) is None
