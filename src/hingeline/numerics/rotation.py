"""Random orthonormal bases of any size, in which no direction stands out.

Up to `DENSE` the rows are those of a random rotation (QR of normal numbers, d^3 flops). Beyond, a rotation
costs more than everything asked along it, and what it is for, that no coordinate is singled out, takes far
less: two rounds of random signs, a random order and a cosine transform, d^2 log d flops.

Source: randomised Hadamard transforms, Ailon and Chazelle 2006; here with cosines, which have every size.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray

DENSE = 1024
"""Largest basis that is turned by a random rotation."""
ROUNDS = 2
"""Cosine transforms beyond: after one, a coordinate is still spread by a known pattern."""


def randomly_turned(basis: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Other orthonormal rows of the same span, drawn at random.

    Args:
        basis: Orthonormal rows, shape "r d".
        rng: Draws the rotation.
    """
    size = len(basis)
    if size <= DENSE:
        rotation = np.linalg.qr(rng.standard_normal((size, size)))[0]
        return rotation @ basis
    return _mixed(basis, rng)


def random_basis(size: int, rng: np.random.Generator) -> FloatArray:
    """Orthonormal rows of everything, drawn at random: "size size"."""
    if size <= DENSE:
        return np.linalg.qr(rng.standard_normal((size, size)))[0]
    return _mixed(np.eye(size), rng)


def _mixed(basis: FloatArray, rng: np.random.Generator) -> FloatArray:
    # not at the top: most runs never need it, and --help must not pay for it
    from scipy.fft import dct

    turned = basis
    for _ in range(ROUNDS):
        signs = np.where(rng.uniform(size=len(basis)) < 0.5, -1.0, 1.0)
        order = rng.permutation(len(basis))
        turned = np.asarray(dct(turned[order] * signs[:, np.newaxis], axis=0, norm="ortho"))
    return turned
