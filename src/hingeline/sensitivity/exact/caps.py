"""How far affine functions go in a ball, a box, and a half-space that every flip in the node keeps to.

The multipliers of a node's least-distance program add up to one inequality g.delta >= level, which all its
flips meet. Where the node's bound is near the radius, ball and half-space leave a thin cap, in which most
neurons are decided; in the ball alone they are not.

Source: weak duality, in closed form for l2; for coordinates with ends each multiplier gives a bound.
Cost: for each function some passes over its coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.sensitivity.exact.problem import FlipProblem

_LOOSE = 1e-14
"""Added under roots, beside the squares there, against rounding."""
_TRIALS = 3
"""Multipliers tried for a half-space in a box; each gives a bound."""
_FACTORS = (0.25, 0.5, 1.0, 2.0)
_CHUNK = 128
"""Functions handled at once: their numbers then stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Caps:
    """A half-space for each node.

    Attributes:
        pulls: g, shape "n c"; zeros where there is none.
        levels: Shape "n".
    """

    pulls: FloatArray
    levels: FloatArray


def caps_of(problem: FlipProblem, parts: FloatArray, levels: FloatArray) -> Caps:
    """Half-spaces from combinations of first-layer rows, "n f", and their right sides, "n"."""
    pulls = parts @ problem.weights[0]
    sizes = problem.threat.dual(pulls)
    some = (levels > 0) & (sizes > 0)
    scale = np.where(some, sizes, 1.0)
    return Caps(
        np.where(some[:, np.newaxis], pulls / scale[:, np.newaxis], 0.0), np.where(some, levels / scale, 0.0)
    )


def farthest(
    problem: FlipProblem, slopes: FloatArray, nodes: IntArray, caps: Caps, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest value of slopes . change over each node's cap: "p c" to "p" twice.

    Args:
        problem: Gives norm and box.
        slopes: Shape "p c".
        nodes: The node of each, shape "p".
        caps: Half-spaces of the nodes.
        radius: Of the ball.
    """
    low, high = np.empty(len(slopes)), np.empty(len(slopes))
    for start in range(0, len(slopes), _CHUNK):
        part = slice(start, start + _CHUNK)
        which = nodes[part]
        given = slopes[part], caps.pulls[which], caps.levels[which]
        low[part], high[part] = _of_norm(problem, *given, radius)
    return low, high


def _of_norm(
    problem: FlipProblem, slopes: FloatArray, pulls: FloatArray, levels: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray]:
    norm = problem.threat.norm
    if norm == "l1":
        found = _sum_of_entries(slopes, pulls, levels, radius)
    elif norm == "l2":
        found = _euclidean(slopes, pulls, levels, radius)
    else:
        found = _entries(slopes, pulls, levels, np.full(problem.dim, -radius), np.full(problem.dim, radius))
    if not problem.boxed:
        return found
    # no coordinate alone goes farther than the ball's radius either
    ends = np.maximum(problem.low, -radius), np.minimum(problem.high, radius)
    boxed = _entries(slopes, pulls, levels, *ends)
    return boxed if norm == "linf" else (np.maximum(found[0], boxed[0]), np.minimum(found[1], boxed[1]))


def _euclidean(
    slopes: FloatArray, pulls: FloatArray, levels: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Along g to the level, across it to the ball; or the ball's own end if that lies in the cap."""
    squares = np.einsum("pc,pc->p", slopes, slopes)
    along = np.einsum("pc,pc->p", slopes, pulls)
    lengths = np.sqrt(squares)
    across = np.sqrt(np.maximum(squares - along * along, 0.0) + _LOOSE * squares)
    room = np.sqrt(np.maximum(radius * radius - levels * levels, 0.0) + _LOOSE * radius * radius)
    beyond, most = across * room, radius * lengths
    high = np.where(along * radius < levels * lengths, np.minimum(levels * along + beyond, most), most)
    low = np.where(-along * radius < levels * lengths, np.maximum(levels * along - beyond, -most), -most)
    return low, high


def _entries(
    slopes: FloatArray, pulls: FloatArray, levels: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Each coordinate between its ends: for any m >= 0, a.d <= sum max (a + m g)_i d_i - m level.

    In units of half the range of each coordinate the best m makes sign(a + m g) agree with g as the level
    asks. Were the entries normal, that agreement would be the cosine of the angle between them; the cosine
    aimed at is corrected by what came out.
    """
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    shift, slopes, aims = slopes @ middle, slopes * half, pulls * half
    levels = levels - pulls @ middle
    wide, total = np.abs(slopes).sum(axis=1), np.abs(aims).sum(axis=1)
    useful = (levels > 0) & (total > 0)
    if not useful.any():
        return shift - wide, shift + wide
    wanted = np.where(useful, levels / np.where(total > 0, total, 1.0), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number bounds nothing
        most = _highest(slopes, aims, levels, wide, total, wanted)
        least = _highest(-slopes, aims, levels, wide, total, wanted)
    return shift - least, shift + most


def _highest(
    slopes: FloatArray,
    aims: FloatArray,
    levels: FloatArray,
    wide: FloatArray,
    total: FloatArray,
    wanted: FloatArray,
) -> FloatArray:
    """Largest slopes . e with |e_i| <= 1 and aims . e >= levels, from above."""
    best = wide.copy()
    squares = np.maximum(np.einsum("pc,pc->p", aims, aims), 1e-300)
    along = np.einsum("pc,pc->p", slopes, aims) / squares
    across = np.sqrt(np.maximum(np.einsum("pc,pc->p", slopes, slopes) / squares - along * along, 0.0))
    cosine = wanted
    for _ in range(_TRIALS):
        bent = np.clip(cosine, -0.999, 0.999)
        factor = np.maximum(across * bent / np.sqrt(1 - bent * bent) - along, 0.0)
        tried = slopes + factor[:, np.newaxis] * aims
        reached, less = np.abs(tried).sum(axis=1), factor * levels
        best = np.fmin(best, reached - less + _LOOSE * (reached + less))
        agreed = np.einsum("pc,pc->p", np.sign(tried), aims) / np.maximum(total, 1e-300)
        cosine = bent + (wanted - agreed)
    return best


def _sum_of_entries(
    slopes: FloatArray, pulls: FloatArray, levels: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray]:
    """l1: for any m >= 0, a.d <= radius max |a + m g| - m level, tried for a few m."""
    most = np.abs(slopes).max(axis=1, initial=0.0)
    low, high = -radius * most, radius * most
    for factor in _FACTORS:
        m = factor * most
        added = m[:, np.newaxis] * pulls
        above = radius * np.abs(slopes + added).max(axis=1, initial=0.0)
        below = radius * np.abs(slopes - added).max(axis=1, initial=0.0)
        high = np.minimum(high, above - m * levels + _LOOSE * (above + m * levels))
        low = np.maximum(low, m * levels - below - _LOOSE * (below + m * levels))
    return low, high
