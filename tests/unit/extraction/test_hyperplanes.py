from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network, measured_line, probe_of, true_planes

from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.verify import random_line
from hingeline.probing.line import Line, sweep_line


def planes(*rows: tuple[float, float, float], error: float = 1e-12) -> Hyperplanes:
    """Lines in the plane: unit normal at an angle, and offset; the third number is the jump."""
    angles, offsets, jumps = np.array(rows).T
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    witnesses = -offsets[:, np.newaxis] * normals
    return Hyperplanes(normals, offsets, jumps[:, np.newaxis], np.full(len(rows), error), witnesses)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((0.3, 0.5, 1.0), True),
        ((0.3 + np.pi, -0.5, 1.0), True),
        ((0.3, -0.5, 1.0), False),
        ((0.3, 0.5 + 1e-6, 1.0), False),
        ((0.3 + 1e-6, 0.5, 1.0), False),
        ((0.3 + 1e-12, 0.5, 1.0), True),
    ],
)
def test_a_hyperplane_is_held_if_it_is_the_same_either_way_round(
    other: tuple[float, float, float], same: bool
) -> None:
    held, extra = planes((0.3, 0.5, 1.0), (1.4, 2.0, 1.0)), planes(other)
    assert held.holds(extra).tolist() == [same]
    assert held.join(extra).count == 3 - same


def test_poorly_known_hyperplanes_may_be_the_same_where_well_known_ones_are_not() -> None:
    held, extra = planes((0.3, 0.5, 1.0)), planes((0.3 + 1e-6, 0.5, 1.0), error=1e-6)
    assert held.holds(extra).all()


def test_an_empty_set_holds_nothing_and_joins_everything() -> None:
    some = planes((0.3, 0.5, 1.0), (1.4, 2.0, 1.0))
    none = some.select(np.zeros(2, dtype=np.bool_))
    assert not none.holds(some).any()
    assert none.join(some).count == some.join(none).count == 2


def test_crossings_are_where_the_line_meets_each_hyperplane() -> None:
    line = Line(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 1.0, -9.0, 9.0)
    t = planes((np.pi / 2, -2.0, 1.0), (np.pi / 4, 0.0, 1.0), (0.0, 3.0, 1.0)).crossings(line)
    assert t[:2] == pytest.approx([2.0, -1.0])
    assert t[2] == np.inf or abs(t[2]) > 1e15


@pytest.mark.parametrize("same_jumps", [True, False])
@pytest.mark.parametrize("sizes", [(5, 8, 1), (5, 8, 4), (2, 30, 1)])
def test_all_bends_of_a_known_layer_are_explained_with_their_jumps(
    sizes: tuple[int, ...], same_jumps: bool
) -> None:
    network = he_network(*sizes, seed=4)
    bench = bench_of(network)
    line = random_line(bench.probe, bench.randomness.step("line", 3), bench.settings)
    sweep = sweep_line(bench.probe, line)
    known = true_planes(network).explain(sweep, same_jumps=same_jumps)
    assert known.mask.all()
    assert len(known.mask) == sizes[1]
    ends = np.concatenate([[line.low], sweep.bends, [line.high]])
    regions = line.at((ends[:-1] + ends[1:]) / 2)
    jacobians = np.array([network.affine_map(x)[0] for x in regions])
    assert known.jumps == pytest.approx(np.diff(jacobians, axis=0), abs=1e-6)


def test_a_bend_of_an_unknown_neuron_stays_unexplained() -> None:
    network = he_network(5, 8, 1, seed=4)
    bench = bench_of(network)
    sweep = measured_line(bench).sweep
    most = true_planes(network).select(np.arange(8) != 2)
    assert most.explain(sweep, same_jumps=True).mask.sum() == 7


def test_neighbours_do_not_steal_each_others_bends() -> None:
    """Two nearly equal hyperplanes: the closest pairs are matched first, each once."""
    near = planes((0.0, 0.0, 1.0), (0.0, -1e-9, -5.0), error=1e-10)
    line = Line(np.zeros(2), np.array([1.0, 0.0]), 1.0, -9.0, 9.0)

    def function(x: np.ndarray) -> np.ndarray:
        return np.maximum(x[:, 0], 0) - 5 * np.maximum(x[:, 0] - 1e-9, 0)

    sweep = sweep_line(probe_of(function, 2), line)
    known = near.explain(sweep, same_jumps=True)
    assert known.jumps.sum(axis=0)[0] == pytest.approx([-4.0, 0.0], abs=1e-6) or len(sweep.bends) == 1


def test_nothing_is_explained_where_nothing_bends() -> None:
    network = he_network(3, 2, 1)
    bench = bench_of(network)
    sweep = sweep_line(bench.probe, Line(np.full(3, 1e6), np.eye(3)[0], 1.0, -1e-3, 1e-3))
    known = true_planes(network).explain(sweep, same_jumps=True)
    assert known.mask.shape == (0,)
