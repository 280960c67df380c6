from __future__ import annotations

import json

import numpy as np
import pytest
from residual_networks import single

import hingeline as hl
from hingeline.core.outcome import Status


@pytest.mark.parametrize(("sizes", "seed"), [((10, 10, 3), 101), ((10, 10, 10), 102), ((7, 12, 1), 103)])
def test_a_dense_skip_is_told_up_to_what_turned_neurons_add(sizes: tuple[int, int, int], seed: int) -> None:
    first, bias, last, direct, constant = single(*sizes, seed)
    found = hl.extract(
        hl.oracle(
            lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + x @ direct.T + constant, input_dim=sizes[0]
        ),
        seed=seed,
    )
    skip = found.evidence["architecture"]["skips"][0]
    assert found.outcome.status is Status.EQUIVALENT
    assert (skip["from"], skip["to"], skip["status"]) == ("input", "output", "undetermined")
    products = np.einsum("kn,nd->nkd", last, first).reshape(sizes[1], -1)
    difference = (np.array(skip["weights"]) - direct).ravel()
    if sizes[1] < difference.size:
        turned = np.linalg.lstsq(products.T, difference, rcond=None)[0]
        assert turned == pytest.approx(np.round(turned), abs=1e-6)
        assert np.abs(products.T @ turned - difference).max() < max(1e-11, 30 * skip["error"])
    assert skip["determined_dimensions"] == max(0, difference.size - sizes[1])
    json.dumps(found.to_dict())


@pytest.mark.parametrize("seed", [111, 112, 113])
def test_an_identity_skip_decides_signs_and_is_measured(seed: int) -> None:
    first, bias, last, _, constant = single(8, 12, 8, seed)
    found = hl.extract(
        hl.oracle(lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + x + constant, input_dim=8), seed=seed
    )
    skip = found.evidence["architecture"]["skips"][0]
    assert found.outcome.ok
    assert (skip["kind"], skip["status"]) == ("identity", "measured")
    assert np.array(skip["weights"]) == pytest.approx(np.eye(8), abs=1e-6)
    rows = found.require().canonical().weights[0][:12]
    cosines = rows @ (first / np.linalg.norm(first, axis=1, keepdims=True)).T
    # signs too: the largest cosine of every row is 1, not -1
    assert cosines.max(axis=1) == pytest.approx(np.ones(12), abs=1e-9)


@pytest.mark.parametrize("seed", [121, 122])
def test_half_an_identity_is_measured_and_not_called_one(seed: int) -> None:
    first, bias, last, _, constant = single(6, 9, 6, seed)
    found = hl.extract(
        hl.oracle(lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + x / 2 + constant, input_dim=6),
        seed=seed,
    )
    skip = found.evidence["architecture"]["skips"][0]
    assert found.outcome.ok
    assert (skip["kind"], skip["status"]) == ("dense", "measured")
    assert np.array(skip["weights"]) == pytest.approx(np.eye(6) / 2, abs=1e-6)


def test_a_network_without_a_skip_names_none() -> None:
    first, bias, last, _, constant = single(9, 11, 2, 131)
    found = hl.extract(
        hl.oracle(lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + constant, input_dim=9)
    )
    assert found.outcome.ok
    assert not found.evidence.get("architecture", {}).get("skips")


def test_opposite_neurons_are_not_called_complete() -> None:
    first, bias, last, _, constant = single(8, 8, 3, 132)
    first[1], bias[1] = -1.5 * first[0], -1.5 * bias[0]
    found = hl.extract(
        hl.oracle(lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + constant, input_dim=8)
    )
    assert found.outcome.status is Status.EQUIVALENT
    assert "opposite neurons" in found.evidence["architecture"]["skips"][0]["why"]
