from __future__ import annotations

import numpy as np
import pytest
from polish_samples import parameter_error, perturbed, questions, random_network

from hingeline.core.arrays import FloatArray
from hingeline.extraction import gauss_newton, preconditioning, shared_products
from hingeline.extraction.gauss_newton import PolishSettings
from hingeline.extraction.linearised import Linearised, Samples
from hingeline.extraction.polish import polish

NOISE = 3e-16


def linearised(sizes: tuple[int, ...], *, each_output: bool) -> Linearised:
    network = random_network(sizes, 1)
    layers = tuple(zip(network.weights, network.biases, strict=True))
    rng = np.random.default_rng(2)
    points = rng.standard_normal((700, sizes[0]))
    return Linearised.at(
        layers, Samples(points, None), rng.uniform(size=(700, sizes[-1] if each_output else 1))
    )


def one_by_one(linear: Linearised) -> FloatArray:
    return sum((rows.T @ rows for rows in linear.rows(slice(None))), np.zeros((linear.unknowns,) * 2))


@pytest.mark.parametrize("each_output", [True, False])
@pytest.mark.parametrize("entries", [2**24, 40])
def test_outputs_taken_together_give_the_products_of_each_alone(
    each_output: bool, entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in blocks of a neuron or two."""
    monkeypatch.setattr(shared_products, "BLOCK_ENTRIES", entries)
    linear = linearised((4, 6, 5, 3), each_output=each_output)
    found = np.tril(shared_products.shared_products(linear))
    np.testing.assert_allclose(found, np.tril(one_by_one(linear)), atol=1e-10)


def test_a_fit_comes_to_the_same_whether_outputs_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = random_network((10, 8, 6, 4), 3)
    points, answers = questions(truth, 2.0, 3)
    start = perturbed(truth, 1e-6, 3)
    found: list[float] = []
    for fewest in (3, 100):
        monkeypatch.setattr(preconditioning, "SHARED_OUTPUTS", fewest)
        result = polish(start, points, answers, NOISE)
        assert (result.engine, result.undetermined) == ("dense", ())
        found.append(parameter_error(result.network, truth))
    assert max(found) < 1e-12


@pytest.mark.parametrize(
    ("matrices", "engine", "dtype"),
    [(1.3, "dense", np.float32), (0.4, "kronecker", None)],
)
def test_large_fits_are_dense_in_single_precision_where_memory_allows(
    matrices: float, engine: str, dtype: type | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And come down to rounding all the same: products stay exact, only the factor is coarse."""
    truth = random_network((10, 8, 6, 4), 3)
    # of double precision so many fit into the half of the memory that may be used
    memory = 2 * matrices * 8 * truth.parameter_count**2
    monkeypatch.setattr(gauss_newton, "physical_memory", lambda: memory)
    seen: list[type] = []
    whole = preconditioning.cholesky

    def watched(matrix: FloatArray, damping: float) -> FloatArray:
        seen.append(matrix.dtype.type)
        return whole(matrix, damping)

    monkeypatch.setattr(preconditioning, "cholesky", watched)
    points, answers = questions(truth, 2.0, 3)
    settings = PolishSettings(single_first=10)
    result = polish(perturbed(truth, 1e-6, 3), points, answers, NOISE, settings=settings)
    assert (result.engine, result.undetermined) == (engine, ())
    assert dtype is None or seen[0] is dtype
    assert parameter_error(result.network, truth) < 1e-12
