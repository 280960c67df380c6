"""Long moves: is anything left outside the span, anywhere? And where, if so?

    f(x + w) = f(x),    w a long random vector orthogonal to V.

Equal answers say more than a zero slope: nothing was met on the whole segment. They are the evidence for what
was not seen. Different answers lead to a live place, also where most of the input space is dead: bisect, keep
the half with the larger change, until the middle lies on the chord (5 to 8 queries).

Starts are half fresh, over several scales, and half near places known to be alive.

Source: our design (segment search). Cost: 2 queries a move, 1 where the start was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.box_projection import project_into_box
from hingeline.subspace.complement import Complement
from hingeline.subspace.laws import EDGE, BoxLaw
from hingeline.subspace.spots import SIGMAS, SpotFinder, value_noise

_SCALES = (0.02, 1.0)
"""Distance from a live place to a start near it, in typical norms; log-uniform."""
_LENGTHS = (0.03, 3.0)
"""Length of a move, in typical norms; log-uniform."""
_FAR = (1e1, 1e8)
"""Factor on some starts and moves, log-uniform: a network may be interesting at another scale."""
_FAR_SHARE = 0.1
_USUAL = 5.0
"""Starts up to so many typical norms are usual."""
_HALVINGS = 60
_ON_CHORD = 0.02
"""The middle lies on the chord if it misses by less than this share of the change (or by noise)."""


@dataclass(frozen=True, eq=False)
class Hit:
    """A move that changed the answer, narrowed down."""

    point: FloatArray
    """A live place, shape "d"."""
    reach: float
    """Half the length of the segment that looks straight around it, input units."""
    start: FloatArray
    """Where the move began, shape "d"."""
    before: FloatArray
    """The answer there, which may have been asked long ago, shape "m"."""


class Moves:
    """Tries long moves and remembers live places.

    Args:
        finder: Where and what to ask; points it has asked already are used as starts, which saves a query.
        rng: Draws starts and moves.
    """

    def __init__(self, finder: SpotFinder, rng: np.random.Generator) -> None:
        self.finder, self.rng = finder, rng
        self.probe, self.law = finder.probe, finder.law
        self._norm = self.law.unit * float(np.sqrt(self.probe.input_dim))
        self._alive: list[FloatArray] = []
        self.tried = 0
        """Moves so far."""
        self.hits = 0
        """Attempts that found something."""
        self.quiet = 0
        """Moves without effect since the last one that had one."""

    def remember(self, point: FloatArray) -> None:
        """A live place, to start from."""
        self._alive.append(point)

    def attempt(self, complement: Complement, count: int) -> Hit | None:
        """Try `count` moves at once; the clearest change, narrowed down, or None.

        Cost: 2 queries a move, about 8 more for a hit.
        """
        starts, moves = self._drawn(complement, count)
        lengths = np.linalg.norm(moves, axis=1)
        answers = self.probe.ask(np.concatenate([starts, starts + moves]))
        before, after = np.split(answers, 2)
        noise = np.hypot(
            value_noise(self.probe, starts, before), value_noise(self.probe, starts + moves, after)
        )
        # a tilted V leaks: the move is orthogonal to what was measured, not to what is true
        allowed = SIGMAS * noise + SIGMAS * lengths * complement.worst_leak
        excess = np.abs(after - before).max(axis=1) / np.maximum(allowed, 1e-300)
        self.tried += len(starts)
        if not np.any(excess > 1):
            self.quiet += len(starts)
            return None
        self.quiet, self.hits = 0, self.hits + 1
        # values far out are rounded more coarsely: what shows nearby is measured better
        nearby = (excess > 1) & (np.linalg.norm(starts, axis=1) <= _USUAL * self._norm)
        best = int(np.argmax(np.where(nearby, excess, 0.0) if nearby.any() else excess))
        return self._narrowed(starts[best], starts[best] + moves[best], before[best], after[best])

    def _drawn(self, complement: Complement, count: int) -> tuple[FloatArray, FloatArray]:
        """Starts and moves."""
        starts = self._starts(count)
        directions = complement.directions(self.rng, len(starts))
        room = self.law.room(starts, directions)
        lengths = np.minimum(self._norm * _log_uniform(self.rng, _LENGTHS, len(starts)), room)
        if self.law.boundless:
            far = np.where(
                self.rng.random(len(starts)) < _FAR_SHARE, _log_uniform(self.rng, _FAR, len(starts)), 1.0
            )
            # near a live place far out, the network changes on that scale
            scale = np.maximum(1.0, np.linalg.norm(starts, axis=1) / (_USUAL * self._norm))
            starts, lengths = starts * far[:, np.newaxis], lengths * far * scale
        moves = lengths[:, np.newaxis] * directions
        if isinstance(self.law, BoxLaw) and self.law.whole and complement.rank:
            across = slice(0, len(starts), 2)
            starts[across] = self.law.pictures(self.rng, len(starts[across]))
            moves[across] = _across_box(self.law, complement.found, starts[across], self.rng)
        return starts, moves

    def _starts(self, count: int) -> FloatArray:
        fresh = self.law.wide(self.rng, count)
        near = self.rng.random(len(fresh)) < (0.5 if self._alive else 0.0)
        if near.any():
            picks = self.rng.integers(len(self._alive), size=int(near.sum()))
            live = np.array(self._alive)[picks]
            around = self.rng.standard_normal((len(picks), fresh.shape[1])) / np.sqrt(fresh.shape[1])
            reach = np.maximum(self._norm, np.linalg.norm(live, axis=1) / _USUAL)
            sizes = (reach * _log_uniform(self.rng, _SCALES, len(picks)))[:, np.newaxis]
            fresh[near] = self.law.inside(live + sizes * around)
        known = self.finder.take_asked(2 * len(fresh) // 3)
        if known:
            fresh[: len(known)] = np.array(known)
        return fresh

    def _narrowed(self, start: FloatArray, end: FloatArray, before: FloatArray, after: FloatArray) -> Hit:
        began = start, before
        for _ in range(_HALVINGS):
            middle = (start + end) / 2
            value = self.probe.ask(middle[np.newaxis])[0]
            change = float(np.abs(after - before).max())
            noise = float(value_noise(self.probe, middle[np.newaxis], value[np.newaxis])[0])
            if np.abs(value - (before + after) / 2).max() <= max(_ON_CHORD * change, SIGMAS * noise):
                break
            if np.abs(value - before).max() >= np.abs(after - value).max():
                end, after = middle, value
            else:
                start, before = middle, value
        return Hit((start + end) / 2, float(np.linalg.norm(end - start)) / 2, *began)


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float], count: int) -> FloatArray:
    return np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]), count))


def _across_box(law: BoxLaw, basis: FloatArray, starts: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Moves orthogonal to V as far across the box as possible: towards other pictures, "n d" to "n d".

    A straight random move meets a face of the box almost at once; the point nearest to another picture among
    those with the same seen part lies far away, and its move is what an obfuscation would make.
    """
    middle = law.middle
    pictures = law.pictures(rng, len(starts)) - middle
    half = EDGE * law.domain.half_width
    ends = project_into_box(basis, np.clip(starts - middle, -half, half), pictures, (-half, half))
    moves = np.where(ends.converged[:, np.newaxis], ends.points - (starts - middle), 0.0)
    # good to 1e-12 box widths, which a steep network shows; the margin to the faces is wider
    return moves - (moves @ basis) @ basis.T
