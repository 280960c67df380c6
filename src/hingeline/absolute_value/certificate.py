"""How well gradients are known: answers beside their pieces, and longer steps where those help.

A difference is wrong if its step met a kink, and nothing in it says so. An answer a step off in a mixture of
all directions does. What is claimed for a gradient is never less than what that answer shows.

Cost: 1 query per piece, d + 7 for one measured again with longer steps. Source: ours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.absolute_value.gradients import Frame, PieceGradients, Values, measured_again, rows_of
from hingeline.absolute_value.great_circle import Circle
from hingeline.core.arrays import BoolArray, FloatArray

AGREE = 8.0
"""Standard deviations within which two components of a gradient are one."""
LONGER = 10.0
"""Factor for steps between kinks that nearly coincide."""
PAIRS = 3
"""Pairs of points at which a gradient measured with longer steps is tried."""


def missed(
    ask: Values,
    frame: Frame,
    known: PieceGradients,
    chosen: BoolArray,
    rng: np.random.Generator,
    *,
    pairs: int = 0,
) -> FloatArray:
    """By how much the `chosen` gradients miss answers beside their pieces' middles; 0 for the others.

    The points lie a whole step off in a random mixture of all directions: a difference that met a kink is
    wrong in its own direction, and every direction is in the mixture. With two inputs they are the middles.

    Args:
        ask: Values at points, "n d" to "n".
        frame: The circle and what is at right angles to it.
        known: Gradients, where and with what steps they were measured; shape "m".
        chosen: Which to try, shape "m".
        rng: Draws the mixtures.
        pairs: Mixtures to try on both sides, for steps so long that a point may itself lie beyond a kink. The
            pair that misses least counts: what is wrong in a gradient shows in each, on one side at least.
            With 0, one point is tried.

    Returns:
        Gaps in output units, shape "m".

    Cost: 1 query for each of the chosen, or 2 `pairs`.
    """
    count, which = frame.across.shape[0], np.flatnonzero(chosen)
    missing = np.zeros(len(chosen))
    if not len(which):
        return missing
    signs = rng.choice(np.array([-1.0, 1.0]), (len(which), max(1, pairs), 1, count))
    if count == 1:
        # the answer on the other side is the one the gradient was made of
        signs[:] = -1.0
    if pairs:
        signs = np.concatenate([signs, -signs], axis=2)
    moved = signs @ frame.across * (known.steps[which] / np.sqrt(max(1, count)))[:, None, None, None]
    points = frame.points(known.middles[which])[:, None, None] + moved
    answers = ask(points.reshape(-1, points.shape[3])).reshape(points.shape[:3])
    gaps = np.abs(answers - np.einsum("md,mptd->mpt", known.gradients[which], points))
    missing[which] = gaps.max(axis=2).min(axis=1)
    return missing


def blamed(known: PieceGradients, gaps: FloatArray) -> PieceGradients:
    """The same gradients, no better known than they answer: a gap may come from a single component.

    A component that is wrong by e moves the answer a step h off by e h over the root of their number, which
    is what errors of e over that root in all of them would do.
    """
    return replace(known, errors=np.maximum(known.errors, gaps / known.steps))


def vague_pieces(known: PieceGradients, circle: Circle, relative: float) -> BoolArray:
    """Pieces whose error leaves a row beside them known to less than `relative`."""
    network, errors = rows_of(known, circle)
    loose = errors * np.sqrt(network.input_dim) > relative * np.linalg.norm(network.generators, axis=1)
    return (loose & (known.errors > errors)) | (np.roll(loose, 1) & (known.errors > np.roll(errors, 1)))


def lengthened(
    ask: Values,
    frame: Frame,
    circle: Circle,
    known: PieceGradients,
    chosen: BoolArray,
    rng: np.random.Generator,
    sigma: float,
) -> PieceGradients:
    """The `chosen` gradients with longer steps, where these answer well; d + 7 queries for each.

    Between kinks that nearly coincide steps are short; longer ones do in nearly all directions.
    """
    longer = measured_again(ask, frame, circle, known, chosen, sigma, factor=LONGER)
    both = merged(frame, known, longer)
    there = replace(both, steps=longer.steps)
    both = blamed(there, missed(ask, frame, there, chosen, rng, pairs=PAIRS))
    better = chosen & (both.errors < known.errors)
    return PieceGradients(
        np.where(better[:, np.newaxis], both.gradients, known.gradients),
        np.where(better, both.errors, known.errors),
        known.middles,
        known.steps,
    )


def merged(frame: Frame, old: PieceGradients, new: PieceGradients) -> PieceGradients:
    """The components of the new gradients, measured with longer steps, where they agree with the old ones.

    A step that met a kink is far off in its own direction; there the shorter step's component stays.
    """
    change = new.gradients - old.gradients
    across = change @ frame.across.T
    agree = np.abs(across) <= AGREE * old.errors[:, np.newaxis]
    gradients = old.gradients + (change @ frame.plane.T) @ frame.plane + (across * agree) @ frame.across
    squares = np.where(agree, new.errors[:, np.newaxis], old.errors[:, np.newaxis]) ** 2
    errors = np.sqrt(squares.mean(axis=1)) if squares.size else new.errors
    return PieceGradients(gradients, errors, old.middles, old.steps)
