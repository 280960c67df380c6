"""A ReLU network around its present parameters, with every sample's activation pattern frozen.

Idea: while no sample changes its pattern, outputs are polynomials of the parameters, and their derivative is
a product of pattern matrices. Products with it and with its transpose are one forward or backward pass; rows
of it are outer products of a back-propagated output and a layer's input.

Cost: about 2 P flops per sample and product, P parameters; P numbers per sample and output for explicit rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray

Layers = tuple[tuple[FloatArray, FloatArray], ...]
"""Weights "out in" and biases "out" of each layer."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of the free part of the network, and what the fixed part adds."""

    inputs: FloatArray
    """Shape "n r": points, or their coordinates in the first layer's basis."""
    fixed: FloatArray | None
    """Added to the first layer's pre-activations, "n n1"; None if nothing of that layer is fixed."""

    def select(self, rows: BoolArray) -> Samples:
        """Some of the samples."""
        return Samples(self.inputs[rows], None if self.fixed is None else self.fixed[rows])


def flatten(layers: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """All parameters as one vector: weights by rows, then biases, layer by layer."""
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def unflatten(vector: FloatArray, like: Layers) -> Layers:
    """The inverse of `flatten`; views, not copies."""
    layers: list[tuple[FloatArray, FloatArray]] = []
    start = 0
    for weight, bias in like:
        middle, end = start + weight.size, start + weight.size + bias.size
        layers.append((vector[start:middle].reshape(weight.shape), vector[middle:end]))
        start = end
    return tuple(layers)


def moved(layers: Layers, step: FloatArray) -> Layers:
    """The parameters after a step."""
    parts = zip(layers, unflatten(step, layers), strict=True)
    return tuple((weight + dw, bias + db) for (weight, bias), (dw, db) in parts)


def forward(layers: Layers, samples: Samples) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """Outputs, inputs of every layer, and pre-activations of the hidden ones."""
    inputs, heights = [samples.inputs], list[FloatArray]()
    for index, (weight, bias) in enumerate(layers):
        values = inputs[-1] @ weight.T + bias
        if index == 0 and samples.fixed is not None:
            values += samples.fixed
        if index == len(layers) - 1:
            return values, inputs, heights
        heights.append(values)
        inputs.append(np.maximum(values, 0.0))
    raise AssertionError("a network has at least one layer")


@dataclass(frozen=True, eq=False)
class Linearised:
    """The derivative of all weighted outputs by all parameters, patterns frozen."""

    layers: Layers
    """Parameters at which it is taken."""
    values: FloatArray
    """Outputs there, "n k"."""
    inputs: tuple[FloatArray, ...]
    """What each layer is given, "n in"."""
    heights: tuple[FloatArray, ...]
    """Pre-activations of the hidden layers, "n width"."""
    active: tuple[FloatArray, ...]
    """1 where a hidden neuron is on and 0 where it is off."""
    importance: FloatArray
    """Factor of every output, "n 1" or "n k"; 0 leaves a sample out."""

    @staticmethod
    def at(layers: Layers, samples: Samples, importance: FloatArray) -> Linearised:
        """Linearise around `layers`."""
        values, inputs, heights = forward(layers, samples)
        active = tuple((height > 0).astype(np.float64) for height in heights)
        return Linearised(layers, values, tuple(inputs), tuple(heights), active, importance)

    @property
    def unknowns(self) -> int:
        """Number of parameters."""
        return sum(weight.size + bias.size for weight, bias in self.layers)

    def reweighted(self, importance: FloatArray) -> Linearised:
        """The same with other factors."""
        return replace(self, importance=importance)

    def halved(self) -> Linearised:
        """The same with single-precision products, which take half the time."""
        return replace(
            self,
            layers=tuple((_single(weight), _single(bias)) for weight, bias in self.layers),
            inputs=tuple(_single(part) for part in self.inputs),
            active=tuple(_single(part) for part in self.active),
            importance=_single(self.importance),
        )

    def apply(self, vector: FloatArray) -> FloatArray:
        """Change of the weighted outputs, "n k", for a small step of the parameters."""
        return self.changes(vector)[-1] * self.importance

    def changes(self, vector: FloatArray) -> list[FloatArray]:
        """Change of every layer's values, hidden pre-activations first, outputs last."""
        found: list[FloatArray] = []
        carried: FloatArray | None = None
        vector = vector.astype(self.importance.dtype, copy=False)
        for index, (dw, db) in enumerate(unflatten(vector, self.layers)):
            change = self.inputs[index] @ dw.T + db
            if carried is not None:
                change += carried @ self.layers[index][0].T
            found.append(change)
            if index < len(self.active):
                carried = change * self.active[index]
        return found

    def transpose(self, data: FloatArray) -> FloatArray:
        """Gradient of the inner product of the weighted outputs with `data`, "n k"."""
        back = data * self.importance
        parts: list[tuple[FloatArray, FloatArray]] = []
        for index in range(len(self.layers) - 1, -1, -1):
            parts.append((back.T @ self.inputs[index], back.sum(axis=0)))
            if index:
                back = (back @ self.layers[index][0]) * self.active[index - 1]
        return flatten(parts[::-1])

    def sensitivities(self, rows: slice) -> Iterator[list[FloatArray]]:
        """For each output: its weighted derivative by every layer's values, "b width" per layer."""
        outputs = self.layers[-1][1].size
        weights = np.broadcast_to(self.importance[rows], (len(self.values[rows]), outputs))
        for output in range(outputs):
            back = np.zeros(weights.shape, dtype=weights.dtype)
            back[:, output] = weights[:, output]
            found = [back]
            for index in range(len(self.layers) - 1, 0, -1):
                back = (back @ self.layers[index][0]) * self.active[index - 1][rows]
                found.append(back)
            yield found[::-1]

    def rows(self, rows: slice) -> Iterator[FloatArray]:
        """For each output: the explicit rows of some samples, "b unknowns"."""
        for back in self.sensitivities(rows):
            count = len(back[0])
            parts: list[FloatArray] = []
            for inputs, values in zip(self.inputs, back, strict=True):
                outer = values[:, :, np.newaxis] * inputs[rows][:, np.newaxis, :]
                parts += [outer.reshape(count, -1), values]
            yield np.concatenate(parts, axis=1)


def _single(array: FloatArray) -> FloatArray:
    # single precision stays inside the products; what leaves them is corrected in double
    return cast(FloatArray, array.astype(np.float32))
