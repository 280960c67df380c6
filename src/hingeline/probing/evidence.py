"""What the doctor collects before it concludes: every answer, and what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import OutsideDomain, QueryFailed
from hingeline.oracles.session import QuerySession
from hingeline.probing.ground import Ground
from hingeline.probing.heads import Head
from hingeline.probing.ladder import RUNGS, Ladder, Rung, Steps
from hingeline.probing.resolution import Resolution


@dataclass(frozen=True, eq=False)
class Repeats:
    """What came back when known rows were asked again."""

    runs: FloatArray
    """Answers to one row: among the survey, alone, alone again, in a pair; shape "4 k"."""
    other: FloatArray
    """Answers to a second row: among the survey, in the pair; shape "2 k"."""

    @property
    def same(self) -> bool:
        """The row, asked alone twice, gave the same bits."""
        return bool(np.array_equal(self.runs[1], self.runs[2]))

    def spread(self, head: Head) -> float:
        """Standard deviation of the values of one row; 0 if it repeats."""
        if self.same:
            return 0.0
        runs, other = self._values(head)
        squares = np.sum((runs - runs.mean(axis=0)) ** 2) + np.sum((other - other.mean(axis=0)) ** 2)
        # Three and one degrees of freedom for each output.
        return float(np.sqrt(squares / (4 * runs.shape[1])))

    def batch_change(self, head: Head) -> float:
        """Largest change of a value when only the batch around its row changed; 0 if rows do not repeat."""
        if not self.same:
            return 0.0
        runs, other = self._values(head)
        return float(max(np.abs(runs - runs[1]).max(), np.abs(other[1] - other[0]).max()))

    def _values(self, head: Head) -> tuple[FloatArray, FloatArray]:
        if head.usable(np.concatenate([self.runs, self.other])).all():
            return head.values(self.runs), head.values(self.other)
        return self.runs, self.other


@dataclass(frozen=True, eq=False)
class RawLadder:
    """One ladder as answered, before the head is undone."""

    points: FloatArray
    """Shape "7 d"."""
    answers: FloatArray
    """Shape "7 k"."""
    steps: Steps
    """Relative step lengths."""
    further_points: FloatArray
    """Pairs of points asked later, forward and back at one step length: "2m d"."""
    further_answers: FloatArray
    """Their answers: "2m k"."""

    @property
    def norm(self) -> float:
        """|x| of the middle point."""
        return float(np.linalg.norm(self.points[0]))

    def read(self, head: Head, resolution: Resolution, uncertainty: float) -> Ladder | None:
        """The ladder in values; None if some of its answers give none.

        Args:
            head: How answers become values.
            resolution: How finely answers arrive.
            uncertainty: Deviation of a value that shows when rows are asked again.
        """
        if not self.usable(head):
            return None
        rounding = float(np.median(head.rounding(self.answers, resolution)))
        values = head.values(self.answers)
        width = float(np.linalg.norm(self.points[1] - self.points[0]))
        rungs = tuple(self._rungs(head, values[0])) if len(self.further_points) else ()
        return Ladder(self.norm, values, known_error(rounding, uncertainty), self.steps, width, rungs)

    def usable(self, head: Head) -> bool:
        """Whether all answers give values."""
        return bool(head.usable(self.answers).all() and head.usable(self.further_answers).all())

    def pair(self, length: float) -> FloatArray:
        """The two points at step `length` (input units) on the line of this ladder: "2 d"."""
        step = self.points[1] - self.points[0]
        return self.points[0] + np.array([[1.0], [-1.0]]) * step * (length / np.linalg.norm(step))

    def with_further(self, points: FloatArray, answers: FloatArray) -> RawLadder:
        """The same ladder with pairs of points added."""
        return replace(self, further_points=points, further_answers=answers)

    def _rungs(self, head: Head, middle: FloatArray) -> Iterator[Rung]:
        values = head.values(self.further_answers)
        for i in range(0, len(values), 2):
            length = float(np.linalg.norm(self.further_points[i] - self.points[0]))
            yield Rung(length, values[i] + values[i + 1] - 2 * middle)


class Evidence:
    """A notebook: filled while asking, read when concluding.

    Attributes:
        survey: Points asked first, ordered by norm: "n d".
        survey_answers: Their answers: "n k".
        repeats: What came back when known rows were asked again; None until asked.
        far: Answers on a ray far out at norms r and 1.5 r, then on the opposite ray; None if not there.
        far_failure: What the door said if it refused to answer far out.
        ladders: Short straight ladders, as answered.
        flat_beyond: Coordinates beyond which answers no longer change.
        complete: True once every question of the examination was asked.
    """

    def __init__(self, session: QuerySession, ground: Ground) -> None:
        self.session = session
        self.ground = ground
        self.answers: list[FloatArray] = []
        self.survey = np.zeros((0, ground.input_dim))
        self.survey_answers = np.zeros((0, 1))
        self.repeats: Repeats | None = None
        self.far: FloatArray | None = None
        self.far_failure = ""
        self.ladders: list[RawLadder] = []
        self.flat_beyond: tuple[float, float] | None = None
        self.complete = False
        self._before = session.spent

    @property
    def rows(self) -> int:
        """Rows asked since this notebook was opened."""
        return self.session.spent - self._before

    def uncertainty(self, head: Head, norm: float = np.inf) -> float:
        """Deviation at inputs of `norm` that shows when rows are asked again; 0 if not tested.

        Noise is the same everywhere. A change with the batch is a change in the order of additions (or in
        some average), which is larger where values are: it is taken in proportion to the norm.
        """
        if self.repeats is None:
            return 0.0
        share = min(1.0, norm / self.ground.scale)
        return float(np.hypot(self.repeats.spread(head), share * self.repeats.batch_change(head) / 2))

    def ask(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Ask and remember the answers."""
        answers = self.session.ask(points, fresh=fresh)
        self.answers.append(answers)
        return answers

    def ask_far(self, points: FloatArray) -> FloatArray | None:
        """Ask where the door may refuse: None, and the reason remembered, if it does.

        A door that has died altogether fails on the next ordinary question and is reported there.
        """
        try:
            return self.ask(points)
        except (QueryFailed, OutsideDomain) as failure:
            self.far_failure = str(failure)
            return None

    def keep_ladders(self, points: FloatArray, answers: FloatArray, steps: Steps) -> None:
        """Write down ladders asked together, seven rows each."""
        for start in range(0, len(points), RUNGS):
            rows = slice(start, start + RUNGS)
            self.ladders.append(RawLadder(points[rows], answers[rows], steps, points[:0], answers[:0]))

    def all_answers(self) -> FloatArray:
        """Every answer so far: "n k"."""
        return np.concatenate(self.answers)


def known_error(rounding: float, uncertainty: float) -> float:
    """Deviation of a value known beforehand.

    The uncertainty comes from a handful of repeats, so only 0.6 of it is taken for granted.
    """
    return float(np.hypot(rounding, 0.6 * uncertainty))
