"""Two hidden layers with every skip connection that there may be, before any sign is known.

With unsigned first-layer heights zhat_i = n_i x + o_i and second-layer neurons
z_k = sum_i v_ki |zhat_i| / 2 + m_k x + e_k, any network of this depth, with or without skips, is

    f(x) = sum_k c_k |z_k| / 2 + sum_i g_i |zhat_i| / 2 + L x + b

and all of these numbers are determined by its answers (up to the sign of each zhat_i and z_k and positive
scale), because relu(z) = (|z| + z) / 2. Signs and skips are a reading of m, g and L; see `reading`.

Source: unsigned form of Rolnick and Körding 2020; that it holds all skips at once is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.peeled import Peeled
from hingeline.extraction.single_layer import SingleLayer
from hingeline.extraction.unsigned import Planes


@dataclass(frozen=True)
class Unmet:
    """A second-layer neuron and a hyperplane that its boundary never meets."""

    neuron: int
    plane: int
    home: float
    """Side of the hyperplane on which the neuron is known."""
    side: float
    """Sign of z beyond it; 0 where other unmet hyperplanes lie before it."""


@dataclass(frozen=True, eq=False)
class UnsignedForm:
    """All numbers of f(x) = sum_k c_k |z_k| / 2 + sum_i g_i |zhat_i| / 2 + L x + b."""

    planes: Planes
    """The first layer; n neurons."""
    theta: FloatArray
    """Coefficients v, m, e of the features |zhat| / 2, x, 1 in each z, shape "m n+d+1"."""
    jumps: FloatArray
    """Output change per unit of each z, rows c_k of unit norm, shape "m k"."""
    rest: FloatArray
    """Coefficients g, L, b of the same features in each output, shape "k n+d+1"."""
    signed: bool = False
    """True if the planes are oriented and nothing but their neurons feeds what is above: then the features
    are relu(zhat) and 1, and `theta` and `rest` have n+1 columns."""
    unmet: tuple[Unmet, ...] = ()
    """Weights that no boundary tells; they hold their neuron's side."""

    def features(self, points: FloatArray) -> FloatArray:
        """What `theta` and `rest` multiply: "p d" to "p n+d+1", or "p n+1" if signed."""
        if not self.signed:
            return self.planes.features(points)
        return np.column_stack([np.maximum(self.planes.heights(points), 0.0), np.ones(len(points))])

    def feature_rates(self, points: FloatArray) -> FloatArray:
        """Derivative of each plane's feature by its height: "p d" to "p n"."""
        patterns = self.planes.patterns(points)
        return (patterns + 1) / 2 if self.signed else patterns / 2

    def unsigned(self) -> UnsignedForm:
        """The same in unsigned features: relu(zhat) = |zhat| / 2 + zhat / 2."""
        if not self.signed:
            return self
        count = self.planes.count
        affine = np.column_stack([self.planes.normals, self.planes.offsets]) / 2

        def spelled_out(rows: FloatArray) -> FloatArray:
            beyond = rows[:, :count] @ affine
            beyond[:, -1] += rows[:, -1]
            return np.column_stack([rows[:, :count], beyond])

        return UnsignedForm(self.planes, spelled_out(self.theta), self.jumps, spelled_out(self.rest))

    @property
    def inner(self) -> FloatArray:
        """Weights v between the layers, shape "m n"."""
        return self.theta[:, : self.planes.count]

    @property
    def linear(self) -> FloatArray:
        """Linear parts m of the second layer, shape "m d"."""
        return self.theta[:, self.planes.count : -1]

    @property
    def first_jumps(self) -> FloatArray:
        """Jumps g of the outputs at the first layer's hyperplanes that no z carries, shape "k n"."""
        return self.rest[:, : self.planes.count]

    @property
    def outer(self) -> FloatArray:
        """Linear part L of the outputs, shape "k d"."""
        return self.rest[:, self.planes.count : -1]

    def __call__(self, points: FloatArray) -> FloatArray:
        """Outputs at `points`: "p d" to "p k"."""
        features = self.features(points)
        return np.abs(features @ self.theta.T) / 2 @ self.jumps + features @ self.rest.T


def form_of_peel(peeled: Peeled, layer: SingleLayer) -> UnsignedForm:
    """The form of a network whose first layer was peeled: `layer` and its bypass act on the heights."""
    lengths = np.linalg.norm(peeled.weights, axis=1)
    planes = Planes(peeled.weights / lengths[:, np.newaxis], peeled.biases / lengths)
    sizes = np.linalg.norm(layer.jumps, axis=1)
    theta = np.column_stack([layer.normals * lengths, layer.offsets]) * sizes[:, np.newaxis]
    jumps = layer.jumps / sizes[:, np.newaxis]
    # c relu(z) = c |z| / 2 + c z / 2
    rest = np.column_stack([layer.linear * lengths, layer.constant]) + jumps.T @ theta / 2
    return UnsignedForm(planes, theta, jumps, rest, signed=True)
