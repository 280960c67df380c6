"""Two first-layer neurons that pass for one lie nearer to each other than what is said."""

import numpy as np
import pytest
from practice_benches import he_network, probe_of

import hingeline as hl
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.verification import Verification
from hingeline.extraction.verify import verify
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def split(network: PiecewiseLinearNetwork, apart: float) -> PiecewiseLinearNetwork:
    """The network with its first neuron as two halves that far apart, at equal distances from it."""
    weights, biases = [*network.canonical().weights], [*network.canonical().biases]
    rows, outgoing = weights[0], weights[1]
    halves = biases[0][0] + apart * np.array([-0.5, 0.5])
    weights[0] = np.concatenate([rows[:1], rows])
    biases[0] = np.concatenate([halves, biases[0][1:]])
    weights[1] = np.concatenate([outgoing[:, :1] / 2, outgoing], axis=1)
    weights[1][:, 1] /= 2
    return PiecewiseLinearNetwork(weights, biases)


def agrees(truth: PiecewiseLinearNetwork, network: PiecewiseLinearNetwork) -> Verification:
    probe = probe_of(truth, network.input_dim)
    return verify(probe, network, 1e-13, np.random.default_rng(1), ExtractSettings())


@pytest.mark.parametrize("sizes", [(12, 5, 1), (10, 5, 3), (12, 6, 4, 1)])
def test_what_is_farther_apart_than_stated_is_seen(sizes: tuple[int, ...]) -> None:
    far = near = 0
    for seed in range(10):
        network = he_network(*sizes, seed=seed)
        check = agrees(network, network)
        assert check.agreed
        assert check.resolution is not None
        far += agrees(split(network, 30 * check.resolution), network).agreed
        near += agrees(split(network, check.resolution / 1e4), network).agreed
    assert far <= 1
    assert near >= 9


def test_the_finding_says_it() -> None:
    finding = hl.extract(hl.oracle(he_network(12, 5, 1, seed=3)))
    assert 0 < finding.evidence["verification"]["resolution"] < 1e-8
    assert any("could not tell apart" in limit for limit in finding.evidence["limits"])
