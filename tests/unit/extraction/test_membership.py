from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network, probe_of, true_planes

from hingeline.core.arrays import FloatArray
from hingeline.extraction.membership import belongs_to_first_layer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe


def asked(probe: Probe, normals: FloatArray, offsets: FloatArray, witnesses: FloatArray) -> list[bool]:
    errors = np.full(len(normals), 1e-12)
    rng = np.random.default_rng(5)
    return belongs_to_first_layer(probe, normals, offsets, errors, witnesses, rng).tolist()


def deep_planes(network: PiecewiseLinearNetwork, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hyperplanes of second-layer neurons, each in one region where its zero set really passes."""
    rng, found = np.random.default_rng(seed), list[tuple[FloatArray, float, FloatArray]]()
    while len(found) < len(network.biases[1]):
        point, k = rng.standard_normal(network.input_dim) * 2, len(found)
        on = network.activation_pattern(point)[0][0]
        row = (network.weights[1][k] * on) @ network.weights[0]
        offset = (network.weights[1][k] * on) @ network.biases[0] + network.biases[1][k]
        foot = point - (row @ point + offset) / (row @ row + 1e-300) * row
        if (network.activation_pattern(foot)[0][0] == on).all() and on.any():
            size = np.linalg.norm(row)
            found.append((row / size, offset / size, foot))
    normals, offsets, feet = zip(*found, strict=True)
    return np.array(normals), np.array(offsets), np.array(feet)


@pytest.mark.parametrize("sizes", [(8, 6, 1), (8, 6, 5, 1), (4, 12, 8, 3), (20, 10, 10, 1), (6, 8, 6, 5, 2)])
def test_first_layer_hyperplanes_are_members(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=1)
    planes = true_planes(network)
    members = asked(bench_of(network).probe, planes.normals, planes.offsets, planes.witnesses)
    assert sum(members) >= 0.9 * len(members)


@pytest.mark.parametrize("sizes", [(8, 6, 5, 1), (4, 12, 8, 3), (20, 10, 10, 1)])
def test_second_layer_hyperplanes_among_first_layer_ones_are_none(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=2)
    first, (normals, offsets, feet) = true_planes(network), deep_planes(network)
    members = asked(
        bench_of(network).probe,
        np.concatenate([first.normals, normals]),
        np.concatenate([first.offsets, offsets]),
        np.concatenate([first.witnesses, feet]),
    )
    assert sum(members[first.count :]) == 0


def test_a_hyperplane_of_which_only_a_part_is_there_is_no_member() -> None:
    """|x| where y > 0 and nothing where y < 0: relu(relu(y) - |x|) has edges, not hyperplanes."""

    def function(points: FloatArray) -> FloatArray:
        x, y = points.T
        return np.maximum(np.maximum(y, 0.0) - np.maximum(x, 0.0), 0.0)

    normals = np.array([[-np.sqrt(0.5), np.sqrt(0.5)], [0.0, 1.0]])
    feet = np.array([[1.0, 1.0], [-1.0, 0.0]])
    assert asked(probe_of(function, 2), normals, np.zeros(2), feet)[0] is False


def test_no_candidates_cost_nothing() -> None:
    bench = bench_of(he_network(4, 3, 1))
    none = np.zeros((0, 4))
    assert asked(bench.probe, none, np.zeros(0), none) == []
    assert bench.probe.session.spent == 0


def test_a_clear_case_costs_nine_queries_and_a_doubtful_one_at_most_twenty_four() -> None:
    network = he_network(10, 8, 6, 1, seed=3)
    planes, probe = true_planes(network), bench_of(network).probe
    asked(probe, planes.normals, planes.offsets, planes.witnesses)
    assert 9 * 8 <= probe.session.spent <= 24 * 8


@pytest.mark.parametrize(("radius", "half_width"), [(4.0, np.inf), (np.inf, 1.5)])
def test_questions_stay_inside_the_domain(radius: float, half_width: float) -> None:
    network, seen = he_network(6, 8, 2, seed=4), list[FloatArray]()

    def function(points: FloatArray) -> FloatArray:
        seen.append(points)
        return network(points)

    probe = probe_of(function, 6, radius=radius, half_width=half_width)
    planes = true_planes(network)
    inside = probe.domain.holds(planes.witnesses / 0.9)
    members = asked(probe, planes.normals[inside], planes.offsets[inside], planes.witnesses[inside])
    assert all(members)
    assert probe.domain.holds(np.concatenate(seen)).all()
