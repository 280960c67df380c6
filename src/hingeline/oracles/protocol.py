"""What a door is: a spec and `query`. Noise, defences, caches and replays wrap one and are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from hingeline.core.arrays import FloatArray

Answers = Literal["auto", "logits", "probabilities", "labels"]


@dataclass(frozen=True)
class OracleSpec:
    """What is known about a door before anything is asked."""

    name: str
    """Stable description for people and for the journal's fingerprint; holds no secret."""
    input_dim: int
    """Numbers in one query row."""
    output_dim: int | None = None
    """Numbers in one answer row; None until the first answer."""
    answers: Answers = "auto"
    """What the user says the answers are; the doctor decides where it is "auto"."""
    dtype: str = "float64"
    """Precision the inputs are cast to before they are sent."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest value an input coordinate may take; None if free."""
    max_batch: int | None = None
    """Most rows in one call; None if free."""
    remote: bool = False
    """True if queries leave this machine's process; such targets need authorisation unless on loopback."""


@runtime_checkable
class Oracle(Protocol):
    """A network we may only ask."""

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        ...

    def query(self, points: FloatArray) -> FloatArray:
        """Answers at `points`: "n d" to "n k", float64. Called by a QuerySession only."""
        ...


@runtime_checkable
class OracleWithIds(Oracle, Protocol):
    """A door that passes a request's id on, so that a target need not work twice on a request sent twice."""

    def query_with_id(self, points: FloatArray, request_id: str) -> FloatArray:
        """Like `query`; the same id always comes with the same points."""
        ...
