"""Which neurons of a layer are on in a region, from the coefficients of what varies there.

All that happens above a layer moves along the gradients g_j of its neurons that are on. Where a gradient is
not a combination of the layer's others, its coefficient in any gradient or normal seen in the region is
unique: zero if the neuron is off. In a contracting network one region decides a whole layer.

Cost: no queries. Source: equation (1) of the specs on reverse engineering; the test of coefficients is ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray

UNIQUE = 1e-6
"""A coefficient is unique if no other combination of unit gradients changes it by more than this."""
WEAK = 1e-9
"""Singular values of the unit gradients below this count as zero."""
CLEAR = 100.0
"""Deviations by which a coefficient differs from zero."""
OUTSIDE = 1e-6
"""Part of a unit vector that may lie outside the span of the gradients, beyond its error."""
SHORTEST = 1e-3
"""Combinations of unit vectors that are shorter say nothing."""
FEWEST_ZEROS = 2
"""Coefficients that must vanish where the known gradients span all there is."""
TELLING = 1e-4
"""Errors of coefficients, of the largest, beyond which nothing is concluded."""


def switched(
    gradients: FloatArray, vectors: FloatArray, errors: FloatArray, room: int
) -> tuple[BoolArray, BoolArray]:
    """Neurons that are surely on in a region, and those that seem to be off.

    A neuron that was not found yet would spoil all coefficients. It shows as a part outside the span of the
    known gradients, if that is not all there is, and combinations are taken in which those parts cancel; else
    it shows as coefficients of which none is zero.

    Args:
        gradients: Unit gradients of a layer's neurons, shape "n r"; zero where they do not move.
        vectors: Unit gradients and normals from above seen in the region, shape "v r".
        errors: Standard deviation of an entry of each, shape "v".
        room: Dimensions in which the layers below move there.
    """
    count = len(gradients)
    on, off = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    left, size, right = np.linalg.svd(gradients, full_matrices=False)
    strong = size > WEAK
    if not strong.any():
        return on, off
    left, size, right = left[:, strong], size[strong], right[strong]
    inverse = (right.T / size) @ left.T
    unique = np.abs(left @ left.T - np.eye(count)).max(axis=1) < UNIQUE
    vectors, errors = _without_missing(vectors, errors, gradients, inverse)
    found = vectors @ inverse
    rest = np.linalg.norm(vectors - found @ gradients, axis=1)
    coefficients = np.abs(found)
    doubt = errors[:, np.newaxis] * np.linalg.norm(inverse, axis=0) + 1e-13 / size.min()
    largest = np.where(unique, coefficients, 0.0).max(axis=1, keepdims=True)
    telling = unique & (doubt * CLEAR < TELLING * largest)
    zero = coefficients < CLEAR * doubt
    good = rest < OUTSIDE + CLEAR * errors * gradients.shape[1] ** 0.5
    if len(size) >= room:
        good &= (zero & telling).sum(axis=1) >= FEWEST_ZEROS
    if not len(found):
        return on, off
    telling &= good[:, np.newaxis]
    on = (telling & (coefficients > TELLING * largest)).any(axis=0)
    off = ~on & telling.any(axis=0) & (zero | ~telling).all(axis=0)
    return on, off


def _without_missing(
    vectors: FloatArray, errors: FloatArray, gradients: FloatArray, inverse: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Unit combinations of vectors that lie in the span of the known gradients, and their errors."""
    outside = vectors - vectors @ inverse @ gradients
    left, size, _ = np.linalg.svd(outside, full_matrices=True)
    least = OUTSIDE + CLEAR * float(errors.max()) * gradients.shape[1] ** 0.5
    strong = int((size > least).sum())
    if not strong:
        return vectors, errors
    combined = left[:, strong:].T @ vectors
    doubt = np.sqrt((left[:, strong:].T ** 2) @ errors**2)
    length = np.linalg.norm(combined, axis=1)
    kept = length > SHORTEST
    return combined[kept] / length[kept, np.newaxis], doubt[kept] / length[kept]
