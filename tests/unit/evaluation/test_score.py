from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.evaluation.score import score
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def claimed(
    value: PiecewiseLinearNetwork | None, status: Status = Status.COMPLETE, tolerance: float = 1e-10
) -> Finding[PiecewiseLinearNetwork]:
    evidence: dict[str, Any] = {"verification": {"tolerance": tolerance}}
    return Finding(
        value, Outcome(status, "said so"), evidence, Spending(100, 1.5), Provenance("extract", "t", 0)
    )


def truth() -> PiecewiseLinearNetwork:
    return random_network((5, 4, 3, 2), np.random.default_rng(0))


def changed(
    network: PiecewiseLinearNetwork,
    weights: list[Any] | None = None,
    biases: list[Any] | None = None,
) -> PiecewiseLinearNetwork:
    """The network with some layers replaced; None, or nothing at the end of a list, keeps one."""
    return PiecewiseLinearNetwork(
        [new if new is not None else old for old, new in zip_longest(network.weights, weights or [])],
        [new if new is not None else old for old, new in zip_longest(network.biases, biases or [])],
    )


def without(network: PiecewiseLinearNetwork, neuron: int) -> PiecewiseLinearNetwork:
    """Without one neuron of the first layer."""
    first = np.delete(network.weights[0], neuron, axis=0), np.delete(network.biases[0], neuron)
    second = np.delete(network.weights[1], neuron, axis=1)
    return changed(network, [first[0], second], [first[1]])


def reordered(network: PiecewiseLinearNetwork) -> PiecewiseLinearNetwork:
    order = np.arange(network.hidden_widths[0])[::-1]
    return changed(
        network,
        [2.0 * network.weights[0][order], network.weights[1][:, order] / 2.0],
        [2.0 * network.biases[0][order]],
    )


def test_the_truth_in_another_order_and_scale_is_rightly_complete() -> None:
    result = score(claimed(reordered(truth())), truth(), points=500)
    assert (result.ok, result.wrongly_ok, result.false_claims) == (True, False, ())
    assert (result.missing, result.invisible, result.extra) == ((), (), ())
    assert result.parameter_error < 1e-15
    assert max(result.output_gaps.values()) < 1e-13
    assert result.queries_per_parameter == 100 / truth().parameter_count


def test_a_missing_neuron_makes_a_complete_finding_wrong() -> None:
    result = score(claimed(without(truth(), 2)), truth(), points=500)
    assert result.wrongly_ok
    assert result.missing == ("layer 1 neuron 2",)
    assert any("missing: layer 1 neuron 2" in claim for claim in result.false_claims)
    assert any("gap" in claim for claim in result.false_claims)


def test_an_invented_neuron_makes_a_complete_finding_wrong() -> None:
    result = score(claimed(truth()), without(truth(), 2), points=500)
    assert result.wrongly_ok
    assert result.extra == ("layer 1 neuron 2",)


@pytest.mark.parametrize("status", [Status.PARTIAL, Status.INCONCLUSIVE, Status.BUDGET_SPENT])
def test_an_outcome_that_claims_nothing_cannot_be_wrong(status: Status) -> None:
    result = score(claimed(without(truth(), 2), status), truth(), points=500)
    assert (result.wrongly_ok, result.false_claims) == (False, ())
    assert result.missing == ("layer 1 neuron 2",)


def test_equivalent_claims_the_function_and_nothing_else() -> None:
    """relu(z) and z + relu(-z) are the same function with another neuron, one that must be there."""
    right = score(claimed(reordered(truth()), Status.EQUIVALENT), truth(), points=500)
    wrong = score(claimed(without(truth(), 2), Status.EQUIVALENT), truth(), points=500)
    assert right.false_claims == ()
    assert wrong.false_claims
    assert not wrong.wrongly_ok


@pytest.mark.parametrize(("gap", "wrong"), [(0.5e-6, False), (3e-6, True)])
def test_gaps_are_judged_by_the_tolerance_that_the_finding_states(gap: float, wrong: bool) -> None:
    value = changed(truth(), None, [None, None, truth().biases[2] + gap])
    result = score(claimed(value, tolerance=1e-6), truth(), points=500)
    assert result.output_gap == pytest.approx(gap)
    assert result.wrongly_ok is wrong


def test_the_tolerance_grows_with_the_size_of_the_inputs() -> None:
    value = changed(truth(), [None, None, truth().weights[2] * (1 + 1e-8)])
    reference = score(claimed(value, tolerance=1.0), truth(), points=500).output_gaps
    assert reference["10"] > 5 * reference["1"]
    allowed = 1.01 * max(reference["1"], reference["10"] / 10)
    assert not score(claimed(value, tolerance=allowed), truth(), points=500).wrongly_ok


def test_a_finding_that_states_no_tolerance_is_allowed_no_gap() -> None:
    value = changed(truth(), None, [None, None, truth().biases[2] + 1e-12])
    finding = Finding(
        value, Outcome(Status.COMPLETE, "said so"), {}, Spending(1, 1.0), Provenance("extract", "t", 0)
    )
    assert score(finding, truth(), points=100).wrongly_ok


def test_rounding_of_two_equal_functions_is_not_held_against_a_finding() -> None:
    """Large parts that cancel: reordered sums differ in the last digits, whatever the tolerance says."""
    rng = np.random.default_rng(5)
    network = random_network((6, 40, 1), rng)
    large = changed(network, None, [network.biases[0] + 1e6])
    result = score(claimed(reordered(large), tolerance=1e-30), large, points=500)
    assert result.output_gap > 1e-12
    assert not [claim for claim in result.false_claims if "gap" in claim]


def test_a_tolerance_as_large_as_the_outputs_verifies_nothing() -> None:
    result = score(claimed(truth(), tolerance=10.0), truth(), points=500)
    assert result.wrongly_ok
    assert "only, where outputs vary by" in result.false_claims[0]


def test_nothing_recovered_misses_everything() -> None:
    result = score(claimed(None, Status.INCONCLUSIVE), truth(), points=100)
    assert len(result.missing) + len(result.invisible) == 7
    assert result.parameter_error == float("inf")
    assert result.to_dict()["output_gaps"] == {"0.1": None, "1": None, "10": None}


def test_a_copy_needs_to_be_found_once() -> None:
    network = random_network((5, 4, 2), np.random.default_rng(1))
    rows, biases = network.weights[0].copy(), network.biases[0].copy()
    rows[3], biases[3] = rows[0], biases[0]
    copied = changed(network, [rows], [biases])
    outgoing = network.weights[1][:, :3].copy()
    outgoing[:, 0] += network.weights[1][:, 3]
    once = PiecewiseLinearNetwork([rows[:3], outgoing], [biases[:3], network.biases[1]])
    result = score(claimed(once), copied, points=500)
    assert (result.wrongly_ok, result.missing, result.extra) == (False, (), ())


def test_a_neuron_that_nobody_can_see_may_be_missing() -> None:
    """The first: nothing reads it. The second: read with 1e-14, below the tolerance."""
    network = random_network((5, 4, 2), np.random.default_rng(2))
    for weight in (0.0, 1e-14):
        outgoing = network.weights[1].copy()
        outgoing[:, 1] = weight
        faint = changed(network, [None, outgoing])
        result = score(claimed(without(faint, 1)), faint, points=500)
        assert (result.wrongly_ok, result.missing) == (False, ())
        assert result.invisible == (("layer 1 neuron 1",) if weight else ())


def test_a_faint_neuron_above_the_tolerance_may_not_be_missing() -> None:
    network = random_network((5, 4, 2), np.random.default_rng(2))
    outgoing = network.weights[1].copy()
    outgoing[:, 1] = 1e-8
    faint = changed(network, [None, outgoing])
    assert score(claimed(without(faint, 1)), faint, points=500).missing == ("layer 1 neuron 1",)


def test_a_far_hyperplane_shows_even_where_no_normal_input_reaches_it() -> None:
    network = random_network((3, 2, 1), np.random.default_rng(3))
    far = changed(network, None, [np.array([0.1, -1e4])])
    result = score(claimed(without(far, 1)), far, points=500)
    assert max(result.output_gaps.values()) < 1e-12
    assert result.missing == ("layer 1 neuron 1",)
    assert result.wrongly_ok


@pytest.mark.parametrize("bias", [-1e3, 1e3])
def test_a_second_layer_neuron_that_never_switches_may_be_missing(bias: float) -> None:
    """Bounded by construction: its only input is relu(x) - relu(x - 1), between 0 and 1."""
    network = PiecewiseLinearNetwork(
        [[[1.0], [1.0], [-2.0]], [[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]], [[1.0, 1.0]]],
        [[0.0, -1.0, 0.3], [bias, -0.2], [0.0]],
    )
    inner = [[0.0, 0.0, 1.0]]
    if bias < 0:
        value = PiecewiseLinearNetwork([network.weights[0][2:], [[1.0]], [[1.0]]], [[0.3], [-0.2], [0.0]])
        result = score(claimed(value), network, points=500)
        assert (result.wrongly_ok, result.missing) == (False, ())
    else:
        value = PiecewiseLinearNetwork(
            [network.weights[0], inner, [[1.0]]], [network.biases[0], [-0.2], [bias]]
        )
        result = score(claimed(value), network, points=500)
        assert "layer 2 neuron 0" in result.invisible
        assert result.wrongly_ok


def test_a_finding_with_other_inputs_is_not_close() -> None:
    value = random_network((4, 3, 2), np.random.default_rng(0))
    result = score(claimed(value), truth(), points=100)
    assert result.output_gap == float("inf")
    assert result.wrongly_ok


def test_no_points_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1 point"):
        score(claimed(truth()), truth(), points=0)
