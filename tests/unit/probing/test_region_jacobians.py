import itertools

import numpy as np
import pytest

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import network_oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.jacobian import region_jacobians, turned_basis
from hingeline.probing.probe import Calibration, Probe


def setting(sizes, seed):
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    network = PiecewiseLinearNetwork(
        [rng.standard_normal((o, i)) / np.sqrt(i) for i, o in pairs],
        [0.3 * rng.standard_normal(o) for o in sizes[1:]],
    )
    calibration = Calibration(NoiseFloor(1e-16, 3e-16), np.sqrt(sizes[0]), np.inf)
    direction = rng.standard_normal(sizes[0])
    return (
        network,
        Probe(QuerySession(network_oracle(network)), calibration),
        direction / np.linalg.norm(direction),
    )


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_the_turned_basis_is_orthonormal_and_sees_the_direction_evenly(size):
    rng = np.random.default_rng(size)
    direction = rng.standard_normal(size)
    direction /= np.linalg.norm(direction)
    turned = turned_basis(np.eye(size), direction, rng)
    np.testing.assert_allclose(turned @ turned.T, np.eye(size), atol=1e-12)
    np.testing.assert_allclose(turned @ direction, size**-0.5, atol=1e-12)


@pytest.mark.parametrize("sizes", [(5, 4, 1), (30, 20, 3), (80, 40, 20, 2)])
def test_certified_jacobians_are_right(sizes):
    network, probe, direction = setting(sizes, 1)
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((6, sizes[0]))
    truth = np.array([network.affine_map(centre)[0] for centre in centres])
    basis = turned_basis(np.eye(sizes[0]), direction, rng)
    found = region_jacobians(probe, centres, np.full(6, 0.05), direction, truth @ direction, basis, rng)
    assert found.certified.any()
    np.testing.assert_allclose(found.matrices[found.certified], truth[found.certified], atol=1e-10)


def test_a_region_whose_slope_does_not_agree_is_not_certified():
    network, probe, direction = setting((6, 5, 1), 3)
    rng = np.random.default_rng(4)
    centre = rng.standard_normal((1, 6))
    wrong = (network.affine_map(centre[0])[0] @ direction + 0.1)[np.newaxis]
    basis = turned_basis(np.eye(6), direction, rng)
    found = region_jacobians(probe, centre, np.array([0.1]), direction, wrong, basis, rng)
    assert not found.certified[0]


def test_the_price_is_one_query_per_direction_and_one_for_the_centre():
    network, probe, direction = setting((12, 1, 1), 5)
    rng = np.random.default_rng(6)
    centre = 3 * np.sign(network.biases[0][0]) * network.weights[0]
    slope = (network.affine_map(centre[0])[0] @ direction)[np.newaxis]
    basis = turned_basis(np.eye(12), direction, rng)
    region_jacobians(probe, centre, np.array([1e-3]), direction, slope, basis, rng)
    assert probe.session.spent == 13
