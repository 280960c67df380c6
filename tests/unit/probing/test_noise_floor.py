"""Ladders and the noise floor, against closed forms and against arithmetic with more digits."""

from __future__ import annotations

import numpy as np
import pytest
from practice_doors import open_door, random_network

from hingeline.core.errors import InvalidInput
from hingeline.oracles.local import network_oracle
from hingeline.probing.doctor import doctor
from hingeline.probing.ground import Ground
from hingeline.probing.ladder import RUNGS, Ladder, Steps, ladder_points, shape_of
from hingeline.probing.noise_fit import fit_noise

FINE = Steps.for_resolution(2.0**-53)
COARSE = Steps.for_resolution(1e-4)


def ladder_of(function, middle: float, steps: Steps = FINE, rounding: float = 1e-17) -> Ladder:
    """A ladder of width `steps.wide * middle` on the real line."""
    values = function(middle + middle * steps.offsets())[:, np.newaxis]
    return Ladder(middle, values, rounding, steps, steps.wide * middle)


@pytest.mark.parametrize("steps", [FINE, COARSE])
@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda t: 3 * t + 1, "straight"),
        (lambda t: t**2, "curved"),
        (np.sin, "curved"),
        (lambda t: np.abs(t - 1.0001), "kinked"),
        (lambda t: 0 * t + 5, "flat"),
    ],
)
def test_the_shape_of_functions_we_know(function, shape, steps):
    assert shape_of(ladder_of(function, 1.0, steps), sigma=1e-15, natural=1.0) == shape


def test_curvature_below_the_noise_is_called_unclear_not_straight():
    assert shape_of(ladder_of(lambda t: t**2, 1.0), sigma=1.0, natural=1.0) == "unclear"


def test_a_staircase_in_the_input_is_stuck_and_a_line_is_not():
    assert ladder_of(lambda t: np.round(t * 1000) / 1000, 1.0).stuck
    assert not ladder_of(lambda t: 3 * t, 1.0).stuck


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize(("absolute", "per_norm"), [(1e-3, 0.0), (1e-6, 1e-4), (0.0, 1e-3)])
def test_noise_put_in_is_found_again(absolute, per_norm, curved):
    rng, found = np.random.default_rng(0), []
    for _ in range(40):
        sigmas = {norm: absolute + per_norm * norm for norm in (1e-3, 0.5, 2.0, 1e3)}
        ladders = [
            Ladder(norm, norm + sigma * rng.normal(size=(RUNGS, 1)), 1e-12, COARSE, 0.2 * norm)
            for norm, sigma in sigmas.items()
        ]
        floor = fit_noise(ladders, unit=0.0, curved=curved)
        found.append([floor.at_norm(np.array(norm)) / sigma for norm, sigma in sigmas.items()])
    assert np.all(np.abs(np.log(np.median(found, axis=0))) < np.log(2))


def test_a_ladder_spoilt_by_a_kink_is_outvoted():
    rng = np.random.default_rng(1)
    norms = (1e-3, 0.5, 2.0, 1e3)
    ladders = [Ladder(n, 1e-9 * rng.normal(size=(RUNGS, 1)), 1e-12, COARSE, 0.2 * n) for n in norms]
    spoilt = ladders[2].values + np.array([0, 5, 3, 2, 0, 0, 0.0])[:, np.newaxis]
    ladders[2] = Ladder(2.0, spoilt, 1e-12, COARSE, 0.4)
    assert fit_noise(ladders, unit=0.0, curved=False).at_norm(np.array(2.0)) < 1e-8


def test_the_floor_is_never_below_the_rounding_of_the_answer():
    exact = [Ladder(norm, np.full((RUNGS, 1), 5.0), 3e-16, FINE, 0.1 * norm) for norm in (0.1, 1.0, 10.0)]
    assert fit_noise(exact, unit=0.0, curved=False).at_norm(np.array(0.0)) >= 3e-16


def _in_long_doubles(network, points):
    hidden = points.astype(np.longdouble)
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        hidden = np.maximum(hidden @ weight.T.astype(np.longdouble) + bias, 0)
    return hidden @ network.weights[-1].T.astype(np.longdouble) + network.biases[-1]


@pytest.mark.skipif(np.finfo(np.longdouble).eps >= 2.0**-52, reason="no wider float on this machine")
def test_the_floor_of_a_float64_network_is_its_true_error_within_a_factor_3():
    # one share over all shapes: rounding, and so a single shape's share, depends on how BLAS adds
    ratios = np.concatenate([_floor_over_truth(sizes) for sizes in SHAPES])
    assert np.mean((ratios > 1 / 3) & (ratios < 3)) >= 0.88
    assert ratios.min() > 0.1
    assert ratios.max() < 10


SHAPES = [(10, 10, 10, 1), (64, 32, 10), (100, 200, 10), (784, 128, 1), (784, 128, 10)]


def _floor_over_truth(sizes):
    ratios = []
    for bias, seed in [(0.0, 0), (0.0, 1), (1e-3, 2), (1e-3, 3), (1.0, 4), (1.0, 5), (1.0, 6)]:
        network, ground = random_network(sizes, seed, bias), Ground.of(sizes[0], None, None)
        floor, rng = doctor(network_oracle(network), seed=seed).require().noise, np.random.default_rng(seed)
        for factor in (0.03, 1.0, 30.0, 1e4):
            points = np.array([ground.point(rng, factor) for _ in range(8)])
            error = (network(points) - _in_long_doubles(network, points)).astype(float)
            truth = np.sqrt(np.mean(error**2, axis=0).max())
            ratios.append(floor.at_norm(np.array(factor * ground.scale)) / truth)
    return np.array(ratios)


@pytest.mark.parametrize(
    ("name", "true"), [("4 decimals", 1e-4 / np.sqrt(12)), ("2^-15 grid", 2.0**-15 / np.sqrt(12))]
)
def test_the_floor_of_a_rounded_door_is_that_of_its_grid(name, true):
    for seed in range(3):
        card = doctor(open_door(name, (64, 32, 10), seed), seed=seed).require()
        assert true / 1.5 < card.noise_at_scale < 3 * true


def test_points_are_where_they_were_asked_to_be():
    ground, rng = Ground.of(50, None, None), np.random.default_rng(0)
    points = ladder_points(ground, rng, np.array([0.5, 2.0]), FINE)
    assert points.shape == (2 * RUNGS, 50)
    assert np.linalg.norm(points[[0, RUNGS]], axis=1) == pytest.approx([0.5 * ground.scale, 2 * ground.scale])


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-2.0, 5.0), (10.0, 20.0), (0.0, float("inf"))])
def test_bounded_ladders_stay_inside_at_their_coarsest(bounds):
    ground, rng = Ground.of(7, bounds, None), np.random.default_rng(0)
    widest = Steps.for_resolution(0.1)
    points = np.concatenate(
        [ladder_points(ground, rng, np.array([0.01, 0.4, 1.0]), widest) for _ in range(50)]
    )
    assert points.min() >= bounds[0] and points.max() <= bounds[1]


def test_a_scale_of_zero_is_refused():
    with pytest.raises(InvalidInput, match="scale"):
        Ground.of(3, None, 0.0)
