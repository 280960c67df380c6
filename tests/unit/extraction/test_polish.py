from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polish_samples import parameter_error, perturbed, questions, random_network

from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event
from hingeline.extraction.gauss_newton import PolishSettings, PolishStep
from hingeline.extraction.polish import polish
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NOISE = 3e-16


@pytest.mark.parametrize(
    ("sizes", "seed", "per_unknown", "goal"),
    [
        ((10, 10, 10, 1), 2, 1.3, 1e-13),
        ((10, 10, 10, 1), 6, 1.5, 1e-13),
        ((10, 5, 1), 0, 1.3, 1e-12),
        ((6, 1, 1), 0, 3.0, 1e-12),
        ((20, 10, 5), 0, 1.3, 1e-13),
        ((30, 20, 10), 0, 1.3, 1e-13),
        ((10, 20, 20, 1), 0, 1.3, 1e-12),
        ((40, 20, 10, 10, 1), 3, 1.3, 1e-12),
        ((12, 3), 0, 1.5, 1e-13),
    ],
)
def test_errors_of_1e5_fall_to_rounding_in_four_iterations(
    sizes: tuple[int, ...], seed: int, per_unknown: float, goal: float
) -> None:
    truth = random_network(sizes, seed)
    points, answers = questions(truth, per_unknown, seed)
    start = perturbed(truth, 1e-5, seed)
    result = polish(start, points, answers, NOISE)
    assert result.improved, result.reason
    assert parameter_error(start, truth) > 1e-5
    assert parameter_error(result.network, truth) <= goal
    assert result.iterations <= 4
    assert (result.engine, result.undetermined) == ("dense", ())
    assert result.unknowns == truth.parameter_count


@pytest.mark.parametrize("sizes", [(10, 10, 10, 1), (30, 20, 10)])
def test_both_engines_reach_the_same_network(sizes: tuple[int, ...]) -> None:
    truth = random_network(sizes, 0)
    points, answers = questions(truth, 1.6, 0)
    start = perturbed(truth, 1e-6, 0)
    result = polish(start, points, answers, NOISE, settings=PolishSettings(dense_unknowns=10))
    assert (result.engine, result.expected_error) == ("kronecker", None)
    assert parameter_error(result.network, truth) < 1e-12


def test_the_expected_error_matches_the_error_that_noise_leaves() -> None:
    truth = random_network((10, 8, 2), 3)
    points, answers = questions(truth, 4.0, 3)
    noise = 1e-6 * np.exp(np.random.default_rng(3).uniform(0, 3, len(points)))
    noisy = answers + noise[:, np.newaxis] * np.random.default_rng(4).standard_normal(answers.shape)
    result = polish(perturbed(truth, 1e-3, 3), points, noisy, noise)
    assert result.expected_error is not None
    assert result.row_errors is not None
    assert [len(errors) for errors in result.row_errors] == [8, 2]
    assert max(errors.max() for errors in result.row_errors) == result.expected_error
    assert result.held_out_after == pytest.approx(1.0, abs=0.5)
    assert 0.1 < parameter_error(result.network, truth) / result.expected_error < 5


def test_rows_are_weighted_by_their_noise() -> None:
    """Half of the answers are worthless and say so; the other half still suffices."""
    truth = random_network((8, 6, 1), 5)
    points, answers = questions(truth, 4.0, 5)
    noise = np.where(np.arange(len(points)) % 2, 1e-12, 1.0)
    noisy = answers + noise[:, np.newaxis] * np.random.default_rng(5).standard_normal(answers.shape)
    result = polish(perturbed(truth, 1e-6, 5), points, noisy, noise)
    assert parameter_error(result.network, truth) < 1e-10


def test_a_fit_that_misses_the_held_out_answers_more_is_not_kept() -> None:
    """With fewer answers than unknowns any noise is fitted exactly, and every other answer gets worse."""
    truth = random_network((10, 10, 10, 1), 6)
    points, answers = questions(truth, 0.7, 6)
    noisy = answers + 1e-6 * np.random.default_rng(6).standard_normal(answers.shape)
    result = polish(truth, points, noisy, 1e-6, hold_out=0.2)
    assert result.residual_after < 0.1 * result.residual_before
    assert result.held_out_after > result.held_out_before
    assert not result.improved
    assert result.network is truth
    assert "Not kept" in result.reason


def test_a_neuron_that_too_few_samples_excite_is_named() -> None:
    """The bias keeps one second-layer neuron off at all but a few points: its row has more unknowns."""
    truth = random_network((6, 6, 5, 1), 13)
    points, answers = questions(truth, 5.0, 13)
    assert polish(perturbed(truth, 1e-6, 13), points, answers, NOISE).undetermined == ()
    biases = [b.copy() for b in truth.biases]
    biases[1][2] -= np.sort(truth.pre_activations(points)[1][:, 2])[-4]
    truth = PiecewiseLinearNetwork(truth.weights, biases)
    result = polish(perturbed(truth, 1e-6, 13), points, truth(points), NOISE)
    assert set(result.undetermined) == {(2, 2), (3, 0)}
    assert result.row_errors is not None
    assert np.flatnonzero(np.isinf(result.row_errors[1])).tolist() == [2]
    assert np.isfinite(result.row_errors[0]).all()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_samples_pin_does_not_depend_on_the_unit_of_the_answers(unit: float) -> None:
    drawn = random_network((6, 6, 5, 1), 13)
    last = len(drawn.weights) - 1
    scales = [unit if index == last else 1.0 for index in range(last + 1)]
    truth = PiecewiseLinearNetwork(
        [scale * w for scale, w in zip(scales, drawn.weights, strict=True)],
        [scale * b for scale, b in zip(scales, drawn.biases, strict=True)],
    )
    points, answers = questions(truth, 5.0, 13)
    start = perturbed(truth, 1e-9, 13)
    assert polish(start, points, answers, unit * NOISE).undetermined == ()


@pytest.mark.parametrize("engine", ["dense", "kronecker"])
def test_neurons_without_any_sample_stay_as_they_are(engine: str) -> None:
    truth = random_network((5, 4, 3, 1), 8)
    points, _ = questions(truth, 4.0, 8)
    biases = [b.copy() for b in truth.biases]
    biases[1][0] = -100.0
    truth = PiecewiseLinearNetwork(truth.weights, biases)
    start = perturbed(truth, 1e-6, 8)
    settings = PolishSettings(dense_unknowns=9000 if engine == "dense" else 1)
    result = polish(start, points, truth(points), NOISE, settings=settings)
    assert (2, 0) in result.undetermined
    assert result.idle == 6
    dead = result.network.weights[1][0], start.canonical().weights[1][0]
    np.testing.assert_allclose(*dead, atol=1e-12)


def test_the_first_layer_can_be_kept_within_a_span() -> None:
    truth = random_network((40, 6, 4, 1), 9)
    basis = np.linalg.qr(truth.weights[0].T)[0]
    rng = np.random.default_rng(9)
    points = rng.standard_normal((int(1.5 * (6 * 7 + 4 * 7 + 5)) + 60, 40))
    start = perturbed(truth, 1e-5, 9)
    weights = [start.weights[0] @ basis @ basis.T, *start.weights[1:]]
    start = PiecewiseLinearNetwork(weights, start.biases)
    result = polish(start, points, truth(points), NOISE, first_layer_basis=basis)
    assert result.unknowns == 6 * 6 + 6 + 6 * 4 + 4 + 4 + 1
    assert parameter_error(result.network, truth) < 1e-12


def test_what_lies_outside_the_span_is_kept() -> None:
    truth = random_network((12, 4, 1), 10)
    basis = np.linalg.qr(np.random.default_rng(10).standard_normal((12, 3)))[0]
    points, answers = questions(truth, 3.0, 10)
    change = 1e-6 * np.random.default_rng(11).standard_normal((4, 3)) @ basis.T
    start = PiecewiseLinearNetwork([truth.weights[0] + change, truth.weights[1]], truth.biases)
    result = polish(start, points, answers, NOISE, first_layer_basis=basis)
    assert parameter_error(result.network, truth) < 1e-13


def test_a_prior_error_bounds_every_step() -> None:
    truth = random_network((6, 5, 1), 12)
    points, answers = questions(truth, 2.0, 12)
    steps: list[Event] = []
    settings = PolishSettings(prior_error=3e-6)
    polish(perturbed(truth, 1e-6, 12), points, answers, NOISE, settings=settings, on_event=steps.append)
    changes = [step.change for step in steps if isinstance(step, PolishStep)]
    assert changes
    assert max(changes) <= 3e-6


@pytest.mark.parametrize("seed", range(4))
def test_steps_never_grow_even_where_samples_leave_directions_open(seed: int) -> None:
    truth = random_network((10, 10, 10, 1), seed)
    points, answers = questions(truth, 1.1, seed)
    steps: list[Event] = []
    polish(perturbed(truth, 1e-4, seed), points, answers, NOISE, on_event=steps.append)
    changes = [step.change for step in steps if isinstance(step, PolishStep)]
    assert len(changes) >= 2
    assert changes == sorted(changes, reverse=True)


def test_samples_that_a_step_carries_across_a_hyperplane_are_left_out() -> None:
    """f = relu(x - 0.5), the start has its hinge 0.1 too low: points between the hinges mislead."""
    truth = PiecewiseLinearNetwork([[[1.0]], [[1.0]]], [[-0.5], [0.0]])
    start = PiecewiseLinearNetwork([[[1.0]], [[1.0]]], [[-0.4], [0.0]])
    points = np.linspace(-2, 2, 81)[:, np.newaxis]
    events: list[Event] = []
    result = polish(start, points, truth(points), 1e-15, on_event=events.append)
    steps = [event for event in events if isinstance(event, PolishStep)]
    assert steps[0].dropped >= 2
    assert result.dropped == 0
    assert parameter_error(result.network, truth) < 1e-13


def test_a_wrong_structure_shows_as_a_residual_above_the_noise() -> None:
    truth = random_network((6, 6, 1), 13)
    points, answers = questions(truth, 4.0, 13)
    lacking = PiecewiseLinearNetwork(
        [truth.weights[0][1:], truth.weights[1][:, 1:]], [truth.biases[0][1:], truth.biases[1]]
    )
    result = polish(lacking, points, answers, NOISE)
    assert min(result.residual_after, result.held_out_after) > 1e10


def test_same_input_same_result() -> None:
    truth = random_network((6, 5, 2), 14)
    points, answers = questions(truth, 2.0, 14)
    start = perturbed(truth, 1e-6, 14)
    first, second = (polish(start, points, answers, NOISE) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.network.weights, second.network.weights, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": np.zeros((5, 1))}, "answers must be finite, of shape"),
        ({"answers": np.full((40, 1), np.nan)}, "answers must be finite"),
        ({"points": np.zeros((40, 3))}, "points must have shape"),
        ({"noise_std": 0.0}, "noise_std must be positive"),
        ({"noise_std": np.ones(7)}, "noise_std must be positive"),
        ({"hold_out": 1.0}, "held out"),
        ({"hold_out": np.zeros(40, dtype=bool)}, "held out"),
        ({"first_layer_basis": np.zeros((3, 2))}, "first_layer_basis"),
    ],
)
def test_input_that_cannot_be_meant_is_refused(change: dict[str, Any], message: str) -> None:
    network = random_network((4, 3, 1), 0)
    arguments = {"points": np.zeros((40, 4)), "answers": np.zeros((40, 1)), "noise_std": 1.0} | change
    with pytest.raises(InvalidInput, match=message):
        polish(network, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "goal"), [((80, 40, 20, 1), 1e-13), ((64, 64, 64, 1), 1e-12)])
def test_thousands_of_parameters_reach_rounding(sizes: tuple[int, ...], goal: float) -> None:
    truth = random_network(sizes, 0)
    points, answers = questions(truth, 1.3, 0)
    result = polish(perturbed(truth, 1e-5, 0), points, answers, NOISE)
    assert parameter_error(result.network, truth) <= goal
    assert result.iterations <= 4


def test_a_fit_that_lacks_a_neuron_ends_soon_and_claims_no_errors() -> None:
    """The truth has one neuron more: no step brings it, and what noise leaves uncertain is no matter."""
    truth = random_network((12, 10, 8, 3), 41)
    points, answers = questions(truth, 3.0, 41)
    short = PiecewiseLinearNetwork(
        [truth.weights[0], truth.weights[1][1:], truth.weights[2][:, 1:]],
        [truth.biases[0], truth.biases[1][1:], truth.biases[2]],
    )
    heard: list[Event] = []
    result = polish(short, points, answers, NOISE, on_event=heard.append)
    assert result.residual_after > 1e7
    assert (result.row_errors, result.undetermined) == (None, ())
    assert len(heard) == result.iterations < 10
