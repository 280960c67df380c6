"""The smallest flip of a ReLU network against truths that were found another way."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp, minimize

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import FlipBounded, Solved, minimal_flips
from hingeline.sensitivity.exact.search import ExactSettings
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import NORMS, Norm, Threat


def network_of(sizes: tuple[int, ...], seed: int, bias: float = 0.3) -> PiecewiseLinearNetwork:
    random = random_network(sizes, seed=seed)
    rng = np.random.default_rng([seed, 1])
    return PiecewiseLinearNetwork(random.weights, [bias * rng.standard_normal(len(b)) for b in random.biases])


def regions(network: PiecewiseLinearNetwork) -> list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
    """For every activation pattern: G, h with Gx + h >= 0 in its region, and the affine map there."""
    found = []
    count = sum(network.hidden_widths)
    for bits in itertools.product([0.0, 1.0], repeat=count):
        slopes, offset, place = np.eye(network.input_dim), np.zeros(network.input_dim), 0
        rows, sides = [np.zeros((0, network.input_dim))], [np.zeros(0)]
        for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
            on = np.array(bits[place : place + len(weight)])
            place += len(weight)
            slopes, offset = weight @ slopes, weight @ offset + bias
            rows.append((2 * on - 1)[:, np.newaxis] * slopes)
            sides.append((2 * on - 1) * offset)
            slopes, offset = on[:, np.newaxis] * slopes, on * offset
        last = network.weights[-1] @ slopes, network.weights[-1] @ offset + network.biases[-1]
        found.append((np.vstack(rows), np.concatenate(sides), *last))
    return found


def true_size(network: PiecewiseLinearNetwork, point: FloatArray, norm: Norm, box: bool) -> float:
    """The smallest flip over all regions: linear programs, or SLSQP from a feasible point."""
    own = int(network(point[np.newaxis])[0].argmax())
    ends = [(-1.0, 1.0) if box else (-50.0, 50.0)] * len(point)
    best = np.inf
    for rows, sides, slopes, offset in regions(network):
        for rival in range(network.output_dim):
            if rival == own:
                continue
            lead = np.vstack([rows, slopes[rival] - slopes[own]])
            least = -np.append(sides, offset[rival] - offset[own])
            best = min(best, _nearest(lead, least, point, norm, ends))
    return best


def _nearest(
    rows: FloatArray, least: FloatArray, point: FloatArray, norm: Norm, ends: list[tuple[float, float]]
) -> float:
    dim = len(point)
    if norm == "l2":
        start = linprog(np.zeros(dim), A_ub=-rows, b_ub=-least, bounds=ends)
        if start.x is None:
            return np.inf
        found = minimize(
            lambda x: ((x - point) ** 2).sum(),
            start.x,
            jac=lambda x: 2 * (x - point),
            bounds=ends,
            constraints={"type": "ineq", "fun": lambda x: rows @ x - least, "jac": lambda _: rows},
            options={"maxiter": 500, "ftol": 1e-15},
        )
        fits = found.success and (rows @ found.x - least).min() > -1e-7
        return float(np.sqrt(found.fun)) if fits else np.inf
    spread = np.ones(1) if norm == "linf" else np.ones(dim)
    wide = len(spread)
    each = np.ones((dim, 1)) if norm == "linf" else np.eye(dim)
    table = np.vstack(
        [
            np.hstack([-rows, np.zeros((len(rows), wide))]),
            np.hstack([np.eye(dim), -each]),
            np.hstack([-np.eye(dim), -each]),
        ]
    )
    right = np.concatenate([-least, point, -point])
    costs = np.concatenate([np.zeros(dim), spread])
    found = linprog(costs, A_ub=table, b_ub=right, bounds=[*ends, *[(0, None)] * wide])
    return np.inf if found.x is None else float(found.fun)


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", [11, 12])
def test_the_smallest_flip_is_that_of_all_regions_looked_at_one_by_one(
    norm: Norm, box: bool, seed: int
) -> None:
    network = network_of((4, 3, 3, 3), seed)
    point = np.random.default_rng([seed, 2]).uniform(-1, 1, 4)
    truth = true_size(network, point, norm, box)
    found = minimal_flips(network, point, Threat(norm, box=(-1.0, 1.0) if box else None))
    if np.isinf(truth):
        assert np.isinf(found.upper[0])
    else:
        assert found.ended == ("proved",)
        np.testing.assert_allclose(found.upper[0], truth, rtol=1e-5)
        assert found.lower[0] <= truth * (1 + 1e-7)


@pytest.mark.parametrize("norm", NORMS)
def test_a_linear_classifier_is_decided_at_once(norm: Norm) -> None:
    rng = np.random.default_rng(5)
    network = PiecewiseLinearNetwork([rng.standard_normal((4, 9))], [rng.standard_normal(4)])
    points = rng.standard_normal((10, 9))
    flips = linear_flips(NetworkModel(network), Decision(4), points, Threat(norm))
    found = minimal_flips(network, points, Threat(norm))
    assert found.proved.all()
    np.testing.assert_allclose(found.upper, flips.distances, rtol=1e-6)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_every_change_that_is_given_flips_and_has_the_size_that_is_told(norm: Norm) -> None:
    network = network_of((30, 12, 10, 4), 3)
    points = np.random.default_rng(3).uniform(0, 1, (4, 30))
    threat = Threat(norm, box=(0.0, 1.0))
    found = minimal_flips(network, points, threat)
    moved = points + found.changes
    flipped = np.isfinite(found.upper)
    np.testing.assert_array_equal(network(moved).argmax(axis=1) != found.classes, flipped)
    np.testing.assert_allclose(threat.size(found.changes)[flipped], found.upper[flipped], rtol=1e-12)
    assert moved.min() >= 0 and moved.max() <= 1 and (found.lower <= found.upper).all()


@pytest.mark.parametrize("nodes", [1, 5, 40])
def test_a_spent_budget_leaves_bounds_on_both_sides_of_the_truth(nodes: int) -> None:
    network = network_of((20, 16, 14, 3), 8)
    points = np.random.default_rng(8).standard_normal((6, 20))
    truth = minimal_flips(network, points)
    assert truth.proved.all()
    hasty = minimal_flips(network, points, settings=ExactSettings(nodes=nodes))
    assert (hasty.lower <= truth.upper * (1 + 1e-9)).all() and (hasty.upper >= truth.lower).all()
    assert set(hasty.ended) <= {"proved", "budget"} and (nodes > 1 or "budget" in hasty.ended)


def test_no_random_change_below_the_lower_bound_flips() -> None:
    network = network_of((6, 10, 8, 3), 21)
    rng = np.random.default_rng(21)
    point = rng.standard_normal(6)
    found = minimal_flips(network, point)
    steps = rng.standard_normal((200_000, 6))
    steps *= (found.lower[0] * (1 - 1e-9) / np.linalg.norm(steps, axis=1))[:, np.newaxis]
    assert (network(point + steps).argmax(axis=1) == found.classes[0]).all()


def test_a_constant_network_is_proved_to_have_no_flip_in_a_box() -> None:
    network = PiecewiseLinearNetwork([-np.ones((3, 2)), np.ones((2, 3))], [-np.ones(3), [1.0, 0.0]])
    found = minimal_flips(network, [[0.2, 0.4]], Threat("l2", box=(0.0, 1.0)))
    assert np.isinf(found.upper).all() and np.isinf(found.lower).all() and found.ended == ("proved",)


def test_without_a_box_no_flip_is_claimed_only_as_far_as_was_looked() -> None:
    network = PiecewiseLinearNetwork([np.zeros((3, 2)), np.ones((2, 3))], [-np.ones(3), [1.0, 0.0]])
    found = minimal_flips(network, [[3.0, 4.0]], settings=ExactSettings(reach=7.0))
    assert np.isinf(found.upper[0]) and found.lower[0] == pytest.approx(35.0)


def test_coordinates_that_may_not_change_do_not() -> None:
    network = network_of((12, 9, 8, 3), 4)
    points = np.random.default_rng(4).standard_normal((3, 12))
    free = np.arange(12) % 2 == 0
    some = minimal_flips(network, points, Threat("l2", free=free))
    every = minimal_flips(network, points)
    assert not some.changes[:, ~free].any() and (some.upper >= every.upper * (1 - 1e-9)).all()


@pytest.mark.parametrize("threshold", [-0.4, 0.0, 0.7])
def test_one_output_flips_where_it_meets_the_threshold(threshold: float) -> None:
    network = network_of((8, 10, 1), 6)
    points = np.random.default_rng(6).standard_normal((5, 8))
    found = minimal_flips(network, points, decision=Decision(1, threshold))
    np.testing.assert_allclose(network(points + found.changes)[:, 0], threshold, atol=1e-6)
    assert found.proved.all()


def test_neuron_order_and_positive_scale_change_nothing() -> None:
    network = network_of((10, 8, 7, 3), 9)
    points = np.random.default_rng(9).standard_normal((4, 10))
    order, scale = np.random.default_rng(1).permutation(8), 2.5
    (first, second, third), (a, b, c) = network.weights, network.biases
    twin = PiecewiseLinearNetwork(
        [scale * first[order], second[:, order] / scale, third], [scale * a[order], b, c]
    )
    np.testing.assert_allclose(
        minimal_flips(network, points).upper, minimal_flips(twin, points).upper, rtol=1e-6
    )


def test_a_known_flip_is_never_made_worse() -> None:
    network = network_of((20, 16, 14, 3), 8)
    points = np.random.default_rng(8).standard_normal((4, 20))
    best = minimal_flips(network, points)
    again = minimal_flips(
        network, points, starts=points + best.changes * (1 + 1e-9), settings=ExactSettings(nodes=1)
    )
    assert (again.upper <= best.upper * (1 + 1e-6)).all()


def test_processes_give_the_same_bounds_and_tell_of_each_input() -> None:
    network = network_of((10, 8, 7, 3), 9)
    points = np.random.default_rng(9).standard_normal((3, 10))
    seen: list[FlipBounded] = []
    alone = minimal_flips(network, points, on_event=seen.append)  # type: ignore[arg-type]
    shared = minimal_flips(network, points, workers=2)
    np.testing.assert_array_equal(alone.upper, shared.upper)
    assert [event.index for event in seen] == [0, 1, 2] and shared.ended == alone.ended


def test_inputs_outside_the_box_are_refused() -> None:
    with pytest.raises(InvalidInput, match="outside the box"):
        minimal_flips(network_of((3, 4, 2), 1), [[2.0, 0.0, 0.0]], Threat(box=(0.0, 1.0)))


class Memory:
    """Keeps what is solved in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[int, Solved] = {}

    def recall(self, index: int) -> Solved | None:
        return self.kept.get(index)

    def keep(self, index: int, solved: Solved) -> None:
        self.kept[index] = solved


def test_what_is_solved_is_not_solved_again() -> None:
    network = network_of((10, 8, 7, 3), 9)
    points = np.random.default_rng(9).standard_normal((3, 10))
    memory, seen = Memory(), list[FlipBounded]()
    whole = minimal_flips(network, points, solved=memory)
    del memory.kept[1]
    again = minimal_flips(network, points, solved=memory, on_event=seen.append)  # type: ignore[arg-type]
    assert [event.index for event in seen] == [1]
    np.testing.assert_array_equal(again.upper, whole.upper)
    np.testing.assert_array_equal(again.changes, whole.changes)


def test_seconds_for_all_are_kept_and_both_bounds_given() -> None:
    network = network_of((30, 40, 40, 5), 5, bias=0.0)
    points = np.random.default_rng(5).standard_normal((6, 30))
    began = time.monotonic()
    found = minimal_flips(network, points, seconds=3.0, settings=ExactSettings(nodes=1_000_000))
    assert time.monotonic() - began < 30
    assert (found.lower > 0).all() and (found.lower <= found.upper).all()


def test_what_a_first_look_does_not_prove_is_proved_by_a_second() -> None:
    network = network_of((30, 24, 24, 5), 6)
    points = np.random.default_rng(6).standard_normal((2, 30))
    seen: list[FlipBounded] = []
    brief = minimal_flips(network, points, settings=ExactSettings(nodes=300))
    whole = minimal_flips(network, points, on_event=seen.append)  # type: ignore[arg-type]
    assert whole.proved.all() and (whole.nodes >= brief.nodes).all()
    assert sorted(event.index for event in seen) == [0, 1]
    assert (brief.lower <= whole.lower * (1 + 1e-9)).all()


def test_the_change_that_is_told_flips_when_it_is_added_alone_and_among_others() -> None:
    net = network_of((20, 6, 4), seed=91)
    points = np.random.default_rng(91).normal(size=(10, 20))
    found = minimal_flips(net, points)
    moved = points + found.changes
    alone = np.concatenate([net(row[np.newaxis]) for row in moved])
    assert np.isfinite(found.upper).all()
    assert (found.flipped_to != found.classes).all()
    assert (net(moved).argmax(axis=1) != found.classes).all()
    assert (alone.argmax(axis=1) != found.classes).all()


def smallest_by_milp(network: PiecewiseLinearNetwork, point: FloatArray, rival: int, own: int) -> float:
    """l-infinity with one hidden layer as a mixed-integer program: x, hidden, on or off, t; big M 100."""
    (first, last), (bias, end) = network.weights, network.biases
    w, d = first.shape
    eye, big = np.eye(w), 100.0
    none, ones = np.zeros((w, 1)), np.ones((d, 1))
    rows = [
        (np.hstack([-first, eye, np.zeros((w, w)), none]), bias, np.inf),  # h >= z
        (np.hstack([-first, eye, big * eye, none]), -np.inf, bias + big),  # h <= z + M (1 - on)
        (np.hstack([np.zeros((w, d)), eye, -big * eye, none]), -np.inf, 0.0),  # h <= M on
        (np.hstack([np.eye(d), np.zeros((d, 2 * w)), -ones]), -np.inf, point),
        (np.hstack([np.eye(d), np.zeros((d, 2 * w)), ones]), point, np.inf),
        (np.hstack([np.zeros(d), last[rival] - last[own], np.zeros(w + 1)]), end[own] - end[rival], np.inf),
    ]
    low = np.concatenate([np.full(d, -np.inf), np.zeros(2 * w + 1)])
    high = np.concatenate([np.full(d + w, np.inf), np.ones(w), [np.inf]])
    whole = np.concatenate([np.zeros(d + w), np.ones(w), [0.0]])
    costs = np.zeros(d + 2 * w + 1)
    costs[-1] = 1.0
    limits = [LinearConstraint(*row) for row in rows]
    found = milp(costs, constraints=limits, bounds=Bounds(low, high), integrality=whole)
    return float(found.fun) if found.success else np.inf


def test_mixed_integer_programs_find_the_same_distances() -> None:
    network = network_of((6, 7, 3), 31)
    points = np.random.default_rng(31).uniform(-1, 1, (3, 6))
    found = minimal_flips(network, points, Threat("linf"))
    for point, own, upper in zip(points, found.classes, found.upper, strict=True):
        rivals = [c for c in range(3) if c != own]
        truth = min(smallest_by_milp(network, point, rival, int(own)) for rival in rivals)
        assert upper == pytest.approx(truth, rel=1e-5)
    assert found.proved.all()


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_inputs_and_outputs_do_not_matter(norm: Norm, unit: float) -> None:
    network = network_of((9, 8, 7, 3), 14)
    points = np.random.default_rng(14).uniform(-1, 1, (3, 9))
    weights = [network.weights[0] / unit, network.weights[1], network.weights[2] / unit]
    other = PiecewiseLinearNetwork(weights, [*network.biases[:2], network.biases[2] / unit])
    plain = minimal_flips(network, points, Threat(norm, box=(-1.0, 1.0)))
    scaled = minimal_flips(other, points * unit, Threat(norm, box=(-unit, unit)))
    np.testing.assert_allclose(scaled.upper, plain.upper * unit, rtol=1e-6)
    assert plain.proved.all() and scaled.proved.all()


def test_a_flip_far_from_an_input_at_the_origin_is_proved_too() -> None:
    network = PiecewiseLinearNetwork([np.eye(2) * 1e-3], [[1.0, 0.0]])
    found = minimal_flips(network, [[0.0, 0.0]])
    assert found.proved.all() and found.upper[0] == pytest.approx(1e3 / 2**0.5)


def test_a_lead_that_touches_zero_and_turns_is_no_flip() -> None:
    # the lead is |x| - the class stands, and ties at the origin alone
    network = PiecewiseLinearNetwork([[[1.0], [-1.0]], [[1.0, 1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]])
    found = minimal_flips(network, [[2.0]], settings=ExactSettings(nodes=200))
    assert np.isinf(found.upper[0]) and found.lower[0] >= 2.0 * (1 - 1e-6)


def test_deep_thin_networks_are_proved() -> None:
    network = network_of((12, 6, 6, 6, 6, 2), 41)
    points = np.random.default_rng(41).standard_normal((4, 12))
    found = minimal_flips(network, points)
    assert found.proved[np.isfinite(found.upper)].all() and np.isfinite(found.upper).any()
