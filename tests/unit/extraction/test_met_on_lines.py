from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from practice_benches import bench_of, he_network, true_planes

from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.met_on_lines import MetOnLines
from hingeline.extraction.verify import random_line
from hingeline.probing.line import LineSweep, sweep_line

NETWORK = he_network(5, 4, 2, seed=7)


@pytest.fixture(scope="module")
def sweeps() -> list[LineSweep]:
    bench = bench_of(NETWORK)
    rngs = [bench.randomness.step("line", index) for index in range(5)]
    return [sweep_line(bench.probe, random_line(bench.probe, rng, bench.settings)) for rng in rngs]


def with_changed_copy(planes: Hyperplanes, by: float) -> Hyperplanes:
    """The hyperplanes, and the first once more with a row turned by so much."""
    turned = planes.normals[:1] + by * np.eye(planes.normals.shape[1])[:1]
    copy = replace(planes.select(np.arange(planes.count) == 0), normals=turned / np.linalg.norm(turned))
    names = ("normals", "offsets", "jumps", "errors", "witnesses")
    return Hyperplanes(*(np.concatenate([getattr(planes, name), getattr(copy, name)]) for name in names))


def test_true_hyperplanes_bend_every_line_they_cross(sweeps: list[LineSweep]) -> None:
    planes = true_planes(NETWORK)
    met = MetOnLines.of(planes, sweeps)
    assert met.inside.sum() > 10
    assert not met.missing.any()
    assert not met.false.any()
    assert not met.bad_copies(planes).any()


def test_a_hyperplane_that_is_not_there_is_told(sweeps: list[LineSweep]) -> None:
    planes = with_changed_copy(true_planes(NETWORK), 0.5)
    assert MetOnLines.of(planes, sweeps).false.tolist() == [False] * 4 + [True]


def test_of_two_nearly_equal_hyperplanes_the_one_beside_the_bends_is_a_bad_copy(
    sweeps: list[LineSweep],
) -> None:
    planes = with_changed_copy(true_planes(NETWORK), 1e-6)
    met = MetOnLines.of(planes, sweeps)
    assert not met.false.any()
    assert met.bad_copies(planes).tolist() == [False] * 4 + [True]
