"""Slopes of a smooth function along many directions: central differences at a step that was tried out.

A central difference errs by h^2 times a third derivative and by noise / h. The error at several h is seen on
a few random directions by comparing h with h/2, whose truncation errors differ by a factor 4; the best h is
then used for all, with Richardson's extrapolation where truncation dominates:

    D(h) = (f(x + h b) - f(x - h b)) / 2h,      D* = (4 D(h/2) - D(h)) / 3.

A function may bend sharply in one place and look straight elsewhere (a softplus of steep weights): a step
that crosses such a bend spoils its slope, and the few directions that were tried need not meet it. They are
mixtures of all directions, so a spoiled slope contradicts theirs; then shorter steps are taken.

Cost: 4 queries per direction and 24 to check h; about 240 to find it the first time. The same again for every
h that met a bend.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.probe import Probe
from hingeline.subspace.differences import Slopes
from hingeline.subspace.laws import Law
from hingeline.subspace.spots import Spot, value_noise

_STEPS = 10.0 ** np.arange(-4.5, 0.01, 0.5)
"""Steps tried, in typical coordinates."""
_TRIED = 6
"""Directions on which steps are tried."""
_LIKE_BEFORE = 5.0
"""A step is kept while its error is at most so many times that of the spot where it was found."""
_SAFETY = 2.0
"""The error of a few directions understates that of all."""
_CONTRADICTED = 5.0
"""The directions tried may miss what the slopes say of them by so many of their errors."""


class SmoothSlopes:
    """Measures slopes of one smooth function; the step found at the first spot is tried first at the next."""

    def __init__(self) -> None:
        self._step: float | None = None
        self._usual = 0.0

    def __call__(
        self, probe: Probe, law: Law, spot: Spot, directions: FloatArray, rng: np.random.Generator
    ) -> Slopes | None:
        """Slopes along the columns of `directions`, with errors that hold the truncation too.

        Args:
            probe: Where queries go.
            law: How far points may move.
            spot: Where; its radius is not used.
            directions: Orthonormal columns, shape "d c".
            rng: Draws the directions on which the step is tried.

        Returns:
            The slopes, or None where no step fits into the domain.

        Raises:
            BudgetExhausted: The budget ended.
        """
        if not directions.shape[1]:
            return None
        mix = rng.standard_normal((directions.shape[1], _TRIED))
        trial = directions @ (mix / np.linalg.norm(mix, axis=0))
        rows = np.hstack([directions, trial]).T
        starts = np.broadcast_to(spot.point, rows.shape)
        room = 0.9 * float(np.minimum(law.room(starts, rows), law.room(starts, -rows)).min())
        found = None
        while (step := self._chosen(probe, spot, trial, law.unit, room)) is not None:
            error = _SAFETY * _error(probe, spot, trial, step)
            matrix = _extrapolated(probe, spot, directions, step)
            # a slope that errs by e changes a mixture of c directions by e / sqrt(c)
            gap = np.abs(matrix @ (directions.T @ trial) - _extrapolated(probe, spot, trial, step)).max()
            found = Slopes(matrix, np.full(directions.shape[1], max(error, float(gap))))
            if gap <= _CONTRADICTED * error:
                break
            room = step
        return found

    def _chosen(self, probe: Probe, spot: Spot, trial: FloatArray, unit: float, room: float) -> float | None:
        """The usual step where its error is as usual; else the best of all that fit."""
        if self._step is not None and self._step < room:
            error = _error(probe, spot, trial, self._step)
            if error <= _LIKE_BEFORE * self._usual:
                return self._step
        tries = [float(h) for h in unit * _STEPS if h < room]
        if not tries:
            return None
        errors = [_error(probe, spot, trial, h) for h in tries]
        best = int(np.argmin(errors))
        self._step, self._usual = tries[best], errors[best]
        return tries[best]


def _error(probe: Probe, spot: Spot, trial: FloatArray, step: float) -> float:
    """Error of the extrapolated slopes at this step, from those at half of it, and from noise."""
    whole, half = (
        _extrapolated(probe, spot, trial, step),
        _extrapolated(probe, spot, trial, step / 2),
    )
    truncation = float(np.sqrt(np.mean((whole - half) ** 2)))
    # (4 D(h/2) - D(h)) / 3 with D(h) of deviation sigma / (sqrt(2) h)
    noise = spot.sigma / step * float(np.sqrt(32 + 0.5)) / 3
    return float(np.hypot(truncation, noise))


def _extrapolated(probe: Probe, spot: Spot, directions: FloatArray, step: float) -> FloatArray:
    coarse, fine = (_central(probe, spot, directions, h) for h in (step, step / 2))
    return (4 * fine - coarse) / 3


def _central(probe: Probe, spot: Spot, directions: FloatArray, step: float) -> FloatArray:
    points = np.concatenate([spot.point + step * directions.T, spot.point - step * directions.T])
    forward, backward = np.split(probe.ask(points), 2)
    return ((forward - backward) / (2 * step)).T


def smooth_spots(probe: Probe, law: Law, points: FloatArray, directions: FloatArray) -> list[Spot]:
    """Points of a smooth function with their response along one random direction each.

    Args:
        probe: Where queries go.
        law: Its unit sets the step.
        points: Shape "n d".
        directions: One unit direction for each, outside the span, shape "n d".

    Cost: 3 queries a point.
    """
    step = 1e-2 * law.unit
    lengths = np.minimum(step, 0.9 * np.minimum(law.room(points, directions), law.room(points, -directions)))
    moved = lengths[:, np.newaxis] * directions
    values = probe.ask(points)
    forward, backward = np.split(probe.ask(np.concatenate([points + moved, points - moved])), 2)
    noise = value_noise(probe, points, values)
    slopes = np.linalg.norm(forward - backward, axis=1) / np.maximum(2 * lengths, 1e-300)
    return [
        Spot(point, value, float(sigma), float(length), float(slope))
        for point, value, sigma, length, slope in zip(points, values, noise, lengths, slopes, strict=True)
        if length > 0
    ]
