"""A network of absolute values, f(x) = sum_i a_i |w_i . x|, as a frozen value.

The function knows nothing of a row's length, its sign or its place: only the set of c_i = |a_i| w_i up to
sign, with the sign of a_i. Parallel rows are one row. Where all a_i are positive, f is the support function
of a zonotope: f(x) = max of z . x over z in the sum of the segments [-c_i, c_i].
Source: target class of Li, Ma and Zhang, Learning Over-Parametrized Two-Layer Neural Networks beyond NTK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

# Unit rows so near to each other are one row: their functions differ by rounding only.
_PARALLEL = 1e-14
# Cosines nearer to 1 are looked at by distance: a cosine cannot tell angles below 1e-8.
_CLOSE = 1e-10


@dataclass(frozen=True, eq=False)
class AbsoluteValueNetwork:
    """f(x) = a . |W x|, one output, no biases."""

    rows: FloatArray
    """W, shape "m d"; the lengths of rows and the sizes of coefficients are not separate in the function."""
    coefficients: FloatArray
    """a, shape "m", of either sign."""

    def __init__(self, rows: Any, coefficients: Any) -> None:
        object.__setattr__(self, "rows", frozen(rows))
        object.__setattr__(self, "coefficients", frozen(coefficients))
        if self.rows.ndim != 2 or self.coefficients.shape != self.rows.shape[:1]:
            raise InvalidInput(
                f"rows {self.rows.shape}, coefficients {self.coefficients.shape}; want (m, d), (m,)"
            )
        if not (np.isfinite(self.rows).all() and np.isfinite(self.coefficients).all()):
            raise InvalidInput("rows and coefficients must be finite; some are NaN or infinite")

    @property
    def input_dim(self) -> int:
        """Inputs."""
        return self.rows.shape[1]

    @property
    def width(self) -> int:
        """Neurons."""
        return self.rows.shape[0]

    @property
    def generators(self) -> FloatArray:
        """c_i = |a_i| w_i, shape "m d": all that the function tells of row i, up to sign."""
        return np.abs(self.coefficients)[:, np.newaxis] * self.rows

    def __call__(self, points: Any) -> FloatArray:
        """Outputs at `points`: "n d" to "n 1"."""
        heights = np.abs(as_points(points, self.input_dim) @ self.rows.T)
        return (heights @ self.coefficients)[:, np.newaxis]

    def gradient(self, points: Any) -> FloatArray:
        """Gradients at `points`: "n d" to "n d"; at a kink the mean of both sides."""
        signs = np.sign(as_points(points, self.input_dim) @ self.rows.T)
        return (signs * self.coefficients) @ self.rows

    def canonical(self) -> AbsoluteValueNetwork:
        """The same function with unit rows whose largest entry is positive, longest generator first.

        Parallel rows are merged, and rows that do nothing are dropped. Cost: m^2 d.
        """
        generators, signs = self.generators, np.sign(self.coefficients)
        sizes = np.linalg.norm(generators, axis=1)
        kept = sizes > 0
        sizes, signs = sizes[kept], signs[kept]
        units = generators[kept] / sizes[:, np.newaxis]
        leading = np.take_along_axis(units, np.abs(units).argmax(axis=1, keepdims=True), axis=1)
        units = units * np.sign(leading)
        owner = _first_parallel(units)
        merged = np.bincount(owner, weights=signs * sizes, minlength=len(units))
        left = np.flatnonzero((owner == np.arange(len(units))) & (merged != 0))
        order = left[np.argsort(-np.abs(merged[left]), kind="stable")]
        return AbsoluteValueNetwork(units[order], merged[order])

    def as_piecewise_linear(self) -> PiecewiseLinearNetwork:
        """The same function as a ReLU network with 2 m hidden neurons: |z| = relu(z) + relu(-z)."""
        weights = [
            np.concatenate([self.rows, -self.rows]),
            np.tile(self.coefficients, 2)[np.newaxis],
        ]
        return PiecewiseLinearNetwork(weights, [np.zeros(2 * self.width), np.zeros(1)])

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        sizes = np.linalg.norm(self.generators, axis=1)
        return {
            "inputs": self.input_dim,
            "neurons": self.width,
            "negative": int((self.coefficients < 0).sum()),
            "smallest_generator": float(sizes.min(initial=np.inf)) if self.width else None,
            "largest_generator": float(sizes.max(initial=0.0)),
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {**self.summary(), "rows": self.rows.tolist(), "coefficients": self.coefficients.tolist()}

    def __repr__(self) -> str:
        return f"<AbsoluteValueNetwork {self.input_dim} inputs, {self.width} neurons>"


@dataclass(frozen=True, eq=False)
class AbsoluteValueDifference:
    """Two networks of absolute values, matched neuron by neuron."""

    pairs: tuple[tuple[int, int], ...]
    """Neurons of the two canonical forms that belong together."""
    errors: FloatArray
    """Distance of the generators of each pair, up to sign, over the length of the first's; shape "pairs"."""
    unmatched: tuple[int, int]
    """Neurons of the first, and of the second, without partner or with one of the other sign."""

    @property
    def max_relative_error(self) -> float:
        """Largest relative error of a generator; infinite if a neuron has no partner."""
        return float("inf") if any(self.unmatched) else float(self.errors.max(initial=0.0))

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers; a missing partner is null."""
        error = self.max_relative_error
        return {
            "pairs": len(self.pairs),
            "unmatched": list(self.unmatched),
            "max_relative_error": error if np.isfinite(error) else None,
        }


def compare_absolute(a: AbsoluteValueNetwork, b: AbsoluteValueNetwork) -> AbsoluteValueDifference:
    """Match the neurons of two networks up to order and the sign of rows.

    Args:
        a: The reference; errors are relative to its generators.
        b: The network compared with it.

    Raises:
        InvalidInput: They take different inputs.

    Cost: m^2 d, and an assignment of m by m.
    """
    if a.input_dim != b.input_dim:
        raise InvalidInput(f"the networks take {a.input_dim} and {b.input_dim} inputs; compare equal ones")
    first, second = a.canonical(), b.canonical()
    # squared distance of generators up to sign, over both lengths: 0 for the same, also between short ones
    ratio = np.abs(first.coefficients)[:, np.newaxis] / np.abs(second.coefficients)
    cost = ratio + 1 / ratio - 2 * np.abs(first.rows @ second.rows.T)
    alike = np.sign(first.coefficients)[:, np.newaxis] == np.sign(second.coefficients)
    from scipy.optimize import linear_sum_assignment  # not at import: 0.7 s

    left, right = linear_sum_assignment(np.where(alike, cost, 1e6 + cost))
    good = alike[left, right]
    left, right = left[good], right[good]
    ours, theirs = first.generators[left], second.generators[right]
    theirs = theirs * np.sign(np.einsum("md,md->m", ours, theirs))[:, np.newaxis]
    errors = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(ours, axis=1)
    unmatched = (first.width - len(left), second.width - len(right))
    pairs = tuple((int(i), int(j)) for i, j in zip(left, right, strict=True))
    return AbsoluteValueDifference(pairs, frozen(errors), unmatched)


def _first_parallel(units: FloatArray) -> IntArray:
    """For each unit row the first row that is parallel to it (itself, if none is)."""
    owner = np.arange(len(units), dtype=np.int64)
    close = np.argwhere(np.triu(np.abs(units @ units.T) > 1 - _CLOSE, k=1))
    for first, second in close:
        apart = units[second] - np.sign(units[first] @ units[second]) * units[first]
        if owner[second] == second and np.linalg.norm(apart) < _PARALLEL:
            owner[second] = owner[first]
    return owner
