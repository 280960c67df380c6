"""Rows from samples: second and fourth moments, and the polish."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.absolute_value.moments import (
    fourth_moment_action,
    fourth_moment_rows,
    polish_rows,
    recover_from_samples,
    second_moment,
)
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute


def sample(d: int, n: int, ratio: float, seed: int) -> tuple[AbsoluteValueNetwork, FloatArray, FloatArray]:
    """A teacher with orthonormal rows, points and answers."""
    rng = np.random.default_rng(seed)
    sizes = np.linspace(1.0, ratio, d)
    network = AbsoluteValueNetwork(np.linalg.qr(rng.standard_normal((d, d)))[0], sizes / sizes.sum())
    points = rng.standard_normal((n, d))
    return network, points, network(points)[:, 0]


def test_unequal_coefficients_show_in_the_second_moment() -> None:
    network, points, answers = sample(6, 60_000, 4.0, 41)
    moment = second_moment(points, answers)
    assert moment.informative
    cosines = np.abs(moment.directions @ network.rows.T).max(axis=1)
    assert np.median(cosines) > 0.95
    np.testing.assert_allclose(
        moment.eigenvalues, np.sqrt(2 / np.pi) * np.sort(network.coefficients)[::-1], atol=0.02
    )


@pytest.mark.parametrize("seed", range(50, 55))
def test_equal_coefficients_are_flagged(seed: int) -> None:
    _, points, answers = sample(8, 20_000, 1.0, seed)
    assert not second_moment(points, answers).informative


def test_the_fourth_moment_is_minus_the_fourth_powers_of_the_rows() -> None:
    network, points, answers = sample(4, 400_000, 2.0, 42)
    units = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    weighted = network.coefficients * (units @ network.rows.T) ** 3
    expected = -np.sqrt(2 / np.pi) * weighted @ network.rows
    np.testing.assert_allclose(fourth_moment_action(points, answers)(units), expected, atol=0.03)


def test_the_power_iteration_ends_at_rows() -> None:
    network, points, answers = sample(6, 50_000, 1.0, 43)
    found = fourth_moment_rows(points, answers, starts=12, rng=np.random.default_rng(2))
    cosines = np.abs(found.directions @ network.rows.T).max(axis=1)
    assert (cosines > 0.95).sum() >= 11
    assert len(found.distinct()) <= 6


def test_the_polish_makes_a_noiseless_sample_exact() -> None:
    network, points, answers = sample(6, 6_000, 2.0, 44)
    rough = network.rows + 0.05 * np.random.default_rng(3).standard_normal((6, 6))
    polished = polish_rows(points, answers, rough)
    assert polished.residual < 1e-12
    assert compare_absolute(network, polished.network).max_relative_error < 1e-10


def test_all_rows_are_found_from_samples_alone() -> None:
    network, points, answers = sample(6, 20_000, 2.0, 45)
    found = recover_from_samples(points, answers, 6, rng=np.random.default_rng(4))
    assert compare_absolute(network, found.network).max_relative_error < 1e-10
    assert found.summary()["rows"] == 6


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 4 d"):
        second_moment(np.zeros((10, 5)), np.zeros(10))
    with pytest.raises(InvalidInput, match="starts"):
        fourth_moment_rows(np.zeros((30, 5)), np.zeros(30), starts=0, rng=np.random.default_rng(0))
