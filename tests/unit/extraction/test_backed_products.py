"""Products taken by a backend are those of the derivative, and a polish there ends at the same network."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from polish_samples import parameter_error, perturbed, questions, random_network

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.extraction.backed_products import BackedProducts
from hingeline.extraction.extract import extract
from hingeline.extraction.gauss_newton import PolishSettings
from hingeline.extraction.linearised import Linearised, Samples
from hingeline.extraction.polish import polish
from hingeline.numerics.backend import NUMPY, Backend, TorchBackend
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch not installed")
BACKENDS = [NUMPY, pytest.param(TorchBackend("cpu"), marks=needs_torch)]
SHAPES = [(4, 5, 2), (6, 7, 5, 3), (5, 2), (3, 4, 4, 1)]


def linearised(sizes: tuple[int, ...], factors: int) -> Linearised:
    """With weights of the answers, one per sample or one per answer."""
    network = random_network(sizes, 4)
    rng = np.random.default_rng(5)
    points = rng.standard_normal((90, sizes[0]))
    importance = rng.uniform(0.5, 2.0, (90, factors))
    layers = tuple(zip(network.weights, network.biases, strict=True))
    return Linearised.at(layers, Samples(points, None), importance)


def normal_matrix(linear: Linearised) -> FloatArray:
    return sum((rows.T @ rows for rows in linear.rows(slice(None))), np.zeros((linear.unknowns,) * 2))


@pytest.mark.parametrize("there", BACKENDS)
@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("each", [False, True])
def test_products_are_those_of_the_derivative(there: Backend, sizes: tuple[int, ...], each: bool) -> None:
    linear = linearised(sizes, sizes[-1] if each else 1)
    products, rng = BackedProducts(linear, there), np.random.default_rng(6)
    step, data = rng.standard_normal(linear.unknowns), rng.standard_normal(linear.values.shape)
    assert np.abs(products.apply(step) - linear.apply(step)).max() < 1e-12
    assert np.abs(products.transpose(data) - linear.transpose(data)).max() < 1e-12
    assert np.abs(products.normal_matrix() - normal_matrix(linear)).max() < 1e-11


@pytest.mark.parametrize("there", BACKENDS)
def test_single_precision_stays_single(there: Backend) -> None:
    linear = linearised((6, 7, 5, 3), 1)
    image = BackedProducts(linear.halved(), there).apply(np.ones(linear.unknowns))
    assert image.dtype == np.float32
    assert np.abs(image - linear.apply(np.ones(linear.unknowns))).max() < 1e-4


@needs_torch
@pytest.mark.parametrize("dense", [9000, 10])
def test_a_polish_in_torch_ends_at_the_same_network(dense: int) -> None:
    truth = random_network((30, 20, 10), 7)
    points, answers = questions(truth, 1.6, 7)
    start = perturbed(truth, 1e-6, 7)
    found = [
        polish(start, points, answers, 3e-16, settings=PolishSettings(dense_unknowns=dense, backend=name))
        for name in ("numpy", "torch")
    ]
    assert [result.backend for result in found] == ["numpy", "torch"]
    assert parameter_error(found[0].network, found[1].network) < 1e-13
    assert parameter_error(found[1].network, truth) < 1e-13
    assert found[0].undetermined == found[1].undetermined == ()


@needs_torch
def test_an_extraction_in_torch_asks_as_much_and_finds_the_same() -> None:
    network = random_network((20, 10, 6, 2), 8)
    door = CallableOracle(network, OracleSpec("door", 20, 2))
    one, other = (extract(door, seed=1, settings={"backend": name}) for name in ("numpy", "torch"))
    assert one.outcome == other.outcome
    assert one.queries == other.queries
    assert other.evidence["polish"]["backend"] == "torch"
    assert parameter_error(one.require(), other.require()) < 1e-12


def test_an_unknown_backend_is_refused_before_anything_is_asked() -> None:
    network = random_network((5, 3, 1), 8)
    with pytest.raises(InvalidInput, match="backend"):
        extract(CallableOracle(network, OracleSpec("door", 5, 1)), settings={"backend": "abacus"})
