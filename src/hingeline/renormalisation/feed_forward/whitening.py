"""Sizes of a layer's displacements in units of how much the layer varies over data (Mahalanobis).

    |u|_white = sqrt(u' (Sigma + R)^-1 u),    Sigma the covariance of the layer's values over data

A ReLU layer may be multiplied by c > 0 and the next one divided by it: the same network, other displacements.
Whitened sizes do not see it. The ridge R must not either: at hidden layers it is a share of each unit's own
variance. Inputs and outputs are given as they are, and have a share of the mean variance, so that a pixel
that hardly ever varies does not outweigh all others.

Source: Mahalanobis 1936; the choice of the ridge is ours. Cost: w^2 m once for m
inputs (w m^2 if they are fewer than the units), w min(w, m) for each displacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.feed_forward.layer_chain import layer_values
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.results import sealed

RIDGE = 0.01
"""Share of the variance that is added; our choice, always stated beside what was whitened."""
_CONSTANT = 1e-20
"""Variance, relative to the mean square, below which a unit is constant but for rounding."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """Turns displacements of one layer into units of its variation.

    Attributes:
        scale: What each unit is divided by first, shape "w".
        varying: Units that vary over the data, shape "w"; the others count as if they varied by `scale`.
        basis: Principal directions of the scaled units that vary, shape "q v"; what lies outside does not
            vary but for the ridge.
        variances: Along them, shape "q".
        ridge: What is added to every variance.
    """

    scale: FloatArray
    varying: BoolArray
    basis: FloatArray
    variances: FloatArray
    ridge: float

    @classmethod
    def of(cls, values: FloatArray, *, ridge: float = RIDGE, own_scale: bool) -> Whitening:
        """From values "m w" of one layer.

        Args:
            values: What the layer hands on, over the data.
            ridge: Share of the variance that is added, above 0.
            own_scale: The ridge is a share of each unit's variance; else of the mean variance.

        Raises:
            InvalidInput: Fewer than two rows, a ridge that is not above 0, or a layer that never varies.
        """
        if len(values) < 2 or not ridge > 0:
            raise InvalidInput(f"whitening wants two rows and a ridge above 0; got {len(values)} and {ridge}")
        centred = values - values.mean(axis=0)
        variances = (centred**2).mean(axis=0)
        varying = variances > _CONSTANT * (values**2).mean(axis=0)
        if not varying.any():
            raise InvalidInput(
                "a layer is the same at all data: there is nothing to whiten by; use raw units"
            )
        mean = variances[varying].mean()
        own = np.where(varying, variances, (values**2).mean(axis=0))
        scale = np.sqrt(np.where((own > 0) & own_scale, own, mean))
        scaled = (centred / scale)[:, varying] / np.sqrt(len(values))
        basis, along = _principal(scaled)
        return cls(frozen(scale), sealed(varying), frozen(basis), frozen(along), ridge)

    @property
    def width(self) -> int:
        """Units in the layer."""
        return len(self.scale)

    @property
    def constant(self) -> int:
        """Units that do not vary over the data.

        Of hidden layers they are measured by their own size, else by the mean variance of the others.
        """
        return int((~self.varying).sum())

    def sizes(self, displacements: FloatArray) -> FloatArray:
        """Whitened lengths: "... w" to "..."."""
        scaled = displacements / self.scale
        moved, still = scaled[..., self.varying], scaled[..., ~self.varying]
        inner = moved @ self.basis.T
        square = (inner**2 / (self.variances + self.ridge)).sum(axis=-1)
        square += (still**2).sum(axis=-1) / (1.0 + self.ridge)
        if len(self.basis) < moved.shape[-1]:
            square += ((moved - inner @ self.basis) ** 2).sum(axis=-1) / self.ridge
        return np.sqrt(square)


def _principal(scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Principal directions "q v" of rows "m v" and squares of their singular values "q"; q <= m, v."""
    if len(scaled) < scaled.shape[1]:
        _, sizes, basis = np.linalg.svd(scaled, full_matrices=False)
        return basis, sizes**2
    along, directions = np.linalg.eigh(scaled.T @ scaled)
    return directions.T, np.maximum(along, 0.0)


def whitenings(model: LayeredModel, data: FloatArray, *, ridge: float = RIDGE) -> tuple[Whitening, ...]:
    """One for the input, each hidden layer and the outputs, from the values at `data` ("m d")."""
    values = layer_values(model, data)
    last = len(values) - 1
    return tuple(
        Whitening.of(rows, ridge=ridge, own_scale=0 < place < last) for place, rows in enumerate(values)
    )
