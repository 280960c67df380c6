from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from practice_benches import he_network, probe_of, true_layer

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import IllConditioned
from hingeline.extraction import remeasure as remeasure_module
from hingeline.extraction.remeasure import remeasure
from hingeline.extraction.single_layer import SingleLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

GOAL = 2e-13
SHAPES = [(8, 5, 1), (8, 5, 6), (5, 5, 1), (4, 12, 1), (4, 12, 3), (1, 3, 1), (30, 25, 2)]


def blurred(network: PiecewiseLinearNetwork, size: float, seed: int = 0) -> SingleLayer:
    """The true layer with rows, offsets, jumps and bias wrong by about `size`, and saying so."""
    layer, rng = true_layer(network), np.random.default_rng(seed)
    rows = layer.normals + size * rng.standard_normal(layer.normals.shape)
    return replace(
        layer,
        normals=rows / np.linalg.norm(rows, axis=1, keepdims=True),
        offsets=layer.offsets + size * rng.standard_normal(layer.width),
        jumps=layer.jumps * (1 + size * rng.standard_normal(layer.jumps.shape)),
        constant=layer.constant + size,
        errors=np.full(layer.width, size),
    )


@pytest.mark.parametrize("size", [1e-5, 1e-8])
@pytest.mark.parametrize("sizes", SHAPES)
def test_everything_is_right_to_the_last_digits_afterwards(sizes: tuple[int, ...], size: float) -> None:
    network = he_network(*sizes, seed=1)
    truth = true_layer(network)
    probe = probe_of(network, sizes[0])
    layer = remeasure(probe, blurred(network, size), GOAL, np.random.default_rng(2))
    assert np.abs(layer.normals - truth.normals).max() < 1e-12
    assert np.abs(layer.offsets - truth.offsets).max() < 1e-11
    assert np.abs(layer.jumps / truth.jumps - 1).max() < 1e-10
    assert np.abs(layer.constant - truth.constant).max() < 1e-10
    assert (np.abs(layer.normals - truth.normals).max(axis=1) < 10 * layer.errors).all()


@pytest.mark.parametrize("sizes", [(8, 5, 1), (8, 5, 6)])
def test_rows_that_are_good_enough_are_left_alone(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=1)
    good = replace(true_layer(network), errors=np.full(5, 1e-14))
    probe = probe_of(network, sizes[0])
    layer = remeasure(probe, good, 1e-12, np.random.default_rng(2))
    assert (layer.normals == good.normals).all()
    assert probe.session.spent <= 4 * 5 + 5


@pytest.mark.parametrize(("sizes", "most"), [((30, 20, 1), 20 * 31 + 1), ((30, 20, 10), 4 * 31 + 80)])
def test_a_region_costs_one_query_per_input(sizes: tuple[int, ...], most: int) -> None:
    network = he_network(*sizes, seed=3)
    probe = probe_of(network, 30)
    remeasure(probe, blurred(network, 1e-7), GOAL, np.random.default_rng(0))
    assert probe.session.spent <= most


@pytest.mark.parametrize("sizes", [(8, 5, 1), (8, 5, 6), (4, 12, 1), (4, 12, 3)])
def test_a_missing_neuron_is_no_success(sizes: tuple[int, ...]) -> None:
    """The recovered layer lacks a neuron that is really there: refused, or visibly wrong afterwards."""
    network = he_network(*sizes, seed=4)
    full = blurred(network, 1e-7)
    keep = np.arange(sizes[1]) > 0
    lacking = replace(
        full, normals=full.normals[keep], offsets=full.offsets[keep], jumps=full.jumps[keep],
        errors=full.errors[keep],
    )  # fmt: skip
    try:
        layer = remeasure(probe_of(network, sizes[0]), lacking, GOAL, np.random.default_rng(0))
    except IllConditioned as problem:
        assert "missing" in str(problem)
    else:
        points = np.random.default_rng(1).standard_normal((200, sizes[0]))
        assert np.abs(layer(points) - network(points)).max() > 1e-3


def test_a_hyperplane_that_is_not_there_is_noticed() -> None:
    network = he_network(8, 5, 2, seed=5)
    layer = blurred(network, 1e-9)
    offsets = layer.offsets.copy()
    offsets[2] += 5.0
    with pytest.raises(IllConditioned, match="not where it was found"):
        remeasure(probe_of(network, 8), replace(layer, offsets=offsets), GOAL, np.random.default_rng(0))


@pytest.mark.parametrize("sizes", [(6, 5, 1), (6, 5, 3), (4, 10, 2)])
def test_a_bounded_domain_is_not_left(sizes: tuple[int, ...]) -> None:
    network, seen = he_network(*sizes, seed=6, biases=0.2), list[FloatArray]()

    def function(points: FloatArray) -> FloatArray:
        seen.append(points)
        return network(points)

    probe = probe_of(function, sizes[0], half_width=2.0)
    layer = remeasure(probe, blurred(network, 1e-7), GOAL, np.random.default_rng(0))
    assert np.abs(layer.normals - true_layer(network).normals).max() < 1e-10
    assert probe.domain.holds(np.concatenate(seen)).all()


def test_asking_regions_one_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bounds the memory asks the same rows in the same order."""
    network = he_network(30, 25, 2, seed=4)
    found = []
    for numbers in (remeasure_module.BATCH_NUMBERS, 1):
        monkeypatch.setattr(remeasure_module, "BATCH_NUMBERS", numbers)
        probe = probe_of(network, 30)
        layer = remeasure(probe, blurred(network, 1e-6), GOAL, np.random.default_rng(5))
        found.append((probe.session.spent, layer))
    assert found[0][0] == found[1][0]
    assert np.abs(found[0][1].normals - found[1][1].normals).max() < 1e-13
