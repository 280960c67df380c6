"""How far affine functions go in a ball, a box, and beyond a half-space that every flip in the node keeps to.

The multipliers of a node's least-distance program add up to one inequality g.delta >= level that all its flips
meet. Where the node's bound is near the radius, ball and half-space leave a thin cap, in which most neurons
are decided; in the ball alone they are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.sensitivity.exact.problem import FlipProblem

_LOOSE = 1e-14
"""Added under roots, beside the squares there, against rounding."""
_STEPS = 12


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
    norm = problem.threat.norm
    if norm == "l2":
        low, high = _euclidean(slopes, caps.pulls[nodes], caps.levels[nodes], radius)
    else:
        dual = np.abs(slopes).sum(axis=1) if norm == "linf" else np.abs(slopes).max(axis=1, initial=0.0)
        low, high = -radius * dual, radius * dual
    if problem.boxed:
        # no coordinate alone goes farther than the ball's radius either
        ends = np.maximum(problem.low, -radius), np.minimum(problem.high, radius)
        wide, shift = np.abs(slopes) @ (0.5 * (ends[1] - ends[0])), slopes @ (0.5 * (ends[0] + ends[1]))
        low, high = np.maximum(low, shift - wide), np.minimum(high, shift + wide)
    return low, high


def _euclidean(
    slopes: FloatArray, pulls: FloatArray, levels: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Along g as far as the level, across it as far as the ball; or the ball's own end if that lies in the cap."""
    squares = np.einsum("pc,pc->p", slopes, slopes)
    along = np.einsum("pc,pc->p", slopes, pulls)
    lengths = np.sqrt(squares)
    across = np.sqrt(np.maximum(squares - along * along, 0.0) + _LOOSE * squares)
    room = np.sqrt(np.maximum(radius * radius - levels * levels, 0.0) + _LOOSE * radius * radius)
    beyond, most = across * room, radius * lengths
    high = np.where(along * radius < levels * lengths, np.minimum(levels * along + beyond, most), most)
    low = np.where(-along * radius < levels * lengths, np.maximum(levels * along - beyond, -most), -most)
    return low, high
