"""One hidden layer as the attack sees it: hyperplanes with output jumps, then signs and output bias.

In unsigned form every neuron is c |bend| along its hyperplane; which side is the active one is a bit e
per neuron. In a region where z_j = w_j x + b_j > 0 for the neurons in P, the Jacobian is
J = sum_j ([j in P] - e_j) c_j w_j^T, so the bits solve a linear system with a 0/1 solution.

Source: bypass form of specs on signs; the 0/1 reading of the sign problem is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import BinarySolution, solve_binary

SIGN_SECONDS = 20.0
"""Longest that a sign system without enough equations may search."""


@dataclass(frozen=True, eq=False)
class SingleLayer:
    """f(x) = sum_j jumps_j relu(normals_j x + offsets_j) + linear x + constant."""

    normals: FloatArray
    """Unit rows, shape "n d"."""
    offsets: FloatArray
    """Shape "n"."""
    jumps: FloatArray
    """Output weight of each neuron, shape "n k"."""
    errors: FloatArray
    """Standard deviation of one entry of each normal, shape "n"."""
    linear: FloatArray
    """Affine bypass that carries undecided signs, shape "k d"; zero when all signs are decided."""
    constant: FloatArray
    """Output bias, shape "k"."""

    @property
    def width(self) -> int:
        """Number of neurons."""
        return len(self.offsets)

    def __call__(self, points: FloatArray) -> FloatArray:
        """Outputs at `points`: "n d" to "n k"."""
        hidden = np.maximum(points @ self.normals.T + self.offsets, 0.0)
        return hidden @ self.jumps + points @ self.linear.T + self.constant

    def with_constant_from(self, points: FloatArray, values: FloatArray) -> SingleLayer:
        """The same layer with the output bias that fits known answers best (median)."""
        rest = values - replace(self, constant=np.zeros_like(self.constant))(points)
        return replace(self, constant=np.median(rest, axis=0))

    @property
    def row_errors(self) -> FloatArray:
        """Standard deviation of one entry of each hidden row of `to_network()`."""
        size = np.linalg.svd(self.linear, compute_uv=False)
        size = size[size > 0]
        # the bypass inherits the errors of all rows
        inherited = float(np.linalg.norm(np.linalg.norm(self.jumps, axis=1) * self.errors))
        pairs = np.tile(inherited / size, 2).astype(np.float64)
        return np.concatenate([self.errors, pairs])

    def to_network(self) -> PiecewiseLinearNetwork:
        """As a plain ReLU network; a bypass becomes pairs relu(v x) - relu(-v x)."""
        left, size, right = np.linalg.svd(self.linear, full_matrices=False)
        keep = size > 0
        # relu(v x) - relu(-v x) = v x, one pair per singular direction of the bypass
        pair = right[keep]
        weights = np.concatenate([self.normals, pair, -pair])
        biases = np.concatenate([self.offsets, np.zeros(2 * len(pair))])
        through = left[:, keep] * size[keep]
        output = np.concatenate([self.jumps.T, through, -through], axis=1)
        return PiecewiseLinearNetwork([weights, output], [biases, self.constant])


@dataclass(frozen=True, eq=False)
class RegionView:
    """A measured Jacobian in one region."""

    centre: FloatArray
    """Shape "d"."""
    jacobian: FloatArray
    """Shape "k d"."""
    error: float
    """Standard deviation of one entry."""


def decide_signs(layer: SingleLayer, view: RegionView, given: BoolArray | None = None) -> BinarySolution:
    """Find the 0/1 vector that says which neurons are the wrong way round.

    Args:
        layer: Neurons in any orientation.
        view: One measured region, better a precise one.
        given: Neurons that are taken as they are, shape "n"; None for none.
    """
    columns, right = sign_equations(layer, view)
    tolerance = system_tolerance(layer, view, columns)
    if given is None or not given.any():
        return solve_binary(columns, right, tolerance, time_limit=SIGN_SECONDS)
    solution = solve_binary(columns[:, ~given], right, tolerance, time_limit=SIGN_SECONDS)
    if solution.bits is None:
        return solution
    bits = np.zeros(layer.width, dtype=np.bool_)
    bits[~given] = solution.bits
    return replace(solution, bits=bits)


def system_tolerance(layer: SingleLayer, view: RegionView, columns: FloatArray) -> float:
    """Standard deviation of one of `sign_equations`, whose left sides are `columns`."""
    loudness = np.linalg.norm(layer.jumps, axis=1)
    tolerance = float(np.hypot(view.error, np.linalg.norm(loudness * layer.errors)))
    # rounding of the sums themselves
    return tolerance + 1e-15 * float(np.abs(columns).sum(axis=1).max())


def sign_equations(layer: SingleLayer, view: RegionView) -> tuple[FloatArray, FloatArray]:
    """The matrix, "k*d n", and right side, "k*d", whose 0/1 solution names neurons the wrong way round."""
    past = layer.normals @ view.centre + layer.offsets > 0
    # sum_j e_j c_j w_j^T = sum_{j past} c_j w_j^T - J
    columns = np.einsum("nk,nd->kdn", layer.jumps, layer.normals)
    right = np.einsum("kdn,n->kd", columns, past.astype(np.float64)) - view.jacobian
    return columns.reshape(right.size, -1), right.reshape(-1)


def flipped(layer: SingleLayer, wrong: BoolArray) -> SingleLayer:
    """The layer with the given neurons turned round; jumps do not change."""
    sign = np.where(wrong, -1.0, 1.0)
    return replace(layer, normals=layer.normals * sign[:, np.newaxis], offsets=layer.offsets * sign)


def with_bypass(layer: SingleLayer, view: RegionView) -> SingleLayer:
    """The exactly equivalent form that needs no signs: what the neurons leave over becomes linear."""
    past = layer.normals @ view.centre + layer.offsets > 0
    explained = np.einsum("nk,nd->kd", layer.jumps[past], layer.normals[past])
    return replace(layer, linear=view.jacobian - explained)


def stacked(parts: Sequence[SingleLayer]) -> SingleLayer:
    """Several sets of neurons as one layer; bypass and bias of the first."""
    return replace(
        parts[0],
        normals=np.concatenate([p.normals for p in parts]),
        offsets=np.concatenate([p.offsets for p in parts]),
        jumps=np.concatenate([p.jumps for p in parts]),
        errors=np.concatenate([p.errors for p in parts]),
    )
