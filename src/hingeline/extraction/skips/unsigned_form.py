"""Two hidden layers with every skip connection that there may be, before any sign is known.

With unsigned first-layer heights zhat_i = n_i x + o_i and second-layer neurons
z_k = sum_i v_ki |zhat_i| / 2 + m_k x + e_k, any network of this depth, with or without skips, is

    f(x) = sum_k c_k |z_k| / 2 + sum_i g_i |zhat_i| / 2 + L x + b

and all of these numbers are determined by its answers (up to the sign of each zhat_i and z_k and positive
scale), because relu(z) = (|z| + z) / 2. Signs and skips are a reading of m, g and L; see `reading`.

Source: unsigned form of Rolnick and Körding 2020; that it holds all skips at once is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.peeled import Peeled
from hingeline.extraction.recorded import Recorded, typical_slope
from hingeline.extraction.single_layer import SingleLayer
from hingeline.extraction.unsigned import Planes, UnsignedNeuron

ERROR_FLOOR = 1e-8
"""Relative error of a recorded answer in the regression, whatever the error bars of the neurons say."""
RESIDUAL = 1e-5
"""Largest misfit of recorded answers, as a fraction of a neuron's typical slope times the distance."""


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
    """True if the planes are oriented and nothing but their neurons feeds what is above: then the features are
    relu(zhat) and 1, and `theta` and `rest` have n+1 columns."""

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


def form_of_walk(
    planes: Planes, neurons: Sequence[UnsignedNeuron], recorded: Recorded
) -> UnsignedForm | None:
    """The form with second-layer neurons that a walk found; the rest by regression on recorded answers.

    None if a coefficient of a neuron is not known, or if the form does not fit the answers: then a neuron
    is missing.
    """
    if not neurons or not all(neuron.complete for neuron in neurons):
        return None
    theta = np.array([neuron.theta for neuron in neurons])
    jumps = np.array([neuron.jump for neuron in neurons])
    features = planes.features(recorded.points)
    if len(features) < 2 * features.shape[1]:
        return None
    target = recorded.values - np.abs(features @ theta.T) / 2 @ jumps
    slope = typical_slope(neurons)
    weights = 1 / (recorded.doubt(neurons) + ERROR_FLOOR * slope * recorded.sizes)[:, np.newaxis]
    lengths = np.linalg.norm(features * weights, axis=0)
    solution = np.linalg.lstsq(features * weights / lengths, target * weights, rcond=1e-14)[0]
    form = UnsignedForm(planes, theta, jumps, (solution / lengths[:, np.newaxis]).T)
    misfit = np.abs(form(recorded.points) - recorded.values).max(axis=1)
    excess = np.maximum(misfit - 20 * recorded.noise, 0.0) / recorded.sizes
    return form if float(excess.max(initial=0.0)) <= RESIDUAL * slope else None


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
