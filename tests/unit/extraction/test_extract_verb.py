from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.errors import NotComplete, QueryFailed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import OracleSpec

TARGETS = Path(__file__).resolve().parents[3].parent / "shared" / "targets"

# A twentieth of what the published program asked on the same network (peers' table of the benchmark).
PUBLIC = [
    ("carlini_10-5-1_seed42", 6819 // 20),
    ("carlini_10-5-1_seed43", 7092 // 20),
    ("carlini_20-10-1_seed42", 17104 // 20),
    ("carlini_20-10-1_seed43", 14795 // 20),
    ("carlini_40-20-1_seed42", 38046 // 20),
    ("carlini_40-20-1_seed43", 57282 // 20),
    ("carlini_10-10-10-1_seed42", 50628 // 20),
    ("carlini_10-10-10-1_seed43", 43080 // 20),
    ("carlini_20-10-10-1_seed42", 89776 // 20),
    ("carlini_20-10-10-1_seed43", 44739 // 20),
]


def random_network(sizes, seed, biases=0.1):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((o, i)) / np.sqrt(i) for i, o in pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [biases * rng.standard_normal(o) for o in sizes[1:]])


def public(name):
    path = TARGETS / f"{name}.npz"
    if not path.exists():
        pytest.skip("the public networks are not here")
    with np.load(path) as file:
        count = sum(key.startswith("W") for key in file.files)
        return PiecewiseLinearNetwork(
            [file[f"W{i}"] for i in range(count)], [file[f"b{i}"] for i in range(count)]
        )


class CountedOracle:
    """A door with a counter of its own."""

    def __init__(self, network):
        self._inner, self.rows = network_oracle(network), 0

    @property
    def spec(self):
        return self._inner.spec

    def query(self, points):
        self.rows += len(points)
        return self._inner.query(points)


@pytest.mark.parametrize(("name", "most"), PUBLIC)
def test_public_networks_are_rebuilt_for_a_twentieth_of_the_published_price(name, most):
    network = public(name)
    finding = hl.extract(network_oracle(network))
    assert finding.outcome.ok, finding.outcome
    assert finding.queries <= most
    assert hl.diff(finding.value, network).max_parameter_error <= 1e-12


@pytest.mark.parametrize(
    ("sizes", "most_per_parameter", "error"),
    [
        ((64, 32, 10), 0.6, 1e-12),
        ((100, 200, 10), 0.45, 1e-11),
        ((50, 30, 1), 2.6, 1e-12),
        ((10, 20, 1), 5.0, 1e-11),
        ((30, 20, 10, 10), 2.2, 1e-11),
        ((80, 40, 20, 1), 4.0, 1e-11),
    ],
)
def test_random_networks_are_rebuilt_within_their_price(sizes, most_per_parameter, error):
    network = random_network(sizes, seed=11)
    finding = hl.extract(network_oracle(network), seed=11)
    assert finding.outcome.ok, finding.outcome
    assert finding.queries <= most_per_parameter * network.parameter_count
    assert finding.value.sizes == sizes
    assert hl.diff(finding.value, network).max_parameter_error <= error


def test_an_expansive_two_layer_network_is_rebuilt_by_walking():
    network = random_network((6, 9, 5, 1), seed=2, biases=0.3)
    finding = hl.extract(network_oracle(network), seed=2)
    assert finding.outcome.ok, finding.outcome
    assert hl.diff(finding.value, network, tolerance=1e-6).equivalent


def test_the_same_seed_gives_the_same_finding_and_rows_are_counted_right():
    network = random_network((12, 8, 6, 1), seed=3)
    doors = [CountedOracle(network), CountedOracle(network)]
    first, second = (hl.extract(door, seed=5) for door in doors)
    assert first.queries == doors[0].rows == doors[1].rows
    for a, b in zip(first.value.weights, second.value.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("budget", [1, 10, 50, 100, 200, 400, 700])
def test_a_budget_is_never_exceeded_and_ends_in_words(budget):
    door = CountedOracle(random_network((10, 6, 5, 1), seed=4))
    finding = hl.extract(door, budget=budget)
    assert door.rows <= budget
    assert finding.outcome.ok or finding.outcome.status == "budget spent"
    if not finding.outcome.ok:
        with pytest.raises(NotComplete, match="budget"):
            finding.require()


def test_order_and_scale_of_neurons_do_not_matter():
    network = random_network((10, 7, 2), seed=6)
    scale = np.random.default_rng(0).uniform(0.1, 10, 7)
    order = np.random.default_rng(1).permutation(7)
    twin = PiecewiseLinearNetwork(
        [(network.weights[0] * scale[:, None])[order], (network.weights[1] / scale)[:, order]],
        [(network.biases[0] * scale)[order], network.biases[1]],
    )
    found = [hl.extract(network_oracle(n), seed=1).require() for n in (network, twin)]
    assert hl.diff(*found).equivalent


def test_without_polish_the_price_halves_and_digits_are_fewer():
    network = random_network((60, 20, 1), seed=7)
    quick = hl.extract(network_oracle(network), settings={"polish": False})
    assert quick.outcome.ok, quick.outcome
    assert quick.queries <= 1.5 * network.parameter_count
    assert hl.diff(quick.value, network).max_parameter_error <= 1e-7


def test_a_dead_neuron_a_duplicate_and_a_tiny_one_never_make_a_wrong_ok():
    base = random_network((8, 6, 1), seed=8)
    weights, biases = [w.copy() for w in base.weights], [b.copy() for b in base.biases]
    weights[0][1], biases[0][1] = 2 * weights[0][0], 2 * biases[0][0]
    weights[1][0, 2] *= 1e-10
    network = PiecewiseLinearNetwork(weights, biases)
    finding = hl.extract(network_oracle(network))
    points = np.random.default_rng(9).standard_normal((2000, 8))
    gap = np.abs(finding.value(points) - network(points)).max()
    assert not finding.outcome.ok or gap <= finding.evidence["verification"]["tolerance"]
    if finding.outcome.ok:
        assert finding.value.hidden_widths == (5,), "the tiny neuron is there, the duplicate merged"


def test_three_hidden_layers_are_complete_without_neurons_that_are_never_on():
    network = random_network((12, 8, 6, 4, 1), seed=10)
    finding = hl.extract(network_oracle(network), budget=20_000)
    rng = np.random.default_rng(20)
    points = rng.standard_normal((20_000, 12)) * np.exp(rng.uniform(-3, 6, (20_000, 1)))
    on, hidden = list[int](), points
    for weights, biases in zip(network.weights[:-1], network.biases[:-1], strict=True):
        hidden = np.maximum(hidden @ weights.T + biases, 0)
        on.append(int(hidden.any(axis=0).sum()))
    assert finding.outcome.ok
    assert finding.value.hidden_widths == tuple(on) == (8, 5, 3)
    size = np.abs(network(points)).max()
    assert np.abs(finding.value(points) - network(points)).max() < 1e-12 * size


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda x: np.tanh(x @ np.ones((4, 3))), "refused"),
        (lambda x: (x.sum(axis=1, keepdims=True) > 0).astype(float), "refused"),
        (lambda x: np.zeros((len(x), 1)), "inconclusive"),
    ],
)
def test_what_is_no_relu_network_is_refused_with_the_reason(answer, status):
    finding = hl.extract(CallableOracle(answer, OracleSpec("odd", 4)))
    assert finding.outcome.status == status
    assert len(finding.outcome.reason) > 20


def test_an_affine_oracle_is_an_affine_network():
    matrix = np.array([[1.0, 2.0, -3.0]])
    finding = hl.extract(CallableOracle(lambda x: x @ matrix.T + 4, OracleSpec("affine", 3)))
    assert finding.outcome.ok
    np.testing.assert_allclose(finding.value.weights[0], matrix, atol=1e-12)
    np.testing.assert_allclose(finding.value.biases[0], 4, atol=1e-12)


def test_nan_answers_raise_in_words():
    with pytest.raises(QueryFailed, match="NaN"):
        hl.extract(CallableOracle(lambda x: np.full((len(x), 1), np.nan), OracleSpec("nan", 3)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_784_128_1_is_rebuilt_to_the_last_digit(seed):
    network = public("deti_unitary_784_128_1")
    finding = hl.extract(network_oracle(network), seed=seed)
    assert finding.outcome.ok, finding.outcome
    assert finding.queries <= 2.6 * network.parameter_count
    assert hl.diff(finding.value, network).max_parameter_error <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_784_128_1_without_polish_keeps_seven_digits(seed):
    network = public("deti_unitary_784_128_1")
    finding = hl.extract(network_oracle(network), seed=seed, settings={"polish": False})
    assert finding.outcome.ok, finding.outcome
    assert finding.queries <= 1.4 * network.parameter_count
    assert hl.diff(finding.value, network).max_parameter_error <= 1e-7


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["foerster_mnist784_8x2_1", "foerster_mnist784_16x2_1", "foerster_mnist784_64x2_1"]
)
def test_trained_mnist_networks_are_rebuilt(name):
    network = public(name)
    finding = hl.extract(network_oracle(network))
    assert finding.outcome.ok, finding.outcome
    assert finding.queries <= 3.5 * network.parameter_count
    assert hl.diff(finding.value, network).max_parameter_error <= 1e-11


@pytest.mark.slow
def test_expansive_10_20_20_1_is_complete_in_eighteen_of_twenty_seeds():
    complete = 0
    for seed in range(20):
        network = random_network((10, 20, 20, 1), seed)
        finding = hl.extract(network_oracle(network), seed=seed)
        complete += finding.outcome.ok
        points = np.random.default_rng(99).standard_normal((2000, 10))
        if finding.outcome.ok:
            np.testing.assert_allclose(finding.value(points), network(points), atol=1e-8)
    assert complete >= 18


def test_a_deeper_neuron_that_runs_straight_for_long_is_not_called_a_single_layer():
    # two nearly parallel first-layer neurons: near the origin the second layer's boundary is one hyperplane
    rows = np.array([[1.0, 0.0, 0.0], [np.cos(0.0138), np.sin(0.0138), 0.0]])
    weights = [rows, np.array([[0.97, -0.243]]), np.array([[0.0113]])]
    network = PiecewiseLinearNetwork(weights, [np.array([-0.126, -0.129]), np.array([-0.78]), np.zeros(1)])
    for seed in range(4):
        finding = hl.extract(network_oracle(network), seed=seed)
        assert not finding.outcome.ok or finding.value.hidden_widths == (2, 1)
