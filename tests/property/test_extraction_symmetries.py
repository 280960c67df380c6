"""What must hold for every small network: no wrong ok, and neuron order and scale change nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hingeline as hl
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

quick = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
shapes = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 4)),
    st.tuples(st.integers(4, 7), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
)


def network_of(sizes: tuple[int, ...], seed: int, spread: float = 0.0) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((out, into)) for into, out in pairwise(sizes)]
    biases = [rng.standard_normal(out) for out in sizes[1:]]
    scales = [10.0 ** rng.uniform(-spread, spread, len(b)) for b in biases]
    return PiecewiseLinearNetwork(
        [w * s[:, None] for w, s in zip(weights, scales, strict=True)],
        [b * s for b, s in zip(biases, scales, strict=True)],
    )


def rearranged(network: PiecewiseLinearNetwork, seed: int) -> PiecewiseLinearNetwork:
    """The same function: hidden neurons in another order and positive scale."""
    rng = np.random.default_rng(seed)
    weights, biases = list(network.weights), list(network.biases)
    for layer in range(len(weights) - 1):
        order = rng.permutation(len(biases[layer]))
        scale = 2.0 ** rng.integers(-3, 4, len(order))
        weights[layer] = (weights[layer] * scale[:, None])[order]
        biases[layer] = (biases[layer] * scale)[order]
        weights[layer + 1] = (weights[layer + 1] / scale)[:, order]
    return PiecewiseLinearNetwork(weights, biases)


def spoiled(network: PiecewiseLinearNetwork, how: str, seed: int) -> PiecewiseLinearNetwork:
    """One neuron made a special case."""
    rng = np.random.default_rng(seed)
    weights, biases = [np.array(w) for w in network.weights], [np.array(b) for b in network.biases]
    layer = int(rng.integers(len(weights) - 1))
    one, other = rng.integers(len(biases[layer]), size=2)
    match how:
        case "faint":
            weights[layer + 1][:, one] *= 10.0 ** rng.uniform(-12, -3)
        case "copy":
            weights[layer][one], biases[layer][one] = weights[layer][other], biases[layer][other]
        case "nearly a copy":
            weights[layer][one] = weights[layer][other] + 10.0 ** rng.uniform(-9, -1) * weights[layer][one]
        case "opposite" if one != other:
            weights[layer][one], biases[layer][one] = -weights[layer][other], -biases[layer][other]
        case "dead":
            weights[layer][one], biases[layer][one] = 0.0, -1.0
        case _:
            biases[layer][:] = 0.0
    return PiecewiseLinearNetwork(weights, biases)


def refuse_wrong_ok(network: PiecewiseLinearNetwork, seed: int) -> None:
    finding = hl.extract(hl.oracle(network), seed=seed % 1000, budget=30_000)
    assert finding.queries <= 30_000
    if finding.outcome.ok:
        tolerance = finding.evidence["verification"]["tolerance"]
        points = np.random.default_rng(seed).standard_normal((2000, network.input_dim))
        assert np.abs(finding.require()(points) - network(points)).max() <= tolerance


@quick
@given(shapes, seeds, st.sampled_from([0.0, 2.0]))
def test_ok_means_right_within_the_stated_tolerance(sizes: tuple[int, ...], seed: int, spread: float) -> None:
    refuse_wrong_ok(network_of(sizes, seed, spread), seed)


@quick
@given(shapes, seeds, st.sampled_from(["faint", "copy", "nearly a copy", "opposite", "dead", "zero biases"]))
def test_a_special_neuron_makes_no_wrong_ok(sizes: tuple[int, ...], seed: int, how: str) -> None:
    refuse_wrong_ok(spoiled(network_of(sizes, seed), how, seed), seed)


@quick
@given(st.tuples(st.integers(2, 6), st.integers(1, 6), st.integers(1, 3)), seeds, seeds)
def test_neuron_order_and_positive_scale_change_neither_ok_nor_network(
    sizes: tuple[int, ...], seed: int, other: int
) -> None:
    network = network_of(sizes, seed)
    found = [hl.extract(hl.oracle(n), seed=1) for n in (network, rearranged(network, other))]
    assert found[0].outcome.ok == found[1].outcome.ok
    if found[0].outcome.ok:
        assert hl.diff(found[0].require(), found[1].require(), tolerance=1e-6).equivalent


@quick
@given(shapes, seeds)
def test_the_same_seed_gives_the_same_finding(sizes: tuple[int, ...], seed: int) -> None:
    network = network_of(sizes, seed)
    one, two = (hl.extract(hl.oracle(network), seed=3, budget=3000) for _ in range(2))
    assert (one.queries, str(one.outcome)) == (two.queries, str(two.outcome))
    if one.value is not None and two.value is not None:
        assert all((a == b).all() for a, b in zip(one.value.weights, two.value.weights, strict=True))
