"""A missing neuron of the last hidden layer, from answers where it is on.

Over the layers below, answers are a sum of u_j relu(z_j) and a part that is linear in the channels. On
which side a neuron is on, and one that is on nearly everywhere, change only that part. So where all but a few
neurons of the last layer are known, one linear solve explains most answers; what it leaves over is, on the
side of a missing neuron with fewer places, u z: linear in the channels, one equation per answer. No boundary
is needed, where bends would have to be met in every region that matters.

Cost: about 2 questions per channel below, and a few for every channel that did not move there.
Source: ours; specs on reverse engineering 3.7 for the linear solve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.left_over import LEFT_OVER, Answers, LeftOver, only, together
from hingeline.extraction.depth.robust_solve import least_absolute
from hingeline.extraction.depth.switching import switches

CONSISTENT = 1e-6
"""Residual of an equation, of the largest there, up to which it agrees with others."""
SPARE = 3
"""Equations beyond the unknowns that must agree."""
PER_CHANNEL = 2
"""Answers asked around one place, for each channel."""
NEAREST, FARTHEST = -2.5, -0.3
"""Powers of ten of the distances at which they are asked, of scale + norm."""
WEAK = 1e-9
"""Directions of unit equations weaker than this are not determined."""
TOLD = 1e-6
"""Singular values of unit equations above which a direction is told."""
MATTERS = 1e-3
"""Part of the channels along an untold direction with which a place tells of it."""
WIDENINGS = 4
"""Times that places are looked for at which untold directions matter."""
PER_DIRECTION = 4
"""Answers asked for each untold direction at a time."""
WALKERS = 16
"""Points that walk to such places, offline."""
WALK, WALK_STEP = 80, 0.03
"""Their steps, and the length of each, of scale + norm."""
IMPROVED = 0.9
"""Share of the unexplained answers, at most, that may be left when a neuron is taken in."""
SEEDS = 4
"""Places from which one neuron is looked for."""


@dataclass(frozen=True, eq=False)
class MadeNeuron:
    """A neuron made from answers."""

    theta: FloatArray
    """(a, b) of length one, z > 0 on the side with fewer places, shape "c+1"."""
    untold: FloatArray
    """Directions that no answer told: orthonormal columns, shape "c+1 f"."""
    error: float
    """Standard deviation of a coefficient, roughly."""


def missing_neuron(
    known: KnownLayers,
    left: LeftOver,
    answers: Answers,
    ask: Callable[[FloatArray], Answers],
    rng: np.random.Generator,
    *,
    several: bool = False,
) -> MadeNeuron | None:
    """One neuron of the last layer that answers show to be missing; None if none is shown.

    Args:
        known: The layers below.
        left: What the neurons that are known leave over, at most of the answers nothing.
        answers: All so far.
        ask: Answers at new points "p r".
        rng: Draws points.
        several: Whether another one may be missing too, mostly at the same places.
    """
    scale = left.scale
    share = left.share(answers)
    strange = np.nonzero(share > LEFT_OVER)[0]
    if not len(strange):
        return None
    starts = [int(strange[np.argmax(share[strange])]), *rng.permutation(strange)[: SEEDS - 1].tolist()]
    for start in starts:
        around = ask(_around(answers.points[start], scale, PER_CHANNEL * (known.channels + 1) + 6, rng))
        pieces = together(around, only(answers, strange))
        fit, places = _fitted(known, left, pieces, len(around.points), scale, ask, rng)
        made = None if fit is None else fit.neuron()
        if fit is None or made is None:
            continue
        if _improves(left, made, answers, settled=False):
            return made
        # sums of both pass for one where another one is on at the same places
        better = several and _improves(left, made, answers, settled=True)
        if better and switches(known, left, fit.coefficients, fit.untold, places, ask):
            return made
    return None


def _around(point: FloatArray, scale: float, count: int, rng: np.random.Generator) -> FloatArray:
    steps = rng.standard_normal((count, len(point))) / len(point) ** 0.5
    reach = (scale + float(np.linalg.norm(point))) * 10 ** rng.uniform(NEAREST, FARTHEST, (count, 1))
    return np.concatenate([point[np.newaxis], point + reach * steps])


def _fitted(
    known: KnownLayers,
    left: LeftOver,
    pieces: Answers,
    first: int,
    scale: float,
    ask: Callable[[FloatArray], Answers],
    rng: np.random.Generator,
) -> tuple[_Fit | None, FloatArray]:
    """The neuron that is on around one place, and where: of `pieces` the first ones were asked there."""
    begin = np.arange(len(pieces.points)) < first
    fit, where = None, np.zeros((0, pieces.points.shape[1]))
    for _ in range(WIDENINGS):
        fit = _Fit.of(left, pieces, begin)
        if fit is None:
            return None, np.zeros((0, pieces.points.shape[1]))
        where = pieces.points[fit.agree]
        places = _telling_places(known, fit, pieces.points[begin], scale, rng)
        if not len(places):
            break
        more = ask(places)
        pieces = together(pieces, more)
        begin = np.concatenate([fit.agree, np.ones(len(more.points), dtype=np.bool_)])
    return fit, where


@dataclass(frozen=True, eq=False)
class _Fit:
    """u (a, b), as many equations as agree told it."""

    coefficients: FloatArray
    """Shape "c+1 k"."""
    untold: FloatArray
    """Shape "c+1 f"."""
    agree: BoolArray
    """Equations that do, shape "p"."""
    error: float
    """Standard deviation of a coefficient, of their length."""
    middle: FloatArray
    """Mean of the unit channels where they agree, shape "c+1"."""

    @classmethod
    def of(cls, left: LeftOver, pieces: Answers, begin: BoolArray) -> _Fit | None:
        """The linear function that most of what is left over agrees with, where anything is left over.

        Args:
            left: Gives what is left over.
            pieces: Places.
            begin: Those that the fit begins with; others join if they agree.
        """
        size = np.maximum(np.linalg.norm(pieces.offered, axis=1, keepdims=True), 1e-300)
        matrix, rest = pieces.offered / size, left.at(pieces) / size
        on = left.share(pieces) > LEFT_OVER
        chosen = on & begin
        agree, solution = chosen, np.zeros((matrix.shape[1], rest.shape[1]))
        for _ in range(3):
            if not chosen.any():
                return None
            solution = _agreed(matrix[chosen], rest[chosen])
            wrong = np.abs(rest - matrix @ solution).max(axis=1)
            agree = on & (wrong < CONSISTENT * np.abs(rest).max(axis=1))
            chosen = agree
        if not agree.any():
            return None
        _, singular, right = np.linalg.svd(matrix[agree], full_matrices=True)
        told = int((singular > TOLD).sum())
        if int(agree.sum()) < told + SPARE:
            return None
        wrong = float(np.sqrt(np.mean((rest[agree] - matrix[agree] @ solution) ** 2)))
        length = float(np.linalg.norm(solution)) or 1.0
        error = wrong / length / float(singular[told - 1]) + 1e-15
        return cls(solution, right[told:].T, agree, error, matrix[agree].mean(axis=0))

    def neuron(self) -> MadeNeuron | None:
        """Its row; None if the outputs do not jump along one direction."""
        left, singular, _ = np.linalg.svd(self.coefficients, full_matrices=False)
        if singular[0] == 0 or singular[1:].max(initial=0.0) > CONSISTENT * singular[0]:
            return None
        theta = left[:, 0] - self.untold @ (self.untold.T @ left[:, 0])
        theta = theta if theta @ self.middle > 0 else -theta
        return MadeNeuron(theta / np.linalg.norm(theta), self.untold, self.error)


def _agreed(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """Least squares over what agrees with the solution of the smallest sum of residuals: "c+1 k"."""
    wrong = np.linalg.norm(target - matrix @ least_absolute(matrix, target, WEAK), axis=1)
    best = np.sort(wrong)[: max(1, len(wrong) // 2)]
    sure = wrong <= 30 * np.median(best) + 1e-13 * np.abs(target).max()
    return np.asarray(np.linalg.lstsq(matrix[sure], target[sure], rcond=WEAK)[0], dtype=np.float64)


def _telling_places(
    known: KnownLayers, fit: _Fit, around: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    """Places where the neuron is on by what is told and an untold channel has just come on: "n r"."""
    chosen = [np.zeros((0, around.shape[1]))]
    u = np.linalg.svd(fit.coefficients, full_matrices=False)[2][0]
    theta = fit.coefficients @ u
    theta = theta / np.linalg.norm(theta)
    theta = theta if theta @ fit.middle > 0 else -theta
    width = known.layers[-1].width if known.layers else 0
    share = np.linalg.norm(fit.untold, axis=1)[:width]
    for channel in np.nonzero(share > MATTERS)[0]:
        starts = around[rng.integers(len(around), size=WALKERS)]
        found = _where_both(known, theta, int(channel), starts, scale)
        chosen.append(found[:PER_DIRECTION])
    return np.concatenate(chosen)


def _where_both(
    known: KnownLayers, theta: FloatArray, channel: int, points: FloatArray, scale: float
) -> FloatArray:
    """Points walked to where a channel is on as well as the neuron, as far as that is told: "n r"."""
    below, weights = known.below(len(known.layers) - 1), known.layers[-1].weights[channel]
    found: list[FloatArray] = []
    for _ in range(WALK):
        z = below.offered(points) @ np.append(weights, known.layers[-1].biases[channel])
        offered = known.offered(points)
        height = offered @ theta
        both = (z > 0) & (height > MATTERS * np.linalg.norm(offered, axis=1))
        found += list(points[both])
        points, z, height = points[~both], z[~both], height[~both]
        if not len(points):
            break
        towards = np.einsum("c,pcr->pr", weights, below.slopes(points))
        uphill = np.einsum("c,pcr->pr", theta[:-1], known.slopes(points))
        # the neuron must stay on: along its boundary where it is about to go off
        way = _unit(towards) + np.where(height[:, np.newaxis] > 0, 0.3, 1.0) * _unit(uphill)
        step = WALK_STEP * (scale + np.linalg.norm(points, axis=1, keepdims=True))
        points = points + step * _unit(way)
    return np.array(found).reshape(-1, points.shape[1])


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300))


def _improves(left: LeftOver, made: MadeNeuron, answers: Answers, *, settled: bool) -> bool:
    """Whether with the neuron fewer answers are left over."""
    clear = np.ones(len(answers.points), dtype=np.bool_)
    if made.untold.shape[1]:
        size = np.linalg.norm(answers.offered, axis=1)
        clear = np.linalg.norm(answers.offered @ made.untold, axis=1) < 1e-7 * size
    seen = only(answers, clear)
    before = left.share(seen) > LEFT_OVER
    after = LeftOver.of(
        np.concatenate([left.rows, made.theta[np.newaxis]]), seen, left.scale, settled=settled
    )
    now = after.share(seen) > LEFT_OVER
    return after.median < LEFT_OVER and int(now.sum()) <= IMPROVED * int(before.sum())
