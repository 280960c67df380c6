from __future__ import annotations

import numpy as np
import pytest
from polish_samples import random_network

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import IllConditioned
from hingeline.extraction.linearised import Linearised, Samples
from hingeline.extraction.preconditioning import DenseInverse, KroneckerInverse, cholesky


def linearised(sizes: tuple[int, ...], importance: float = 1.0, cut: int | None = None) -> Linearised:
    """Where `cut` is given, that hidden neuron has no outgoing weight."""
    network = random_network(sizes, 1)
    weights = [weight.copy() for weight in network.weights]
    weights[-1][:, [] if cut is None else [cut]] = 0.0
    layers = tuple(zip(weights, network.biases, strict=True))
    points = np.random.default_rng(2).standard_normal((200, sizes[0]))
    return Linearised.at(layers, Samples(points, None), np.full((200, 1), importance))


def normal_equations(linear: Linearised) -> FloatArray:
    return sum((rows.T @ rows for rows in linear.rows(slice(None))), np.zeros((linear.unknowns,) * 2))


@pytest.mark.parametrize("importance", [1.0, 1e16])
@pytest.mark.parametrize(("precise", "accuracy"), [(True, 1e-9), (False, 2e-2)])
def test_the_dense_inverse_undoes_the_normal_equations(
    precise: bool, accuracy: float, importance: float
) -> None:
    """On changes that stretch no row; the others are not in the range."""
    linear = linearised((4, 5, 2), importance)
    inverse = DenseInverse.of(linear, precise=precise)
    change = np.random.default_rng(3).standard_normal(linear.unknowns)
    image = normal_equations(linear) @ change
    again = normal_equations(linear) @ inverse.solve(image)
    assert np.linalg.norm(again - image) < accuracy * np.linalg.norm(image)


@pytest.mark.parametrize("importance", [1.0, 1e16])
def test_the_kronecker_inverse_is_exact_for_an_affine_map(importance: float) -> None:
    linear = linearised((5, 3), importance)
    change = np.random.default_rng(3).standard_normal(linear.unknowns)
    found = KroneckerInverse.of(linear).solve(normal_equations(linear) @ change)
    np.testing.assert_allclose(found, change, rtol=1e-5)


def test_scales_are_the_roots_of_the_diagonal_and_idle_parameters_are_counted() -> None:
    linear = linearised((4, 5, 2), cut=3)
    diagonal = np.diag(normal_equations(linear))
    for inverse in (DenseInverse.of(linear), KroneckerInverse.of(linear)):
        np.testing.assert_array_equal(inverse.idle, diagonal == 0)
        assert inverse.idle.sum() == 5
        assert (inverse.scales[diagonal == 0] == 1.0).all()
    dense = DenseInverse.of(linear, precise=True).scales
    np.testing.assert_allclose(dense[diagonal > 0] ** 2, diagonal[diagonal > 0], rtol=1e-12)


def test_damping_shrinks_the_solution() -> None:
    linear = linearised((4, 5, 2))
    gradient = np.random.default_rng(4).standard_normal(linear.unknowns)
    for inverse in (DenseInverse.of(linear), KroneckerInverse.of(linear)):
        assert np.linalg.norm(inverse.damped(10.0).solve(gradient)) < np.linalg.norm(inverse.solve(gradient))


def test_a_matrix_that_is_not_positive_is_refused_with_the_damping_tried() -> None:
    with pytest.raises(IllConditioned, match=r"damping of 0\.0001"):
        cholesky(np.diag([1.0, -1.0]), 0.0)
