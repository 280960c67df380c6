"""What can be chosen about a span recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["auto", "complement", "central", "pairs", "gaussian", "labels", "rank"]
METHODS: tuple[Method, ...] = ("auto", "complement", "central", "pairs", "gaussian", "labels", "rank")


@dataclass(frozen=True)
class SpanSettings:
    """Frozen settings of one span recovery; the defaults are right for most."""

    method: Method = "auto"
    """How directions are found; "auto" chooses from the doctor's card and says why."""
    polish: bool = False
    """Measure once more with differences on both sides for the last two digits: about 3 times the queries."""
    moves: int | None = None
    """Long moves outside the span that must show nothing before it is called exact; None: about 1 % of the
    price, at least 48."""
    confidence: float = 0.95
    """Of the bound on directions that no move has shown."""
    points: int | None = None
    """Gradients of the methods "gaussian", "central" and "pairs"; None: as many as it takes."""
    step: float | None = None
    """Fixed step of the method "gaussian", in input units; None: 1e-4 of a typical coordinate."""
    quantum: float | None = None
    """Inputs must be multiples of this (8-bit images: 1/255); None if free."""
    active_points: int = 0
    """Fresh gradients for the active subspace (what matters most), beside the exact span; 0: left out."""
