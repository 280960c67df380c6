"""The gradient on each piece of a great circle, and the rows that neighbouring gradients give.

A piece is a cone in which f(x) = g . x. The circle tells two components of g; the others are differences
along d - 2 directions at right angles to the circle, exact while the steps stay inside the cone. Gradients of
neighbouring pieces differ by 2 a_i w_i, and the gradient half a circle on is minus the first.

Cost: d - 2 queries per piece. Source: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.absolute_value.great_circle import Circle
from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.networks.absolute_value import AbsoluteValueNetwork

SHORTEST = 0.02
"""Step across the circle, as a share of the distance to the nearest kink on it: one in 600 meets a kink."""
LONGEST = 0.3
"""The same for noisy answers."""
FINE = 1e-12
"""Answers known to this share of their size need no longer steps."""
SHRINK = 1 / 16
"""Factor for a step that met a kink."""
_CHUNK_BYTES = 2**25

Values = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Frame:
    """An orthonormal basis of input space whose first two directions span the circle."""

    plane: FloatArray
    """p and q, shape "2 d"."""
    across: FloatArray
    """What is at right angles to them, shape "d-2 d"."""
    radius: float
    """Of the circle, input units."""

    @staticmethod
    def drawn(rng: np.random.Generator, input_dim: int, scale: float, half_width: float) -> Frame:
        """A random frame, with a circle of radius `scale` that leaves a margin to a box about the origin."""
        basis = np.linalg.qr(rng.standard_normal((input_dim, input_dim)))[0].T
        reach = float(np.hypot(basis[0], basis[1]).max())
        return Frame(basis[:2], basis[2:], min(scale, 0.8 * half_width / reach))

    def points(self, angles: FloatArray) -> FloatArray:
        """Points on the circle, "n" to "n d"."""
        return self.radius * (np.column_stack([np.cos(angles), np.sin(angles)]) @ self.plane)


@dataclass(frozen=True, eq=False)
class PieceGradients:
    """Gradients on all pieces of a half circle but the last."""

    gradients: FloatArray
    """Shape "m d"."""
    errors: FloatArray
    """Standard deviation of one component of each, shape "m"."""
    middles: FloatArray
    """Angles at which they were measured, shape "m"."""
    steps: FloatArray
    """Steps across the circle, input units, shape "m"."""


def measure_gradients(
    ask: Values, frame: Frame, circle: Circle, sigma: float, found: Callable[[int], None]
) -> PieceGradients:
    """One gradient per piece by forward differences.

    Args:
        ask: Values at points, "n d" to "n".
        frame: The circle and what is at right angles to it.
        circle: Kinks and pieces on it.
        sigma: Standard deviation of one value on the circle.
        found: Told how many rows are pinned down so far.

    Cost: m (d - 2) queries.
    """
    middles, room = piece_middles(circle)
    size = float(np.median([abs(piece.at(t)) for piece, t in zip(circle.pieces, middles, strict=False)]))
    # with two inputs nothing lies across the circle: what is known is known from the room on it
    share = step_share(sigma / size if size else 1.0) if len(frame.across) else 1.0
    steps = frame.radius * share * np.sin(room)
    rows = max(1, _CHUNK_BYTES // (8 * frame.plane.shape[1] ** 2))
    parts: list[FloatArray] = []
    for start in range(0, len(middles), rows):
        some = np.arange(start, min(start + rows, len(middles)))
        parts.append(_gradients(ask, frame, circle, middles[some], steps[some], some))
        found(max(0, int(some[-1])))
    gradients = np.concatenate(parts)
    every = np.arange(len(middles))
    return PieceGradients(gradients, _deviations(frame, circle, middles, steps, every, sigma), middles, steps)


def measured_again(
    ask: Values,
    frame: Frame,
    circle: Circle,
    known: PieceGradients,
    chosen: BoolArray,
    sigma: float,
    *,
    factor: float = SHRINK,
) -> PieceGradients:
    """The gradients of `chosen` pieces with other steps, and their place on the circle; d + 1 queries each.

    A piece may have taken in an answer from beyond a faint kink: it is fitted to three answers from its
    inner half alone.
    """
    steps = np.where(chosen, known.steps * factor, known.steps)
    which = np.flatnonzero(chosen)
    _, room = piece_middles(circle)
    for index in which:
        angles = known.middles[index] + 0.5 * room[index] * np.array([-1.0, 0.0, 1.0])
        circle.pieces[index].replace(angles, ask(frame.points(angles)))
    gradients, errors = known.gradients.copy(), known.errors.copy()
    if len(which):
        some = known.middles[which]
        gradients[which] = _gradients(ask, frame, circle, some, steps[which], which)
        errors[which] = _deviations(frame, circle, some, steps[which], which, sigma)
    return PieceGradients(gradients, errors, known.middles, steps)


def rows_of(known: PieceGradients, circle: Circle) -> tuple[AbsoluteValueNetwork, FloatArray]:
    """The network whose rows are half the jumps, and the deviation of one entry of each row."""
    following = np.concatenate([known.gradients[1:], -known.gradients[:1]])
    half_jumps = (following - known.gradients) / 2
    errors = np.hypot(known.errors, np.roll(known.errors, -1)) / 2
    return AbsoluteValueNetwork(half_jumps, _signs(circle)), errors


def step_share(relative: float) -> float:
    """Step across the circle as a share of the room on it, for answers known to `relative` of their size."""
    return float(np.clip(SHORTEST * (relative / FINE) ** 0.25, SHORTEST, LONGEST))


def piece_middles(circle: Circle) -> tuple[FloatArray, FloatArray]:
    """Middle angle of each piece and half its width; the first lies between the last kink and the first."""
    kinks = circle.kinks
    before = np.concatenate([[kinks[-1] - np.pi], kinks[:-1]])
    # one neuron: the piece is a half circle, and steps as long as the radius go nowhere better
    return (before + kinks) / 2, np.minimum((kinks - before) / 2, np.pi / 2)


def _gradients(
    ask: Values, frame: Frame, circle: Circle, middles: FloatArray, steps: FloatArray, which: IntArray
) -> FloatArray:
    pieces = [circle.pieces[int(i)] for i in which]
    base = frame.points(middles)
    at_base = np.array([piece.at(float(t)) for piece, t in zip(pieces, middles, strict=True)])
    in_plane = np.array([[piece.a, piece.b] for piece in pieces]) / frame.radius
    gradients = in_plane @ frame.plane
    if len(frame.across):
        moved = base[:, np.newaxis] + steps[:, np.newaxis, np.newaxis] * frame.across
        values = ask(moved.reshape(-1, base.shape[1])).reshape(len(base), -1)
        gradients += ((values - at_base[:, np.newaxis]) / steps[:, np.newaxis]) @ frame.across
    return gradients


def _deviations(
    frame: Frame, circle: Circle, middles: FloatArray, steps: FloatArray, which: IntArray, sigma: float
) -> FloatArray:
    """Root mean square deviation of the components: of the fit on the circle, and of differences from it."""
    count, dim = frame.across.shape[0], frame.plane.shape[1]
    squares = np.empty(len(which))
    for place, (index, middle) in enumerate(zip(which, middles, strict=True)):
        piece = circle.pieces[int(index)]
        answer = max(sigma, piece.scatter())
        in_plane = answer * np.hypot(piece.doubt(0.0), piece.doubt(np.pi / 2)) / frame.radius
        across = np.hypot(sigma, answer * piece.doubt(float(middle))) / steps[place]
        squares[place] = in_plane**2 + count * across**2
    return np.sqrt(squares / dim)


def _signs(circle: Circle) -> FloatArray:
    """Sign of each coefficient: whether the slope along the circle rises at the kink."""
    signs = np.ones(len(circle.kinks))
    for index, kink in enumerate(circle.kinks):
        left, right = circle.pieces[index], circle.pieces[index + 1]
        slope = (right.b - left.b) * np.cos(kink) - (right.a - left.a) * np.sin(kink)
        signs[index] = 1.0 if slope > 0 else -1.0
    return signs
