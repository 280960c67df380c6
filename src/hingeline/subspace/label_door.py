"""Labels as whole numbers, and which side of a boundary a point lies on.

A door that answers labels gives one column of whole numbers or one-hot rows; of several scores the largest
is the label, as any user of the door would read them. Points outside the domain are never asked.

Cost: one query for each point inside the domain.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import UnsupportedOracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.domain import Domain
from hingeline.subspace.laws import BoxLaw, FreeLaw

INSIDE, OUTSIDE, NEITHER = 1, -1, 0
"""Sides of a boundary between two labels; a third label, or a point outside the domain, is neither."""


class LabelDoor:
    """Asks a session for labels.

    Args:
        session: Where queries go and are counted.
        law: Where may be asked, in input coordinates.
    """

    def __init__(self, session: QuerySession, law: FreeLaw | BoxLaw) -> None:
        self.session = session
        self._law = law
        dtype = np.dtype(session.oracle.spec.dtype)
        self.epsilon = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
        """Rounding of an input that is sent."""

    @property
    def dim(self) -> int:
        """Numbers in one input."""
        return self.session.input_dim

    def holds(self, points: FloatArray) -> BoolArray:
        """Which points may be asked: "n d" to "n"."""
        middle = self._law.centre if isinstance(self._law, BoxLaw) else None
        if middle is None:
            return self._law.domain.holds(points)
        box, ball = Domain(half_width=self._law.domain.half_width), Domain(self._law.domain.radius)
        return box.holds(points - middle) & ball.holds(points)

    def labels(self, points: FloatArray, *, fresh: bool = False) -> IntArray:
        """The label of each point, all inside the domain: "n d" to "n".

        Raises:
            UnsupportedOracle: The answers are neither whole numbers nor rows of scores.
        """
        answers = self.session.ask(points, fresh=fresh)
        if answers.shape[1] > 1:
            return answers.argmax(axis=1).astype(np.int64)
        labels = np.rint(answers[:, 0])
        if not np.array_equal(labels, answers[:, 0]):
            name = self.session.oracle.spec.name
            raise UnsupportedOracle(f"{name} answers one real number, which is no label; want whole numbers")
        return labels.astype(np.int64)

    def sides(self, points: FloatArray, inside: IntArray, outside: IntArray) -> IntArray:
        """Whether each point has the label `inside` (1), `outside` (-1) or neither (0).

        Args:
            points: Shape "n d".
            inside: One label for each point, shape "n".
            outside: The other, shape "n".
        """
        sides = np.full(len(points), NEITHER, dtype=np.int64)
        allowed = self.holds(points)
        labels = self.labels(points[allowed])
        sides[allowed] = INSIDE * (labels == inside[allowed]) + OUTSIDE * (labels == outside[allowed])
        return sides

    def repeats(self, points: FloatArray) -> bool:
        """True if the same points get the same labels when asked again; twice as many queries as points."""
        return bool(np.array_equal(self.labels(points), self.labels(points, fresh=True)))
