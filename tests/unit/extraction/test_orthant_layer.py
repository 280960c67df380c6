"""The second layer of a deep network where the first one is on."""

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.extraction.depth.active_sides import active_sides
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.orthant_layer import OrthantLayer
from hingeline.extraction.depth.recover_wide import second_rows
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.peeled import Peeled
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SIZES = (20, 12, 10, 8, 6, 4)


def search_of(network: PiecewiseLinearNetwork, seed: int = 0) -> OrthantLayer:
    bench, width = bench_of(network, seed), network.hidden_widths[0]
    first = Peeled.of(network.weights[0], network.biases[0], np.full(width, 1e-15))
    rows = first.basis
    peeled = Peeled.of(first.weights @ rows.T, first.biases, first.errors)
    return OrthantLayer(FrameProbe(bench.probe, rows), peeled, bench.randomness)


def unit(rows: FloatArray) -> FloatArray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_all_rows_of_the_second_layer_are_found_with_their_sides_and_no_others(seed: int) -> None:
    network = he_network(*SIZES, seed=seed).canonical()
    search = search_of(network)
    search.run()
    assert search.members is not None
    sides = active_sides(search.members, search.measured)
    found = second_rows(search.peeled, search.members, sides, search.whole)
    cosines = unit(found.weights) @ unit(network.weights[1]).T
    # a true row turned the wrong way would have a cosine of -1
    assert (cosines.max(axis=1) > 1 - 1e-10).all()
    assert sorted(cosines.argmax(axis=1).tolist()) == list(range(SIZES[2]))
    assert found.decided.all()


def test_biases_are_on_the_scale_of_the_unit_rows() -> None:
    network = he_network(*SIZES, seed=11).canonical()
    search = search_of(network)
    search.run()
    assert search.members is not None
    found = second_rows(search.peeled, search.members, active_sides(search.members, search.measured), True)
    true = network.biases[1] / np.linalg.norm(network.weights[1], axis=1)
    order = (unit(found.weights) @ unit(network.weights[1]).T).argmax(axis=1)
    assert found.biases == pytest.approx(true[order], abs=1e-6)


def test_what_was_found_is_kept_when_the_budget_ends() -> None:
    network = he_network(*SIZES, seed=11).canonical()
    search = search_of(network)
    told: list[int] = []
    search.found_more = lambda planes, lines: told.append(planes.count)
    with pytest.raises(BudgetExhausted), search.probe.session.phase("short", 700):
        search.run()
    assert search.members is not None
    assert told[-1] == search.members.count > 0


def test_neurons_that_are_off_have_no_part_in_a_gradient() -> None:
    network = he_network(5, 4, 3, 2, seed=1).canonical()
    search = search_of(network)
    rows = unit(network.weights[1] @ search.peeled.weights)
    planes = Hyperplanes(
        rows, np.zeros(3), np.ones((3, 2)), np.full(3, 1e-15), np.zeros((3, search.probe.input_dim))
    )
    assert active_sides(planes, []).tolist() == [0.0, 0.0, 0.0]
