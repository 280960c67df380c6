"""A bound on the gap of two networks holds: against a search for the largest gap, and in exact fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.networks.certificate import GapCertificate, certify_gap
from hingeline.networks.gap_from_errors import gap_from_errors
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

often = settings(derandomize=True, deadline=None, max_examples=120)
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 4), st.lists(st.integers(1, 7), min_size=0, max_size=3), st.integers(1, 3))


@st.composite
def networks(draw: st.DrawFn) -> PiecewiseLinearNetwork:
    into, hidden, out = draw(shapes)
    rng, shift = np.random.default_rng(draw(seeds)), draw(st.sampled_from([0.0, 2.0, -2.0]))
    sizes = [into, *hidden, out]
    weights = [rng.standard_normal((n, m)) for m, n in itertools.pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [rng.standard_normal(n) + shift for n in sizes[1:]])


def moved(
    network: PiecewiseLinearNetwork, size: float, seed: int, spread: float = 2.0
) -> PiecewiseLinearNetwork:
    """Every parameter changed, neurons in another order and scale."""
    rng = np.random.default_rng(seed)
    weights = [w + size * rng.standard_normal(w.shape) for w in network.weights]
    biases = [b + size * rng.standard_normal(b.shape) for b in network.biases]
    for layer in range(len(weights) - 1):
        order, scale = (
            rng.permutation(len(biases[layer])),
            10.0 ** rng.uniform(-spread, spread, len(biases[layer])),
        )
        weights[layer] = (weights[layer] * scale[:, None])[order]
        biases[layer] = (biases[layer] * scale)[order]
        weights[layer + 1] = (weights[layer + 1] / scale)[:, order]
    return PiecewiseLinearNetwork(weights, biases)


def with_idle_parts(network: PiecewiseLinearNetwork, seed: int, reach: float) -> PiecewiseLinearNetwork:
    """The same function for |x| <= reach: a copy more, a neuron that is off, two that are on and cancel."""
    if len(network.weights) < 2:
        return network
    rng = np.random.default_rng(seed)
    w, b, out = network.weights[0], network.biases[0], network.weights[1]
    row = rng.standard_normal(w.shape[1])
    far = 1.5 * reach * np.abs(row).sum() + 1.0
    column = rng.standard_normal((len(out), 1))
    first = np.concatenate([w, 2.0 * w[:1], row[None], row[None], 3.0 * row[None]])
    bias = np.concatenate([b, 2.0 * b[:1], [-far, far, 3.0 * far]])
    following = np.concatenate([out, 0.25 * out[:, :1], column, column, -column / 3.0], axis=1)
    following[:, 0] *= 0.5
    weights, biases = [first, following, *network.weights[2:]], [bias, *network.biases[1:]]
    return PiecewiseLinearNetwork(weights, biases)


def exact(network: PiecewiseLinearNetwork, point: np.ndarray) -> list[Fraction]:
    """The outputs at one point, without rounding."""
    hidden = [Fraction(x) for x in point.tolist()]
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        rows = zip(weight.tolist(), bias.tolist(), strict=True)
        hidden = [
            sum((Fraction(w) * h for w, h in zip(row, hidden, strict=True)), Fraction(b)) for row, b in rows
        ]
        if layer + 1 < len(network.weights):
            hidden = [max(h, Fraction(0)) for h in hidden]
    return hidden


def worst_points(
    a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork, low: float, high: float, seed: int
) -> np.ndarray:
    """Where the gap is largest, by sampling (corners too) and then a search around the best, best first."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(low, high, (1500, a.input_dim))
    points[:300] = np.where(points[:300] > (low + high) / 2, high, low)
    for width in (high - low) * 0.3 ** np.arange(1.0, 9.0):
        gaps = np.abs(a(points) - b(points)).max(axis=1)
        best = points[np.argsort(-gaps)[:8]]
        around = best[:, None] + width * rng.standard_normal((8, 60, a.input_dim))
        points = np.concatenate([best, np.clip(around, low, high).reshape(-1, a.input_dim)])
    return points[np.argsort(-np.abs(a(points) - b(points)).max(axis=1))]


def assert_holds(
    found: GapCertificate, a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork, reach: float, seed: int
) -> None:
    assert found.certified, found.reason
    points = worst_points(a, b, -reach, reach, seed)
    assert np.all(np.abs(a(points) - b(points)) <= found.bounds)
    for point in points[[0, 5, 50]]:
        for one, other, bound in zip(exact(a, point), exact(b, point), found.exact.tolist(), strict=True):
            assert abs(one - other) <= Fraction(bound)


@often
@given(networks(), st.floats(-15, -1.5), st.sampled_from([1e-3, 1.0, 30.0]), st.booleans(), seeds)
def test_no_input_has_a_larger_gap(
    a: PiecewiseLinearNetwork, exponent: float, reach: float, idle: bool, seed: int
) -> None:
    b = moved(a, 10.0**exponent, seed)
    b = moved(with_idle_parts(b, seed, reach), 0.0, seed + 1) if idle else b
    for one, other in ((a, b), (b, a)):
        found = certify_gap(one, other, -reach, reach, splits=4)
        # what was moved far may be a different neuron, and an idle part may hide that another is idle
        assert found.certified or exponent > -3 or idle
        if found.certified:
            assert_holds(found, one, other, reach, seed)


@often
@given(networks(), st.sampled_from([1e-3, 1.0, 30.0]), seeds)
def test_copies_in_another_order_and_scale_are_certified_to_rounding(
    a: PiecewiseLinearNetwork, reach: float, seed: int
) -> None:
    b = moved(a, 0.0, seed, spread=2.0 if seed % 2 else 60.0)
    found = certify_gap(a, b, -reach, reach, splits=1)
    assert_holds(found, a, b, reach, seed)
    size = np.full(a.input_dim, reach)
    for weight, bias in zip(a.weights, a.biases, strict=True):
        size = np.abs(weight) @ size + np.abs(bias)
    assert found.bound <= 1e-13 * size.max()


@often
@given(networks(), st.floats(-12, -1), st.sampled_from([1e-3, 1.0, 30.0]), seeds)
def test_no_network_within_the_errors_has_a_larger_gap(
    a: PiecewiseLinearNetwork, exponent: float, reach: float, seed: int
) -> None:
    a, rng = a.canonical(), np.random.default_rng(seed)
    weights = [w + 10.0**exponent * rng.standard_normal(w.shape) for w in a.weights]
    biases = [b + 10.0**exponent * rng.standard_normal(b.shape) for b in a.biases]
    b = PiecewiseLinearNetwork(weights, biases)
    rows = [1.0001 * np.linalg.norm(w - v, axis=1) for w, v in zip(weights, a.weights, strict=True)]
    errors = [1.0001 * np.abs(w - v) for w, v in zip(biases, a.biases, strict=True)]
    assert_holds(gap_from_errors(a, rows, -reach, reach, bias_errors=errors), a, b, reach, seed)
