"""Second differences on short straight ladders: how noisy the values are, and whether they are straight.

A ladder is seven points x, x +- h1 v, x +- h2 v, x +- h3 v with h1 > h2 > h3. Inside one linear piece its
second differences are pure noise, whatever h; a kink shows in the wider ones only; a smooth function bends
in all of them, like h^2. So one batch of ladders at several norms answers both questions.

`noise_fit.py` makes a noise floor of several ladders; here one ladder is read.

Cost: 7 queries per ladder. Source: the test is A1 of Rolnick and Koerding's assumptions, made quantitative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.ground import Ground

Shape = Literal["straight", "kinked", "curved", "flat", "unclear"]

RUNGS = 7
# A bend this many deviations above the noise is not noise.
_SIGNIFICANT = 12.0
# A curved network bends at least with this share of its variation over its scale, squared.
_POWER = 0.03
# A bend this close to what curvature predicts, as a share of it, is curvature; one this far off is not.
_LIKE = 0.3
_UNLIKE = 0.6
# Answers known better than this, relative to how much they vary, show curvature beyond doubt.
FINE = 1e-10
# Answers known worse than this cannot tell many kinks from a curve.
COARSE = 1e-6


@dataclass(frozen=True)
class Steps:
    """Relative step lengths of a ladder, widest first."""

    wide: float
    middle: float
    narrow: float

    @staticmethod
    def for_resolution(relative: float) -> Steps:
        """Steps for answers known to `relative` (2^-53 for float64, 1e-4 for four decimals of order 1).

        The narrow step must still move the answer by many units of resolution; the wide one must let
        curvature stand out from the noise while it meets few kinks.
        """
        wide = min(relative**0.15, 0.25)
        narrow = min(relative**0.45, wide / 8)
        return Steps(wide, _middle(relative, wide, narrow), narrow)

    def offsets(self) -> FloatArray:
        """Positions of the seven points, in units of the reach."""
        half = np.array([self.wide, self.middle, self.narrow])
        return np.concatenate([[0.0], half, -half])


@dataclass(frozen=True, eq=False)
class Rung:
    """A second difference at one step length."""

    length: float
    """Step, input units."""
    bend: FloatArray
    """Second difference of the values, shape "k"."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """Values on seven points of a short straight line."""

    norm: float
    """|x| of the middle point, input units."""
    values: FloatArray
    """Shape "7 k": middle, three steps forward (widest first), three back."""
    rounding: float
    """Deviation that rounding of the answers alone gives, at this place."""
    steps: Steps
    """Relative step lengths."""
    width: float
    """Length of the widest step, input units."""
    further: tuple[Rung, ...] = ()
    """Second differences asked later, at other step lengths."""

    @property
    def bends(self) -> FloatArray:
        """Second differences at the three step lengths, widest first: "3 k"."""
        return self.values[1:4] + self.values[4:7] - 2 * self.values[0]

    @property
    def rungs(self) -> list[Rung]:
        """All second differences, the widest first."""
        lengths = self.width * np.array([1.0, self.steps.middle, self.steps.narrow])
        lengths[1:] /= self.steps.wide
        own = [Rung(float(length), bend) for length, bend in zip(lengths, self.bends, strict=True)]
        return sorted([*own, *self.further], key=lambda rung: -rung.length)

    @property
    def flat(self) -> bool:
        """All seven values are the same, up to rounding."""
        return bool(np.ptp(self.values, axis=0).max() <= 4 * self.rounding)

    @property
    def stuck(self) -> bool:
        """The narrow step moves nothing, although the widest, either way, shows that it should."""
        narrow = np.abs(self.values[[3, 6]] - self.values[0]).max()
        moves = np.abs(self.values[[1, 4]] - self.values[0]).max(axis=1).min()
        due = float(moves) * self.steps.narrow / self.steps.wide
        return bool(narrow == 0 and due > 40 * self.rounding)

    @property
    def slope(self) -> float:
        """Change of the values per unit of |x|, along the ladder."""
        rise = np.abs(self.values[1] - self.values[4]).max()
        return float(rise / (2 * max(self.width, 1e-300)))

    def samples(self, *, curved: bool) -> FloatArray:
        """Combinations of the values that are noise of deviation 1 sigma where no kink is met: "m k".

        On a straight piece: the three second differences and one difference of slopes. Where the function
        curves: what a polynomial of degree four leaves. Where the door rounds its inputs, the short steps
        say nothing and the widest alone counts.
        """
        if self.stuck:
            return self.bends[:1] / np.sqrt(6.0)
        if curved:
            return _beyond_quartic(self.steps).T @ self.values
        ratio = self.steps.narrow / self.steps.middle
        slopes = (self.values[3] - self.values[6]) - ratio * (self.values[2] - self.values[5])
        return np.vstack([self.bends / np.sqrt(6.0), slopes / np.sqrt(2.0 * (1 + ratio**2))])


def ladder_points(ground: Ground, rng: np.random.Generator, factors: FloatArray, steps: Steps) -> FloatArray:
    """Points of one ladder per factor (its norm in units of the scale): "f*7 d"."""
    rows = [
        ground.point(rng, factor) + ground.reach(factor) * np.outer(steps.offsets(), ground.direction(rng))
        for factor in factors
    ]
    return np.concatenate(rows)


def visible_bend(sigma: float) -> float:
    """Smallest second difference that noise of deviation `sigma` does not explain."""
    return float(_SIGNIFICANT * np.sqrt(6.0) * sigma)


def shape_of(ladder: Ladder, sigma: float, natural: float) -> Shape:
    """Whether the values are straight or curved here, as far as noise lets us see.

    Straight: no bend, at steps where curvature would show. Kinked: bends that do not shrink like the square
    of the step. Curved: bends that do.

    Args:
        ladder: Values on a short line.
        sigma: Deviation of one value here.
        natural: Second derivative that a curved function would have: variation / scale^2. Where even that
            would drown in the noise, nothing can be said.
    """
    rungs, visible = ladder.rungs, visible_bend(sigma)
    seen = [i for i, rung in enumerate(rungs) if np.abs(rung.bend).max() > visible]
    if not seen:
        powerful = _POWER * natural * rungs[0].length ** 2 > visible
        return "flat" if ladder.flat else ("straight" if powerful else "unclear")
    # Steps may be too wide for a sharply curved function: the second widest visible bend is tried too.
    fits = [fit for i in seen[:2] if (fit := _shrinks_like_a_curve(rungs[i:], visible)) is not None]
    return "unclear" if not fits else ("curved" if any(fits) else "kinked")


def _shrinks_like_a_curve(rungs: Sequence[Rung], visible: float) -> bool | None:
    """Whether the first bend shrinks like the square of the step, down to the last step where it could show.

    None if it could show at no other step, or if it shrinks nearly so.
    """
    widest = rungs[0]
    for narrow in reversed(rungs[1:]):
        due = widest.bend * (narrow.length / widest.length) ** 2
        if np.abs(due).max() > visible:
            gap = np.abs(narrow.bend - due).max() / np.abs(due).max()
            return None if _LIKE < gap < _UNLIKE else bool(gap <= _LIKE)
    return None


def _middle(relative: float, wide: float, narrow: float) -> float:
    """The middle step: halfway for fine answers; in coarse ones near the narrow step, away from kinks.

    Very coarse answers show curvature only in steps that are not much shorter than the widest.
    """
    if relative < FINE:
        return float(np.sqrt(wide * narrow))
    return 3 * narrow if relative < COARSE else max(3 * narrow, 0.3 * wide)


def _beyond_quartic(steps: Steps) -> FloatArray:
    """Orthonormal combinations of the seven values that vanish on polynomials of degree four: "7 2"."""
    powers = np.vander(steps.offsets() / steps.wide, 5)
    return np.linalg.qr(powers, mode="complete")[0][:, 5:]
