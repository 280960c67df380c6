from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from practice_convolutions import (
    asked,
    extracted,
    filter_errors,
    first_of,
    he_convolution,
    network_above,
    relu,
    swept,
)
from practice_digits import digits_network

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Status
from hingeline.extraction.convolution.described import described_convolution, layer_of_filters
from hingeline.extraction.convolution.filters import PooledFilter, SweptImages
from hingeline.extraction.convolution.predicted import Matches, SharedNormal, grid_of
from hingeline.extraction.convolution.recover_convolution import recover_convolution
from hingeline.extraction.convolution.search import FoundFilters
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec

GREY = (1, 8, 8)


def gap(network: Any, truth: Any, dim: int) -> float:
    points = np.random.default_rng(7).standard_normal((3000, dim))
    return float(np.abs(network(points) - truth(points)).max())


@pytest.mark.parametrize(("outputs", "seed"), [(10, 61), (10, 62), (1, 63), (3, 64)])
def test_filters_of_a_random_network_are_found_within_five_times_their_number(
    outputs: int, seed: int
) -> None:
    """R11."""
    layer = he_convolution(GREY, seed=seed)
    network = network_above(layer, outputs, seed=seed + 100)
    finding = extracted(network, GREY, seed=seed)
    assert finding.outcome.ok, finding.outcome
    described = first_of(finding)
    assert described["sharing"] == "confirmed at 36 positions"
    assert described["queries"] <= 5 * layer.parameter_count
    assert filter_errors(described, layer).max() < 1e-8
    assert hl.diff(finding.require(), network).max_parameter_error < 1e-9


@pytest.mark.parametrize("seed", [65, 66])
def test_filters_of_a_network_trained_on_digits_are_found_too(seed: int) -> None:
    """R11; the whole network for a fifth of a query per parameter, most of them on the line and the check."""
    layer, network, right = digits_network(seed)
    assert right > 0.9
    finding = extracted(network, GREY, seed=seed)
    assert finding.outcome.ok, finding.outcome
    described = first_of(finding)
    assert (described["kernel"], described["stride"], described["sharing"]) == (
        [3, 3], [1, 1], "confirmed at 36 positions",
    )  # fmt: skip
    assert described["queries"] <= 5 * layer.parameter_count
    assert filter_errors(described, layer).max() < 1e-8
    assert hl.diff(finding.require(), network).max_parameter_error < 1e-9


@pytest.mark.parametrize(
    ("image", "kernel", "filters", "stride", "padding"),
    [
        ((1, 9, 7), 2, 3, 1, 0),
        ((1, 9, 12), 2, 2, 2, 1),
        ((1, 10, 8), 3, 3, 2, 1),
        ((1, 7, 9), (4, 2), 2, 1, 1),
        ((1, 10, 9), 5, 2, 1, 0),
        ((3, 6, 7), 3, 2, 1, 1),
        ((3, 8, 9), 4, 2, 2, 0),
    ],
)
def test_kernel_stride_and_padding_are_discovered(
    image: Any, kernel: Any, filters: int, stride: int, padding: int
) -> None:
    layer = he_convolution(image, kernel, filters, stride, padding, seed=71)
    network = network_above(layer, 3, seed=72)
    finding = extracted(network, image, seed=73)
    assert finding.outcome.ok, finding.outcome
    described = first_of(finding)
    assert described["kernel"] == list(layer.kernel)
    assert described["stride"] == [stride, stride]
    assert described["padding"][0][0] == described["padding"][1][0] == padding
    assert described["output_shape"] == list(layer.output_shape)
    assert filter_errors(described, layer).max() < 1e-8
    assert gap(finding.require(), network, layer.to_dense()[0].shape[1]) < 1e-9


def test_every_query_is_counted_and_the_same_seed_asks_the_same() -> None:
    network = network_above(he_convolution(GREY, filters=2, seed=81), 2)
    rows: list[int] = []

    def counted(points: FloatArray) -> FloatArray:
        rows.append(len(points))
        return network(points)

    first = extracted(counted, GREY, seed=82)
    assert sum(rows) == first.queries
    assert extracted(network, GREY, seed=82).queries == first.queries


def test_without_an_image_nothing_is_asked_for_it() -> None:
    network = PiecewiseLinearNetwork(
        [np.random.default_rng(83).standard_normal((12, 25)), np.ones((1, 12))], [np.ones(12), np.zeros(1)]
    )
    plain = hl.extract(CallableOracle(network, OracleSpec("plain", 25)), seed=84)
    assert "filters" not in plain.spending.queries_by_phase
    told = extracted(network, (1, 5, 5), seed=84)
    assert told.outcome.ok, told.outcome
    assert told.queries <= plain.queries + 30


@pytest.mark.parametrize(("widths", "seed"), [((30, 1), 85), ((90, 10), 86), ((20, 10, 3), 87)])
def test_a_dense_network_is_recognised_within_thirty_queries(widths: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = (64, *widths)
    network = PiecewiseLinearNetwork(
        [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(sizes)],
        [rng.standard_normal(b) for b in widths],
    )
    bench, sweep = swept(network, 64, seed)
    before = asked(bench)
    assert recover_convolution(bench, sweep, GREY) is None
    assert asked(bench) - before <= 30


def test_an_image_that_is_not_told_is_guessed_if_the_caller_wants() -> None:
    network = network_above(he_convolution(GREY, filters=2, seed=88), 2)
    bench, sweep = swept(network, 64, 89)
    result = recover_convolution(bench, sweep)
    assert result is not None
    assert result.outcome.ok, result.outcome


def test_an_image_of_another_size_is_refused_before_anything_is_asked() -> None:
    asked_for: list[int] = []

    def door(points: FloatArray) -> FloatArray:
        asked_for.append(len(points))
        return points

    with pytest.raises(InvalidInput, match="1x8x9 has 72 numbers, but a query row has 64"):
        hl.extract(CallableOracle(door, OracleSpec("door", 64)), settings={"image": (1, 8, 9)})
    assert not asked_for


def pooled_by(layer: Any, weights: FloatArray, how: str) -> Any:
    """The convolution, pooled in blocks of 2x2, and a dense layer."""
    channels, rows, columns = layer.output_shape

    def door(points: FloatArray) -> FloatArray:
        hidden = relu(layer(points)).reshape(len(points), channels, rows // 2, 2, columns // 2, 2)
        pooled = hidden.max(axis=(3, 5)) if how == "max" else hidden.mean(axis=(3, 5))
        return pooled.reshape(len(points), -1) @ weights.T + 0.5

    return door


@pytest.mark.parametrize("outputs", [1, 4])
def test_average_pooling_folds_into_the_dense_layer(outputs: int) -> None:
    layer = he_convolution(GREY, filters=3, seed=91)
    door = pooled_by(layer, np.random.default_rng(92).standard_normal((outputs, 27)), "average")
    finding = extracted(door, GREY, seed=93)
    assert finding.outcome.ok, finding.outcome
    assert filter_errors(first_of(finding), layer).max() < 1e-8
    assert gap(finding.require(), door, 64) < 1e-9


@pytest.mark.parametrize(("outputs", "seed"), [(1, 94), (4, 95), (4, 96), (1, 97)])
def test_max_pooling_never_ends_well_and_is_named(outputs: int, seed: int) -> None:
    layer = he_convolution(GREY, filters=3, seed=seed)
    door = pooled_by(layer, np.random.default_rng(seed).standard_normal((outputs, 27)), "max")
    finding = extracted(door, GREY, seed=seed)
    assert finding.outcome.status is Status.REFUSED, finding.outcome
    assert "max pooling" in finding.outcome.reason
    assert finding.queries < 1500


@pytest.mark.parametrize("seed", [101, 102])
def test_two_wide_convolutions_end_with_the_first_one_and_say_so(seed: int) -> None:
    first = he_convolution(GREY, filters=3, seed=seed)
    second = he_convolution((3, 6, 6), filters=2, seed=seed + 1)
    weights = np.random.default_rng(seed).standard_normal((2, 32))
    finding = extracted(lambda x: relu(second(relu(first(x)))) @ weights.T, GREY, seed=seed)
    assert finding.outcome.status is Status.PARTIAL
    assert "convolution of 3 filters" in finding.outcome.reason
    assert filter_errors(first_of(finding), first, signed=False).max() < 1e-8
    assert "undetermined" in first_of(finding)["status"]


def test_a_narrow_convolution_below_another_layer_is_gone_through() -> None:
    first = he_convolution(GREY, 3, 2, 2, 0, seed=104)
    network = network_above(first, 6, 2, seed=105)
    finding = extracted(network, GREY, seed=105)
    assert finding.outcome.ok, finding.outcome
    kinds = [(layer["kind"], layer["width"]) for layer in finding.evidence["architecture"]["layers"]]
    assert kinds == [("convolution", 18), ("dense", 6), ("dense", 2)]
    assert filter_errors(first_of(finding), first).max() < 1e-8
    assert hl.diff(finding.require(), network).max_parameter_error < 1e-9


@pytest.mark.parametrize("extra", ["skip", "leaky"])
def test_a_linear_part_beside_the_filters_ends_as_equivalent(extra: str) -> None:
    layer = he_convolution(GREY, filters=3, seed=106)
    rng = np.random.default_rng(107)
    weights, skip = rng.standard_normal((4, 108)), rng.standard_normal((4, 64))

    def door(points: FloatArray) -> FloatArray:
        heights = layer(points)
        if extra == "skip":
            return relu(heights) @ weights.T + points @ skip.T
        return np.where(heights > 0, heights, 0.1 * heights) @ weights.T

    finding = extracted(door, GREY, seed=108)
    assert finding.outcome.status is Status.EQUIVALENT, finding.outcome
    assert gap(finding.value, door, 64) < 1e-8
    assert filter_errors(first_of(finding), layer, signed=False).max() < 1e-8


@pytest.mark.parametrize("padding", [0, 1])
def test_within_declared_bounds_more_lines_show_all_positions(padding: int) -> None:
    layer = he_convolution(GREY, filters=3, padding=padding, seed=111)
    network = network_above(layer, 5, seed=112)
    finding = extracted(network, GREY, seed=113, bounds=(0.0, 1.0))
    assert finding.outcome.status in (Status.COMPLETE, Status.EQUIVALENT), finding.outcome
    points = np.random.default_rng(114).uniform(0.0, 1.0, (3000, 64))
    assert finding.value is not None
    assert np.abs(finding.value(points) - network(points)).max() < 1e-9
    assert filter_errors(first_of(finding), layer, signed=False).max() < 1e-8


def test_a_filter_without_bias_whose_weights_cancel_is_a_filter_all_the_same() -> None:
    layer = he_convolution(GREY, filters=2, seed=115)
    edges = np.array([[[[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]], [[[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]]])
    layer = type(layer)(edges, np.zeros(2), 1, 0, GREY)
    network = network_above(layer, 4, seed=116)
    finding = extracted(network, GREY, seed=117)
    assert finding.outcome.ok, finding.outcome
    assert gap(finding.require(), network, 64) < 1e-9


def test_what_is_said_of_stride_and_padding_names_positions_that_were_not_seen() -> None:
    layer = he_convolution((1, 5, 5), filters=1, seed=118)
    _, sweep = swept(network_above(layer, 1, seed=119), 25)
    lines = SweptImages((sweep,), (1, 5, 5), np.zeros(25))
    for starts, said in (
        ([[0, 0], [0, 1], [2, 2], [1, 0]], "4 of 9 positions seen; stride and padding may be other"),
        ([[i, j] for i in range(3) for j in range(3)], "every position seen"),
    ):
        matches = Matches(np.array(starts), np.arange(len(starts)))
        pooled = PooledFilter(SharedNormal(layer.filters[0], 0.1, 1e-15), (matches,), len(starts))
        mask = np.ones(len(sweep.bends), dtype=np.bool_)
        found = FoundFilters((pooled,), grid_of(matches.starts), (mask,), lines)
        assert described_convolution(found, layer_of_filters(found), 0)["geometry"] == said
