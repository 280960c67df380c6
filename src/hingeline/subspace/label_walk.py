"""The state of a recovery from labels, and its steps: survey, one direction after another, checks.

Cost: that of the steps; see `labels`.
Source: our own design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_beside import Precision, Slopes, Unusable
from hingeline.subspace.label_boundary import narrowed
from hingeline.subspace.label_candidates import Candidates, assess
from hingeline.subspace.label_checks import remeasured, seen_tilt
from hingeline.subspace.label_curved import curved_slopes
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_moves import follow, try_moves
from hingeline.subspace.label_normals import coarse_parts, flat_slopes
from hingeline.subspace.label_points import BoundaryPoints
from hingeline.subspace.label_scene import Scene, cell_width, survey
from hingeline.subspace.label_tilt import Tilt
from hingeline.subspace.workbench import Bench, DirectionsFound

# Points of the survey.
_SURVEYED = 3
# Dropped normals in a row after which the boundary is too rough to be measured.
_MOST_DROPPED = 12
# A new direction must be so many times what noise and tilt explain; a smaller one is left in the open.
_ACCEPT = 30.0
# The same, below which it is nothing.
_NOTHING = 5.0
# Tilt that a few wrong labels may have left unnoticed.
_NOISY_TILT = 1e-3
# Weak sightings after which the rank is left open.
_MOST_WEAK = 8
# Searches gone astray after which going on would waste queries.
_MOST_CONTRADICTIONS = 50
# Moves from one boundary point, and points moved at once.
_MOVES_EACH, _MOVED_AT_ONCE = 32, 4
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
        self.points = BoundaryPoints(self.door, bench.law, bench.randomness)
        """Where boundary points come from."""
        self.scene: Scene | None = None
        self.quiet = 0
        """Moves without effect since the last one with."""
        self.moved = 0
        """Moves in all."""
        self.weak: list[float] = []
        """Sizes, relative to noise and tilt, of what was too weak to be taken or left."""
        self.dropped_in_a_row = 0
        self.counts = {"normals": 0, "dropped": 0, "spoiled": 0, "contradictions": 0}
        """Figures for the report."""
        self.finished = False
        """True if enough moves showed nothing, or nothing is left."""
        self.stopped = ""
        """Why it ended without that."""
        self.answered: int | None = None
        """Directions that answered at fresh points."""
        self.checked = False
        """True once all checks were made."""
        self.tilt_seen = float("nan")
        """See `label_checks`."""
        self._nothing_near = False

    def survey(self) -> None:
        """Find out what kind of boundary this is."""
        with self.bench.session.phase("boundary"):
            points = self.points.drawn("labels/survey", _SURVEYED, self.complement)
            if not len(points):
                self.stopped = "no boundary between two labels could be measured"
                return
            rng = self.bench.randomness.step("labels/scene")
            self.scene = survey(self.door, points, self.complement, self.points.scale, rng)

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
                best = self.points.best(self.complement, self.tilt)
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
            points = self.points.drawn("labels/checks", _CHECKED, self.complement)
            rng = self.bench.randomness.step("labels/tilt")
            blur, law = self.scene.blur, self.bench.law
            reach = self.points.step
            self.answered = int(remeasured(self.door, points, self.complement, reach, blur).sum())
            self.tilt_seen = seen_tilt(self.door, law, points, self.complement, blur, rng)
        self.checked = True

    @property
    def moves_wanted(self) -> int:
        """Moves that must show nothing."""
        if self.bench.settings.moves is not None:
            return self.bench.settings.moves
        share = _MOVES_SHARE * self.bench.session.spent / _LABELS_PER_MOVE
        return max(_LEAST_MOVES, int(share))

    def _moved_candidate(self) -> Candidates | None:
        """A boundary point that long moves lead to; None if they show nothing (perhaps for long enough)."""
        assert self.scene is not None
        points = self.points.drawn("labels/moves", _MOVED_AT_ONCE, self.complement, wide=True)
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
            parts = coarse_parts(self.door, crossing, found, self.points.step, slope)
        if isinstance(result, Unusable):
            self._drop(result)
        else:
            self._accept(result, parts)

    def _precision(self, point: Candidates) -> Precision:
        """How finely slopes are wanted at a point of a flat piece."""
        assert self.scene is not None
        step, slope = self.scene.step, float(point.slope[0])
        # rounding grows with |x|
        far = max(1.0, float(np.linalg.norm(point.crossings.points)) / self.points.scale)
        blur = far * self.scene.blur * float(point.total[0])
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
        if self.counts["contradictions"]:
            explained = max(explained, _NOISY_TILT)
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
        if self.counts["contradictions"] >= _MOST_CONTRADICTIONS:
            self.stopped = "too many labels contradict one another"
        elif len(self.weak) >= _MOST_WEAK:
            self.stopped = f"{len(self.weak)} directions are too weak to be told from errors"
        elif self.dropped_in_a_row >= _MOST_DROPPED:
            self.stopped = f"{self.dropped_in_a_row} boundary points in a row could not be measured"
