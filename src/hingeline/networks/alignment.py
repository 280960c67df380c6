"""Two reduced networks laid over each other: who is who in every hidden layer, and all differences.

Layers are matched from the input on, because the rows of a layer only compare once the neurons they read
are in one order. Where a neuron has no partner, the next layer is compared on what both networks have, so
that one missing neuron does not spoil the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.matching import Neurons, Pairs, match, outgoing_marks
from hingeline.networks.piecewise_linear import row_norms
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


def align(a: Reduced, b: Reduced) -> Alignment:
    """Match the hidden neurons of two reduced networks layer by layer."""
    if a.weights[0].shape[1] != b.weights[0].shape[1]:
        return Alignment((), (math.inf, math.inf))
    a, b = _copy(a), _copy(b)
    columns_a = columns_b = np.arange(a.weights[0].shape[1])
    layers: list[AlignedLayer] = []
    for layer in range(min(len(a.members), len(b.members))):
        rows_a, rows_b = _shared_rows(a, layer, columns_a), _shared_rows(b, layer, columns_b)
        pairs = match(
            Neurons(rows_a, a.biases[layer], _marks(a, b, layer)),
            Neurons(rows_b, b.biases[layer], _marks(b, a, layer)),
        )
        weights = np.abs(rows_a[pairs.a] - rows_b[pairs.b])
        _note_readers(layers, weights)
        layers.append(_layer(pairs, weights, a.biases[layer][pairs.a], b.biases[layer][pairs.b]))
        columns_a, columns_b = pairs.a, pairs.b
    if len(a.members) != len(b.members) or len(a.biases[-1]) != len(b.biases[-1]):
        return Alignment(tuple(layers), (math.inf, math.inf))
    rows_a, rows_b = a.weights[-1][:, columns_a], b.weights[-1][:, columns_b]
    _note_readers(layers, np.abs(rows_a - rows_b))
    return Alignment(tuple(layers), _output_errors(rows_a, rows_b, a.biases[-1], b.biases[-1]))


def _copy(network: Reduced) -> Reduced:
    return replace(network, weights=list(network.weights), biases=list(network.biases))


def _shared_rows(network: Reduced, layer: int, columns: IntArray) -> FloatArray:
    """Rows on the columns that both networks have, of norm one there; what was cut off sets no scale."""
    rows = network.weights[layer][:, columns]
    if len(columns) < network.weights[layer].shape[1]:
        norms = row_norms(rows)
        scale = np.where(norms > 0, norms, 1.0)
        rows = rows / scale[:, np.newaxis]
        network.biases[layer] = network.biases[layer] / scale
        network.weights[layer + 1] = network.weights[layer + 1] * scale
    return rows


def _marks(one: Reduced, other: Reduced, layer: int) -> FloatArray:
    is_output = layer + 1 == len(one.members)
    if is_output != (layer + 1 == len(other.members)):
        return np.zeros((len(one.biases[layer]), 0))
    return outgoing_marks(one.weights[layer + 1], is_output)


def _note_readers(layers: list[AlignedLayer], differences: FloatArray) -> None:
    """Tell the layer before how well the weights that read it agree."""
    if layers:
        outgoing = layers[-1].outgoing
        outgoing[:] = differences.max(axis=0, initial=0.0)


def _layer(pairs: Pairs, weights: FloatArray, biases_a: FloatArray, biases_b: FloatArray) -> AlignedLayer:
    biases = np.abs(biases_a - biases_b)
    return AlignedLayer(
        pairs=pairs,
        weights=weights.max(axis=1, initial=0.0),
        biases=biases,
        relative_biases=biases / (1.0 + np.maximum(np.abs(biases_a), np.abs(biases_b))),
        outgoing=np.zeros(len(pairs.a)),
    )


def _output_errors(
    weights_a: FloatArray, weights_b: FloatArray, biases_a: FloatArray, biases_b: FloatArray
) -> tuple[float, float]:
    error = max(np.abs(weights_a - weights_b).max(initial=0.0), np.abs(biases_a - biases_b).max())
    size = max(np.abs(array).max(initial=0.0) for array in (weights_a, weights_b, biases_a, biases_b))
    return float(error), float(error / size) if size > 0 else 0.0
