"""The twin with noise: its limits, its bounds, and samples beside the closed form."""

from __future__ import annotations

import json

import numpy as np
import pytest
from network_cases import Shown, graded_network, rotation

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.renormalisation.feed_forward.noisy_twin import (
    TwinNoise,
    linear_twin,
    twin_noise,
)
from hingeline.renormalisation.feed_forward.sampled_twin import sampled_twin
from hingeline.renormalisation.feed_forward.twin_correlations import twin_correlations
from hingeline.sensitivity.models.network_model import NetworkModel

RNG = np.random.default_rng(91)
POINTS = RNG.standard_normal((12, 5))


def noise(at_input: float, *behind: float) -> TwinNoise:
    return TwinNoise(at_input, np.array(behind), "given")


def smooth() -> NetworkModel:
    return NetworkModel(random_network((5, 8, 6, 3), seed=92, activation="tanh"))


def test_the_closed_form_is_that_of_the_covariances() -> None:
    model, given = smooth(), noise(0.3, 0.1, 0.2, 0.4)
    found, below = linear_twin(model, POINTS[0], given), 0.09 * np.eye(5)
    for step, sigma in enumerate(given.behind):
        d = found.expectation_maps[step]
        above = d @ below @ d.T + sigma**2 * np.eye(len(d))
        np.testing.assert_allclose(found.coupling_maps[step], np.linalg.solve(above, d @ below), atol=1e-12)
        below = above
    jacobian = model.jacobians(POINTS[:1])[0]
    np.testing.assert_allclose(np.linalg.multi_dot(found.expectation_maps[::-1]), jacobian, atol=1e-13)
    np.testing.assert_allclose(found.fisher[-1], jacobian.T @ np.linalg.solve(below, jacobian), atol=1e-12)


def test_without_noise_a_contracting_layer_has_eigenvalues_above_one_and_loses_nothing() -> None:
    model = graded_network(np.array([0.9, 0.5, 0.33]), depth=2, seed=93)
    found = linear_twin(model, np.zeros(3), noise(1.0, 1e-7, 1e-7))
    d = found.expectation_maps[0]
    np.testing.assert_allclose(found.coupling_maps[0], np.linalg.inv(d).T, rtol=1e-9, atol=1e-9)
    assert np.abs(np.linalg.eigvals(found.coupling_maps[0])).max() > 1
    np.testing.assert_allclose(found.fisher, np.tile(np.eye(3), (3, 1, 1)), atol=1e-10)
    assert "relevant" in found.summary()["note"] and "depends on the noise" in found.summary()["note"]


def test_the_chain_of_couplings_gives_the_information_of_the_direct_form() -> None:
    found = linear_twin(smooth(), POINTS[1], noise(0.3, 0.1, 0.2, 0.4))
    d = found.expectation_maps
    above = d[2] @ (d[1] @ (0.09 * d[0] @ d[0].T + 0.01 * np.eye(8)) @ d[1].T + 0.04 * np.eye(6)) @ d[2].T
    above += 0.16 * np.eye(3)
    chained = np.linalg.multi_dot(found.coupling_maps[::-1]) / 0.09
    np.testing.assert_allclose(chained.T @ above @ chained, found.fisher[-1], atol=1e-11)


@pytest.mark.parametrize("share", [1e-3, 1e-2, 1.0])
def test_correlations_are_at_most_one_and_information_never_rises(share: float) -> None:
    model = NetworkModel(random_network((5, 9, 9, 9, 4), seed=94))
    given = twin_noise(model, POINTS, share=share)
    found = linear_twin(model, POINTS[2], given)
    assert max(row.max() for row in found.correlations) <= 1 + 1e-9
    for before, after in zip(found.fisher[:-1], found.fisher[1:], strict=True):
        assert np.linalg.eigvalsh(before - after).min() >= -1e-9 * np.trace(before)
    several = twin_correlations(model, POINTS, given)
    np.testing.assert_allclose(several.correlations[1][2], found.correlations[1], atol=1e-12)
    json.dumps(found.to_dict(), allow_nan=False)


def test_noise_is_a_stated_share_of_what_layers_hand_on() -> None:
    model = smooth()
    found = twin_noise(model, POINTS)
    assert found.at_input == pytest.approx(0.01 * np.sqrt((POINTS**2).mean()))
    assert found.behind[0] == pytest.approx(0.01 * np.sqrt((model.layers(POINTS)[0].values ** 2).mean()))
    assert "0.01 of the root mean square" in found.summary()["words"]


def test_samples_of_a_linear_chain_agree_with_the_closed_form() -> None:
    model, given = graded_network(np.array([1.0, 0.6, 0.3]), depth=3, seed=95), noise(0.5, 0.2, 0.4, 0.3)
    exact = linear_twin(model, np.zeros(3), given)
    found = sampled_twin(model, np.zeros(3), given, rng=np.random.default_rng(96))
    for step in range(3):
        z = (found.correlations[step] - exact.correlations[step]) / found.errors[step]
        assert np.abs(z).max() < 4
        np.testing.assert_allclose(found.expectation_maps[step], exact.expectation_maps[step], atol=0.05)
    assert found.null.max() < 0.05 and found.summary()["average"] == "instance"
    json.dumps(found.to_dict(), allow_nan=False)


def test_as_the_noise_falls_sampled_maps_tend_to_the_jacobian() -> None:
    network = FeedForwardNetwork([rotation(4, 97), rotation(4, 98)], [np.zeros(4)] * 2, "tanh")
    model, x = NetworkModel(network), np.array([0.5, -0.8, 0.3, 1.0])
    wanted = linear_twin(model, x, noise(1.0, 1.0, 1.0)).expectation_maps[0]
    off = [
        np.abs(
            sampled_twin(model, x, noise(s, s / 50, s), rng=np.random.default_rng(99)).expectation_maps[0]
            - wanted
        ).max()
        for s in (0.6, 0.02)
    ]
    assert off[1] < 0.005 < 0.03 < off[0]


def test_what_has_no_twin_is_told_so() -> None:
    with pytest.raises(InvalidInput, match="no plain chain"):
        linear_twin(Shown(smooth()), POINTS[0], noise(1.0, 1.0, 1.0, 1.0))
    with pytest.raises(InvalidInput, match="Without noise"):
        noise(0.1, 0.0)
    with pytest.raises(InvalidInput, match="as many noises"):
        linear_twin(smooth(), POINTS[0], noise(1.0, 1.0))
    with pytest.raises(InvalidInput, match="blocks"):
        sampled_twin(smooth(), POINTS, noise(1.0, 1.0, 1.0, 1.0), rng=RNG, samples=30)
