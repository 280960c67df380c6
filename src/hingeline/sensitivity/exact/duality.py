"""Lower bounds on least distances from any multipliers, by weak duality.

For y >= 0, every change that meets G delta >= h has y'G delta >= h.y, and that needs a size that can be told
in closed form. How good the multipliers are decides how good the bound is, and never whether it holds.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.exact.inequalities import Inequalities

ROUNDING = 1e-14
"""Rounding of a product beside the sizes of what went into it."""
_ROUNDS = 30


def bounds_of(
    given: Inequalities, multipliers: FloatArray, low: FloatArray, high: FloatArray, largest: bool
) -> FloatArray:
    """No change within [low, high] that meets the inequalities is smaller: "n".

    Args:
        given: The inequalities.
        multipliers: y, shape "n m", not negative.
        low: Smallest change of each coordinate, shape "n c".
        high: Largest change, shape "n c".
        largest: Whether size is the largest entry; Euclidean length if not.
    """
    pulled = given.pulled(multipliers)
    needed = ((given.least - ROUNDING * given.sizes) * multipliers).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = _largest(pulled, needed, low, high) if largest else _euclidean(pulled, needed, low, high)
    return np.where(np.isnan(found) | (needed <= 0), 0.0, np.maximum(found, 0.0))


def _largest(pulled: FloatArray, needed: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """The t at which the sum of max p_i d over |d| <= t in the box reaches what is needed.

    The sum is concave in t, so that tangents lie above it and each of Newton's steps is a lower bound.
    """
    steep, ends = np.abs(pulled), np.where(pulled > 0, high, -low)
    t = needed / steep.sum(axis=1)
    for _ in range(_ROUNDS):
        going = ends > t[:, np.newaxis]
        if going.all():
            break
        slope = np.where(going, steep, 0.0).sum(axis=1)
        rest = needed - np.where(going, 0.0, steep * ends).sum(axis=1)
        now = np.where(slope > 0, rest / slope, np.where(rest > 0, np.inf, t))
        grown = now > t * (1 + 1e-12)
        t = np.where(grown, now, t)
        if not grown.any():
            break
    return t


def _euclidean(pulled: FloatArray, needed: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Half the squared distance is at least h.y + min over d in the box of |d|^2 / 2 - p.d."""
    best = np.zeros(len(needed))
    # as they are, and scaled so that they would be best without the box
    for scale in (np.ones_like(needed), needed / (pulled * pulled).sum(axis=1)):
        force = scale[:, np.newaxis] * pulled
        change = np.clip(force, low, high)
        half = scale * needed + (change * (0.5 * change - force)).sum(axis=1)
        half -= ROUNDING * np.abs(change * force).sum(axis=1)
        best = np.fmax(best, half)
    return np.sqrt(2.0 * best)


def largest_entry_bound(pulled: FloatArray, needed: float, low: FloatArray, high: FloatArray) -> float:
    """The same for one program in l-infinity, from G'y ("c") and h.y."""
    if needed <= 0:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = float(_largest(pulled[np.newaxis], np.array([needed]), low, high)[0])
    return 0.0 if np.isnan(found) else found
