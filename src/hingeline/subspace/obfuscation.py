"""Inputs that a network cannot tell from others, made from the subspace it looks at. Asks nothing.

With P = V V^T, the seen part P x stays as it is and the rest is free:

    null noise       x + s (I - P) z, z normal: inputs without bounds
    reads as x       c + P (x - c): the picture c, up to the seen part
    in a box         the point of the box nearest to the picture c that has the seen part of x

The control spends a move of the same length inside the span: what an equal change does where it is seen.
A tilt of V by the angle t lets at most |f(x + w) - f(x)| <= L |w| sin t through, L the slope in between.

Source: the use of the kernel for inputs that cannot be told apart is Jayaram, Woodruff and Zhang 2020; the
constructions are ours. Cost: no queries; a few products with V (see `box_projection` for the box).
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray

LEVELS = 255
"""Steps of an 8-bit pixel from one end of the box to the other."""
# Halvings of the control's factor in a box: its length is then right to rounding.
_BISECTIONS = 60
# The factor of a control in a box is doubled so often before the corner counts as reached.
_DOUBLINGS = 40


def seen_part(basis: FloatArray, x: FloatArray) -> FloatArray:
    """P x: "n d" to "n d"."""
    return (x @ basis) @ basis.T


def unseen_part(basis: FloatArray, x: FloatArray) -> FloatArray:
    """The rest, x - P x, orthogonal to the basis to rounding: "n d" to "n d"."""
    rest = x - seen_part(basis, x)
    # the second pass takes off what the first one's rounding left in the span: large noise must not leak
    return rest - seen_part(basis, rest)


def null_noise(basis: FloatArray, x: FloatArray, sigma: float, rng: np.random.Generator) -> FloatArray:
    """Null noise: x + sigma (I - P) z with z normal.

    Args:
        basis: Orthonormal columns V, shape "d k".
        x: Inputs, shape "n d".
        sigma: Standard deviation of z, input units.
        rng: Draws z.
    """
    return x + sigma * unseen_part(basis, rng.standard_normal(x.shape))


def reads_as(basis: FloatArray, x: FloatArray, pictures: FloatArray) -> FloatArray:
    """What looks like the pictures and is answered like x, c + P (x - c): "n d", "n d" to "n d"."""
    return x + unseen_part(basis, pictures - x)


def in_span_noise(basis: FloatArray, lengths: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Moves of given lengths in normal directions of the span.

    Args:
        basis: Orthonormal columns V, shape "d k", k > 0.
        lengths: Norms of the moves, shape "n".
        rng: Draws the directions.
    """
    mix = rng.standard_normal((len(lengths), basis.shape[1]))
    mix *= (lengths / np.linalg.norm(mix, axis=1))[:, np.newaxis]
    return mix @ basis.T


def clipped_moves(
    x: FloatArray, moves: FloatArray, lengths: FloatArray, box: tuple[float, float]
) -> FloatArray:
    """Points x + t w clipped to the box, t such that the clipped move has the wanted length.

    What clipping takes off a move is made up by going further along it. Where not even the corner it points
    to is as far as wanted, that corner is returned.

    Args:
        x: Inputs in the box, shape "n d".
        moves: Directions w, any length, shape "n d".
        lengths: Wanted norms of the clipped moves, shape "n".
        box: Smallest and largest coordinate.
    """

    def moved(factors: FloatArray) -> FloatArray:
        return np.clip(x + factors[:, np.newaxis] * moves, *box)

    def too_short(factors: FloatArray) -> FloatArray:
        return np.linalg.norm(moved(factors) - x, axis=1) < lengths

    norms = np.linalg.norm(moves, axis=1)
    low = np.zeros(len(x))
    high = lengths / np.where(norms > 0, norms, 1.0)
    for _ in range(_DOUBLINGS):
        high = np.where(too_short(high), 2 * high, high)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        short = too_short(middle)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return moved(high)


def to_eight_bits(points: FloatArray, box: tuple[float, float]) -> FloatArray:
    """The nearest points whose coordinates are one of 256 levels from end to end of the box."""
    low, width = box[0], box[1] - box[0]
    # the division last: level 255 must give the upper end, and k / 255 the double that images hold
    return np.clip(low + width * (np.rint((points - low) * (LEVELS / width)) / LEVELS), *box)


def change_bound(slope: float, lengths: FloatArray, angle: float) -> FloatArray:
    """The largest change of a value that a span off by `angle` lets through: L |w| sin(angle).

    Args:
        slope: L, the largest slope in between, output units per input unit.
        lengths: |w|, shape "n".
        angle: Largest principal angle to the true span, radians.
    """
    return slope * lengths * float(np.sin(min(angle, np.pi / 2)))


def correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Pearson's correlation of each pair of rows, "n d" to "n"; 0 where a row is constant."""
    a = first - first.mean(axis=1, keepdims=True)
    b = second - second.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide(np.sum(a * b, axis=1), sizes, out=np.zeros(len(a)), where=sizes > 0)
