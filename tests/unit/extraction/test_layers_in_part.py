"""Deep networks with a wide first layer, of which a part is found."""

import numpy as np
import pytest
from practice_benches import he_network

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Status
from hingeline.extraction.depth import recover_wide

SIZES = (60, 48, 24, 20, 16, 12, 8)


def unit(rows: FloatArray) -> FloatArray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def network() -> hl.PiecewiseLinearNetwork:
    return he_network(*SIZES, seed=21, biases=0.3).canonical()


@pytest.fixture(scope="module")
def finding(network: hl.PiecewiseLinearNetwork) -> hl.Finding[hl.PiecewiseLinearNetwork]:
    # no memory for a search of all layers at once
    kept = recover_wide.MOST_NUMBERS
    recover_wide.MOST_NUMBERS = 0
    try:
        return hl.extract(hl.oracle(network), seed=3)
    finally:
        recover_wide.MOST_NUMBERS = kept


def test_layers_that_are_found_are_claimed_in_part_only(
    finding: hl.Finding[hl.PiecewiseLinearNetwork],
) -> None:
    assert finding.outcome.status is Status.PARTIAL
    assert finding.value is None
    assert [layer["neurons"] for layer in finding.evidence["layers"]][:2] == [48, 24]
    assert "48 neurons of layer 1, 24 neurons of layer 2" in finding.outcome.reason


def test_found_layers_compute_what_the_true_ones_do(
    network: hl.PiecewiseLinearNetwork, finding: hl.Finding[hl.PiecewiseLinearNetwork]
) -> None:
    lower = finding.lower_layers
    assert lower is not None
    points = np.random.default_rng(0).standard_normal((50, 60))
    inner = hl.PiecewiseLinearNetwork(network.weights[:2], network.biases[:2])(points)
    cosines = unit(lower(points).T) @ unit(inner.T).T
    assert cosines.max(axis=1) == pytest.approx(np.ones(24), abs=1e-9)
    assert sorted(cosines.argmax(axis=1).tolist()) == list(range(24))


def test_nothing_stands_where_a_weight_is_not_told(finding: hl.Finding[hl.PiecewiseLinearNetwork]) -> None:
    part = finding.evidence.get("rows", {"weights": []})
    third = [line for line in finding.evidence["neurons"] if line["layer"] == 3]
    assert len(part["weights"]) == len(third)
    for row, line in zip(part["weights"], third, strict=True):
        untold = [index for index, weight in enumerate(row) if weight is None]
        assert untold == line.get("undetermined_weights", [])
        assert line["sign"] == "undetermined"


@pytest.mark.parametrize("budget", [5000, 8000])
def test_a_budget_that_ends_leaves_the_layers_found(network: hl.PiecewiseLinearNetwork, budget: int) -> None:
    finding = hl.extract(hl.oracle(network), seed=3, budget=budget)
    assert finding.outcome.status is Status.BUDGET_SPENT
    assert finding.queries <= budget
    assert "neurons of layer 1" in finding.outcome.reason
    lower = finding.lower_layers
    assert lower is not None
    cosines = np.abs(unit(lower.weights[0]) @ unit(network.weights[0]).T)
    assert (cosines.max(axis=1) > 1 - 1e-9).all()
