"""The active subspace: known spectra, noise taken off, and no query outside the domain."""

from __future__ import annotations

import numpy as np
import pytest
from known_spans import random_basis, row_span

from hingeline.core.errors import BudgetExhausted, InvalidInput, TooFewWitnesses
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.probe import Calibration, Probe
from hingeline.subspace.active import measure_active

DIM = 20
BASIS = random_basis(DIM, 4)
POINTS = np.random.default_rng(1).standard_normal((50, DIM))


def probe(function, noise=1e-15, budget=None, seen=None, **calibration):
    def answer(x):
        if seen is not None:
            seen.append(np.array(x))
        return function(x)

    session = QuerySession(CallableOracle(answer, OracleSpec("door", DIM)), budget=budget)
    known = {"radius": np.inf} | calibration
    return Probe(session, Calibration(NoiseFloor(noise, 0.0), np.sqrt(DIM), **known))


def active(door, points=POINTS, basis=BASIS, seed=0):
    return measure_active(door, basis, points, np.random.default_rng(seed))


def test_a_linear_map_has_its_squared_singular_values_and_vectors():
    sizes = np.array([3.0, 1.0, 0.1])
    left = random_basis(4, 3, 7)
    matrix = BASIS @ left * sizes  # gradients of the three outputs, orthogonal
    door = probe(lambda x: x @ matrix)
    found = active(door)
    np.testing.assert_allclose(found.eigenvalues, [9, 1, 0.01, 0], atol=1e-10)
    np.testing.assert_allclose(np.abs(np.sum(found.directions[:, :3] * (BASIS @ left), axis=0)), 1, atol=1e-9)
    assert found.participation == pytest.approx(10.01**2 / 82.0001)
    assert found.points == 50 and door.session.spent == 50 * (4 + 3)


@pytest.mark.parametrize("scale", [1e-50, 1.0, 1e50])
def test_the_spectrum_of_a_network_is_that_of_its_gradients(scale):
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((12, DIM)) / 4, scale * rng.standard_normal((2, 12))]
    network = PiecewiseLinearNetwork(weights, [0.1 * rng.standard_normal(12), np.zeros(2)])
    basis = row_span(weights[0])
    points = rng.standard_normal((300, DIM))
    found = active(probe(network, 1e-15 * scale), points, basis)
    jacobians = np.array([network.affine_map(x)[0] @ basis for x in points])
    truth = np.linalg.eigvalsh(np.einsum("pmi,pmj->ij", jacobians, jacobians) / 300)[::-1]
    assert found.points == 300
    np.testing.assert_allclose(found.eigenvalues, truth, rtol=0.03)


def test_a_smooth_function_is_measured_with_shorter_steps():
    # f = sin(3 v.x): E[g^2] = 9 E[cos^2], one active direction
    found = active(probe(lambda x: np.sin(3 * x @ BASIS[:, :1])))
    expected = 9 * np.mean(np.cos(3 * POINTS @ BASIS[:, 0]) ** 2)
    assert found.eigenvalues[0] == pytest.approx(expected, rel=0.02)
    assert found.participation == pytest.approx(1, abs=1e-2)


def test_noise_does_not_look_like_activity():
    rng, slope = np.random.default_rng(5), 0.1
    door = probe(lambda x: slope * x @ BASIS[:, :1] + 0.02 * rng.standard_normal((len(x), 1)), noise=0.02)
    found = active(door, np.random.default_rng(6).standard_normal((2000, DIM)))
    # a difference alone has a variance of 2 (0.02 / 0.3)^2 = 0.009, as large as the slope's square
    np.testing.assert_allclose(found.eigenvalues, [slope**2, 0, 0, 0], atol=1e-3)


@pytest.mark.parametrize("domain", [{"half_width": 1.0}, {"radius": 3.0}, {"half_width": 1.0, "radius": 2.0}])
def test_no_query_leaves_the_domain_even_from_its_corners(domain):
    seen = []
    door = probe(lambda x: x @ BASIS, seen=seen, **domain)
    found = active(door, np.sign(POINTS) * domain.get("half_width", 2.0))
    assert door.domain.holds(np.concatenate(seen)).all()
    assert found.points == 50
    np.testing.assert_allclose(found.eigenvalues, 1, rtol=1e-6)


def test_the_same_seed_asks_the_same():
    one, other = [], []
    for seen in (one, other):
        active(probe(lambda x: np.abs(x @ BASIS), seen=seen))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_work_in_chunks_gives_the_same_spectrum(monkeypatch):
    whole = active(probe(lambda x: x @ BASIS[:, :2]))
    monkeypatch.setattr("hingeline.subspace.local_slopes.CHUNK_BYTES", 1)
    parts = active(probe(lambda x: x @ BASIS[:, :2]))
    np.testing.assert_allclose(parts.eigenvalues, whole.eigenvalues, atol=1e-12)


def test_an_empty_span_has_no_spectrum():
    found = active(probe(lambda x: np.ones((len(x), 1))), basis=np.zeros((DIM, 0)))
    assert found.eigenvalues.shape == (0,) and found.participation == 0


def test_what_is_never_straight_is_told():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewWitnesses, match="none of 50 points"):
        active(probe(lambda x: rng.standard_normal((len(x), 1))))


def test_bad_input_and_a_spent_budget():
    door = probe(lambda x: x, budget=10)
    for points, basis in ((np.zeros((0, DIM)), BASIS), (POINTS[:, :3], BASIS), (POINTS, BASIS[:5])):
        with pytest.raises(InvalidInput):
            active(door, points, basis)
    with pytest.raises(BudgetExhausted):
        active(door)
