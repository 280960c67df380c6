"""What gradients measured in all input directions tell of rows outside their span."""

import numpy as np
import pytest
from practice_benches import he_network, probe_of

import hingeline as hl
from hingeline.extraction.full_gradients import Equations, FullGradients, gains_at, most_telling
from hingeline.extraction.null_space import straighten
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

DIM = 30


def seen_of(network: PiecewiseLinearNetwork, count: int, error: float, seed: int = 0) -> FullGradients:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, network.input_dim))
    jacobians = gains_at(network, points) @ network.weights[0]
    noisy = jacobians + error * rng.standard_normal(jacobians.shape)
    return FullGradients(points, noisy, np.full(count, error))


def tilted(network: PiecewiseLinearNetwork, size: float) -> PiecewiseLinearNetwork:
    """First-layer rows wrong outside their span only."""
    rows = network.weights[0]
    outside = np.eye(rows.shape[1]) - np.linalg.pinv(rows) @ rows
    wrong = rows + size * np.random.default_rng(0).standard_normal(rows.shape) @ outside
    return PiecewiseLinearNetwork([wrong, *network.weights[1:]], network.biases)


@pytest.mark.parametrize("sizes", [(DIM, 6, 1), (DIM, 6, 5, 1), (DIM, 6, 5, 4, 3)])
def test_sharp_gradients_leave_nothing_to_ask(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=2)
    probe = probe_of(network, DIM)
    straight = straighten(probe, tilted(network, 1e-8), np.random.default_rng(1), seen_of(network, 40, 1e-14))
    assert probe.session.spent == 0
    assert np.abs(straight.network.weights[0] - network.weights[0]).max() < 1e-11
    assert (straight.errors < 1e-12).all()


@pytest.mark.parametrize("error", [1e-12, 1e-9, 1e-6])
def test_what_they_leave_open_is_asked_and_no_more_than_all(error: float) -> None:
    network = he_network(DIM, 6, 5, 1, seed=3)
    with_none, with_some = probe_of(network, DIM), probe_of(network, DIM)
    straighten(with_none, tilted(network, 1e-8), np.random.default_rng(1))
    straight = straighten(
        with_some, tilted(network, 1e-8), np.random.default_rng(1), seen_of(network, 12, error)
    )
    assert with_some.session.spent <= with_none.session.spent
    assert np.abs(straight.network.weights[0] - network.weights[0]).max() < 1e-10


def test_stated_errors_hold() -> None:
    ratios = list[float]()
    for seed in range(20):
        network = he_network(DIM, 6, 5, 1, seed=seed)
        wrong = tilted(network, 1e-8)
        seen = seen_of(network, 16, 1e-13, seed)
        straight = straighten(probe_of(network, DIM), wrong, np.random.default_rng(seed), seen)
        rows = network.weights[0]
        off = np.sqrt(((straight.network.weights[0] - rows) ** 2).sum(axis=1) / (DIM - 6))
        ratios += list(off / np.linalg.norm(rows, axis=1) / straight.errors)
    assert np.median(ratios) < 1.5
    assert max(ratios) < 5


def test_a_gradient_that_contradicts_the_others_is_left_out() -> None:
    network = he_network(DIM, 4, 3, 1, seed=1)
    seen = seen_of(network, 20, 1e-13)
    seen.jacobians[3] += 1e-3
    straight = straighten(probe_of(network, DIM), tilted(network, 1e-8), np.random.default_rng(0), seen)
    assert np.abs(straight.network.weights[0] - network.weights[0]).max() < 1e-10


def test_answers_within_the_span_do_not_feel_errors_outside() -> None:
    network = he_network(DIM, 4, 3, 1, seed=1)
    straight = straighten(
        probe_of(network, DIM), network, np.random.default_rng(0), seen_of(network, 9, 1e-11)
    )
    points = np.random.default_rng(3).standard_normal((50, DIM))
    rows = straight.network.weights[0]
    inside = points @ np.linalg.pinv(rows) @ rows
    assert (straight.noise_at(inside) < 1e-12 * straight.noise_at(points).max()).all()


def test_the_fewest_candidates_that_suffice_are_chosen() -> None:
    known = Equations(np.eye(3)[:2], np.zeros((2, 1)), np.full(2, 1e-13))
    gains = np.array([[[1.0, 0, 0]], [[0, 0, 1.0]], [[0, 1.0, 0]]])
    chosen = most_telling(known, gains, np.full(3, 1e-13), np.full(3, 1e-12), 3)
    assert chosen is not None
    assert chosen.tolist() == [1]


@pytest.mark.parametrize("alike", [0.0, 1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("seed", range(10))
def test_directions_that_no_gradient_showed_are_asked_or_vague(seed: int, alike: float) -> None:
    rng = np.random.default_rng(seed)
    gains = rng.standard_normal((30, 6))
    gains[:, 1] = gains[:, 0] + alike * rng.standard_normal(30)
    truth, noise = rng.standard_normal((6, 1)), 1e-13
    known = Equations(gains, gains @ truth + noise * rng.standard_normal((30, 1)), np.full(30, noise))
    candidates = rng.standard_normal((50, 1, 6))
    chosen = most_telling(known, candidates, np.full(50, 1e-15), np.full(6, 1e-12), 6)
    assert chosen is not None
    rows = candidates[chosen, 0]
    asked = Equations(rows, rows @ truth, np.full(len(rows), 1e-15))
    solved = known.with_others(asked).solved()
    assert (np.abs(solved.unknowns - truth)[:, 0] < 8 * solved.errors + 1e-14).all()
    alone = known.solved()
    assert (
        np.abs(alone.unknowns - truth)[:, 0] < np.maximum(8 * alone.errors, 1e-11) + 2 * (alone.errors > 1e-4)
    ).all()
    if alike < 1e-9:
        assert len(chosen)
        assert alone.errors[:2].min() > 1e-4


def test_a_box_is_asked_in_full_for_rows_outside_their_span() -> None:
    rng = np.random.default_rng(0)
    for seed in (1, 2):
        network = he_network(20, 6, 4, 1, seed=seed)
        finding = hl.extract(hl.oracle(network, bounds=(-1.0, 1.0)), seed=seed, budget=20_000)
        if finding.outcome.ok and finding.value is not None:
            points = rng.uniform(-1, 1, (2000, 20))
            assert np.abs(finding.value(points) - network(points)).max() < 1e-9
        assert "not pinned" not in finding.outcome.reason
