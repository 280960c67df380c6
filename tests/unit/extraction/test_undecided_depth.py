"""A network that sees its inputs along one direction only is not complete: no answer tells its depth."""

import numpy as np
import pytest
from practice_benches import he_network

import hingeline as hl
from hingeline.core.outcome import Status
from hingeline.extraction.undecided_depth import along_one_direction
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


@pytest.mark.parametrize(("sizes", "seed"), [((7, 1, 7, 1), 0), ((9, 1, 5, 2), 3), ((6, 1, 6, 1), 3)])
def test_neurons_over_a_single_one_are_equivalent_at_most(sizes: tuple[int, ...], seed: int) -> None:
    network = he_network(*sizes, seed=seed)
    finding = hl.extract(hl.oracle(network), seed=seed, budget=5000)
    assert finding.value is not None
    if len(finding.value.hidden_widths) == 1 and finding.value.hidden_widths[0] > 1:
        assert finding.outcome.status is Status.EQUIVALENT
    points = np.random.default_rng(1).standard_normal((200, sizes[0]))
    assert np.abs(finding.value(points) - network(points)).max() < 1e-9


def test_parallel_boundaries_are_seen_and_others_are_not() -> None:
    rows, outgoing = np.array([[1.0, 2.0], [-2.0, -4.0]]), np.ones((1, 2))
    apart = PiecewiseLinearNetwork([rows, outgoing], [np.ones(2), np.zeros(1)])
    # opposite neurons on one hyperplane bend once
    together = PiecewiseLinearNetwork([rows, outgoing], [np.array([1.0, -2.0]), np.zeros(1)])
    assert along_one_direction(apart)
    assert not along_one_direction(together)
    rough = PiecewiseLinearNetwork([rows + np.array([[0.0, 0.0], [1e-6, 0.0]]), outgoing], apart.biases)
    assert not along_one_direction(rough)
    assert along_one_direction(rough, error=1e-6)
    assert not along_one_direction(he_network(5, 3, 1))
    assert not along_one_direction(he_network(5, 1, 1))


def test_of_a_single_input_it_is_said() -> None:
    finding = hl.extract(hl.oracle(he_network(1, 6, 1, seed=4)))
    assert finding.outcome.ok
    assert "single input" in finding.outcome.reason
