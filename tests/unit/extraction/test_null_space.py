from __future__ import annotations

import numpy as np
import pytest
from practice_benches import he_network, probe_of

from hingeline.extraction.null_space import straighten
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def tilted(network: PiecewiseLinearNetwork, size: float) -> PiecewiseLinearNetwork:
    """First-layer rows wrong outside their span only."""
    rows = network.weights[0]
    outside = np.eye(rows.shape[1]) - np.linalg.pinv(rows) @ rows
    wrong = rows + size * np.random.default_rng(0).standard_normal(rows.shape) @ outside
    return PiecewiseLinearNetwork([wrong, *network.weights[1:]], network.biases)


@pytest.mark.parametrize("size", [1e-4, 1e-9])
@pytest.mark.parametrize("sizes", [(20, 5, 1), (20, 5, 4, 1), (20, 5, 4, 3), (9, 8, 2), (12, 1, 3, 2)])
def test_rows_are_right_outside_their_span_afterwards(sizes: tuple[int, ...], size: float) -> None:
    network = he_network(*sizes, seed=1)
    fixed = straighten(probe_of(network, sizes[0]), tilted(network, size), np.random.default_rng(2)).network
    assert np.abs(fixed.weights[0] - network.weights[0]).max() < 1e-12 + 100 * size**2


@pytest.mark.parametrize(("sizes", "answers"), [((40, 6, 5, 1), 1), ((40, 6, 5, 3), 3)])
def test_the_price_is_the_number_of_components_over_that_of_outputs(
    sizes: tuple[int, ...], answers: int
) -> None:
    network = he_network(*sizes)
    probe = probe_of(network, 40)
    straighten(probe, tilted(network, 1e-6), np.random.default_rng(0))
    components = (40 - 6) * 6
    assert components / answers <= probe.session.spent <= 1.7 * components / answers + 3 * 40


@pytest.mark.parametrize("sizes", [(5, 5, 1), (5, 8, 3, 1)])
def test_rows_that_span_everything_have_no_outside(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes)
    probe = probe_of(network, 5)
    assert straighten(probe, network, np.random.default_rng(0)).network is network
    assert probe.session.spent == 0


def test_what_lies_within_the_span_is_not_touched() -> None:
    network = he_network(15, 4, 3, 1, seed=3)
    rows = network.weights[0]
    within = np.linalg.pinv(rows) @ rows
    wrong = PiecewiseLinearNetwork([rows * (1 + 1e-7), *network.weights[1:]], network.biases)
    fixed = straighten(probe_of(network, 15), wrong, np.random.default_rng(0)).network
    assert fixed.weights[0] @ within == pytest.approx(wrong.weights[0] @ within, abs=1e-13)
