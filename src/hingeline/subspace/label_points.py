"""Where boundary points come from: segments between points of different labels, and the best of them.

Cost: 2 queries for each segment, about 90 for a point with its coarse estimates.
Source: our own design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import RecoveryError
from hingeline.core.randomness import Randomness
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_boundary import Crossings, segments
from hingeline.subspace.label_candidates import Candidates, assess, pays
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_tilt import Tilt
from hingeline.subspace.laws import BoxLaw, FreeLaw

# Points drawn at once for each 4 segments: half of them make segments if labels are balanced.
_DRAW = 8
# Batches of points with one label only, before known points are paired instead.
_PATIENCE = 8
# Steps for coarse estimates, as a share of |x|: short against pieces, long against what is to be resolved.
_COARSE_STEP = 3e-3
# Queries of one candidate, as far as choosing goes.
_CANDIDATE_LABELS = 90.0
# Candidates drawn at once where the best of several is wanted.
_GROUP = 4
# Groups that show nothing outside V before long moves are the better judges.
_MISSES = 2


class BoundaryPoints:
    """Draws boundary points.

    Args:
        door: Where to ask.
        law: Where to look.
        randomness: Draws points and directions.
    """

    def __init__(self, door: LabelDoor, law: FreeLaw | BoxLaw, randomness: Randomness) -> None:
        self._door, self._law, self._randomness = door, law, randomness
        self.known: FloatArray = np.zeros((0, door.dim))
        """Points asked for a second label; of both labels once there are two."""
        self.labels_met: IntArray = np.zeros(0, dtype=np.int64)
        """Their labels."""
        self.count = 0
        """Segments drawn."""
        self._group = 1

    @property
    def scale(self) -> float:
        """Typical |x|."""
        return self._law.unit * float(np.sqrt(self._door.dim))

    @property
    def step(self) -> float:
        """Step of coarse estimates, input units."""
        return _COARSE_STEP * self.scale

    def meet(self, points: FloatArray) -> bool:
        """Ask points; True once two labels have been met."""
        labels = self._door.labels(points)
        self.known = np.concatenate([self.known, points])
        self.labels_met = np.concatenate([self.labels_met, labels])
        return len(np.unique(self.labels_met)) > 1

    def drawn(
        self, name: str, count: int, complement: Complement, tilt: Tilt | None = None, *, wide: bool = False
    ) -> Candidates:
        """Boundary points with their coarse estimates, at most `count`.

        Args:
            name: Of the step that draws.
            count: Points wanted.
            complement: V and B.
            tilt: See `assess`.
            wide: Draw the ends of segments from more scales.
        """
        rng = self._randomness.step(name, self.count)
        found = self._segments(count, rng, wide=wide)
        self.count += len(found)
        return assess(self._door, found, complement, self.step, rng, tilt=tilt)

    def best(self, complement: Complement, tilt: Tilt) -> Candidates | None:
        """The boundary point with the smallest amplification of errors; None if none is new."""
        rank, outside = complement.rank, complement.rest.shape[1]
        found: list[Candidates] = []
        amplifications = np.zeros(0)
        misses = 0
        while misses < _MISSES:
            drawn = self.drawn("labels/candidates", self._group, complement, tilt)
            found += [drawn.only(i) for i in range(len(drawn))]
            amplifications = np.concatenate([amplifications, drawn.amplification])
            if not np.isfinite(amplifications).any():
                misses, self._group = misses + 1, _GROUP
            elif not pays(amplifications, rank, outside, _CANDIDATE_LABELS):
                break
        self._group = _GROUP if len(found) > 2 else 1
        if not np.isfinite(amplifications).any():
            return None
        return found[int(np.argmin(amplifications))]

    def _segments(self, count: int, rng: np.random.Generator, *, wide: bool) -> Crossings:
        """Segments between fresh points of different labels; known ones help where these have one."""
        draw = self._law.wide if wide else self._law.points
        for _ in range(_PATIENCE):
            points = draw(rng, _DRAW * -(-count // 4))
            found = segments(points, self._door.labels(points), count, rng)
            if len(found):
                return found
        # a rare label was met among the known points: pair it with fresh ones of the other
        points = np.concatenate([draw(rng, _DRAW), self._rare()])
        found = segments(points, self._door.labels(points), count, rng)
        if not len(found):
            raise RecoveryError("no two points of different labels could be paired")
        return found

    def _rare(self) -> FloatArray:
        """Known points of each label, at most a few."""
        rows = [np.flatnonzero(self.labels_met == label)[:_DRAW] for label in np.unique(self.labels_met)]
        return self.known[np.concatenate(rows)]
