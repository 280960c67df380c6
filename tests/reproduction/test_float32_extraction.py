"""Float32 doors: networks come back to 1e-4 or better within 20 queries per parameter, or honestly in part.

Specs on extraction, section 2 ("Float32 oracles") and section 7. Published attacks reach float32-level
signatures of these networks after minutes to hours; here the whole network is wanted, every query counted. A
result that is called complete must be right; how many of the seeds are complete is asserted as measured.
"""

from pathlib import Path

import numpy as np
import pytest

import hingeline as hl
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

pytestmark = pytest.mark.paper
TARGETS = Path(__file__).resolve().parents[2].parent / "shared" / "targets"
QUERIES_PER_PARAMETER = 20
ERROR = 1e-4


def in_float32(network):
    weights = [w.astype(np.float32) for w in network.weights]
    biases = [b.astype(np.float32) for b in network.biases]

    def answer(x):
        hidden = x.astype(np.float32)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight.T + bias, np.float32(0))
        return (hidden @ weights[-1].T + biases[-1]).astype(np.float64)

    return answer


def shared(name):
    path = TARGETS / name
    if not path.is_file():
        pytest.skip(f"needs {path}")
    arrays = np.load(path)
    layers = range(sum(key.startswith("W") for key in arrays.files))
    return PiecewiseLinearNetwork([arrays[f"W{i}"] for i in layers], [arrays[f"b{i}"] for i in layers])


def size(network):
    return sum(w.size for w in network.weights) + sum(b.size for b in network.biases)


def complete_seeds(targets):
    """How many of (network, seed) are complete within the budget; each of those must be right."""
    count = 0
    for network, seed in targets:
        budget = QUERIES_PER_PARAMETER * size(network)
        oracle = hl.oracle(in_float32(network), input_dim=network.input_dim)
        finding = hl.extract(oracle, seed=seed, budget=budget)
        assert finding.queries <= budget
        if finding.outcome.ok:
            count += 1
            assert hl.diff(finding.value, network).max_parameter_error <= ERROR
        else:
            assert finding.outcome.reason
    return count


@pytest.mark.parametrize(("widths", "least"), [((20, 10, 1), 3), ((40, 20, 1), 3), ((784, 32, 1), 3)])
def test_random_networks_of_one_hidden_layer(widths, least):
    targets = [(random_network(list(widths), seed=seed), seed) for seed in range(5)]
    assert complete_seeds(targets) >= least


def test_the_public_784_32_1_network():
    network = shared("carlini_784-32-1_seed42.npz")
    assert complete_seeds([(network, seed) for seed in range(5)]) >= 2


def test_the_public_784_16_16_1_network_is_never_wrong_and_found_whole():
    network = shared("foerster_mnist784_16x2_1.npz")
    oracle = hl.oracle(in_float32(network), input_dim=784)
    finding = hl.extract(oracle, seed=0, budget=QUERIES_PER_PARAMETER * size(network))
    assert finding.value is not None
    assert finding.value.hidden_widths == (16, 16)
    assert hl.diff(finding.value, network).max_parameter_error <= 10 * ERROR
    assert not finding.outcome.ok or hl.diff(finding.value, network).max_parameter_error <= ERROR
