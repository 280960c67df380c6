"""The grid: defences down, what each costs and leaves across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.figure_data import Axis, Curve, Curves, Figure
from hingeline.evaluation.defending.choosing import UNDEFENDED
from hingeline.evaluation.defending.knee import knee
from hingeline.evaluation.defending.leak import Leak
from hingeline.evaluation.defending.robustness import Robustness
from hingeline.evaluation.defending.span_leak import SpanLeak
from hingeline.evaluation.defending.utility import Utility
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True)
class DefenceRow:
    """One defence over all seeds.

    Attributes:
        text: As it is typed; "none" for the undefended model.
        words: For people.
        utility: What it costs users.
        leak: Extractions through it; None if not measured.
        span: Searches for the span through it; None if not measured.
        robustness: Who stands; None if not measured.
        notes: What a reader should know.
    """

    text: str
    words: str
    utility: Utility
    leak: Leak | None
    span: SpanLeak | None
    robustness: Robustness | None
    notes: tuple[str, ...] = ()

    @property
    def leaked(self) -> float | None:
        """What an outsider got, in [0, 1]: the larger share of neurons and of input directions.

        None where neither of our attacks could work with the answers: nothing is known then.
        """
        shares = [part.share for part in (self.leak, self.span) if part is not None and part.attempted]
        known = [share for share in shares if share is not None]
        return max(known) if known else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "defence": self.text,
            "leaked": self.leaked,
            "words": self.words,
            "utility": self.utility.to_dict(),
            "leak": None if self.leak is None else self.leak.to_dict(),
            "span": None if self.span is None else self.span.to_dict(),
            "robustness": None if self.robustness is None else self.robustness.to_dict(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class DefenceGrid:
    """What each defence buys.

    Attributes:
        target: Name of what is defended.
        rows: The undefended model first.
        norm: How changes are measured.
        radius: Size of the changes an attacker may make.
        radius_words: Where that size comes from.
        seeds: Repetitions of everything.
        inputs: Inputs that users ask about.
        attacked: The first so many of them are attacked.
        labelled: Whether their true classes were told; if not, the model's own decisions are wanted.
        left_out: What was not measured, and why.
    """

    target: str
    rows: tuple[DefenceRow, ...]
    norm: Norm
    radius: float
    radius_words: str
    seeds: int
    inputs: int
    attacked: int
    labelled: bool
    left_out: tuple[str, ...] = ()

    @property
    def knee(self) -> DefenceRow | None:
        """The defence that pays best, in utility lost against leak prevented; None where no curve bends."""
        judged = [(row, row.leaked) for row in self.rows if row.leaked is not None]
        if len(judged) < 2:
            return None
        lost = np.array([row.utility.cost for row, _ in judged])
        prevented = np.array([1.0 - leaked for _, leaked in judged])
        place = knee(lost, prevented)
        found = None if place is None else judged[place][0]
        return None if found is None or found.text == UNDEFENDED else found

    def row(self, text: str) -> DefenceRow:
        """The row of one defence.

        Raises:
            KeyError: There is none.
        """
        for row in self.rows:
            if row.text == text:
                return row
        raise KeyError(text)

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready."""
        return {
            "target": self.target,
            "defences": len(self.rows) - 1,
            "seeds": self.seeds,
            "norm": self.norm,
            "radius": self.radius,
            "knee": None if self.knee is None else self.knee.text,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            **self.summary(),
            "radius_words": self.radius_words,
            "inputs": self.inputs,
            "attacked": self.attacked,
            "labelled": self.labelled,
            "rows": [row.to_dict() for row in self.rows],
            "left_out": list(self.left_out),
        }

    def figures(self) -> tuple[Figure, ...]:
        """Utility lost against what our attacks no longer find, one dot for each defence."""
        known = [(row, row.leaked) for row in self.rows if row.leaked is not None]
        if not known:
            return ()
        unread = [row.text for row in self.rows if row.leaked is None]
        told = "" if self.knee is None else f" The knee is {self.knee.text}."
        if unread:
            told += f" Not drawn, for our attacks cannot read their answers: {', '.join(unread)}."
        return (
            Curves(
                "defences",
                "What each defence costs users, and which share of neurons and input directions our attacks "
                f"then do not find.{told}",
                Axis("utility lost: decisions changed + confidence lost", from_zero=True),
                Axis("share not found by our attacks", from_zero=True),
                tuple(
                    Curve(
                        f"{row.text} (knee)" if row is self.knee else row.text,
                        (row.utility.cost,),
                        (1.0 - leaked,),
                        joined=False,
                    )
                    for row, leaked in known
                ),
            ),
        )
