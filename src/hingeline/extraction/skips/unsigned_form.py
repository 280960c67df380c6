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
        features = self.planes.features(points)
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
    turned = np.column_stack([planes.normals, planes.offsets]) * lengths[:, np.newaxis]

    def in_features(weights: FloatArray, constant: FloatArray) -> FloatArray:
        # relu(z) = |z| / 2 + z / 2, and z is linear in x and 1
        affine = weights @ turned / 2
        affine[:, -1] += constant
        return np.column_stack([weights * lengths, affine])

    theta = in_features(layer.normals * sizes[:, np.newaxis], layer.offsets * sizes)
    jumps = layer.jumps / sizes[:, np.newaxis]
    rest = in_features(layer.linear, layer.constant)
    # c relu(z) = c |z| / 2 + c z / 2
    return UnsignedForm(planes, theta, jumps, rest + jumps.T @ theta / 2)
