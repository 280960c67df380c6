from __future__ import annotations

import numpy as np
import pytest
from probed_functions import EXACT, Counted, hinges, probe_of, random_network, segment, true_bends

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing import line as line_module
from hingeline.probing.line import Line, sweep_line
from hingeline.probing.probe import Calibration, Probe

TABLE: dict[str, dict[float, float]] = {
    "one": {0.3: 2.0},
    "one at the middle of the first samples": {0.0: 1.0},
    "far out": {-900.0: 0.5, 700.0: -3.0},
    "close together": {1.0: 1.0, 1.0 + 1e-5: 1.0, 1.0 + 2e-5: -3.0},
    "a bump between equal lines": {1.0: 1.0, 2.0: -2.0, 3.0: 1.0},
    "a dent that vanishes in the middle": {-0.2: -3.0, 0.2: 6.0, 0.6: -3.0},
    "weak beside strong": {-1.0: 1e6, 2.0: 1.0},
    "twenty": {float(t): 1.0 for t in np.arange(20) ** 1.5},
}


@pytest.mark.parametrize("bends", TABLE.values(), ids=TABLE)
def test_all_bends_are_found_where_they_are(bends: dict[float, float]) -> None:
    sweep = sweep_line(probe_of(hinges(bends), 1), segment(-1e3, 1e3))
    assert sweep.exact
    assert len(sweep.bends) == len(bends)
    assert np.abs(sweep.bends - sorted(bends)).max() < 1e-8
    assert (np.abs(sweep.bends - sorted(bends)) < 8 * sweep.bend_errors + 1e-13).all()


@pytest.mark.parametrize("bends", TABLE.values(), ids=TABLE)
def test_slopes_and_jumps_are_those_of_the_pieces(bends: dict[float, float]) -> None:
    sweep = sweep_line(probe_of(hinges(bends), 1), segment(-1e3, 1e3))
    jumps = np.array([bends[t] for t in sorted(bends)])
    doubt = np.hypot(sweep.slope_errors[1:], sweep.slope_errors[:-1])
    assert sweep.slopes[0, 0] == pytest.approx(1.0, abs=1e-9)
    assert (np.abs(sweep.jumps[:, 0] - jumps) < 10 * doubt + 1e-12 * np.abs(jumps).max()).all()


def test_an_affine_function_has_one_piece_and_costs_few_queries() -> None:
    sweep = sweep_line(probe_of(hinges({}), 1), segment(-1e5, 1e5))
    assert (len(sweep.bends), len(sweep.slopes), sweep.exact) == (0, 1, True)
    assert sweep.slopes[0, 0] == pytest.approx(1.0, abs=1e-12)


def test_a_bend_of_one_output_of_several_is_a_bend() -> None:
    def function(points: FloatArray) -> FloatArray:
        t = points[:, 0]
        return np.stack([t, 3 * t + 1, np.abs(t - 0.3)], axis=1)

    sweep = sweep_line(probe_of(function, 1), segment(-100, 100))
    assert sweep.bends == pytest.approx([0.3], abs=1e-12)
    assert sweep.jumps[0] == pytest.approx([0.0, 0.0, 2.0], abs=1e-10)


class Trap(Line):
    """R2: three samples on the first of three pieces, three on the last, none on the one between."""

    def spread(self, count: int) -> FloatArray:
        return np.array([0.0, 0.1, 0.2, 1.5, 1.75, 2.0])


TRAP = Trap(np.zeros(1), np.ones(1), 1.0, 0.0, 2.0)
THREE_PIECES = hinges({1.0: -11.0, 1.05: 10.0})


def test_the_three_piece_trap_is_seen_through() -> None:
    sweep = sweep_line(probe_of(THREE_PIECES, 1), TRAP)
    assert sweep.bends == pytest.approx([1.0, 1.05], abs=1e-12)
    assert sweep.slopes[:, 0] == pytest.approx([1.0, -10.0, 0.0], abs=1e-9)


def test_checking_the_value_at_the_crossing_alone_falls_into_the_trap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first and the last piece meet at 0.5, where the function has just the value they predict."""

    def value_only(self: object, crossing: float, *rest: object) -> list[float]:
        return [crossing]

    monkeypatch.setattr(line_module._Sweep, "_two_sided", value_only)
    sweep = sweep_line(probe_of(THREE_PIECES, 1), TRAP)
    assert sweep.bends == pytest.approx([0.5], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(10, 10, 10, 10), (10, 50, 10, 10), (10, 10, 10, 1)])
def test_random_networks_show_every_bend_and_no_other(sizes: tuple[int, ...], seed: int) -> None:
    """R1: recall 99.5 %, nothing spurious, median error 1e-11, at most 12 queries per bend."""
    network, rng = random_network(*sizes, seed=seed), np.random.default_rng(100 + seed)
    direction = rng.standard_normal(10)
    line = Line(rng.standard_normal(10), direction / np.linalg.norm(direction), np.sqrt(10), -790.0, 790.0)
    probe = probe_of(network, 10, scale=np.sqrt(10))
    sweep, truth = sweep_line(probe, line), true_bends(network, line)
    gaps = np.abs(sweep.bends[:, np.newaxis] - truth)
    assert sweep.exact
    assert (gaps.min(axis=0) < 1e-8).mean() >= 0.995
    assert (gaps.min(axis=1) < 1e-8).all()
    assert np.median(gaps.min(axis=1)) < 1e-11
    assert probe.session.spent <= 12 * len(truth)


def test_right_predictions_save_more_than_half_of_the_queries() -> None:
    bends, line = TABLE["twenty"], segment(-1e3, 1e3)
    blind, told = probe_of(hinges(bends), 1), probe_of(hinges(bends), 1)
    expected = sweep_line(blind, line).bends
    sweep = sweep_line(told, line, predicted=np.array(sorted(bends)))
    assert sweep.bends == pytest.approx(expected, abs=1e-10)
    assert told.session.spent <= min(3 * len(bends) + 5, blind.session.spent / 2)


@pytest.mark.parametrize("predicted", [[0.1], [-50.0, 0.29, 8.0], [0.3, 0.3 + 1e-9], [1e9]])
def test_wrong_predictions_change_nothing(predicted: list[float]) -> None:
    bends = {0.3: 2.0, 5.0: -1.0}
    sweep = sweep_line(probe_of(hinges(bends), 1), segment(-100, 100), predicted=np.array(predicted))
    assert sweep.exact
    assert sweep.bends == pytest.approx([0.3, 5.0], abs=1e-11)


def test_a_prediction_does_not_hide_a_bend_close_to_it() -> None:
    bends = {0.3: 2.0, 0.302: 1.0}
    sweep = sweep_line(probe_of(hinges(bends), 1), segment(-100, 100), predicted=np.array([0.3]))
    assert sweep.bends == pytest.approx([0.3, 0.302], abs=1e-11)


def test_a_smooth_function_is_left_unresolved_at_a_bounded_price() -> None:
    counted = Counted(lambda points: np.tanh(points[:, 0]))
    sweep = sweep_line(probe_of(counted, 1), segment(-5, 5))
    assert not sweep.exact
    assert len(sweep.unresolved)
    assert counted.rows < 20_000


def test_bends_closer_than_the_noise_are_no_finer_than_their_error() -> None:
    bends = {0.0: 1.0, 1e-9: 1.0}
    sweep = sweep_line(probe_of(hinges(bends), 1, NoiseFloor(1e-8, 1e-8)), segment(-10, 10))
    assert len(sweep.bends) == 1
    assert abs(sweep.bends[0]) < 8 * sweep.bend_errors[0]


def test_a_noise_floor_measured_where_the_network_is_dead_does_no_harm() -> None:
    """Rounding of the inputs alone moves answers by more than this floor says."""
    weights = np.random.default_rng(0).standard_normal(12)
    probe = probe_of(lambda x: np.maximum(x @ weights - 1.0, 0.0), 12, NoiseFloor(1e-20, 1e-20))
    direction = weights / np.linalg.norm(weights)
    sweep = sweep_line(probe, Line(np.full(12, 0.3), direction, 1.0, -1e5, 1e5))
    assert len(sweep.bends) == 1
    assert probe.session.spent < 60


def test_every_row_is_counted_and_none_is_asked_twice() -> None:
    seen: list[FloatArray] = []

    def function(points: FloatArray) -> FloatArray:
        seen.append(points)
        return hinges(TABLE["twenty"])(points)

    probe = probe_of(function, 1)
    sweep_line(probe, segment(-1e3, 1e3))
    rows = np.concatenate(seen)
    assert probe.session.spent == len(rows) == len(np.unique(rows))


def test_a_budget_that_ends_inside_a_sweep_is_never_overdrawn() -> None:
    counted = Counted(hinges(TABLE["twenty"]))
    session = QuerySession(CallableOracle(counted, OracleSpec("hinges", 1)), budget=40)
    with pytest.raises(BudgetExhausted):
        sweep_line(Probe(session, Calibration(EXACT, 1.0, np.inf)), segment(-1e3, 1e3))
    assert counted.rows == session.spent <= 40
