"""Spots and certified slopes on functions whose gradients are known in closed form."""

import numpy as np
import pytest
from practice import bench_of

from hingeline.subspace.complement import Complement
from hingeline.subspace.differences import certified_slopes
from hingeline.subspace.smooth import SmoothSlopes
from hingeline.subspace.spots import Spot, SpotFinder, value_noise


def kinked(offset):
    """|x_0 - offset| + 2 x_1: one kink, gradient (+-1, 2, 0, ...)."""
    return lambda x: (np.abs(x[:, 0] - offset) + 2 * x[:, 1])[:, np.newaxis]


def spot_at(bench, point, radius):
    values = bench.probe.ask(point[np.newaxis])
    sigma = float(value_noise(bench.probe, point[np.newaxis], values)[0])
    return Spot(point, values[0], sigma, radius, 1.0)


@pytest.mark.parametrize("distance", [10.0, 1e-1, 1e-2])
def test_slopes_are_exact_however_near_the_kink(distance):
    bench = bench_of(kinked(distance), 60)
    slopes = certified_slopes(
        bench.probe, bench.law, spot_at(bench, np.zeros(60), 1.0), np.eye(60), np.random.default_rng(0)
    )
    assert slopes is not None
    wanted = np.zeros(60)
    wanted[:2] = -1, 2
    assert np.abs(slopes.matrix[0] - wanted).max() < 1e-9


def test_a_spot_on_the_kink_is_given_up_or_right_on_one_side():
    bench = bench_of(kinked(0.0), 60)
    slopes = certified_slopes(
        bench.probe, bench.law, spot_at(bench, np.zeros(60), 1.0), np.eye(60), np.random.default_rng(0)
    )
    assert slopes is None or abs(abs(slopes.matrix[0, 0]) - 1) < 1e-9


def test_errors_grow_as_steps_shrink():
    errors = []
    for radius in (1.0, 1e-3):
        bench = bench_of(lambda x: x.sum(axis=1, keepdims=True), 20)
        slopes = certified_slopes(
            bench.probe, bench.law, spot_at(bench, np.ones(20), radius), np.eye(20), np.random.default_rng(0)
        )
        errors.append(slopes.noise)
        assert np.abs(slopes.matrix - 1).max() < 30 * slopes.errors.max()
    assert errors[1] > 100 * errors[0]


def test_every_spot_keeps_its_rays_inside_one_region():
    bench = bench_of(kinked(0.0), 30)
    complement = Complement(30, np.random.default_rng(0))
    finder = SpotFinder(bench.probe, bench.law, np.random.default_rng(1))
    spots = [spot for _ in range(10) for spot in finder.batch(complement, 5)[0]]
    assert len(spots) >= 5
    for spot in spots:
        # rays on both sides: those that look at x_0 never meet the kink at 0
        reach = np.abs(spot.rays[:, 0]).max() * spot.radius
        assert abs(spot.point[0]) >= 0.9 * reach


def test_what_lies_in_the_span_already_is_quiet():
    bench = bench_of(kinked(0.0), 30)
    complement = Complement(30, np.random.default_rng(0))
    for axis in (0, 1):
        complement.append(np.eye(30)[axis], 1.0, 1e-14)
    spots, quiet = SpotFinder(bench.probe, bench.law, np.random.default_rng(1)).batch(complement, 8)
    assert (spots, quiet) == ([], 8)


def test_slopes_of_a_smooth_function_know_their_error():
    bench = bench_of(lambda x: np.tanh(x @ np.ones((20, 1)) / 4), 20)
    point = 0.3 * np.random.default_rng(0).normal(size=20)
    measure = SmoothSlopes()
    slopes = measure(bench.probe, bench.law, spot_at(bench, point, 1.0), np.eye(20), np.random.default_rng(1))
    truth = (1 - np.tanh(point.sum() / 4) ** 2) / 4
    assert np.abs(slopes.matrix - truth).max() < 20 * slopes.errors.max()
    assert slopes.errors.max() < 1e-9
