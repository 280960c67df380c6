"""Networks of absolute values: recovery from queries, what descent learns first, moments.

The bars are our own; the dynamics are those of Li, Ma and Zhang (COLT 2020) with population gradients.
Minutes: `pytest -m paper tests/reproduction/test_absolute_value.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

import hingeline as hl
from hingeline.absolute_value.from_gradients import recover_from_gradients
from hingeline.absolute_value.learning import LearningCurve, LearningSettings, learn
from hingeline.absolute_value.moments import fourth_moment_rows, second_moment
from hingeline.absolute_value.population import quadratic_floor
from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute

pytestmark = pytest.mark.paper

SHAPES = [(30, 30), (64, 64), (20, 60), (10, 10), (100, 100), (8, 64)]
CHARGED = SHAPES[:3]
KINDS = ["equal", "unequal", "signed", "orthonormal"]


def teacher(d: int, m: int, kind: str, seed: int) -> AbsoluteValueNetwork:
    rng = np.random.default_rng([8100, d, m, seed])
    rows = rng.standard_normal((m, d))
    rows = np.linalg.qr(rng.standard_normal((d, d)))[0][:m] if kind == "orthonormal" and m <= d else rows
    sizes = np.ones(m) if kind == "equal" else rng.uniform(0.3, 3.0, m)
    signs = rng.choice(np.array([-1.0, 1.0]), m) if kind == "signed" else np.ones(m)
    return AbsoluteValueNetwork(rows / np.linalg.norm(rows, axis=1, keepdims=True), signs * sizes / m)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "m"), SHAPES)
def test_five_of_five_are_exact_at_the_stated_price(d: int, m: int, kind: str) -> None:
    for seed in range(5):
        network = teacher(d, m, kind, seed)
        finding = recover_absolute_value(hl.oracle(network, input_dim=d), seed=seed)
        assert finding.outcome.ok, str(finding.outcome)
        assert compare_absolute(network, finding.require()).max_relative_error < 1e-6
        if (d, m) in CHARGED:
            assert finding.queries <= 1.7 * m * (d + 1)


@pytest.mark.parametrize(("d", "m"), SHAPES)
def test_gradients_cost_one_call_a_row_beyond_location(d: int, m: int) -> None:
    for seed in range(5):
        network = teacher(d, m, "signed", seed)
        finding = recover_from_gradients(network.gradient, d, seed=seed)
        assert finding.outcome.ok, str(finding.outcome)
        assert compare_absolute(network, finding.require()).max_relative_error < 1e-6
        assert finding.spending.queries_by_phase["gradients"] == m + 1


@pytest.fixture(scope="module")
def curve() -> LearningCurve:
    return learn(np.eye(30) / 30, 20_000, seed=1, settings=LearningSettings(neurons=100, rate=0.05))


def test_the_loss_passes_below_every_quadratic_kernel_after_the_plateau(curve: LearningCurve) -> None:
    first = curve.summary()["below_quadratic"]
    assert quadratic_floor(30) == pytest.approx(0.0015, abs=5e-6)
    assert first is not None
    assert 3000 < first < 10_000
    assert curve.at(20_000) < 5e-5


def test_order_two_is_gone_while_order_four_stays(curve: LearningCurve) -> None:
    assert curve.order_at(2, 1000) < 1e-5
    assert curve.order_at(4, 1000) > 8e-4


@pytest.mark.parametrize("seed", range(3))
def test_the_fourth_moment_finds_rows_where_the_second_is_flagged(seed: int) -> None:
    rng = np.random.default_rng([8200, seed])
    rows = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    points = rng.standard_normal((100_000, 20))
    answers = np.abs(points @ rows.T).mean(axis=1)
    found = fourth_moment_rows(points, answers, starts=6, rng=rng)
    assert (np.abs(found.directions @ rows.T).max(axis=1) > 0.95).sum() >= 5
    assert not second_moment(points, answers).informative
