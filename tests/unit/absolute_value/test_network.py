"""Networks of absolute values as values: what the function tells, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute


def drawn(d: int, m: int, seed: int, *, signed: bool = False) -> AbsoluteValueNetwork:
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1.0, 1.0]), m) if signed else np.ones(m)
    return AbsoluteValueNetwork(rng.standard_normal((m, d)), signs * rng.uniform(0.2, 2.0, m))


def test_the_value_is_the_sum_of_absolute_heights() -> None:
    network = AbsoluteValueNetwork([[1.0, 0.0], [3.0, 4.0]], [2.0, -1.0])
    np.testing.assert_allclose(network([[1.0, -1.0], [0.0, 2.0]]), [[2.0 - 1.0], [-8.0]])


def test_the_relu_form_is_the_same_function() -> None:
    network, points = drawn(5, 7, 11, signed=True), np.random.default_rng(1).standard_normal((50, 5))
    np.testing.assert_allclose(network.as_piecewise_linear()(points), network(points), atol=1e-12)


def test_the_canonical_form_keeps_the_function_and_forgets_order_sign_and_length() -> None:
    network, rng = drawn(6, 9, 12, signed=True), np.random.default_rng(2)
    order, lengths = rng.permutation(9), rng.uniform(-3, 3, 9)
    other = AbsoluteValueNetwork(
        network.rows[order] * lengths[:, np.newaxis], network.coefficients[order] / np.abs(lengths)
    )
    np.testing.assert_allclose(network.canonical().rows, other.canonical().rows, atol=1e-12)
    assert compare_absolute(network, other).max_relative_error < 1e-12


def test_parallel_rows_are_one_and_opposite_coefficients_cancel() -> None:
    row = np.array([1.0, 2.0, -1.0])
    merged = AbsoluteValueNetwork(
        [row, -2 * row, [1.0, 0, 0], [-1.0, 0, 0]], [1.0, 0.5, 1.0, -1.0]
    ).canonical()
    assert merged.width == 1
    np.testing.assert_allclose(merged.coefficients, [2 * np.linalg.norm(row)])


def test_the_gradient_agrees_with_the_function_along_rays() -> None:
    network, points = drawn(4, 6, 13), np.random.default_rng(3).standard_normal((20, 4))
    heights = np.einsum("nd,nd->n", network.gradient(points), points)
    np.testing.assert_allclose(heights, network(points)[:, 0])


def test_a_coefficient_of_the_other_sign_is_no_partner() -> None:
    network = drawn(4, 3, 14)
    other = AbsoluteValueNetwork(network.rows, network.coefficients * [1.0, -1.0, 1.0])
    difference = compare_absolute(network, other)
    assert difference.unmatched == (1, 1)
    assert difference.summary()["max_relative_error"] is None


@pytest.mark.parametrize(
    ("rows", "coefficients"), [([1.0], [1.0]), ([[1.0, 2.0]], [1.0, 2.0]), ([[np.nan]], [1])]
)
def test_what_cannot_be_meant_is_refused(rows: list[float], coefficients: list[float]) -> None:
    with pytest.raises(InvalidInput, match="rows"):
        AbsoluteValueNetwork(rows, coefficients)
