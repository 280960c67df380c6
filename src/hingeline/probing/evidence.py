"""What the doctor collects before it concludes: every answer, and what it was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import OutsideDomain, QueryFailed
from hingeline.oracles.session import QuerySession
from hingeline.probing.ground import Ground
from hingeline.probing.heads import Head
from hingeline.probing.ladder import RUNGS, Ladder, Steps
from hingeline.probing.resolution import Resolution


@dataclass(frozen=True)
class Repeats:
    """What came back when known rows were asked again."""

    same: bool
    """The row, asked alone twice, gave the same bits."""
    spread: float
    """Standard deviation of the answers to one row, raw output units."""
    batch_change: float
    """Largest change of an answer when the batch around its row changed, raw output units."""


@dataclass(frozen=True, eq=False)
class RawLadder:
    """One ladder as answered, before the head is undone."""

    points: FloatArray
    """Shape "7 d"."""
    answers: FloatArray
    """Shape "7 k"."""
    steps: Steps
    """Relative step lengths."""

    def read(self, head: Head, resolution: Resolution, spread: float) -> Ladder | None:
        """The ladder in values; None if some of its answers give none."""
        if not head.usable(self.answers).all():
            return None
        error = answer_error(self.answers, resolution, spread)
        errors = head.value_error(self.answers, error, resolution.unit)
        norm = float(np.linalg.norm(self.points[0]))
        return Ladder(norm, head.values(self.answers), float(np.median(errors)), self.steps)


class Evidence:
    """A notebook: filled while asking, read when concluding.

    Attributes:
        survey: Points asked first, ordered by norm: "n d".
        survey_answers: Their answers: "n k".
        repeats: What came back when known rows were asked again; None until asked.
        far: Answers on a ray far out at norms r and 1.5 r, then on the opposite ray; None if not there.
        far_failure: What the door said if it refused to answer far out.
        ladders: Short straight ladders, as answered.
        curvature_confirmed: Whether a suspected curvature held at a further step; None if not asked.
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
        self.curvature_confirmed: bool | None = None
        self.flat_beyond: tuple[float, float] | None = None
        self.complete = False
        self._before = session.spent

    @property
    def rows(self) -> int:
        """Rows asked since this notebook was opened."""
        return self.session.spent - self._before

    @property
    def spread(self) -> float:
        """Deviation between answers to one row, asked again or in another batch; 0 if not tested."""
        return float(np.hypot(self.repeats.spread, self.repeats.batch_change / 2)) if self.repeats else 0.0

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
            self.ladders.append(RawLadder(points[rows], answers[rows], steps))

    def all_answers(self) -> FloatArray:
        """Every answer so far: "n k"."""
        return np.concatenate(self.answers)


def answer_error(answers: FloatArray, resolution: Resolution, spread: float) -> FloatArray:
    """Standard deviation of raw answers known beforehand: rounding, and the spread of repeats.

    The spread comes from a handful of repeats, so only 0.6 of it is taken for granted.
    """
    return np.hypot(resolution.rounding(np.abs(answers)), 0.6 * spread)
