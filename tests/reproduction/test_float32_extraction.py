"""Float32 doors: networks come back to 1e-4 or better within 20 queries per parameter, or honestly in part.

Specs on extraction, section 2 ("Float32 oracles") and section 7. Published attacks reach float32-level
signatures of these networks after minutes to hours; here the whole network is wanted, every query counted.

The door computes in float32 throughout: weights, inputs and sums. Random networks have He weights and normal
biases of deviation 0.3. The bar: over five seeds, each run is complete, with every parameter right to
1e-4 within 20 queries per parameter, or is not ok and says why; a wrong ok fails the test. How many are
complete is asserted too, but only as a floor that shows regressions: it lies below what was measured and is
no bar of its own.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest

import hingeline as hl
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

pytestmark = pytest.mark.paper
TARGETS = Path(__file__).resolve().parents[2].parent / "shared" / "targets"
QUERIES_PER_PARAMETER = 20
ERROR = 1e-4
SEEDS = range(201, 206)


def drawn(widths, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) * np.sqrt(2 / a) for a, b in itertools.pairwise(widths)]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(width) for width in widths[1:]])


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


def completes(targets):
    """How many of (network, seed) are complete; each run must meet the bar or give a reason."""
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


@pytest.mark.parametrize(
    ("widths", "regression_floor"),
    [((20, 10, 1), 4), ((40, 20, 1), 4), ((784, 32, 1), 4), ((10, 15, 15, 1), 0)],
)
def test_random_networks_meet_the_bar_or_say_why_not(widths, regression_floor):
    assert completes([(drawn(widths, seed), seed) for seed in SEEDS]) >= regression_floor


@pytest.mark.parametrize(
    ("name", "regression_floor"), [("carlini_784-32-1_seed42.npz", 3), ("foerster_mnist784_16x2_1.npz", 2)]
)
def test_public_networks_meet_the_bar_or_say_why_not(name, regression_floor):
    network = shared(name)
    assert completes([(network, seed) for seed in SEEDS]) >= regression_floor


def test_a_network_without_its_faint_neuron_is_not_called_complete():
    # seed 5 draws an output weight of 7e-6: far above the noise in the mean, below every single gap allowed
    network = drawn((20, 10, 1), 5)
    finding = hl.extract(hl.oracle(in_float32(network), input_dim=20), seed=5, budget=20 * size(network))
    assert not finding.outcome.ok or finding.value.hidden_widths == (10,)
