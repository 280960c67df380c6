from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from residual_networks import drawn, single

import hingeline as hl
from hingeline.core.outcome import Finding, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def told(found: Finding[PiecewiseLinearNetwork]) -> dict[str, Any]:
    return found.evidence["architecture"]


def test_an_identity_skip_stands_beside_the_layers_it_skips() -> None:
    first, bias, last, _, constant = single(9, 13, 9, 141)
    found = hl.extract(
        hl.oracle(lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + x + constant, input_dim=9), seed=141
    )
    assert [(one["width"], one["activation"]) for one in told(found)["layers"]] == [
        (13, "relu"),
        (9, "linear"),
    ]
    assert [one["kind"] for one in told(found)["skips"]] == ["identity"]
    assert found.evidence["signs"]["by"] == "identity skip"


def test_beside_a_free_skip_no_activation_is_claimed() -> None:
    first, bias, last, direct, constant = single(10, 9, 3, 142)
    found = hl.extract(
        hl.oracle(
            lambda x: np.maximum(x @ first.T + bias, 0) @ last.T + x @ direct.T + constant, input_dim=10
        )
    )
    assert found.outcome.status is Status.EQUIVALENT
    assert told(found)["layers"][0]["activation"] == "undecided"
    assert "slopes of neurons" in told(found)["skips"][0]["why"]


def test_leaky_neurons_name_no_skip() -> None:
    first, bias, last, _, constant = single(9, 9, 9, 143)
    found = hl.extract(
        hl.oracle(
            lambda x: np.maximum(x @ first.T + bias, 0.1 * (x @ first.T + bias)) @ last.T + constant,
            input_dim=9,
        )
    )
    assert found.outcome.ok
    assert told(found)["layers"][0]["activation"] == "leaky relu"
    assert not told(found).get("skips")


@pytest.mark.parametrize("seed", [144, 145])
def test_what_slopes_and_an_identity_both_explain_is_left_undecided(seed: int) -> None:
    """relu(-z) + z = relu(z) beside nothing, relu(z) + z: slopes 2 and 1, or a ReLU and an identity."""
    rng = np.random.default_rng(seed)
    sizes, bias = rng.uniform(0.5, 2, 5), rng.standard_normal(5)
    found = hl.extract(hl.oracle(lambda x: np.maximum(sizes * x + bias, 0) + x, input_dim=5), seed=seed)
    assert found.outcome.status is Status.EQUIVALENT
    assert "as well as slopes" in found.outcome.reason
    assert told(found)["layers"][0]["activation"] == "undecided"


@pytest.mark.parametrize("seed", [146, 147])
def test_a_leaky_layer_beside_an_identity_is_not_called_complete(seed: int) -> None:
    first, bias, last, _, constant = single(8, 6, 8, seed)
    found = hl.extract(
        hl.oracle(
            lambda x: np.maximum(x @ first.T + bias, 0.2 * (x @ first.T + bias)) @ last.T + x + constant,
            input_dim=8,
        ),
        seed=seed,
    )
    assert not found.outcome.ok
    assert told(found)["layers"][0]["activation"] == "undecided"


@pytest.mark.parametrize("seed", [148, 149])
def test_clipped_neurons_beside_a_skip_are_not_called_complete(seed: int) -> None:
    first, bias, last, direct, constant = single(8, 5, 3, seed)
    found = hl.extract(
        hl.oracle(
            lambda x: np.clip(x @ first.T + bias, -1, 1) @ last.T + x @ direct.T + constant, input_dim=8
        ),
        seed=seed,
    )
    assert not found.outcome.ok
    assert (told(found)["layers"][0]["width"], len(told(found)["skips"])) == (5, 1)


def test_layers_of_a_deep_network_end_with_the_output() -> None:
    found = hl.extract(hl.oracle(drawn(12, 6, 5, 3, seed=150, skips="direct"), input_dim=12), seed=150)
    assert found.outcome.ok
    assert [one["width"] for one in told(found)["layers"]] == [6, 5, 3]
