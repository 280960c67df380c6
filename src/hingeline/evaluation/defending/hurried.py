"""A door that closes after some time, so that no attack holds up a whole grid."""

from __future__ import annotations

import time

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.oracles.protocol import Oracle, OracleSpec


class OutOfTime(BudgetExhausted):
    """The time that the judge gives an attack is over.

    Args:
        seconds: The limit.
        wanted: Rows of the refused request.
    """

    def __init__(self, seconds: float, wanted: int) -> None:
        super().__init__(limit=0, spent=0, wanted=wanted, phase="time")
        self.args = (f"the {seconds:g} seconds that one attack may take are over",)


class Hurried:
    """An oracle that answers for so many seconds after it was made.

    What an attack computes between two questions is not interrupted.

    Args:
        inner: The door.
        seconds: The limit.
    """

    def __init__(self, inner: Oracle, seconds: float) -> None:
        self._inner, self._seconds = inner, seconds
        self._end = time.monotonic() + seconds

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._inner.spec

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the door inside.

        Raises:
            OutOfTime: The time is over; nothing was asked.
        """
        if time.monotonic() > self._end:
            raise OutOfTime(self._seconds, len(points))
        return self._inner.query(points)
