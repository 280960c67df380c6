"""What the stages of an audit stand on: the door, the call, the card, and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.auditing.call import AuditCall
from hingeline.auditing.door import SharedDoor
from hingeline.auditing.record import Line, Source, Usage
from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import EventSink
from hingeline.core.outcome import Finding
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.probing.card import DoctorCard
from hingeline.subspace.answer_reading import AnswerReading

NO_BUDGET = "Too little was left of the budget."
"""Why a stage was left out that could have been done."""
DEVIATIONS = 6.0
"""Of the door's noise, which no answer strays by."""


@dataclass(frozen=True)
class Done:
    """What a stage brings before its price is known."""

    finding: Finding[Any] | None = None
    source: Source = Source.DOOR
    left_out: str = ""
    starved: bool = False
    facts: dict[str, Any] | None = None
    doubt: str = ""


@dataclass
class Ground:
    """What the stages share, and what they have found so far."""

    door: SharedDoor
    call: AuditCall
    card: DoctorCard
    seed: int
    budget: int | None
    journal: Journal | None
    on_event: EventSink
    copy: PiecewiseLinearNetwork | None = None
    copy_gap: float = 0.0
    """By how much the copy was off at most where it was verified, in the door's values."""
    usage: Usage | None = None
    line: Line | None = None
    last: bool = False
    """Whether nothing comes after this stage, so that it may use all that is left."""
    hidden: Finding[Any] | None = None
    """The inputs that the network cannot tell from given ones, as `obfuscate` returned them."""

    def spread(self, number: int) -> IntArray:
        """Up to so many of the given inputs, spread evenly over them: a file may be sorted by class."""
        have = self.call.inputs
        return np.unique(np.linspace(0, have - 1, min(number, have)).round().astype(np.int64))

    @property
    def reading(self) -> AnswerReading:
        """How answers of the door are read."""
        return AnswerReading(self.card.answers == "labels", self.card.head)

    def classes(self, answers: FloatArray) -> IntArray:
        """The door's decisions, "n k" to "n"; a single value is compared with the threshold."""
        threshold = self.call.settings.threshold
        if answers.shape[1] == 1 and threshold and not self.reading.gives_labels:
            values = self.card.head.values(answers) if self.card.head.kind == "sigmoid" else answers
            return (values[:, 0] > threshold).astype(np.int64)
        return self.reading.labels(answers)

    def affords(self, rows: int) -> bool:
        """Whether so many questions fit the budget."""
        return self.door.remaining is None or self.door.remaining >= rows
