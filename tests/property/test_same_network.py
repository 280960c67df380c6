"""What must hold for every network: order, positive scale and storage change nothing that matters."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hingeline as hl
from hingeline.core.errors import FormatError, InvalidInput, UnsupportedOracle
from hingeline.networks.compare import compare
from hingeline.networks.loading import load_network, save_network
from hingeline.networks.onnx_format import load_onnx, save_onnx
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.reduction import reduced
from hingeline.networks.storage import load_npz, load_safetensors, save_npz, save_safetensors

quick = settings(derandomize=True, deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
depths = st.lists(st.integers(1, 7), min_size=2, max_size=5)


@st.composite
def networks(draw: st.DrawFn) -> PiecewiseLinearNetwork:
    """Random networks, some with zero rows, copies, unread neurons, few distinct numbers, wild scales."""
    sizes, rng = draw(depths), np.random.default_rng(draw(seeds))
    coarse, spread = draw(st.booleans()), draw(st.sampled_from([0.0, 3.0]))
    weights = [rng.standard_normal((out, into)) for into, out in itertools.pairwise(sizes)]
    biases = [rng.standard_normal(out) for out in sizes[1:]]
    for layer in range(len(weights)):
        if coarse:
            weights[layer], biases[layer] = np.round(weights[layer]), np.round(biases[layer])
        scale = 10.0 ** rng.uniform(-spread, spread, len(biases[layer]))
        weights[layer], biases[layer] = weights[layer] * scale[:, None], biases[layer] * scale
    return PiecewiseLinearNetwork(weights, biases)


def rearranged(network: PiecewiseLinearNetwork, seed: int) -> PiecewiseLinearNetwork:
    """The same function: hidden neurons in another order and positive scale."""
    rng = np.random.default_rng(seed)
    weights, biases = list(network.weights), list(network.biases)
    for layer in range(len(weights) - 1):
        order = rng.permutation(len(biases[layer]))
        scale = 10.0 ** rng.uniform(-2, 2, len(order))
        weights[layer] = (weights[layer] * scale[:, None])[order]
        biases[layer] = (biases[layer] * scale)[order]
        weights[layer + 1] = (weights[layer + 1] / scale)[:, order]
    return PiecewiseLinearNetwork(weights, biases)


def largest_inside(network: PiecewiseLinearNetwork, points: np.ndarray) -> float:
    """Bound on every sum that is formed while `network` is evaluated: what rounding is relative to."""
    size = np.abs(points)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        size = size @ np.abs(weight).T + np.abs(bias)
    return float(size.max())


def parameters_of_both(
    a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork
) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip((*a.weights, *a.biases), (*b.weights, *b.biases), strict=True))


def assert_same_function(a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork, seed: int) -> None:
    points = np.random.default_rng(seed).standard_normal((20, a.input_dim))
    assert np.abs(a(points) - b(points)).max() <= 1e-13 * largest_inside(a, points)


@quick
@given(networks(), seeds)
def test_canonical_keeps_the_function_and_has_unit_rows(network: PiecewiseLinearNetwork, seed: int) -> None:
    canonical = network.canonical()
    assert_same_function(network, canonical, seed)
    for weight in canonical.weights[:-1]:
        norms = np.linalg.norm(weight, axis=1)
        assert np.all((np.abs(norms - 1) < 1e-14) | (norms == 0))


@quick
@given(networks(), seeds)
def test_reduction_keeps_the_function(network: PiecewiseLinearNetwork, seed: int) -> None:
    state = reduced(network)
    assert_same_function(network, PiecewiseLinearNetwork(state.weights, state.biases), seed)


@quick
@given(networks(), seeds)
def test_order_and_scale_make_no_difference(network: PiecewiseLinearNetwork, seed: int) -> None:
    for found in (compare(network, rearranged(network, seed)), compare(rearranged(network, seed), network)):
        assert found.equivalent and found.same_function
        assert found.missing == found.extra == ()
        assert found.max_relative_error < 1e-12


@quick
@given(networks(), networks())
def test_comparison_is_symmetric_in_what_it_finds(
    a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork
) -> None:
    one, other = compare(a, b, points=20), compare(b, a, points=20)
    assert one.equivalent == other.equivalent
    assert (len(one.missing), len(one.extra)) == (len(other.extra), len(other.missing))


@quick
@given(networks())
def test_storage_keeps_every_bit(network: PiecewiseLinearNetwork) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for save, load in ((save_npz, load_npz), (save_safetensors, load_safetensors)):
            save(network, Path(folder) / "model")
            for kept, read in parameters_of_both(network, load(Path(folder) / "model")):
                assert kept.tobytes() == read.tobytes()


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".onnx"])
@pytest.mark.parametrize("read", [load_network, hl.oracle])
@settings(derandomize=True, deadline=None, max_examples=80)
@given(damage=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused_in_words(
    suffix: str, read: Callable[[Path], object], damage: list[tuple[float, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        save_network(PiecewiseLinearNetwork([np.eye(3), np.ones((2, 3))], [np.ones(3), np.ones(2)]), path)
        content = bytearray(path.read_bytes())
        for place, byte in damage:
            content[int(place * len(content))] = byte
        path.write_bytes(bytes(content))
        with contextlib.suppress(FormatError, InvalidInput, UnsupportedOracle):
            read(path)


@quick
@given(networks())
def test_onnx_keeps_every_number(network: PiecewiseLinearNetwork) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_onnx(network, Path(folder) / "model")
        for kept, read in parameters_of_both(network, load_onnx(Path(folder) / "model")):
            assert np.array_equal(kept, read)  # not bit for bit: a bias of -0.0 may come back as 0.0
