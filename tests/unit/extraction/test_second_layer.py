from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.extraction.peeled import Peeled
from hingeline.extraction.recovery import Bench
from hingeline.extraction.second_layer import OrthantSearch
from hingeline.extraction.single_layer import SingleLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

MOST_LINES = 12


def search_above(network: PiecewiseLinearNetwork, bench: Bench | None = None) -> OrthantSearch:
    """A search above the exactly known first layer."""
    first = network.canonical()
    errors = np.full(len(first.biases[0]), 1e-15)
    return OrthantSearch(bench or bench_of(network), Peeled.of(first.weights[0], first.biases[0], errors))


def missing_rows(layer: SingleLayer, network: PiecewiseLinearNetwork) -> int:
    """Second-layer neurons that switch somewhere above the first layer and that `layer` lacks."""
    rows, biases = network.canonical().weights[1], network.canonical().biases[1]
    switching = ~((rows >= 0).all(axis=1) & (biases >= 0) | (rows <= 0).all(axis=1) & (biases <= 0))
    found = np.abs(layer.normals @ rows.T).max(axis=0, initial=0.0) > 1 - 1e-9
    return int((switching & ~found).sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(10, 6, 5, 1), (8, 8, 4, 3), (20, 5, 12, 2), (3, 1, 2, 1)])
def test_every_neuron_that_ever_switches_is_found(sizes: tuple[int, ...], seed: int) -> None:
    network = he_network(*sizes, seed=seed)
    search = search_above(network)
    layer = search.run(MOST_LINES)
    assert layer is not None
    assert missing_rows(layer, network) == 0
    points = search.peeled.steer(np.exp(np.random.default_rng(1).standard_normal((200, sizes[1]))))
    assert search.peeled.with_above(layer)(points) == pytest.approx(network(points), abs=1e-5)


def test_a_neuron_that_is_on_only_far_out_on_one_axis_is_found() -> None:
    """The axes are a proof: a line to where the prediction fails crosses what is missing."""
    network = he_network(8, 5, 4, 1, seed=3)
    weights, biases = [np.array(w) for w in network.weights], [np.array(b) for b in network.biases]
    weights[1][0] = [-1.0, -1.0, -1.0, -1.0, 0.05]
    biases[1][0] = -0.4
    hidden = PiecewiseLinearNetwork(weights, biases)
    bench = bench_of(hidden)
    layer = search_above(hidden, bench).run(MOST_LINES)
    assert layer is not None
    assert missing_rows(layer, hidden) == 0


def test_three_layers_never_fit_one_above() -> None:
    for seed in range(4):
        network = he_network(8, 5, 4, 4, 1, seed=seed)
        assert search_above(network).run(MOST_LINES) is None


def test_a_contradicted_point_leads_to_the_neuron_that_was_missing() -> None:
    network = he_network(10, 6, 5, 1, seed=1)
    search = search_above(network)
    whole = search.run(MOST_LINES)
    assert whole is not None
    assert search.planes is not None
    search.planes = search.planes.select(np.arange(search.planes.count) != 1)
    points = np.random.default_rng(2).standard_normal((2000, 10)) * 3
    gaps = np.abs(search.peeled.with_above(search.layer())(points) - network(points))[:, 0]
    found = search.look_towards(points[gaps.argmax()], MOST_LINES)
    assert found is not None
    assert missing_rows(found, network) == 0


def test_a_hyperplane_that_is_not_there_is_left_out_again() -> None:
    """Two bends taken for one give a hyperplane with which no layer explains the answers."""
    network = he_network(10, 6, 5, 1, seed=1)
    search = search_above(network)
    assert search.run(MOST_LINES) is not None
    whole = search.planes
    assert whole is not None
    false = whole.select(np.arange(whole.count) == 0)
    turned = false.normals + 0.3 * np.roll(false.normals, 1, axis=1)
    search.planes = whole.join(replace(false, normals=turned / np.linalg.norm(turned)))
    assert search.planes.count == whole.count + 1
    layer = search.look_towards(search.peeled.steer(np.full((1, 6), 2.0))[0], MOST_LINES)
    layer = layer or search._close_gaps(MOST_LINES + 20)  # pyright: ignore[reportPrivateUsage]
    assert layer is not None
    assert layer.width == whole.count
    assert missing_rows(layer, network) == 0


def test_a_point_that_contradicts_nothing_leads_nowhere() -> None:
    network = he_network(10, 6, 5, 1, seed=1)
    search = search_above(network)
    assert search.run(MOST_LINES) is not None
    assert search.look_towards(np.ones(10), MOST_LINES) is None


def test_nothing_is_known_before_a_line_was_swept() -> None:
    with pytest.raises(RuntimeError, match="no line"):
        search_above(he_network(4, 3, 2, 1)).layer()
