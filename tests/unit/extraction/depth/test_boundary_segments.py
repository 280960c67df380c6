"""Segments cross the boundary beyond what is known of it, however often it turned on the way there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.probing.line import Line


def _segments(known: KnownLayers, row: FloatArray, channel: int, starts: FloatArray) -> list[Line]:
    """For a neuron of which one coefficient is not known."""
    theta = row.copy()
    theta[channel] = 0.0
    neuron = PartialNeuron(theta / np.linalg.norm(theta), np.eye(len(row))[:, channel : channel + 1], (0,))
    return telling_segments(
        known, neuron, starts, scale=2.0, reach=60.0, walkers=40, wanted=6, rng=np.random.default_rng(4)
    )  # fmt: skip


def _crossed(known: KnownLayers, row: FloatArray, line: Line) -> bool:
    ends = known.offered(line.at(np.array([line.low, line.high]))) @ row
    return bool(ends[0] * ends[1] < 0)


def test_a_segment_lies_where_the_unknown_channel_is_on_and_meets_the_boundary() -> None:
    known = KnownLayers(3, (KnownLayer(np.eye(3), np.zeros(3), np.ones(3, dtype=np.bool_)),))
    row = np.array([1.0, 1.0, 0.5, -1.0])
    lines = _segments(known, row, 2, np.array([[0.5, 0.5, -1.0]]))
    assert lines
    assert all(_crossed(known, row, line) for line in lines)
    assert all(line.at(np.array([line.centre]))[0, 2] > 0 for line in lines)


@pytest.mark.parametrize("seed", range(21, 25))
def test_walks_through_many_regions_stay_on_the_boundary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = (4, 8, 7, 6)
    layers = tuple(
        KnownLayer(
            rng.standard_normal((above, below)), 0.3 * rng.standard_normal(above), np.ones(above, np.bool_)
        )
        for below, above in pairwise(sizes)
    )
    known, row = KnownLayers(4, layers), np.append(rng.standard_normal(6), 0.0)
    points: FloatArray = 2 * rng.standard_normal((400, 4))
    offered = known.offered(points)
    row[-1] = -float(np.median(offered[:, :-1] @ row[:-1]))
    channel = int(np.argmin(np.abs((offered[:, :-1] > 0).mean(axis=0) - 0.4)))
    starts = _roots(known, row, points, channel)
    lines = _segments(known, row, channel, starts)
    assert lines
    assert sum(_crossed(known, row, line) for line in lines) >= 0.8 * len(lines)


def _roots(known: KnownLayers, row: FloatArray, points: FloatArray, channel: int) -> FloatArray:
    """Points of the boundary at which the channel is off, by bisection between pairs."""
    low, high = points[::2].copy(), points[1::2].copy()
    signs = np.sign(known.offered(low) @ row)
    opposite = signs * (known.offered(high) @ row) < 0
    low, high, signs = low[opposite], high[opposite], signs[opposite]
    for _ in range(60):
        middle = (low + high) / 2
        same = signs * (known.offered(middle) @ row) > 0
        low[same], high[~same] = middle[same], middle[~same]
    found = (low + high) / 2
    return np.asarray(found[known.offered(found)[:, channel] <= 0])
