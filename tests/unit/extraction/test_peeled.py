from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network, measured_line, true_planes

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import AmbiguousSign
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.peeled import Peeled, orient, steerable, unexplained_gradients
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import sweep_line


def true_peeled(network: PiecewiseLinearNetwork) -> Peeled:
    network = network.canonical()
    rows, biases = network.weights[0], network.biases[0]
    return Peeled.of(rows, biases, np.full(len(biases), 1e-15))


def heights(count: int, width: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, width))


@pytest.mark.parametrize("sizes", [(6, 6, 1), (10, 4, 1), (3, 1, 1)])
def test_any_heights_are_reached(sizes: tuple[int, ...]) -> None:
    peeled = true_peeled(he_network(*sizes))
    wanted = heights(20, sizes[1])
    assert peeled.heights(peeled.steer(wanted)) == pytest.approx(wanted, abs=1e-10)
    assert peeled.basis @ peeled.basis.T == pytest.approx(np.eye(sizes[1]), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_line_between_positive_heights_stays_positive_and_passes_through_both(seed: int) -> None:
    network = he_network(9, 5, 4, 1, seed=seed)
    peeled = true_peeled(network)
    start, end = np.exp(heights(2, 5, seed))
    line = peeled.line(start, end)
    t = np.linspace(line.low, line.high, 200)
    assert (peeled.heights(line.at(t)) > 0).all()
    on_line = line.at(t)
    for point in peeled.steer(np.array([start, end])):
        nearest = line.at(np.array([(point - line.origin) @ line.direction]))[0]
        assert nearest == pytest.approx(point, abs=1e-9)
    assert np.abs(on_line - on_line[0]).max() > 0


def test_room_is_the_distance_to_the_nearest_first_layer_hyperplane() -> None:
    peeled = Peeled.of(np.eye(2), np.array([0.0, 1.0]), np.zeros(2))
    assert peeled.room(np.array([[3.0, 1.0], [0.5, 9.0]])) == pytest.approx([2.0, 0.5])


@pytest.mark.parametrize(
    ("rows", "possible"),
    [
        (np.eye(3), True),
        (np.eye(3)[:2], True),
        (np.ones((4, 3)), False),
        (np.array([[1.0, 0.0], [1.0, 1e-7]]), False),
        (np.array([[1.0, 0.0], [1.0, 1e-3]]), True),
    ],
)
def test_rows_can_be_steered_if_they_are_independent(rows: FloatArray, possible: bool) -> None:
    assert steerable(rows) is possible


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(10, 6, 5, 1), (8, 8, 4, 3)])
def test_first_layer_signs_are_read_off_the_gradients(sizes: tuple[int, ...], seed: int) -> None:
    network = he_network(*sizes, seed=seed)
    bench = bench_of(network)
    lines = [measured_line(bench, index) for index in range(2)]
    planes, flip = true_planes(network), np.where(np.arange(sizes[1]) % 2 == 0, -1.0, 1.0)
    turned = Hyperplanes(
        planes.normals * flip[:, np.newaxis],
        planes.offsets * flip,
        planes.jumps,
        planes.errors,
        planes.witnesses,
    )
    peeled = orient(turned, lines)
    assert peeled.weights == pytest.approx(planes.normals)
    assert peeled.biases == pytest.approx(planes.offsets)


def test_signs_contradict_if_a_hyperplane_is_wrong() -> None:
    network = he_network(10, 6, 5, 1, seed=1)
    bench = bench_of(network)
    lines = [measured_line(bench, index) for index in range(3)]
    planes = true_planes(network)
    wrong = planes.normals.copy()
    wrong[0] = planes.normals[1] + planes.normals[2]
    wrong[0] /= np.linalg.norm(wrong[0])
    false = Hyperplanes(wrong, planes.offsets, planes.jumps, planes.errors, planes.witnesses)
    with pytest.raises(AmbiguousSign, match="both sides"):
        orient(false, lines)


def test_a_gradient_outside_the_span_of_the_rows_tells_of_a_missing_neuron() -> None:
    network = he_network(10, 6, 5, 1, seed=1)
    bench = bench_of(network)
    lines = [measured_line(bench, index) for index in range(2)]
    planes = true_planes(network)
    assert not unexplained_gradients(planes.normals, lines).any()
    assert unexplained_gradients(planes.normals[1:], lines).any()


@pytest.mark.parametrize("outputs", [1, 3])
def test_hyperplanes_seen_inside_the_orthant_are_rows_over_the_heights(outputs: int) -> None:
    network = he_network(9, 5, 6, outputs, seed=2).canonical()
    bench, peeled = bench_of(network), true_peeled(network)
    ends = np.exp(heights(2, 5, 7))
    sweep = sweep_line(bench.probe, peeled.line(ends[0], ends[1]))
    measured = measure_bends(
        bench.probe, sweep, bench.randomness.step("x"), basis=peeled.basis, room=peeled.room
    )
    above = peeled.layer_above(Hyperplanes.from_line(measured, measured.measured))
    rows = network.weights[1] / np.linalg.norm(network.weights[1], axis=1, keepdims=True)
    cosine = above.normals @ rows.T
    assert above.width >= 1
    assert np.abs(np.abs(cosine).max(axis=1) - 1).max() < 1e-9
    view, values = peeled.view(measured)
    assert values == pytest.approx(network(peeled.steer(view.centre[np.newaxis]))[0], abs=1e-10)
    exact = network.affine_map(peeled.steer(view.centre[np.newaxis])[0])[0] @ peeled.inverse
    assert view.jacobian == pytest.approx(exact, abs=1e-7)
