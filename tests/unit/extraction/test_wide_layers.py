"""Many views are told apart at once, and bends of known neurons are not asked again."""

from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.growing import grown
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.narrow_gradients import ExplainedShare
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.refit import refitted
from hingeline.extraction.depth.screening import Screen, differ
from hingeline.extraction.depth.told_bends import told_bends
from hingeline.extraction.depth.views import CellBook, Views, views_of
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import sweep_line

NETWORK = he_network(30, 28, 6, 2, seed=3)
EACH = 6
"""Bends of each neuron of the second layer."""


def jacobians_of(network: PiecewiseLinearNetwork, points: FloatArray) -> FloatArray:
    return np.array([network.affine_map(point)[0] for point in points])


def known_layers(network: PiecewiseLinearNetwork, count: int, *, decided: bool = True) -> KnownLayers:
    pairs = zip(network.weights[:count], network.biases[:count], strict=True)
    layers = tuple(KnownLayer(w, b, np.full(len(b), decided)) for w, b in pairs)
    return KnownLayers(network.input_dim, layers)


def bends_of_second_layer() -> tuple[FloatArray, FloatArray, IntArray]:
    """Points on the boundaries of each neuron, unit normals there, and which neuron it is."""
    below, rng = known_layers(NETWORK, 1), np.random.default_rng(8)
    owner = np.repeat(np.arange(6), EACH)
    rows, offsets = NETWORK.weights[1][owner], NETWORK.biases[1][owner]
    points = 2 * rng.standard_normal((len(owner), 30))
    gradient, z = points, np.ones(len(owner))
    for _ in range(60):
        gradient = np.einsum("vc,vcr->vr", rows, below.slopes(points))
        z = np.einsum("vc,vc->v", rows, below.offered(points)[:, :-1]) + offsets
        points = points - (z / (gradient**2).sum(axis=1))[:, np.newaxis] * gradient
    assert np.abs(z).max() < 1e-12
    return points, gradient / np.linalg.norm(gradient, axis=1, keepdims=True), owner


def seen(known: KnownLayers) -> tuple[Views, IntArray]:
    record, owner = recorded()
    return views_of(record, known, np.arange(record.count)), owner


def recorded() -> tuple[Record, IntArray]:
    """The bends as if lines had been swept, which are not kept, and the neuron of each."""
    points, normals, owner = bends_of_second_layer()
    none, count = np.zeros((0, 30)), len(points)
    zeros, integers = np.full(count, 1e-14), np.zeros(count, dtype=np.int64)
    record = Record(
        (), points, normals, zeros, zeros, integers, integers, none, np.zeros((0, 2, 30)), np.zeros(0),
        none, np.zeros((0, 2)),
    )  # fmt: skip
    return record, owner


def test_a_neuron_that_no_line_was_seen_to_hit_is_solved_from_its_normals_alone() -> None:
    known, (record, owner) = known_layers(NETWORK, 1), recorded()
    views = views_of(record, known, np.arange(record.count))
    neuron = grown(Screen(views), 0, np.ones(views.count, dtype=np.bool_))
    refit = refitted(neuron, views, record, known, hits=())
    row = np.append(NETWORK.weights[1][owner[0]], NETWORK.biases[1][owner[0]])
    row = row - refit.neuron.untold @ (refit.neuron.untold.T @ row)
    row[-1] = 0.0
    found = refit.neuron.theta.copy()
    found[-1] = 0.0
    assert abs(found @ row) > (1 - 1e-9) * np.linalg.norm(found) * np.linalg.norm(row)


@pytest.mark.parametrize("decided", [True, False])
def test_a_neurons_own_views_pass_the_screen_and_nearly_all_others_do_not(decided: bool) -> None:
    views, owner = seen(known_layers(NETWORK, 1, decided=decided))
    screen, every = Screen(views), np.arange(views.count)
    for seed in range(0, views.count, 5):
        neuron = grown(screen, seed, np.zeros(views.count, dtype=np.bool_))
        possible = screen.possible(neuron, every)
        assert possible[owner == owner[seed]].all()
        if decided:
            assert possible[owner != owner[seed]].mean() < 0.1


def test_from_one_bend_grows_the_neuron_that_made_it_and_no_other() -> None:
    views, owner = seen(known_layers(NETWORK, 1))
    for seed in range(0, views.count, EACH):
        neuron = grown(Screen(views), seed, np.ones(views.count, dtype=np.bool_))
        assert len(neuron.members) > 1 and set(owner[list(neuron.members)]) == {owner[seed]}
        row = np.append(NETWORK.weights[1][owner[seed]], NETWORK.biases[1][owner[seed]])
        assert np.linalg.norm(views.missed(np.array(neuron.members), row)) < 1e-9
        row = row - neuron.untold @ (neuron.untold.T @ row)
        assert abs(neuron.theta @ row) > (1 - 1e-12) * np.linalg.norm(row)


def test_parts_of_two_neurons_differ_and_of_one_do_not() -> None:
    views, _ = seen(known_layers(NETWORK, 1))
    none = np.zeros(views.count, dtype=np.bool_)
    parts = [grown(Screen(views), view, none) for view in (0, 1, EACH, EACH + 1)]
    assert not differ(parts[0], parts[1]) and not differ(parts[2], parts[3])
    assert all(differ(one, other) for one in parts[:2] for other in parts[2:])


def test_a_region_is_decomposed_once_and_forgotten_with_its_layers() -> None:
    points, _, _ = bends_of_second_layer()
    known, book = known_layers(NETWORK, 1), CellBook()
    cells, cell = book.regions(known, points, known.patterns(points))
    again, same = book.regions(known, points[::-1], known.patterns(points[::-1]))
    assert again is cells and (same == cell[::-1]).all()
    rebuilt = np.einsum("vrm,vm,vmc->vcr", cells.left[cell], cells.size[cell], cells.rows[cell])
    assert np.allclose(rebuilt, known.slopes(points), atol=1e-12)
    other = known_layers(NETWORK, 1)
    assert book.regions(other, points[:3], other.patterns(points[:3]))[0] is not cells


@pytest.mark.parametrize("outputs", [1, 4])
def test_bends_of_known_neurons_are_told_and_cost_no_gradient(outputs: int) -> None:
    network = he_network(12, 10, 8, 4, outputs, seed=7)
    bench, known = bench_of(network), known_layers(network, 2)
    probe = FrameProbe(bench.probe, np.eye(12))
    sweep = sweep_line(probe, random_line(probe, np.random.default_rng(2), bench.settings))
    told = told_bends(known, sweep)
    heights = network.pre_activations(sweep.line.at(sweep.bends))
    away = np.stack([np.abs(z).min(axis=1) / np.abs(z).max(axis=1) for z in heights], axis=1)
    assert (told.mask == (np.argmin(away, axis=1) < 2)).all() and 0 < told.mask.sum() < len(told.mask)
    edges = np.concatenate([[sweep.bends[0] - 1], sweep.bends, [sweep.bends[-1] + 1]])
    jacobians = jacobians_of(network, sweep.line.at((edges[1:] + edges[:-1]) / 2))
    change = np.diff(jacobians, axis=0)[told.mask]
    assert np.allclose(told.jumps[told.mask], change, atol=1e-7 * np.abs(jacobians).max())
    spent = [bench.probe.session.spent]
    for given in (told, None):
        measure_bends(probe, sweep, np.random.default_rng(0), basis=np.eye(12), known=given)
        spent.append(bench.probe.session.spent)
    assert spent[1] - spent[0] < 0.75 * (spent[2] - spent[1])


def test_gradients_of_added_regions_are_looked_at_once_and_counted_as_before() -> None:
    network = he_network(12, 10, 4, 1, seed=7)
    points = np.random.default_rng(4).standard_normal((40, 12))
    none, integers = np.zeros((0, 12)), np.zeros(0, dtype=np.int64)

    def record(count: int) -> Record:
        gradients = jacobians_of(network, points[:count])
        return Record(
            (), none, none, np.zeros(0), np.zeros(0), integers, integers, points[:count], gradients,
            np.full(count, 1e-15), none, np.zeros((0, 1)),
        )  # fmt: skip

    whole, lacking = known_layers(network, 2), known_layers(network, 1)
    second = KnownLayer(network.weights[1][:2], network.biases[1][:2], np.ones(2, dtype=np.bool_))
    lacking = lacking.with_layer(second)
    grows = ExplainedShare(whole)
    assert [grows.of(record(count)) for count in (10, 40)] == [1.0, 1.0]
    partly = ExplainedShare(lacking)
    partly.of(record(10))
    assert partly.of(record(40)) == ExplainedShare(lacking).of(record(40)) < 0.8
