"""Linear systems with some 0/1 unknowns and some real ones, and which columns of a system can be told apart.

Cost: no queries. Source: elimination by an orthogonal basis, textbook; the 0/1 part is `first_signs`.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.first_signs import solve_leniently
from hingeline.numerics.binary_system import BinarySolution

HOPELESS = 1e3
"""Equations that no real numbers satisfy within so many error bars lack a neuron."""
SEEN = 1e-7
"""A coefficient is read off if its column has at least this length among columns of length one."""


def solve_mixed(
    bits: FloatArray, free: FloatArray, target: FloatArray
) -> tuple[BinarySolution | None, float]:
    """0/1 unknowns with the real unknowns `free` eliminated, rows in units of their error; the misfit.

    None if even real numbers leave too much unexplained.
    """
    lengths = np.linalg.norm(free, axis=0)
    left, singular, _ = np.linalg.svd(free / np.where(lengths > 0, lengths, 1.0), full_matrices=False)
    basis = left[:, singular > 1e-11 * singular[0]]
    projected = np.column_stack([bits, target])
    projected -= basis @ (basis.T @ projected)
    projected -= basis @ (basis.T @ projected)
    compressed = np.asarray(np.linalg.qr(projected, mode="r"), dtype=np.float64)
    count = bits.shape[1]
    # the last entry of the triangle is what no real numbers can explain
    unexplained = abs(float(compressed[count, count])) if len(compressed) > count else 0.0
    misfit = unexplained / float(np.sqrt(max(len(target) - count, 1)))
    if misfit > HOPELESS:
        return None, misfit
    errors = np.full(count, max(1.0, misfit))
    return solve_leniently(compressed[:count, :count], compressed[:count, count], errors), misfit


def separable(matrix: FloatArray) -> BoolArray:
    """Which columns can be told from the others: not zero, and not a combination of them."""
    lengths = np.linalg.norm(matrix, axis=0)
    told: BoolArray = lengths > 0
    if told.any():
        _, singular, right = np.linalg.svd(matrix[:, told] / lengths[told], full_matrices=False)
        vague = right[singular < SEEN * singular[0]]
        told[np.nonzero(told)[0][(np.abs(vague) > SEEN).any(axis=0)]] = False
    return told
