"""What a detector reads of an input: statistics or codes of the autoencoders on its hidden layers.

Readings are differentiated to the input through the autoencoders and the model's layers, so that whoever
attacks has the gradient of the whole. Cost: one look at all layers for readings; for gradients one more and
one pull-back for each layer read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.autoencoder import Autoencoder
from hingeline.sensitivity.models.model import LayeredModel, LayerState

What = Literal["statistics", "codes"]
"""Reconstruction error and norm of the code for each layer, or all codes one after the other."""
Down = Callable[[FloatArray], FloatArray]
"""From readings, "n m", to weights of their gradients, "n m"."""
_ROWS = 4096
"""Inputs looked at in one go."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Autoencoders on hidden layers of a model.

    Attributes:
        model: Whose layers are read.
        layers: Their numbers, from 0.
        autoencoders: One for each.
        what: What of them is read.
    """

    model: LayeredModel
    layers: tuple[int, ...]
    autoencoders: tuple[Autoencoder, ...]
    what: What

    @property
    def width(self) -> int:
        """Numbers read of one input, m."""
        return sum(self._widths)

    def of(self, points: FloatArray) -> FloatArray:
        """Readings: "n d" to "n m"."""
        found = np.empty((len(points), self.width))
        for part in _parts(points):
            found[part] = self._read(self.model.layers(points[part]))
        return found

    def with_gradients(self, points: FloatArray, down: Down) -> tuple[FloatArray, FloatArray]:
        """Readings, "n m", and the gradients by the input of what `down` says of them, "n d"."""
        read, found = np.empty((len(points), self.width)), np.zeros(points.shape)
        ends = np.cumsum(self._widths)[:-1]
        for part in _parts(points):
            states = self.model.layers(points[part])
            read[part] = self._read(states)
            weights = np.split(down(read[part]), ends, axis=1)
            for layer, coder, weight in zip(self.layers, self.autoencoders, weights, strict=True):
                back = coder.codes_gradient if self.what == "codes" else coder.statistics_gradient
                vectors = back(states[layer].values, weight)
                found[part] += self.model.pull_back(points[part], layer, vectors[:, np.newaxis])[:, 0]
        return read, found

    @property
    def _widths(self) -> list[int]:
        if self.what == "codes":
            return [coder.encoder.biases[-1].size for coder in self.autoencoders]
        return [2] * len(self.autoencoders)

    def _read(self, states: Sequence[LayerState]) -> FloatArray:
        each = [(coder, states[n].values) for n, coder in zip(self.layers, self.autoencoders, strict=True)]
        codes = self.what == "codes"
        return np.concatenate([c.codes(v) if codes else c.statistics(v) for c, v in each], axis=1)


def _parts(points: FloatArray) -> Iterator[slice]:
    return (slice(begin, begin + _ROWS) for begin in range(0, len(points), _ROWS))


def chosen_layers(model: object, layers: object) -> tuple[LayeredModel, tuple[int, ...]]:
    """The model, if its layers are seen, and the numbers of those to be read; all of them for None.

    Raises:
        InvalidInput: No layers are seen, or there are none of these numbers.
    """
    if not isinstance(model, LayeredModel) or not model.layer_names:
        raise InvalidInput(
            "this detector reads hidden layers, and the model shows none; wrap a network as "
            "NetworkModel(network), or a torch module as TorchModel(module)"
        )
    every = range(len(model.layer_names))
    if layers is None:
        return model, tuple(every)
    numbers = np.atleast_1d(np.asarray(layers))
    if numbers.dtype.kind not in "iu" or not numbers.size or not np.isin(numbers, every).all():
        raise InvalidInput(f"`layers` wants numbers from 0 to {len(every) - 1}; got {layers!r}")
    if len(np.unique(numbers)) != len(numbers):
        raise InvalidInput(f"`layers` names a layer twice: {layers!r}")
    return model, tuple(int(number) for number in numbers)
