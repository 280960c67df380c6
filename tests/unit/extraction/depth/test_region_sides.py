"""Sides from one region, and lines on which a missing neuron switches."""

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.lines_across import lines_across
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.region_sides import region_sides
from hingeline.probing.line import Line, LineSweep

DIM, WIDTH = 8, 6
NOTHING = KnownLayers(DIM)


def layer_of(seed: int) -> KnownLayer:
    rows = np.random.default_rng(seed).standard_normal((WIDTH, DIM))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return KnownLayer(rows, np.zeros(WIDTH), np.ones(WIDTH, dtype=np.bool_))


def line_with(point: FloatArray, jacobian: FloatArray) -> MeasuredLine:
    """A line without a bend on which one region was measured."""
    line, none = Line(point, np.eye(DIM)[0], 1.0, -1e-9, 1e-9), np.zeros((0, DIM))
    sweep = LineSweep(
        line, np.zeros(0), np.zeros(0), jacobian[np.newaxis, :, 0], np.zeros(1),
        np.zeros((1, len(jacobian))), np.zeros(1), np.zeros(1), np.zeros((0, 2)),
    )  # fmt: skip
    return MeasuredLine(
        sweep, none, np.zeros(0), np.zeros((0, len(jacobian))), np.zeros(0), point[np.newaxis],
        jacobian[np.newaxis], np.zeros((1, len(jacobian))), np.full(1, 1e-13), np.eye(DIM),
    )  # fmt: skip


def test_all_sides_come_from_one_region() -> None:
    layer, rng = layer_of(3), np.random.default_rng(4)
    sides, point = rng.choice([-1.0, 1.0], WIDTH), rng.standard_normal(DIM)
    on = sides * (layer.weights @ point) > 0
    seen = rng.standard_normal((WIDTH, on.sum())) @ layer.weights[on]
    found = region_sides(NOTHING, layer, [line_with(point, seen)])
    assert found is not None and (found == sides).all()


def test_too_few_gradients_tell_nothing() -> None:
    layer, rng = layer_of(3), np.random.default_rng(4)
    point = rng.standard_normal(DIM)
    seen = rng.standard_normal((2, 4)) @ layer.weights[:4]
    assert region_sides(NOTHING, layer, [line_with(point, seen)]) is None


def test_a_neuron_that_is_missing_tells_nothing() -> None:
    layer, rng = layer_of(3), np.random.default_rng(4)
    seen = rng.standard_normal((6, 3)) @ np.concatenate([layer.weights[:2], np.eye(DIM)[:1]])
    assert region_sides(NOTHING, layer, [line_with(rng.standard_normal(DIM), seen)]) is None


def record_of(points: FloatArray, jacobians: FloatArray) -> Record:
    none, empty, whole = np.zeros(0), np.zeros((0, DIM)), np.zeros(0, dtype=np.int64)
    errors = np.full(len(points), 1e-13)
    return Record(
        (), empty, empty, none, none, whole, whole, points, jacobians, errors, points, jacobians[:, :, 0]
    )


def test_lines_run_from_where_a_neuron_is_missing_to_where_none_is() -> None:
    layer, rng = layer_of(3), np.random.default_rng(4)
    fewer = replace(layer, weights=layer.weights[1:], biases=layer.biases[1:], decided=layer.decided[1:])
    points = rng.standard_normal((40, DIM))
    on = points @ layer.weights.T > 0
    jacobians = np.einsum("kn,pn,nr->pkr", rng.standard_normal((3, WIDTH)), on, layer.weights)
    missing, lines = lines_across(record_of(points, jacobians), NOTHING, fewer, 5, rng)
    assert missing and len(lines) == 5
    ends = np.array([line.at(np.array([line.low, line.high])) for line in lines]) @ layer.weights[0]
    assert (ends[:, 0] > 0).all() and (ends[:, 1] < 0).all()
    assert lines_across(record_of(points, jacobians), NOTHING, layer, 5, rng) == (False, [])
