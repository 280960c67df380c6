"""An affine map is no answer once a line has bent, and a budget that ends there is still priced."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from practice_benches import bench_of

import hingeline as hl
from hingeline.core.outcome import Status
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.shallow import recover_affine
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line, sweep_line


def with_hat() -> PiecewiseLinearNetwork:
    """Linear but for a hat of width 2 where the first coordinate is between 50 and 52."""
    rows = np.zeros((5, 4))
    rows[:3, 0], rows[3, 1], rows[4, 1] = 1.0, 1.0, -1.0
    outgoing = np.array([[1.0, -2.0, 1.0, 0.5, -0.5]])
    return PiecewiseLinearNetwork([rows, outgoing], [np.array([-50.0, -51.0, -52.0, 0.0, 0.0]), np.zeros(1)])


def along(axis: int, low: float) -> Line:
    return Line(np.zeros(4), np.eye(4)[axis], 2.0, low, 54.0)


def test_a_line_without_bends_is_not_the_whole_where_one_before_bent() -> None:
    bench = bench_of(with_hat())
    straight = sweep_line(bench.probe, along(2, -54.0))
    measured = measure_bends(bench.probe, straight, np.random.default_rng(0))
    bench.sweeps.append(straight)
    assert recover_affine(bench, measured).outcome.status is Status.COMPLETE
    bent = sweep_line(bench.probe, along(0, 48.0))
    assert len(bent.bends) == 3
    bench.sweeps.append(bent)
    found = recover_affine(bench, measured)
    assert found.outcome.status is Status.INCONCLUSIVE
    assert "3 bends" in found.outcome.reason


def test_a_budget_that_ends_while_an_affine_map_is_tried_is_priced() -> None:
    """Of narrow layers a line of another attempt may show no bend at all."""
    rng, sizes = np.random.default_rng(9011), (6, 5, 4, 3, 2)
    pairs = list(pairwise(sizes))
    weights = [rng.standard_normal((out, into)) * np.sqrt(2 / into) for into, out in pairs]
    network = PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(out) for out in sizes[1:]])
    finding = hl.extract(hl.oracle(network), seed=9011, budget=60 * network.parameter_count)
    assert finding.outcome.status is Status.BUDGET_SPENT
    assert finding.evidence["next"]
