from __future__ import annotations

import numpy as np
import pytest
from probed_functions import EXACT, Counted, probe_of, random_network

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.jacobian import RegionJacobians, region_jacobians, turned_basis
from hingeline.probing.probe import Probe


def unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)


def directions(dim: int, seed: int = 0) -> tuple[FloatArray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal(dim)), rng


def measured(
    probe: Probe, matrix: FloatArray, direction: FloatArray, reach: float, centre: FloatArray | None = None
) -> RegionJacobians:
    """The region around `centre` (the origin), whose true Jacobian is `matrix`."""
    dim, rng = len(direction), np.random.default_rng(1)
    at = np.zeros((1, dim)) if centre is None else centre[np.newaxis]
    basis = turned_basis(np.eye(dim), direction, rng)
    slopes = (matrix @ direction)[np.newaxis]
    return region_jacobians(probe, at, np.array([reach]), direction, slopes, basis, rng)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("dim", [1, 2, 5, 60])
def test_the_jacobian_of_an_affine_map_is_its_matrix(dim: int, outputs: int) -> None:
    direction, rng = directions(dim)
    matrix, offset = rng.standard_normal((outputs, dim)), rng.standard_normal(outputs)
    found = measured(probe_of(lambda x: x @ matrix.T + offset, dim), matrix, direction, 1.0)
    assert found.certified.all()
    assert found.values[0] == pytest.approx(offset)
    assert found.matrices[0] == pytest.approx(matrix, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_stated_error_covers_the_true_one(seed: int) -> None:
    direction, rng = directions(20, seed)
    matrix, noise = rng.standard_normal((1, 20)), np.random.default_rng(seed)
    probe = probe_of(
        lambda x: x @ matrix.T + 1e-9 * noise.standard_normal((len(x), 1)), 20, NoiseFloor(1e-9, 0)
    )
    found = measured(probe, matrix, direction, 1.0)
    gap = np.abs(found.matrices[0] - matrix)
    assert found.certified[0]
    assert 0.05 * found.errors[0] < np.sqrt((gap**2).mean()) < 2 * found.errors[0]


@pytest.mark.parametrize("dim", [3, 60])
@pytest.mark.parametrize("distance", [0.5, 1e-2, 1e-4])
def test_a_hyperplane_nearer_than_stated_does_not_spoil_the_jacobian(distance: float, dim: int) -> None:
    """The certificate fails, and a smaller step is taken."""
    direction, rng = directions(dim)
    matrix, normal = rng.standard_normal((1, dim)), unit(rng.standard_normal(dim))

    def function(x: FloatArray) -> FloatArray:
        return x @ matrix.T + 5 * np.maximum(x @ normal - distance, 0.0)[:, np.newaxis]

    found = measured(probe_of(function, dim), matrix, direction, 1.0)
    assert found.certified.all()
    assert found.matrices[0] == pytest.approx(matrix, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_certified_is_right_at_any_reach(seed: int) -> None:
    network, (direction, rng) = random_network(6, 30, 10, 2, seed=seed), directions(6, seed)
    centres = rng.standard_normal((20, 6))
    matrices = np.array([network.affine_map(centre)[0] for centre in centres])
    reaches = 10.0 ** rng.uniform(-4, 1, 20)
    basis = turned_basis(np.eye(6), direction, rng)
    found = region_jacobians(
        probe_of(network, 6), centres, reaches, direction, matrices @ direction, basis, rng
    )
    gaps = np.abs(found.matrices - matrices).max(axis=(1, 2))[found.certified]
    assert found.certified.sum() >= 15
    assert (gaps < 12 * found.errors[found.certified]).all()


@pytest.mark.parametrize(("dim", "most"), [(10, 11), (47, 48), (60, 61 + 4)])
def test_a_region_costs_one_query_per_dimension_and_a_few(dim: int, most: int) -> None:
    direction, rng = directions(dim)
    matrix = rng.standard_normal((2, dim))
    counted = Counted(lambda x: x @ matrix.T)
    measured(probe_of(counted, dim), matrix, direction, 1.0)
    assert dim + 1 <= counted.rows <= most


def test_a_gradient_outside_the_basis_is_not_certified_and_soon_given_up() -> None:
    direction, rng = directions(12)
    matrix = rng.standard_normal((1, 12))
    counted = Counted(lambda x: x @ matrix.T)
    basis = turned_basis(np.eye(12)[:4], direction, rng)
    slopes = (matrix @ direction)[np.newaxis]
    found = region_jacobians(
        probe_of(counted, 12), np.zeros((1, 12)), np.ones(1), direction, slopes, basis, rng
    )
    assert not found.certified.any()
    assert counted.rows <= 1 + 3 * 4


def test_a_basis_of_the_row_space_is_enough() -> None:
    direction, rng = directions(40)
    rows = np.linalg.qr(rng.standard_normal((40, 3)))[0].T
    matrix = rng.standard_normal((2, 3)) @ rows
    counted = Counted(lambda x: x @ matrix.T)
    found = region_jacobians(
        probe_of(counted, 40), np.zeros((1, 40)), np.ones(1), direction,
        (matrix @ direction)[np.newaxis], turned_basis(rows, direction, rng), rng,
    )  # fmt: skip
    assert found.certified.all()
    assert found.matrices[0] == pytest.approx(matrix, abs=1e-12)
    assert counted.rows == 4


@pytest.mark.parametrize("reach", [0.0, 1e-18, np.nan])
def test_a_region_without_width_is_given_up_without_a_warning(reach: float) -> None:
    direction, rng = directions(5)
    matrix = rng.standard_normal((1, 5))
    found = measured(probe_of(lambda x: x @ matrix.T, 5), matrix, direction, reach, np.ones(5))
    assert not found.certified.any()
    assert np.isinf(found.errors).all()


@pytest.mark.parametrize(("size", "dim"), [(1, 1), (1, 7), (5, 5), (4, 30)])
def test_a_turned_basis_spans_the_same_and_faces_the_direction_evenly(size: int, dim: int) -> None:
    direction, rng = directions(dim)
    basis = np.linalg.qr(rng.standard_normal((dim, size)))[0].T
    turned = turned_basis(basis, direction, rng)
    along = turned @ direction
    assert turned @ turned.T == pytest.approx(np.eye(size), abs=1e-12)
    assert turned.T @ turned == pytest.approx(basis.T @ basis, abs=1e-12)
    assert along == pytest.approx(np.full(size, np.linalg.norm(basis @ direction) / np.sqrt(size)), abs=1e-12)


def test_a_basis_across_the_direction_is_only_rotated() -> None:
    direction = np.eye(4)[0]
    turned = turned_basis(np.eye(4)[1:], direction, np.random.default_rng(0))
    assert turned @ direction == pytest.approx(np.zeros(3), abs=1e-12)
    assert turned @ turned.T == pytest.approx(np.eye(3), abs=1e-12)


def test_noise_is_never_taken_to_be_less_than_what_rounding_of_the_inputs_makes() -> None:
    probe = probe_of(lambda x: x @ np.ones(3), 3, NoiseFloor(0.0, 0.0))
    assert probe.noise.per_norm == 0.0
    probe.note_slope(100.0)
    probe.note_slope(1.0)
    assert probe.noise.per_norm == pytest.approx(0.3 * 100 * np.finfo(np.float64).eps)
    assert probe_of(lambda x: x @ np.ones(3), 3, EXACT).noise == EXACT
