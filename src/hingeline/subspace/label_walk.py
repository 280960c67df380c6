"""The state of a recovery from labels, and its steps.

Cost: see each step.
Source: our own design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_beside import Precision, Slopes, Unusable
from hingeline.subspace.label_boundary import Crossings, draw_segments, draws_per_batch, narrowed
from hingeline.subspace.label_candidates import Candidates, assess, pays
from hingeline.subspace.label_checks import remeasured, seen_tilt
from hingeline.subspace.label_curved import curved_slopes
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_moves import follow, try_moves
from hingeline.subspace.label_normals import coarse_parts, flat_slopes
from hingeline.subspace.label_scene import Scene, cell_width, survey
from hingeline.subspace.label_tilt import Tilt
from hingeline.subspace.workbench import Bench, DirectionsFound

# Steps for coarse estimates, as a share of |x|: short against pieces, long against what is to be resolved.
_COARSE_STEP = 3e-3
# Queries of one candidate, as far as choosing goes.
_CANDIDATE_LABELS = 90.0
# Points of the survey.
_SURVEYED = 3
# Batches of points without a segment, or of segments without an answer, before points count as used up.
_PATIENCE = 64
# Dropped normals in a row after which the boundary is too rough to be measured.
_MOST_DROPPED = 12
# A new direction must be so many times what noise and tilt explain; a smaller one is left in the open.
_ACCEPT = 30.0
# The same, below which it is nothing.
_NOTHING = 5.0
# Weak sightings after which the rank is left open.
_MOST_WEAK = 8
# Moves from one boundary point, and points moved at once.
_MOVES_EACH, _MOVED_AT_ONCE = 16, 4
_LEAST_MOVES = 60
# Queries of one move with its share of finding the point, and the share of the price spent on moves.
_LABELS_PER_MOVE, _MOVES_SHARE = 12, 0.01
# Fresh points of the checks.
_CHECKED = 24


class LabelWalk:
    """V as it grows, and everything met on the way.

    Args:
        bench: Where to ask and to look.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.door = LabelDoor(bench.session, bench.law)
        self.complement = Complement(self.door.dim, bench.randomness.step("labels/rotation"))
        self.tilt = Tilt()
        """Errors of V."""
        self.known: FloatArray = np.zeros((0, self.door.dim))
        """Points asked for a second label; of both labels once there are two."""
        self.scene: Scene | None = None
        self.quiet = 0
        """Moves without effect since the last one with."""
        self.moved = 0
        """Moves in all."""
        self.weak: list[float] = []
        """Sizes, relative to noise and tilt, of what was too weak to be taken or left."""
        self.dropped_in_a_row = 0
        self.counts = {"normals": 0, "dropped": 0, "spoiled": 0, "contradictions": 0, "candidates": 0}
        self.finished = False
        """True if enough moves showed nothing, or nothing is left."""
        self.stopped = ""
        """Why it ended without that."""
        self.answered: int | None = None
        """Directions that answered at fresh points."""
        self.tilt_seen = float("nan")
        """See `label_checks`."""
        self._group = 1
        self._nothing_near = False

    @property
    def scale(self) -> float:
        """Typical |x|."""
        return self.bench.law.unit * float(np.sqrt(self.door.dim))

    @property
    def labels_met(self) -> IntArray:
        """The labels of the known points; asks nothing new."""
        return self.door.labels(self.known) if len(self.known) else np.zeros(0, dtype=np.int64)

    def meet(self, points: FloatArray) -> bool:
        """Ask points; True once two labels have been met."""
        self.known = np.concatenate([self.known, points])
        return len(np.unique(self.door.labels(self.known))) > 1

    def survey(self) -> None:
        """Find out what kind of boundary this is."""
        with self.bench.session.phase("boundary"):
            points = self._candidates("labels/survey", _SURVEYED)
            if not len(points):
                self.stopped = "no boundary between two labels could be measured"
                return
            rng = self.bench.randomness.step("labels/scene")
            self.scene = survey(self.door, points, self.complement, self.scale, rng)

    def more(self) -> bool:
        """One step: look for a new direction, measure it; False once there is nothing more to do."""
        if self.finished or self.stopped or self.scene is None:
            return False
        if self.complement.full:
            self.finished = True
            return False
        best = None
        if not self._nothing_near:
            with self.bench.session.phase("search"):
                best = self._best_candidate()
            self._nothing_near = best is None
        if best is None:
            with self.bench.session.phase("moves"):
                best = self._moved_candidate()
        if best is not None:
            with self.bench.session.phase("normals"):
                self._measure(best)
        return not (self.finished or self.stopped)

    def check(self) -> None:
        """Ask at fresh points whether each direction answers and how far V is tilted."""
        if self.scene is None or not self.complement.rank:
            return
        with self.bench.session.phase("checks"):
            points = self._candidates("labels/checks", _CHECKED)
            rng = self.bench.randomness.step("labels/tilt")
            blur, law = self.scene.blur, self.bench.law
            reach = _COARSE_STEP * self.scale
            self.answered = int(remeasured(self.door, points, self.complement, reach, blur).sum())
            self.tilt_seen = seen_tilt(self.door, law, points, self.complement, blur, rng)

    @property
    def moves_wanted(self) -> int:
        """Moves that must show nothing."""
        if self.bench.settings.moves is not None:
            return self.bench.settings.moves
        share = _MOVES_SHARE * self.bench.session.spent / _LABELS_PER_MOVE
        return max(_LEAST_MOVES, int(share))

    def _segments(self, name: str, count: int, rng: np.random.Generator) -> Crossings | None:
        """Segments between points of different labels; None if none are to be had."""
        for _ in range(_PATIENCE):
            draw = self.bench.law.points(rng, draws_per_batch() * max(1, count // 4))
            found = draw_segments(self.door, draw, self.known, count, rng)
            if len(found):
                return found
        return None

    def _candidates(self, name: str, count: int, tilt: Tilt | None = None) -> Candidates:
        """Boundary points with their coarse estimates, about `count`; see `assess`."""
        index = self.counts["candidates"]
        rng = self.bench.randomness.step(name, index)
        segments = self._segments(name, count, rng)
        if segments is None:
            raise AssertionError("known points have two labels")
        self.counts["candidates"] += len(segments)
        return assess(
            self.door, segments, self.complement, _COARSE_STEP * self.scale, rng, tilt=tilt
        )

    def _best_candidate(self) -> Candidates | None:
        """The boundary point with the largest part outside V; None if none shows any."""
        rank, outside = self.complement.rank, self.complement.rest.shape[1]
        found: list[Candidates] = []
        amplifications = np.zeros(0)
        misses = 0
        while misses < 2:
            drawn = self._candidates("labels/candidates", self._group, self.tilt)
            found += [drawn.only(i) for i in range(len(drawn))]
            amplifications = np.concatenate([amplifications, drawn.amplification])
            if not np.isfinite(amplifications).any():
                misses += 1
                self._group = 4
            elif not pays(amplifications, rank, outside, _CANDIDATE_LABELS):
                break
        self._group = 4 if len(found) > 2 else 1
        if not np.isfinite(amplifications).any():
            return None
        return found[int(np.argmin(amplifications))]

    def _moved_candidate(self) -> Candidates | None:
        """A boundary point that long moves lead to; None if they show nothing (perhaps for long enough)."""
        assert self.scene is not None
        points = self._candidates("labels/moves", _MOVED_AT_ONCE)
        rng = self.bench.randomness.step("labels/long moves", self.moved)
        moves = try_moves(
            self.door, self.bench.law, points, self.complement, _MOVES_EACH, self.scene.blur, rng
        )
        shown = np.flatnonzero(moves.shown)
        self.moved += len(moves.shown)
        if not len(shown):
            self.quiet += len(moves.shown)
            self.finished = self.quiet >= self.moves_wanted
            return None
        self.quiet = 0
        crossing = follow(self.door, moves, int(shown[0]))
        if crossing is None:
            self._drop(Unusable())
            return None
        # what is too weak for coarse steps to show must be told from the tilt of V
        share = max(2 * _NOTHING * self.complement.tilt, 1e-9)
        found = assess(self.door, crossing, self.complement, self.scene.step, rng, share=share)
        if not len(found) or not found.novel[0]:
            self._drop(Unusable())
            return None
        return found

    def _measure(self, point: Candidates) -> None:
        """The normal at a point, into V if it is clear."""
        assert self.scene is not None
        rng = self.bench.randomness.step("labels/normals", self.counts["normals"])
        self.counts["normals"] += 1
        found, rest = self.complement.found, self.complement.rest
        if self.scene.boundary == "curved":
            result, parts = curved_slopes(self.door, point, (found, rest), self.scene, rng)
        else:
            crossing = narrowed(self.door, point.crossings, 0.0)
            result = flat_slopes(self.door, crossing, rest, self._precision(point), rng)
            slope = float(point.within[0]) / float(np.sqrt(max(found.shape[1], 1)))
            parts = coarse_parts(self.door, crossing, found, _COARSE_STEP * self.scale, slope)
        if isinstance(result, Unusable):
            self._drop(result)
        else:
            self._accept(result, parts)

    def _precision(self, point: Candidates) -> Precision:
        """How finely slopes are wanted at a point of a flat piece."""
        assert self.scene is not None
        step, slope = self.scene.step, float(point.slope[0])
        blur = self.scene.blur * float(point.total[0])
        leak = float(np.sqrt(point.amplification[0])) * self.tilt.total
        return Precision(step, step * slope, max(cell_width(self.scene, slope, leak), blur / 2), blur)

    def _accept(self, slopes: Slopes, within: FloatArray) -> None:
        """Into V, or among the weak, or away, by what noise and tilt explain."""
        self.counts["spoiled"] += slopes.spoiled
        self.counts["contradictions"] += slopes.contradictions
        length = float(np.linalg.norm(slopes.values))
        total = float(np.hypot(np.linalg.norm(within), length))
        size, noise, within = length / total, slopes.noise / total, within / total
        explained = float(np.hypot(noise, np.linalg.norm(within) * self.tilt.total))
        if size < _ACCEPT * explained:
            if size > _NOTHING * explained:
                self.weak.append(size)
            self._drop(Unusable())
            return
        self.dropped_in_a_row = 0
        error = self.tilt.append(within, size, noise)
        self.complement.append(self.complement.rest @ slopes.values, size, error * size)
        self.quiet = 0
        self._nothing_near = False
        self.bench.session.emit(DirectionsFound(self.complement.rank))

    def _drop(self, why: Unusable) -> None:
        self.counts["dropped"] += 1
        self.counts["contradictions"] += why.contradictions
        self.dropped_in_a_row += 1
        if len(self.weak) >= _MOST_WEAK:
            self.stopped = f"{len(self.weak)} directions are too weak to be told from errors"
        elif self.dropped_in_a_row >= _MOST_DROPPED:
            self.stopped = f"{self.dropped_in_a_row} boundary points in a row could not be measured"
