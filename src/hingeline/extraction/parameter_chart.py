"""Which parameters of a network are free, and the way back to a whole network.

Idea: when the first layer's row space is known to the last digit, its rows need to move only within it: r
coordinates a row in place of d. The rest of the rows stays as it is and adds a fixed part to the
pre-activations. Cost: one product of points and basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.extraction.linearised import Layers, Samples, flatten, unflatten
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


@dataclass(frozen=True, eq=False)
class ParameterChart:
    """Which parameters move: all, or the first layer's only within a span."""

    layers: Layers
    """The free parameters at the start."""
    basis: FloatArray | None
    rest: FloatArray | None
    """Part of the first-layer weights outside the span, "n1 d"; stays as it is."""

    @staticmethod
    def of(network: PiecewiseLinearNetwork, basis: FloatArray | None) -> ParameterChart:
        """Take a network apart."""
        layers = tuple(zip(network.weights, network.biases, strict=True))
        if basis is None:
            return ParameterChart(layers, None, None)
        if basis.ndim != 2 or basis.shape[0] != network.input_dim or not 0 < basis.shape[1] <= basis.shape[0]:
            raise InvalidInput(
                f"first_layer_basis must be (d, r) with d = {network.input_dim}; got {basis.shape}"
            )
        columns = np.linalg.qr(basis)[0]
        free = network.weights[0] @ columns
        return ParameterChart(
            ((free, network.biases[0]), *layers[1:]), columns, network.weights[0] - free @ columns.T
        )

    def samples(self, points: FloatArray) -> Samples:
        """The points as the free part sees them."""
        if self.basis is None or self.rest is None:
            return Samples(points, None)
        return Samples(points @ self.basis, points @ self.rest.T)

    def network(self, layers: Layers) -> PiecewiseLinearNetwork:
        """Put a network together."""
        first = self._whole(layers[0][0])
        if self.rest is not None:
            first = first + self.rest
        return PiecewiseLinearNetwork(
            [first, *(weight for weight, _ in layers[1:])], [bias for _, bias in layers]
        )

    def row_sizes(self, step: FloatArray) -> list[FloatArray]:
        """Per layer: the largest entry of each row and its bias of a flat step, "width".

        First-layer rows are taken in input coordinates.
        """
        first, *others = unflatten(step, self.layers)
        rows = [(self._whole(first[0]), first[1]), *others]
        return [np.maximum(np.abs(weight).max(axis=1, initial=0.0), np.abs(bias)) for weight, bias in rows]

    def largest(self, step: FloatArray) -> float:
        """Largest entry of a flat step."""
        return max(float(sizes.max(initial=0.0)) for sizes in self.row_sizes(step))

    def without_stretch(self, change: FloatArray, layers: Layers) -> FloatArray:
        """The same change of the function with hidden rows that keep their length.

        (row, offset, outgoing) -> (1 + c) (row, offset), (1 - c) outgoing changes nothing to first order,
        except where a part of the row cannot move.
        """
        parts = list(unflatten(change, layers))
        for index, (weight, bias) in enumerate(layers[:-1]):
            if index == 0 and self._rest_matters():
                continue
            (dw, db), (dw_next, db_next) = parts[index], parts[index + 1]
            norms = np.maximum((weight**2).sum(axis=1), np.finfo(np.float64).tiny)
            along = (weight * dw).sum(axis=1) / norms
            parts[index] = (dw - along[:, np.newaxis] * weight, db - along * bias)
            parts[index + 1] = (dw_next + along * layers[index + 1][0], db_next)
        return flatten(parts)

    def _rest_matters(self) -> bool:
        return self.rest is not None and float(np.abs(self.rest).max(initial=0.0)) > 1e-9

    def _whole(self, free: FloatArray) -> FloatArray:
        return free if self.basis is None else free @ self.basis.T


def row_basis(network: PiecewiseLinearNetwork) -> FloatArray | None:
    """Orthonormal columns spanning the first layer's rows, "d w"; None if they span everything."""
    width, dim = network.weights[0].shape
    return np.linalg.svd(network.weights[0], full_matrices=False)[2].T if width < dim else None
