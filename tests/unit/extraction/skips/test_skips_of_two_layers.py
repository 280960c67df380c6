from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from residual_networks import Residual, drawn

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def extracted(network: Residual, seed: int, **options: Any) -> Finding[PiecewiseLinearNetwork]:
    found = hl.extract(hl.oracle(network, input_dim=network.first.shape[1]), seed=seed, **options)
    points = np.random.default_rng(seed).standard_normal((300, network.first.shape[1]))
    if found.outcome.status in (Status.COMPLETE, Status.EQUIVALENT):
        assert found.value is not None
        assert found.value(points) == pytest.approx(network(points), abs=1e-6)
    json.dumps(found.to_dict())
    return found


def skips(found: Finding[PiecewiseLinearNetwork]) -> list[dict[str, Any]]:
    return found.evidence["architecture"]["skips"]


@pytest.mark.parametrize(
    ("sizes", "seed"), [((10, 10, 10, 10), 201), ((10, 10, 6, 1), 202), ((14, 6, 5, 3), 203)]
)
def test_a_dense_skip_to_the_output_is_measured(sizes: tuple[int, ...], seed: int) -> None:
    network = drawn(*sizes, seed=seed, skips="direct")
    found = extracted(network, seed)
    (skip,) = skips(found)
    assert found.outcome.ok
    assert (skip["from"], skip["to"], skip["status"]) == ("input", "output", "measured")
    assert np.abs(np.array(skip["weights"]) - network.direct).max() < 1e-6


def _second_rows(found: Finding[PiecewiseLinearNetwork], network: Residual) -> tuple[FloatArray, FloatArray]:
    """Skip weights found and true, neurons in the true order and at the true scale, up to sign of z."""
    assert found.value is not None
    (skip,) = skips(found)
    n, m = network.first.shape[0], network.second.shape[0]
    lengths = np.linalg.norm(network.first, axis=1)
    normals = network.first / lengths[:, np.newaxis]
    cosines = found.value.weights[0][:n] @ normals.T
    order = np.abs(cosines).argmax(axis=0)
    inner = found.value.weights[1][:m, :n][:, order]
    true = network.second * lengths
    rows, weights = np.zeros((m, n)), np.zeros_like(network.into)
    for k, row in enumerate(true):
        scores = np.abs(inner @ row) / np.linalg.norm(inner, axis=1)
        best = int(scores.argmax())
        factor = (inner[best] @ row) / (inner[best] @ inner[best])
        rows[k], weights[k] = factor * inner[best], factor * np.array(skip["weights"])[best]
    assert rows == pytest.approx(true, abs=1e-6)
    return weights, normals


@pytest.mark.parametrize("seed", [211, 212, 213])
def test_a_dense_skip_into_the_second_layer_is_told_up_to_turned_neurons(seed: int) -> None:
    network = drawn(10, 10, 10, 10, seed=seed, skips="into")
    found = extracted(network, seed)
    (skip,) = skips(found)
    assert found.outcome.status is Status.EQUIVALENT
    assert (skip["from"], skip["to"], skip["status"]) == ("input", 2, "undetermined")
    weights, _ = _second_rows(found, network)
    # turning neuron i of the first layer moves v_ki w_i into row k
    for k in range(10):
        products = network.second[k][:, np.newaxis] * network.first
        turned = np.linalg.lstsq(products.T, weights[k] - network.into[k], rcond=None)[0]
        assert turned == pytest.approx(np.round(turned), abs=1e-5)
        assert set(np.round(np.abs(turned))) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("sizes", "seed"), [((10, 8, 8, 10), 221), ((10, 8, 8, 4), 222), ((6, 9, 9, 5), 223)]
)
def test_an_identity_skip_around_the_second_layer_is_measured(sizes: tuple[int, ...], seed: int) -> None:
    network = drawn(*sizes, seed=seed, skips="identity")
    found = extracted(network, seed)
    (skip,) = skips(found)
    assert found.outcome.ok
    assert (skip["from"], skip["to"], skip["kind"], skip["status"]) == (1, 2, "identity", "measured")
    # scaled so that the weights are one: the shipped neurons are the true ones up to one scale for both
    rows = found.require().weights[1][: sizes[2], : sizes[1]]
    cosines = found.require().weights[0][: sizes[1]] @ network.first.T
    match = (cosines / np.linalg.norm(found.require().weights[0][: sizes[1]], axis=1)[:, np.newaxis]
             / np.linalg.norm(network.first, axis=1)).argmax(axis=1)  # fmt: skip
    ratio = rows / network.second[np.ix_(match, match)]
    scale = np.linalg.norm(found.require().weights[0][: sizes[1]], axis=1)
    scale /= np.linalg.norm(network.first[match], axis=1)
    assert ratio * scale / scale[:, np.newaxis] == pytest.approx(np.ones(ratio.shape), abs=1e-5)


@pytest.mark.parametrize("seed", [231, 232])
def test_an_identity_skip_from_the_input_into_the_second_layer_is_measured(seed: int) -> None:
    network = drawn(8, 6, 8, 5, seed=seed)
    found = extracted(Residual(**{**network.__dict__, "into": np.eye(8)}), seed)
    (skip,) = skips(found)
    assert found.outcome.ok
    assert (skip["from"], skip["to"], skip["kind"], skip["status"]) == ("input", 2, "identity", "measured")
    assert np.array(skip["weights"]) == pytest.approx(np.eye(8), abs=1e-6)


def test_a_dense_skip_around_the_second_layer_leaves_its_signs_open() -> None:
    network = drawn(10, 8, 8, 4, seed=241, skips="around")
    found = extracted(network, 241)
    (skip,) = skips(found)
    assert found.outcome.status is Status.EQUIVALENT
    assert (skip["from"], skip["to"], skip["status"]) == (1, "output", "undetermined")


def test_a_neuron_that_never_switches_is_named_beside_the_skip_that_it_looks_like() -> None:
    network = drawn(9, 5, 4, 3, seed=245)
    network.second[1] = np.abs(network.second[1])
    network.second_bias[1] = 4.0
    found = extracted(network, 245)
    assert not found.outcome.ok
    if "architecture" in found.evidence:
        assert "never switch" in found.outcome.reason


def test_two_blocks_above_an_affine_embedding_are_read_as_three_skips() -> None:
    # h = W x + b, h += relu(A h + c) twice: z1 = A W x, z2 = A' W x + A' relu(z1), and C W x goes around both
    base = drawn(8, 8, 8, 10, seed=251)
    embedding = np.random.default_rng(252).standard_normal((8, 8)) / np.sqrt(8)
    network = Residual(
        base.first @ embedding, base.first_bias, base.second, base.second_bias, base.last, base.last_bias,
        base.second @ embedding, base.around, base.last @ embedding, 1.0,
    )  # fmt: skip
    found = extracted(network, 251)
    assert found.outcome.status is Status.EQUIVALENT
    named = {(s["from"], s["to"]): (s["kind"], s["status"]) for s in skips(found)}
    assert named[(1, 2)] == ("identity", "measured")
    assert named[("input", 2)] == named[("input", "output")] == ("dense", "undetermined")


@pytest.mark.parametrize("seed", [261, 262])
def test_a_deeper_network_is_not_called_one_with_skips(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [rng.standard_normal((8, n)) * np.sqrt(2 / n) for n in (10, 8, 8)]
    biases = 0.3 * rng.standard_normal((3, 8))

    def deep(x: FloatArray) -> FloatArray:
        for weight, bias in zip(layers, biases, strict=True):
            x = np.maximum(x @ weight.T + bias, 0.0)
        return x[:, :3]

    found = hl.extract(hl.oracle(deep, input_dim=10), seed=seed)
    if found.evidence.get("architecture", {}).get("skips"):
        assert found.value is not None
        points = rng.standard_normal((300, 10))
        assert found.value(points) == pytest.approx(deep(points), abs=1e-6)


def test_a_budget_that_ends_while_skips_are_read_is_said() -> None:
    network = drawn(10, 8, 8, 4, seed=271, skips="identity")
    whole = hl.extract(hl.oracle(network, input_dim=10), seed=271)
    found = hl.extract(hl.oracle(network, input_dim=10), seed=271, budget=whole.queries - 20)
    assert found.outcome.status is Status.BUDGET_SPENT
    assert found.queries <= whole.queries - 20
