from __future__ import annotations

import numpy as np
import pytest
from polish_samples import parameter_error, perturbed, questions, random_network

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.extraction.polish import PolishResult, polish
from hingeline.extraction.sample_design import SEEN, Design, completed_design
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NOISE = 1e-15


def uneven(count: int, inputs: int, seed: int) -> FloatArray:
    """Random points of all sizes."""
    rng = np.random.default_rng([seed, 7])
    return rng.standard_normal((count, inputs)) * np.exp(rng.uniform(-1.5, 2.0, (count, 1)))


def designed(
    sizes: tuple[int, ...], seed: int, per_unknown: float
) -> tuple[Design, PolishResult, PolishResult, float]:
    """A polish on random points and one on the completed design, with the error of the latter."""
    truth = random_network(sizes, seed)
    start = perturbed(truth, 1e-6, seed)
    points, answers = questions(truth, per_unknown, seed)
    held = np.arange(len(points)) % 20 == 7
    pool = uneven(12 * len(points), sizes[0], seed)
    design = completed_design(start, points[~held], pool, np.random.default_rng(seed))
    asked = np.concatenate([points, pool[design.chosen]])
    held_too = np.concatenate([held, np.zeros(len(design.chosen), dtype=bool)])
    before = polish(start, points, answers, NOISE, hold_out=held)
    after = polish(start, asked, truth(asked), NOISE, hold_out=held_too)
    return design, before, after, parameter_error(after.network, truth)


@pytest.mark.parametrize(
    ("sizes", "seed"),
    [((10, 10, 10, 1), 0), ((10, 10, 10, 1), 3), ((30, 20, 20, 10), 0), ((30, 20, 20, 10), 4)],
)
def test_a_few_more_points_pin_what_random_ones_leave_open(sizes: tuple[int, ...], seed: int) -> None:
    design, before, after, error = designed(sizes, seed, 1.3)
    assert before.undetermined
    assert after.undetermined == ()
    assert error < 1e-12
    assert 0 < len(design.chosen) < 40
    assert design.unseen <= SEEN


def test_points_that_pin_everything_need_no_others() -> None:
    design, before, _, _ = designed((10, 10, 10, 1), 2, 1.5)
    assert before.undetermined == ()
    assert (len(design.chosen), design.rounds) == (0, 1)


def test_fewer_points_than_unknowns_are_completed() -> None:
    design, _, after, error = designed((8, 5, 4, 1), 5, 0.5)
    assert after.undetermined == ()
    assert error < 1e-11
    assert len(design.chosen) > 20


def test_what_no_point_can_show_is_not_asked_for() -> None:
    """A neuron that is on everywhere: only the sum of its linear part and the bias shows."""
    truth = random_network((5, 4, 3, 1), 6)
    weights = [truth.weights[0], truth.weights[1].copy(), truth.weights[2]]
    biases = [truth.biases[0], truth.biases[1].copy(), truth.biases[2]]
    weights[1][0], biases[1][0] = np.abs(weights[1][0]), 1.0
    network = PiecewiseLinearNetwork(weights, biases)
    points, _ = questions(network, 6.0, 6)
    design = completed_design(network, points, uneven(2000, 5, 6), np.random.default_rng(6))
    asked = np.concatenate([points, uneven(2000, 5, 6)[design.chosen]])
    result = polish(perturbed(network, 1e-7, 6), asked, network(asked), NOISE)
    assert (len(design.chosen) < 10, design.unseen <= SEEN) == (True, True)
    assert (2, 0) in result.undetermined


def test_the_same_generator_chooses_the_same_points() -> None:
    first, second = (designed((10, 10, 10, 1), 1, 1.3)[0].chosen for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_first_layer_may_be_kept_within_a_span() -> None:
    truth = random_network((20, 4, 3, 1), 7)
    basis = np.linalg.qr(truth.weights[0].T)[0]
    points, pool = uneven(20, 20, 1), uneven(600, 20, 2)
    design = completed_design(truth, points, pool, np.random.default_rng(7), first_layer_basis=basis)
    unknowns = 4 * 4 + 4 + 4 * 3 + 3 + 3 + 1
    assert design.unseen <= SEEN
    # two sets of points, less the null directions
    assert unknowns - 7 <= 20 + len(design.chosen) <= 2.5 * unknowns


def test_no_points_are_refused() -> None:
    network = random_network((3, 2, 1), 0)
    with pytest.raises(InvalidInput, match="got 0 and 5"):
        completed_design(network, np.zeros((0, 3)), np.zeros((5, 3)), np.random.default_rng(0))
