"""Two reduced networks laid over each other: who is who in every hidden layer, and all differences.

Layers are matched from the input on, because the rows of a layer only compare once the neurons they read
are in one order. A neuron without a partner keeps its column; in the other network that column is zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.matching import Neurons, Pairs, match, outgoing_marks
from hingeline.networks.reduction import Reduced


@dataclass(frozen=True)
class AlignedLayer:
    """One hidden layer after matching; differences are absolute unless said otherwise."""

    pairs: Pairs
    weights: FloatArray
    """Largest difference of the incoming weights, "pairs"."""
    biases: FloatArray
    """Differences of the biases, "pairs"."""
    relative_biases: FloatArray
    """The same over 1 + the larger of both biases, "pairs"."""
    outgoing: FloatArray
    """Largest difference of the weights with which the next layer's matched neurons read each, "pairs"."""

    @property
    def errors(self) -> tuple[float, float]:
        """Largest difference, absolute and relative; weights of unit rows are relative already."""
        weights = float(self.weights.max(initial=0.0))
        return (
            max(weights, float(self.biases.max(initial=0.0))),
            max(weights, float(self.relative_biases.max(initial=0.0))),
        )


@dataclass(frozen=True)
class Alignment:
    """All layers after matching."""

    layers: tuple[AlignedLayer, ...]
    """As many hidden layers as both networks have; none if they take different inputs."""
    output: tuple[float, float]
    """Largest difference in the output layer, absolute and over its largest entry; inf if shapes differ."""


@dataclass(frozen=True)
class _Columns:
    """Which neuron each column of the next layer belongs to, in both networks; -1 where one has none."""

    a: IntArray
    b: IntArray


def align(a: Reduced, b: Reduced) -> Alignment:
    """Match the hidden neurons of two reduced networks layer by layer."""
    if a.weights[0].shape[1] != b.weights[0].shape[1]:
        return Alignment((), (math.inf, math.inf))
    inputs = np.arange(a.weights[0].shape[1])
    columns, layers = _Columns(inputs, inputs), list[AlignedLayer]()
    for layer in range(min(len(a.members), len(b.members))):
        rows = _spread(a.weights[layer], columns.a), _spread(b.weights[layer], columns.b)
        pairs = match(
            Neurons(rows[0], a.biases[layer], _marks(a, b, layer)),
            Neurons(rows[1], b.biases[layer], _marks(b, a, layer)),
        )
        weights = np.abs(rows[0][pairs.a] - rows[1][pairs.b])
        _note_readers(layers, weights)
        layers.append(_layer(pairs, weights, a.biases[layer][pairs.a], b.biases[layer][pairs.b]))
        columns = _union(pairs, len(rows[0]), len(rows[1]))
    if len(a.members) != len(b.members) or len(a.biases[-1]) != len(b.biases[-1]):
        return Alignment(tuple(layers), (math.inf, math.inf))
    rows = _spread(a.weights[-1], columns.a), _spread(b.weights[-1], columns.b)
    _note_readers(layers, np.abs(rows[0] - rows[1]))
    return Alignment(tuple(layers), _output_errors(*rows, a.biases[-1], b.biases[-1]))


def _spread(weights: FloatArray, columns: IntArray) -> FloatArray:
    """The columns of `weights` in the order of `columns`, zero where that is -1."""
    spread = np.zeros((len(weights), len(columns)))
    spread[:, columns >= 0] = weights[:, columns[columns >= 0]]
    return spread


def _marks(one: Reduced, other: Reduced, layer: int) -> FloatArray:
    is_output = layer + 1 == len(one.members)
    if is_output != (layer + 1 == len(other.members)):
        return np.zeros((len(one.biases[layer]), 0))
    return outgoing_marks(one.weights[layer + 1], is_output)


def _note_readers(layers: list[AlignedLayer], differences: FloatArray) -> None:
    """Tell the layer before how well the weights that read it agree."""
    if layers:
        outgoing = layers[-1].outgoing
        outgoing[:] = differences.max(axis=0, initial=0.0)[: len(outgoing)]


def _layer(pairs: Pairs, weights: FloatArray, biases_a: FloatArray, biases_b: FloatArray) -> AlignedLayer:
    biases = np.abs(biases_a - biases_b)
    return AlignedLayer(
        pairs=pairs,
        weights=weights.max(axis=1, initial=0.0),
        biases=biases,
        relative_biases=biases / (1.0 + np.maximum(np.abs(biases_a), np.abs(biases_b))),
        outgoing=np.zeros(len(pairs.a)),
    )


def _union(pairs: Pairs, width_a: int, width_b: int) -> _Columns:
    only_a = np.setdiff1d(np.arange(width_a), pairs.a)
    only_b = np.setdiff1d(np.arange(width_b), pairs.b)
    return _Columns(
        np.concatenate([pairs.a, only_a, np.full(len(only_b), -1)]),
        np.concatenate([pairs.b, np.full(len(only_a), -1), only_b]),
    )


def _output_errors(
    weights_a: FloatArray, weights_b: FloatArray, biases_a: FloatArray, biases_b: FloatArray
) -> tuple[float, float]:
    error = max(np.abs(weights_a - weights_b).max(initial=0.0), np.abs(biases_a - biases_b).max())
    size = max(np.abs(array).max(initial=0.0) for array in (weights_a, weights_b, biases_a, biases_b))
    return float(error), float(error / size) if size > 0 else 0.0
