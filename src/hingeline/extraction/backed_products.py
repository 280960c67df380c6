"""The products of a fit taken by a backend: the samples are put there once, vectors go in and out.

Idea: a product with the derivative is one forward or backward pass over all samples, and nothing of that
size has to come back: a step has one number per parameter, an answer one per output. The same holds for the
normal equations, whose rows are made where they are multiplied.

Cost: as `Linearised`; memory on the backend 2 to 3 numbers per sample and neuron.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.linearised import Linearised, unflatten
from hingeline.numerics.backend import Backend

BATCH_ENTRIES = 2**24
"""Entries of one batch of explicit rows: 128 MiB in double precision."""


class BackedProducts:
    """The derivative of all weighted outputs by all parameters, where a backend computes.

    Args:
        linear: The derivative; its numbers keep their precision.
        backend: Where products are taken.
    """

    def __init__(self, linear: Linearised, backend: Backend) -> None:
        self.linear, self.backend = linear, backend
        self.importance: FloatArray = linear.importance
        self._weights = [backend.put(weight) for weight, _ in linear.layers]
        self._inputs = [backend.put(part) for part in linear.inputs]
        self._active = [backend.put(part) for part in linear.active]
        self._factor = backend.put(linear.importance)

    def apply(self, vector: FloatArray) -> FloatArray:
        """Change of the weighted outputs, "n k", for a small step of the parameters."""
        there: Any = self.backend.put(vector.astype(self.importance.dtype, copy=False))
        carried: Any = None
        change: Any = None
        for index, (dw, db) in enumerate(unflatten(there, self.linear.layers)):
            change = self._inputs[index] @ dw.T + db
            if carried is not None:
                change = change + carried @ self._weights[index].T
            if index < len(self._active):
                carried = change * self._active[index]
        return self._back(change * self._factor)

    def transpose(self, data: FloatArray) -> FloatArray:
        """Gradient of the inner product of the weighted outputs with `data`, "n k"."""
        back: Any = self.backend.put(data) * self._factor
        parts: list[Any] = []
        for index in range(len(self._weights) - 1, -1, -1):
            parts = [(back.T @ self._inputs[index]).reshape(-1), back.sum(axis=0), *parts]
            if index:
                back = (back @ self._weights[index]) * self._active[index - 1]
        return self._back(self.backend.concatenate(parts, 0))

    def normal_matrix(self) -> FloatArray:
        """The products of all pairs of columns, "unknowns unknowns"."""
        unknowns, count = self.linear.unknowns, len(self.linear.values)
        matrix: Any = self.backend.zeros((unknowns, unknowns), self.importance.dtype)
        batch = max(64, BATCH_ENTRIES // unknowns)
        for start in range(0, count, batch):
            for output in range(self.linear.values.shape[1]):
                rows = self._rows(slice(start, start + batch), output)
                matrix += rows.T @ rows
        return self._back(matrix)

    def _rows(self, rows: slice, output: int) -> Any:
        """The explicit rows of one output at some samples, "b unknowns"."""
        weight = self._factor[rows]
        back = self._weights[-1][output] * (weight[:, output : output + 1] if weight.shape[1] > 1 else weight)
        last = self._weights[-1].shape[0]
        seen = self.backend.zeros((len(weight), last), self.importance.dtype)
        seen[:, output] = weight[:, output if weight.shape[1] > 1 else 0]
        parts: list[Any] = [_outer(seen, self._inputs[-1][rows]), seen]
        for index in range(len(self._weights) - 2, -1, -1):
            back = back * self._active[index][rows]
            parts = [_outer(back, self._inputs[index][rows]), back, *parts]
            if index:
                back = back @ self._weights[index]
        return self.backend.concatenate(parts, 1)

    def _back(self, array: Any) -> FloatArray:
        return cast(FloatArray, np.asarray(self.backend.get(array)))


def _outer(values: Any, inputs: Any) -> Any:
    """Every value times every input, sample by sample, "b values*inputs"."""
    return (values[:, :, None] * inputs[:, None, :]).reshape(len(values), -1)
