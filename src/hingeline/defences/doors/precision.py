"""Answers, or inputs, in a smaller float type.

A door that casts its inputs answers as the same model at a nearby point: f(cast(x)). It does not say so in
its spec, as a service that casts in silence does not either; steps below the type's spacing change nothing.
Cost: one pass over the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.order import need_all_scores
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.row_memory import as_sent

TYPES = ("float32", "float16")


@dataclass(frozen=True)
class Precision(Defence):
    """Answers cast to a float type; or inputs, before the model is asked.

    Raises:
        InvalidInput: No such type.
    """

    dtype: str = "float32"
    """float32 or float16."""
    inputs: bool = False
    """Cast the inputs, and leave the answers as they come."""

    def __post_init__(self) -> None:
        if self.dtype not in TYPES:
            raise InvalidInput(f"precision must be one of {', '.join(TYPES)}; got {self.dtype!r}")

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"{self.dtype}-inputs" if self.inputs else self.dtype

    @property
    def words(self) -> str:
        """For tables."""
        return f"inputs as {self.dtype}" if self.inputs else f"answers as {self.dtype}"

    @property
    def follows_scores(self) -> bool:
        """True: scores as near as the type's spacing allows, whether they or the inputs are cast."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door in that precision; `seed` is not used. A score beyond the type's range becomes infinite.

        Raises:
            InvalidInput: Answers are to be cast, and the door inside answers labels or its largest logits.
        """
        if self.inputs:
            return _InputsCast(oracle, self)
        need_all_scores(oracle, self.text)
        return _AnswersCast(oracle, self)


class _AnswersCast(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Precision) -> None:
        super().__init__(inner, defence.words)
        self._dtype = defence.dtype

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        # A service of that precision answers infinity here, and the session says so.
        with np.errstate(over="ignore"):
            return answers.astype(self._dtype).astype(np.float64)


class _InputsCast(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Precision) -> None:
        super().__init__(inner, defence.words)
        self._dtype = defence.dtype

    def query(self, points: FloatArray) -> FloatArray:
        """Answers at the cast points.

        Raises:
            OutsideDomain: A number that the type cannot hold.
        """
        return self.inner.query(as_sent(points, self._dtype).astype(np.float64))

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        return answers
