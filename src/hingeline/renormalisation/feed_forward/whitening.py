"""Sizes of a layer's displacements in units of how much the layer varies over data (Mahalanobis).

    |u|_white = sqrt(u' (Sigma + R)^-1 u),    Sigma the covariance of the layer's values over data

A ReLU layer may be multiplied by c > 0 and the next one divided by it: the same network, other displacements.
Whitened sizes do not see it. The ridge R must not either: at hidden layers it is a share of each unit's own
variance. Inputs and outputs are given as they are, and have a share of the mean variance, so that a pixel
that hardly ever varies does not outweigh all others.

Source: Mahalanobis 1936; the choice of the ridge is ours. Cost: w^3 once, w^2 for each displacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.feed_forward.layer_chain import layer_values
from hingeline.sensitivity.models.model import LayeredModel

RIDGE = 0.01
"""Share of the variance that is added; our choice, always stated beside what was whitened."""
_CONSTANT = 1e-20
"""Variance, relative to the mean square, below which a unit is constant but for rounding."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """Turns displacements of one layer into units of its variation.

    Attributes:
        inverse_root: Matrix R with |u|_white = |R u|, shape "w w", not writeable.
        constant: Units that do not vary over the data; they are measured by the mean variance of the others.
    """

    inverse_root: FloatArray
    constant: int

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
        constant = variances <= _CONSTANT * (values**2).mean(axis=0)
        if constant.all():
            raise InvalidInput(
                "a layer is the same at all data: there is nothing to whiten by; use raw units"
            )
        variances = np.where(constant, variances[~constant].mean(), variances)
        scale = np.sqrt(variances if own_scale else np.full_like(variances, variances.mean()))
        scaled = np.where(constant, 0.0, centred) / scale
        covariance = scaled.T @ scaled / len(values)
        # a constant unit has no variance of its own; it counts as if it varied as the others do
        covariance[constant, constant] = 1.0
        root = np.linalg.cholesky(covariance + ridge * np.eye(len(scale)))
        return cls(frozen(np.linalg.inv(root) / scale), int(constant.sum()))

    def sizes(self, displacements: FloatArray) -> FloatArray:
        """Whitened lengths: "... w" to "..."."""
        return np.linalg.norm(displacements @ self.inverse_root.T, axis=-1)


def whitenings(model: LayeredModel, data: FloatArray, *, ridge: float = RIDGE) -> tuple[Whitening, ...]:
    """One for the input, each hidden layer and the outputs, from the values at `data` ("m d")."""
    values = layer_values(model, data)
    last = len(values) - 1
    return tuple(
        Whitening.of(rows, ridge=ridge, own_scale=0 < place < last) for place, rows in enumerate(values)
    )
