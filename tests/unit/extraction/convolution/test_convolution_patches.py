from __future__ import annotations

import numpy as np
import pytest
from practice_convolutions import asked, he_convolution, network_above, swept

from hingeline.core.errors import InvalidInput
from hingeline.extraction.convolution.crossed_bend import CrossedBend, by_clarity
from hingeline.extraction.convolution.filters import SweptImages
from hingeline.extraction.convolution.image_shape import checked_image, guessed_images
from hingeline.extraction.convolution.patches import measured_patch, patch_on_grid
from hingeline.extraction.convolution.predicted import Grid, SharedNormal, crossings, grid_of, matched
from hingeline.extraction.convolution.search import FilterSearch
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def lone_filter(start: tuple[int, int]) -> tuple[PiecewiseLinearNetwork, np.ndarray]:
    """One neuron that looks at two rows and three columns of an image of 2x7x9."""
    rng = np.random.default_rng(41)
    row = np.zeros((2, 7, 9))
    row[:, start[0] : start[0] + 2, start[1] : start[1] + 3] = rng.standard_normal((2, 2, 3))
    return PiecewiseLinearNetwork([row.reshape(1, -1), np.ones((1, 1))], [np.ones(1), np.zeros(1)]), row


def test_images_must_have_as_many_numbers_as_a_row() -> None:
    assert checked_image([3, 4, 5], 60) == (3, 4, 5)
    for image in ((1, 8, 8), (3, 20), (3, -4, -5)):
        with pytest.raises(InvalidInput, match="image"):
            checked_image(image, 60)


def test_square_images_are_guessed_and_nothing_else() -> None:
    assert guessed_images(64) == ((1, 8, 8),)
    assert guessed_images(3 * 81) == ((3, 9, 9),)
    assert guessed_images(60) == ()


@pytest.mark.parametrize("start", [(0, 0), (2, 3), (5, 6), (0, 6), (3, 0)])
def test_the_rectangle_of_a_normal_is_found_wherever_it_lies(start: tuple[int, int]) -> None:
    network, row = lone_filter(start)
    bench, sweep = swept(network, 126)
    before = asked(bench)
    bend = CrossedBend.at(bench.probe, sweep, 0, np.random.default_rng(42))
    patch = measured_patch(bend, (2, 7, 9), inside=False)
    assert patch is not None
    assert (patch.start, patch.kernel) == (start, (2, 3))
    inside = row[:, start[0] : start[0] + 2, start[1] : start[1] + 3]
    np.testing.assert_allclose(patch.values, inside / (row.ravel() @ sweep.line.direction), rtol=1e-9)
    assert asked(bench) - before <= 2 + 2 * (12 + 15)


@pytest.mark.parametrize("start", [(0, 0), (2, 3), (5, 6)])
def test_a_known_kernel_is_found_on_its_grid_for_less(start: tuple[int, int]) -> None:
    network, _ = lone_filter(start)
    bench, sweep = swept(network, 126)
    before = asked(bench)
    bend = CrossedBend.at(bench.probe, sweep, 0, np.random.default_rng(43))
    patch = patch_on_grid(bend, (2, 7, 9), Grid((-1, -1), (1, 1), (8, 10)), (2, 3))
    assert patch is not None
    assert patch.start == start
    assert asked(bench) - before <= 2 + 2 * (3 + 4 + 1 + 12)


def test_a_patch_cut_off_at_the_edge_is_not_taken_for_a_whole_one() -> None:
    row = np.zeros((1, 6, 6))
    row[0, 0:2, 1:4] = 1.0 + np.arange(6).reshape(2, 3)
    network = PiecewiseLinearNetwork([row.reshape(1, -1), np.ones((1, 1))], [np.ones(1), np.zeros(1)])
    bench, sweep = swept(network, 36)
    bend = CrossedBend.at(bench.probe, sweep, 0, np.random.default_rng(44))
    assert patch_on_grid(bend, (1, 6, 6), Grid((-1, -1), (1, 1), (6, 6)), (3, 3)) is None


def test_a_normal_that_is_everywhere_is_no_patch() -> None:
    rng = np.random.default_rng(45)
    network = PiecewiseLinearNetwork(
        [rng.standard_normal((1, 64)), np.ones((1, 1))], [np.ones(1), np.zeros(1)]
    )
    bench, sweep = swept(network, 64)
    bend = CrossedBend.at(bench.probe, sweep, 0, rng)
    before = asked(bench)
    assert measured_patch(bend, (1, 8, 8), inside=False) is None
    assert asked(bench) - before == 8


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_one_filter_predicts_its_crossings_at_all_positions(stride: int, padding: int) -> None:
    layer = he_convolution((2, 9, 7), 3, 1, stride, padding, seed=46)
    network = network_above(layer, 2, seed=47)
    _, sweep = swept(network, 126, seed=48)
    size = float(np.linalg.norm(layer.filters))
    shared = SharedNormal(layer.filters[0] / size, float(layer.biases[0]) / size, 1e-15)
    found = matched(shared, sweep, (2, 9, 7), np.zeros(126))
    assert len(found.bends) == layer.positions == len(sweep.bends)
    grid = grid_of(found.starts)
    assert (grid.first, grid.stride) == ((-padding, -padding), (stride, stride))
    assert grid.padding((2, 9, 7), (3, 3)) == layer.padding
    assert grid.count == layer.output_shape[1:]


def test_crossings_are_those_of_the_dense_rows() -> None:
    layer = he_convolution((1, 5, 6), (2, 3), 1, 1, 0, seed=49)
    _, sweep = swept(network_above(layer, 1), 30)
    weights, biases = layer.to_dense()
    line, centre = sweep.line, np.full(30, 0.25)
    t, speed = crossings(SharedNormal(layer.filters[0], float(layer.biases[0]), 0.0), line, (1, 5, 6), centre)
    rows = weights.reshape(4, 4, 30)
    np.testing.assert_allclose(speed[1:5, 2:6], rows @ line.direction)
    np.testing.assert_allclose(
        t[1:5, 2:6], -(rows @ (line.origin + centre) + biases.reshape(4, 4)) / (rows @ line.direction)
    )


def test_positions_not_seen_at_the_beginning_are_filled_in() -> None:
    grid = grid_of(np.array([[3, 1], [5, 5], [7, 1]]))
    assert grid == Grid((-1, -3), (2, 4), (5, 3))


def test_the_clearest_bends_are_those_with_room_and_jump() -> None:
    weights = np.array([[1.0], [1.0], [1.0]])
    network = PiecewiseLinearNetwork(
        [weights @ np.eye(1, 4), np.array([[1.0, 1.0, 1.0]])], [np.array([0.0, 1.0, 1.01]), np.zeros(1)]
    )
    bench, sweep = swept(network, 4)
    clarity = by_clarity(bench.probe, sweep)
    assert len(clarity) == 3
    lone = np.argmin(np.abs(sweep.line.at(sweep.bends)[:, 0]))
    assert clarity.argmin() == lone


def test_all_filters_of_a_coloured_image_cost_few_queries_each() -> None:
    layer = he_convolution((3, 7, 9), 2, 3, 1, 0, seed=51)
    bench, sweep = swept(network_above(layer, 4, seed=52), 189, seed=53)
    before = asked(bench)
    lines = SweptImages((sweep,), (3, 7, 9), np.zeros(189))
    found = FilterSearch(bench.probe, lines, np.random.default_rng(54)).run()
    assert found is not None
    assert (len(found.filters), found.strangers) == (3, 0)
    assert asked(bench) - before <= 5 * layer.parameter_count
    assert all(pooled.agreeing == layer.positions for pooled in found.filters)
