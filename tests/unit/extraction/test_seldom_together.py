from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.extraction import finish as finishing
from hingeline.extraction import fit_answers
from hingeline.extraction.finish import finish
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.seldom_together import ENOUGH, chosen_recorded, climbed_to_rare, showing_rare
from hingeline.extraction.verify import perturbed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SIZES = (8, 8, 8, 4)


def seldom_network() -> PiecewiseLinearNetwork:
    """The first neuron of the second layer is on at about one input in ten thousand."""
    network = he_network(*SIZES, seed=4)
    heights = network.pre_activations(np.random.default_rng(5).standard_normal((20_000, 8)))[1][:, 0]
    biases = [bias.copy() for bias in network.biases]
    biases[1][0] -= np.sort(heights)[-3]
    return PiecewiseLinearNetwork(network.weights, biases).canonical()


def test_points_climb_to_where_pairs_are_on_that_never_were() -> None:
    network, rng = seldom_network(), np.random.default_rng(6)
    points = rng.standard_normal((300, 8))
    first, second = network.activation_pattern(points)
    assert not second[:, 0].any()
    assert first.any(axis=0).all()
    climbed = climbed_to_rare(network, points, points, np.sqrt(8))
    first, second = network.activation_pattern(climbed)
    assert (first[second[:, 0]].sum(axis=0) > 0).all()


def test_of_what_is_offered_no_more_is_taken_than_pairs_lack() -> None:
    network, rng = seldom_network(), np.random.default_rng(7)
    points, offered = rng.standard_normal((400, 8)), 30 * rng.standard_normal((3000, 8))
    chosen = showing_rare(network, points, offered, rng)
    assert 0 < chosen.sum() < 8 * ENOUGH
    both = np.concatenate([points, offered[chosen]])
    first, second = network.activation_pattern(both)
    there = network.activation_pattern(np.concatenate([points, offered]))
    possible = there[1][:, 0] @ there[0].astype(np.float64)
    assert (second[:, 0] @ first.astype(np.float64) >= np.minimum(possible, ENOUGH)).all()


@pytest.mark.parametrize("with_record", [True, False])
def test_a_network_too_large_for_a_design_is_pinned_where_pairs_are_seldom_on(
    with_record: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a record of a search nothing is looked for, and the row is named."""
    monkeypatch.setattr(fit_answers, "LARGEST_DESIGN", 1)
    monkeypatch.setattr(fit_answers, "LARGEST_CHOICE", 1)
    monkeypatch.setattr(finishing, "with_more", lambda bench, straight, recorded, unpinned: recorded)
    # at random, two neurons of its second and third layer are never on together
    truth = he_network(8, 8, 8, 8, 4, seed=13)
    bench = bench_of(truth)
    start = perturbed(truth, [np.full(8, 1e-9)] * 3, np.random.default_rng(8))
    if with_record:
        points = np.random.default_rng(9).standard_normal((40, 8))
        size, noise = np.full(40, 2 * np.sqrt(8)), np.full(40, 1e-15)
        bench.recorded = Recorded(points, truth(points), size, noise)
    recovery = finish(bench, start, [np.full(8, 1e-8)] * 3, "")
    loose = bench.evidence["polish"]["undetermined"]
    assert recovery.outcome.ok == with_record == (not loose), recovery.outcome


def test_of_recorded_answers_those_beside_a_hyperplane_are_not_fitted() -> None:
    network, rng = he_network(*SIZES, seed=4), np.random.default_rng(3)
    inside = rng.standard_normal((30, 8))
    heights = network.pre_activations(inside)[0][:, 0]
    row = network.weights[0][0]
    beside = inside - (1 - 1e-9) * np.outer(heights, row) / (row @ row)
    points = np.concatenate([inside, beside])
    recorded = Recorded(points, network(points), np.ones(60), np.ones(60))
    chosen = chosen_recorded(network, inside, recorded, 60, rng)
    assert {tuple(point) for point in chosen.points} == {tuple(point) for point in inside}
    assert len(chosen_recorded(network, points, recorded, 5, rng).points) >= 5
