from __future__ import annotations

import numpy as np
import pytest
from polish_samples import random_network

from hingeline.extraction.linearised import Layers, Linearised, Samples, flatten, forward, moved, unflatten


def layers_of(sizes: tuple[int, ...]) -> Layers:
    network = random_network(sizes, 1)
    return tuple(zip(network.weights, network.biases, strict=True))


def linearised(sizes: tuple[int, ...], fixed: bool = False) -> tuple[Linearised, Samples]:
    rng = np.random.default_rng(2)
    points = rng.standard_normal((30, sizes[0]))
    samples = Samples(points, 0.1 * rng.standard_normal((30, sizes[1])) if fixed else None)
    return Linearised.at(layers_of(sizes), samples, rng.uniform(0.5, 2.0, (30, 1))), samples


SIZES = [(3, 2), (4, 3, 1), (4, 3, 5, 2), (3, 4, 4, 4, 3)]


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_derivative_is_that_of_the_outputs(sizes: tuple[int, ...], fixed: bool) -> None:
    linear, samples = linearised(sizes, fixed)
    step = 1e-7 * np.random.default_rng(3).standard_normal(linear.unknowns)
    change = forward(moved(linear.layers, step), samples)[0] - linear.values
    np.testing.assert_allclose(linear.apply(step), linear.importance * change, atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_transpose_and_explicit_rows_belong_to_the_same_matrix(sizes: tuple[int, ...]) -> None:
    linear, _ = linearised(sizes)
    rng = np.random.default_rng(4)
    vector, data = rng.standard_normal(linear.unknowns), rng.standard_normal(linear.values.shape)
    dense = np.stack(list(linear.rows(slice(None))), axis=1)
    np.testing.assert_allclose(dense @ vector, linear.apply(vector), atol=1e-12)
    np.testing.assert_allclose(np.einsum("nkp,nk->p", dense, data), linear.transpose(data), atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_flat_vectors_come_back_as_layers(sizes: tuple[int, ...]) -> None:
    layers = layers_of(sizes)
    again = unflatten(flatten(layers), layers)
    for (weight, bias), (weight_again, bias_again) in zip(layers, again, strict=True):
        np.testing.assert_array_equal(weight, weight_again)
        np.testing.assert_array_equal(bias, bias_again)


def test_stretching_a_neuron_changes_nothing() -> None:
    linear, _ = linearised((4, 3, 2))
    (weight, bias), (outgoing, last) = linear.layers
    stretch = [np.zeros_like(weight), np.zeros_like(bias)]
    stretch[0][1], stretch[1][1] = weight[1], bias[1]
    shrink = np.zeros_like(outgoing)
    shrink[:, 1] = -outgoing[:, 1]
    direction = flatten([(stretch[0], stretch[1]), (shrink, np.zeros_like(last))])
    np.testing.assert_allclose(linear.apply(direction), 0.0, atol=1e-14)


def test_single_precision_products_agree_to_seven_digits() -> None:
    linear, _ = linearised((4, 3, 5, 2))
    vector = np.random.default_rng(5).standard_normal(linear.unknowns)
    np.testing.assert_allclose(linear.halved().apply(vector), linear.apply(vector), atol=1e-5)
