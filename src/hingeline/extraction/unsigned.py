"""A second-layer neuron before any sign is known.

With the first layer known up to orientation, zhat_i = n_i x + o_i, every second-layer neuron is linear in
the features |zhat_i| / 2, x and 1:

    z(x) = sum_i v_i |zhat_i(x)| / 2 + m x + c

because relu(s zhat) = (|zhat| + s zhat) / 2 for a sign s. So its boundary can be predicted everywhere
without signs. While some v_i are unknown, the neuron is known where all those zhat_i keep the sign they had
at its home point: there |zhat_i| is linear, and v_i is hidden in m and c. That region is convex and grows
with every coefficient.

Source: unsigned form of Rolnick and Körding 2020; the growing region is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.probing.line import Line

ZERO = 1e-7
"""Weights below this fraction of a neuron's size are zero, if their error bars allow it."""
SAME = 1e-5
"""Weights that agree to this fraction are the same neuron's."""
FEWEST_SHARED = 2
"""Weights that two boundaries must share before they can be one neuron's."""
VAGUE = 1e-4
"""Weights with larger error bars, as a fraction of the neuron's size, decide nothing."""


@dataclass(frozen=True, eq=False)
class Planes:
    """First-layer hyperplanes with arbitrary orientation."""

    normals: FloatArray
    """Unit rows, shape "n d"."""
    offsets: FloatArray
    """normal @ x + offset = 0, shape "n"."""

    @property
    def count(self) -> int:
        """Number of hyperplanes."""
        return len(self.offsets)

    def heights(self, points: FloatArray) -> FloatArray:
        """Signed distances: "p d" to "p n"."""
        return points @ self.normals.T + self.offsets

    def patterns(self, points: FloatArray) -> FloatArray:
        """Sides as -1 and 1: "p d" to "p n"."""
        return np.where(self.heights(points) > 0, 1.0, -1.0)

    def features(self, points: FloatArray) -> FloatArray:
        """|zhat| / 2, x, 1: "p d" to "p n+d+1"."""
        ones = np.ones((len(points), 1))
        return np.concatenate([np.abs(self.heights(points)) / 2, points, ones], axis=1)

    def feature_slopes(self, pattern: FloatArray) -> FloatArray:
        """Gradients of the features where the sides are `pattern` ("n"): shape "d n+d+1"."""
        dim = self.normals.shape[1]
        return np.concatenate(
            [(pattern[:, np.newaxis] * self.normals / 2).T, np.eye(dim), np.zeros((dim, 1))], 1
        )


@dataclass(frozen=True, eq=False)
class UnsignedNeuron:
    """A second-layer neuron as far as it is known, scaled so that its output jump has length one."""

    planes: Planes
    theta: FloatArray
    """Coefficients of the features, shape "n+d+1"; zero for unknown planes."""
    known: BoolArray
    """Planes whose coefficient is known, shape "n"."""
    home: FloatArray
    """Side of each plane at the home point, shape "n"."""
    root: FloatArray
    """Root of the covariance: cov(theta) = root.T @ root, shape "r n+d+1"."""
    jump: FloatArray
    """Unit output direction; the outputs contain jump * relu(z) or jump * relu(-z), shape "k"."""
    beyond: FloatArray
    """Sign of z on each hyperplane that the boundary does not meet, and so beyond it; 0 where the hyperplane
    does not border the known region, NaN if it is not known whether they meet; shape "n"."""

    @property
    def complete(self) -> bool:
        """True if every coefficient is known."""
        return bool(self.known.all())

    @property
    def row(self) -> FloatArray:
        """Weights on the first layer's activations, shape "n"."""
        return self.theta[: self.planes.count]

    @property
    def affine(self) -> FloatArray:
        """Coefficients m of x, then the constant c: shape "d+1"."""
        return self.theta[self.planes.count :]

    @property
    def size(self) -> float:
        """Typical length of its gradient."""
        return float(np.hypot(np.linalg.norm(self.row) / 2, np.linalg.norm(self.affine[:-1])))

    @property
    def row_errors(self) -> FloatArray:
        """Standard deviation of each weight, shape "n"."""
        return np.linalg.norm(self.root[:, : self.planes.count], axis=0)

    def values(self, points: FloatArray) -> FloatArray:
        """Z at `points`; right where `covers` says so."""
        return self.planes.features(points) @ self.theta

    def errors(self, points: FloatArray) -> FloatArray:
        """Standard deviation of `values`."""
        return np.linalg.norm(self.planes.features(points) @ self.root.T, axis=1)

    def gradients(self, patterns: FloatArray) -> FloatArray:
        """Gradient of z where the sides are `patterns`: "p n" to "p d"."""
        return (patterns * self.row / 2) @ self.planes.normals + self.affine[:-1]

    def gradient_errors(self, patterns: FloatArray) -> FloatArray:
        """Standard deviation of the length of each gradient."""
        slopes = np.array([self.planes.feature_slopes(pattern) for pattern in patterns])
        return np.linalg.norm(slopes @ self.root.T, axis=(1, 2))

    def flipped(self, points: FloatArray) -> BoolArray:
        """Unknown planes that lie between each point and the known region: "p d" to "p n"."""
        return (self.planes.patterns(points) != self.home) & ~self.known

    def covers(self, points: FloatArray) -> BoolArray:
        """Points where z is known."""
        return np.logical_not(self.flipped(points).any(axis=1))

    def states(self, points: FloatArray) -> FloatArray:
        """Sign of z at `points`, 0 where it is not known: "p"."""
        inside = np.where(self.values(points) > 0, 1.0, -1.0)
        return states_beyond(inside, self.flipped(points), self.beyond)

    def rectified(self, points: FloatArray) -> FloatArray:
        """relu(z) where `states` are known; beyond unmet hyperplanes up to a multiple of their height."""
        return np.where(self.states(points) > 0, self.values(points), 0.0)

    def crossings(self, line: Line) -> FloatArray:
        """Parameters at which the boundary crosses a line, within its ends and the known region."""
        rates = self.planes.normals @ line.direction
        starts = self.planes.heights(line.origin[np.newaxis])[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            breaks = -starts / rates
        inside = breaks[np.isfinite(breaks) & (breaks > line.low) & (breaks < line.high)]
        t = np.concatenate([[line.low], np.sort(inside), [line.high]])
        z = self.values(line.at(t))
        left = np.nonzero(z[:-1] * z[1:] < 0)[0]
        found = t[left] - z[left] * (t[left + 1] - t[left]) / (z[left + 1] - z[left])
        return found[self.covers(line.at(found))] if len(found) else found


def zero_weights(neuron: UnsignedNeuron) -> tuple[BoolArray, BoolArray]:
    """Known weights that are zero within their error bars, and known weights sharp enough to say so."""
    bars = 12 * neuron.row_errors + ZERO * neuron.size
    zero: BoolArray = neuron.known & (np.abs(neuron.row) <= bars)
    sharp: BoolArray = neuron.known & (bars < VAGUE * neuron.size)
    return zero, sharp


def shared_sign(a: UnsignedNeuron, b: UnsignedNeuron) -> float:
    """1 or -1 if two neurons have the same weights up to that sign, as far as both are known; else 0."""
    shared = a.known & b.known
    bars = [float(n.row_errors[shared].max(initial=0.0)) / n.size for n in (a, b)]
    length = float(np.linalg.norm(a.row[shared]))
    if shared.sum() < FEWEST_SHARED or max(bars) > SAME or length < VAGUE * a.size:
        return 0.0
    for sign in (1.0, -1.0):
        if np.linalg.norm((a.row - sign * b.row)[shared]) < SAME * length:
            return sign
    return 0.0


def states_beyond(inside: FloatArray, flipped: BoolArray, beyond: FloatArray) -> FloatArray:
    """Signs of z at points: `inside` where no unmet hyperplane lies between, else that of those that do.

    Args:
        inside: Sign that z would have in the known region, shape "p".
        flipped: Unmet hyperplanes between each point and the known region, shape "p n".
        beyond: Sign of z on them, as `UnsignedNeuron.beyond`.

    Returns:
        Signs, 0 where the hyperplanes disagree or some meeting is not settled; shape "p".
    """
    settled = ~(flipped & np.isnan(beyond)).any(axis=1)
    told = np.nan_to_num(beyond)
    votes, count = flipped @ told, flipped @ np.abs(told)
    agreed = np.where(settled & (count > 0) & (np.abs(votes) == count), np.sign(votes), 0.0)
    return np.where(flipped.any(axis=1), agreed, inside)
