"""Many least-distance programs at once, by a primal-dual interior point method: l-infinity, and l2 in a box.

All programs of a batch take their steps together, so that hundreds of coordinates cost a few matrix products
a step. Nothing is believed of where the iteration ends: whatever its multipliers y >= 0 are, weak duality
bounds the distance from below, and that is what is returned. An inexact step costs nodes, never truth.

Source: predictor and corrector of Mehrotra 1992; normal equations in the inequalities.
Cost: about 0.2 ms a step for 20 inequalities in 784 coordinates, 8 to 12 steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.exact.duality import bounds_of
from hingeline.sensitivity.exact.inequalities import Inequalities

_STEPS = 60
_GAP = 2e-8
"""Share of the distance by which it may exceed its bound when a program is solved."""
_ROUGH = 1e-3
"""The same where the distance is seen to be less than `enough`: then the bound decides nothing."""
_MISS = 1e-8
"""Most by which a change may miss an inequality, beside its unit."""
_STAY = 0.995
"""Share of the way to the wall that a step takes."""
_LEAST = 1e-300


@dataclass(frozen=True, eq=False)
class Solved:
    """What came out of a batch of programs.

    Attributes:
        bounds: No change that meets the inequalities is smaller, shape "n".
        changes: Nearly the smallest one, shape "n c"; where a program ended early, just the last one.
        multipliers: What the bounds rest on, up to a factor for each program, shape "n m".
        done: Whether the bound is `enough` or agrees with the change, shape "n".
    """

    bounds: FloatArray
    changes: FloatArray
    multipliers: FloatArray
    done: BoolArray


def solve(
    given: Inequalities,
    low: FloatArray,
    high: FloatArray,
    largest: bool,
    unit: FloatArray,
    enough: FloatArray,
) -> Solved:
    """Solve a batch: the smallest change that meets each program's inequalities.

    Args:
        given: The inequalities.
        low: Smallest change of each coordinate, shape "c"; minus infinity without a box.
        high: Largest change, shape "c".
        largest: Whether size is the largest entry; Euclidean length if not.
        unit: About the size of the answers, shape "n".
        enough: A bound that needs no improvement, shape "n".
    """
    count = len(given)
    bounds, changes, multipliers = np.zeros(count), np.zeros((count, len(low))), np.zeros_like(given.least)
    done = np.zeros(count, dtype=np.bool_)
    state = _State(given, low, high, largest, unit)
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            at = state.places
            found = bounds_of(
                state.given,
                state.y,
                low / state.unit[:, np.newaxis],
                high / state.unit[:, np.newaxis],
                largest,
            )
            bounds[at] = np.maximum(bounds[at], np.nan_to_num(found * state.unit, posinf=np.inf))
            changes[at] = state.delta * state.unit[:, np.newaxis]
            multipliers[at] = state.y
            ready = (bounds[at] >= enough[at]) | state.agrees(bounds[at], enough[at])
            done[at] = ready
            state.keep(~ready & state.sound())
            if not len(state.places):
                break
            state.step()
    return Solved(bounds, changes, multipliers, done)


class _State:
    """Where every program that goes on stands; lengths are in units of its own.

    Walls w = sign delta + lean t + end >= 0 stand beside the inequalities: |delta| <= t (lean 1) and the box.
    """

    def __init__(
        self, given: Inequalities, low: FloatArray, high: FloatArray, largest: bool, unit: FloatArray
    ) -> None:
        count, dim = len(given), len(low)
        boxed = bool(np.isfinite(low).all() and np.isfinite(high).all())
        self.largest = largest
        self.signs = np.array([-1.0, 1.0] * largest + [1.0, -1.0] * boxed)
        self.leans = np.array([1.0, 1.0] * largest + [0.0, 0.0] * boxed)
        self.places: IntArray = np.arange(count)
        self.unit = unit
        self.given = given.in_units(unit)
        ends = np.zeros((count, len(self.signs), dim))
        self.delta = np.zeros((count, dim))
        if boxed:
            scaled_low, scaled_high = low / unit[:, np.newaxis], high / unit[:, np.newaxis]
            ends[:, -2], ends[:, -1] = -scaled_low, scaled_high
            self.delta = 0.5 * (np.maximum(scaled_low, -0.5) + np.minimum(scaled_high, 0.5))
        self.t = np.ones(count)
        self.ends = ends
        self.w = np.maximum(self._walls(), 1e-9)
        share = 1.0 / (2 * dim) if largest else 1.0 / len(self.signs) / dim
        self.z = share / self.w
        self.s = np.maximum(self.given.times(self.delta) - self.given.least, 0.3)
        self.y = share / self.s

    def _walls(self) -> FloatArray:
        leaning = self.leans[:, np.newaxis] * self.t[:, np.newaxis, np.newaxis]
        return self.signs[:, np.newaxis] * self.delta[:, np.newaxis] + leaning + self.ends

    def agrees(self, bounds: FloatArray, enough: FloatArray) -> BoolArray:
        """Whether the change meets the inequalities and is no larger than its bound, as nearly as matters."""
        size = self.unit * (self.t if self.largest else np.linalg.norm(self.delta, axis=1))
        miss = (self.given.least - self.given.times(self.delta)).max(axis=1)
        rough = (size * (1 + _ROUGH) < enough) & (size <= bounds * (1 + _ROUGH))
        return ((size <= bounds * (1 + _GAP)) | rough) & (miss <= _MISS)

    def sound(self) -> BoolArray:
        """Whether the numbers are still numbers."""
        return np.isfinite(self.y).all(axis=1) & np.isfinite(self.delta).all(axis=1) & np.isfinite(self.t)

    def keep(self, going: BoolArray) -> None:
        """Go on with these programs only."""
        if going.all():
            return
        self.given = self.given.take(going)
        for name in ("places", "unit", "ends", "delta", "t", "w", "z", "s", "y"):
            setattr(self, name, getattr(self, name)[going])

    def step(self) -> None:
        """Predict without centring, then aim at the centre that this allows, corrected for bends."""
        newton = _Newton(self)
        walls, rows = -self.w * self.z, -self.s * self.y
        moved = newton.towards(walls, rows)
        pairs = self.w[0].size + self.s.shape[1]
        centre = ((self.w * self.z).sum(axis=(1, 2)) + (self.s * self.y).sum(axis=1)) / pairs
        primal, dual = self._lengths(moved, 1.0)
        ahead = ((self.w + _wide(primal, 3) * moved.w) * (self.z + _wide(dual, 3) * moved.z)).sum(
            axis=(1, 2)
        ) + ((self.s + _wide(primal, 2) * moved.s) * (self.y + _wide(dual, 2) * moved.y)).sum(axis=1)
        aim = centre * np.clip(ahead / pairs / centre, 0.0, 1.0) ** 3
        moved = newton.towards(
            walls + _wide(aim, 3) - moved.w * moved.z, rows + _wide(aim, 2) - moved.s * moved.y
        )
        primal, dual = self._lengths(moved, _STAY)
        if not self.largest:  # a quadratic size binds both steps together
            primal = dual = np.minimum(primal, dual)
        self.delta = self.delta + _wide(primal, 2) * moved.delta
        self.t = self.t + primal * moved.t
        self.w = np.maximum(self.w + _wide(primal, 3) * moved.w, _LEAST)
        self.s = np.maximum(self.s + _wide(primal, 2) * moved.s, _LEAST)
        self.z = np.maximum(self.z + _wide(dual, 3) * moved.z, _LEAST)
        self.y = np.maximum(self.y + _wide(dual, 2) * moved.y, _LEAST)

    def _lengths(self, moved: _Step, share: float) -> tuple[FloatArray, FloatArray]:
        primal = np.minimum(
            (-moved.w / self.w).max(axis=(1, 2)).clip(1e-30) ** -1,
            (-moved.s / self.s).max(axis=1).clip(1e-30) ** -1,
        )
        dual = np.minimum(
            (-moved.z / self.z).max(axis=(1, 2)).clip(1e-30) ** -1,
            (-moved.y / self.y).max(axis=1).clip(1e-30) ** -1,
        )
        return np.minimum(1.0, share * primal), np.minimum(1.0, share * dual)


@dataclass(frozen=True, eq=False)
class _Step:
    """A step of everything in `_State`."""

    delta: FloatArray
    t: FloatArray
    w: FloatArray
    z: FloatArray
    s: FloatArray
    y: FloatArray


class _Newton:
    """The linear system at one state, factored once and solved for two right sides."""

    def __init__(self, state: _State) -> None:
        self.state, given = state, state.given
        self.stiff = state.z / state.w
        signs, leans = state.signs, state.leans
        square = 0.0 if state.largest else 1.0
        self.inverse = 1.0 / (self.stiff.sum(axis=1) + square)
        gram = given.weighed(self.inverse)
        self.tilt = np.einsum("nkc,k->nc", self.stiff, signs * leans)
        if state.largest:
            a, b, rest = self.stiff[:, 0], self.stiff[:, 1], self.stiff[:, 2:].sum(axis=1)
            self.give = ((4 * a * b + (a + b) * rest) * self.inverse).sum(axis=1)
            self.across = given.times(self.inverse * self.tilt)
            gram = (
                gram + self.across[:, :, np.newaxis] * (self.across / self.give[:, np.newaxis])[:, np.newaxis]
            )
        place = np.arange(gram.shape[1])
        gram[:, place, place] = gram[:, place, place] * (1 + 1e-13) + state.s / state.y
        self.matrix, self.scale = gram, 1.0 / np.sqrt(gram[:, place, place])
        self.inverted = _inverse(gram * self.scale[:, :, np.newaxis] * self.scale[:, np.newaxis])
        self.off = square * state.delta - given.pulled(state.y) - np.einsum("nkc,k->nc", state.z, signs)
        self.off_t = 1.0 - np.einsum("nkc,k->n", state.z, leans)
        self.miss = state.s - given.times(state.delta) + given.least

    def towards(self, walls: FloatArray, rows: FloatArray) -> _Step:
        """The step after which, to first order, w z and s y grow by `walls` and `rows`."""
        state, given = self.state, self.state.given
        eased = walls / state.w
        first = np.einsum("nkc,k->nc", eased, state.signs) - self.off
        second = np.einsum("nkc,k->n", eased, state.leans) - self.off_t
        delta, _ = self._without_rows(first, second)
        wanted = self.miss + rows / state.y - given.times(delta)
        y = self._multipliers(wanted)
        y = y + self._multipliers(wanted - (self.matrix @ y[:, :, np.newaxis])[:, :, 0])
        delta, t = self._without_rows(first + given.pulled(y), second)
        leaning = state.leans[:, np.newaxis] * t[:, np.newaxis, np.newaxis]
        w = state.signs[:, np.newaxis] * delta[:, np.newaxis] + leaning
        s = given.times(delta) - self.miss
        return _Step(delta, t, w, eased - self.stiff * w, s, y)

    def _multipliers(self, wanted: FloatArray) -> FloatArray:
        return self.scale * (self.inverted @ (self.scale * wanted)[:, :, np.newaxis])[:, :, 0]

    def _without_rows(self, first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not self.state.largest:
            return self.inverse * first, np.zeros(len(first))
        t = (second - (self.tilt * self.inverse * first).sum(axis=1)) / self.give
        return self.inverse * (first - self.tilt * t[:, np.newaxis]), t


def _wide(values: FloatArray, axes: int) -> FloatArray:
    return values.reshape(values.shape + (1,) * (axes - 1))


def _inverse(matrices: FloatArray) -> FloatArray:
    """Inverses; not numbers where there is none, so that the program ends there."""
    fine = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    unit = np.eye(matrices.shape[1])
    sound = np.where(fine[:, np.newaxis, np.newaxis], matrices, unit)
    try:
        found = np.linalg.inv(sound)
    except np.linalg.LinAlgError:  # one of the batch is singular: a little more on the diagonals
        heights = np.abs(sound).max(axis=(1, 2), keepdims=True)
        found = np.linalg.inv(sound + 1e-10 * heights * unit)
    found[~fine] = np.nan
    return found
