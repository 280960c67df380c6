"""Lines across regions in which the layers below move in all dimensions."""

import numpy as np

from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.rich_lines import far_end, moving_rows, region_of, rich_line
from hingeline.probing.line import Line


def layer(rows: list[list[float]], biases: list[float]) -> KnownLayer:
    return KnownLayer(np.array(rows), np.array(biases), np.ones(len(biases), dtype=np.bool_))


QUADRANT = KnownLayers(2, (layer([[1.0, 0.0], [0.0, 1.0]], [-1.0, -1.0]),))


def test_a_rich_line_stays_where_every_neuron_of_the_last_layer_is_on() -> None:
    for seed in range(5):
        line = rich_line(QUADRANT, 1.0, np.random.default_rng(seed))
        if line is not None:
            assert (line.at(np.array([line.low, line.high])) > 1.0).all()
    assert any(rich_line(QUADRANT, 1.0, np.random.default_rng(seed)) is not None for seed in range(5))


def test_no_line_is_rich_where_two_neurons_are_never_on_together() -> None:
    apart = QUADRANT.with_layer(layer([[1.0, 0.0], [-1.0, 0.0]], [0.0, -1.0]))
    pattern = np.ones(4, dtype=np.bool_)
    assert far_end(region_of(apart, pattern), np.ones(2), 5.0, 0.01) is None


def test_the_far_end_of_a_box_is_its_corner() -> None:
    pattern = np.ones(2, dtype=np.bool_)
    corner = far_end(region_of(QUADRANT, pattern), np.array([1.0, -1.0]), 5.0, 0.25)
    assert corner is not None
    np.testing.assert_allclose(corner, [5.0, 1.25], atol=1e-9)


def test_a_line_that_leaves_its_region_has_no_common_basis() -> None:
    across = Line(np.array([2.0, 2.0]), np.array([1.0, 0.0]), 1.0, -5.0, 5.0)
    assert moving_rows(QUADRANT, across) is None


def test_only_the_channels_that_are_on_move() -> None:
    beside = Line(np.array([0.0, 2.0]), np.array([1.0, 0.0]), 0.2, -0.5, 0.5)
    rows = moving_rows(QUADRANT, beside)
    assert rows is not None
    np.testing.assert_allclose(np.abs(rows), [[0.0, 1.0]], atol=1e-15)
