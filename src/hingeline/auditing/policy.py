"""Policies: what an audit must not find, as typed behind `--fail-on`.

A policy names a measure, a comparison and a number, such as `leak.layers>=1`; it is broken if that is so. A
measure that the audit could not establish breaks nothing and is not passed either: it is told as not judged.
So is one that is known from one side only, such as what leaked before the budget ended, unless all it may
still be says the same.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hingeline.auditing.measures import MEASURES, AtLeast, AtMost, Undecided
from hingeline.core.errors import InvalidInput

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_POLICY = re.compile(r"\s*([a-z][a-z.]*)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*")


class Verdict(StrEnum):
    """What became of a policy."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Policy:
    """One condition that must not hold."""

    text: str
    """As it was typed."""
    measure: str
    comparison: str
    limit: float

    @classmethod
    def read(cls, text: str) -> Policy:
        """A policy from its text.

        Raises:
            InvalidInput: Not of the form MEASURE>=NUMBER, or no such measure.
        """
        found = _POLICY.fullmatch(text)
        if found is None:
            raise InvalidInput(
                f"{text!r} is no policy; want a measure, a comparison and a number, such as 'leak.layers>=1'"
            )
        name, comparison, number = found.groups()
        if name not in MEASURES:
            close = difflib.get_close_matches(name, MEASURES, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InvalidInput(f"no measure is called {name!r}; {hint}Known are: {', '.join(MEASURES)}")
        try:
            limit = float(number)
        except ValueError as error:
            raise InvalidInput(f"{text!r}: {number!r} is not a number") from error
        if not math.isfinite(limit):
            raise InvalidInput(f"{text!r}: the limit must be a finite number")
        return cls(text.strip(), name, comparison, limit)

    def judge(self, measures: Mapping[str, float | None]) -> JudgedPolicy:
        """What the measures of an audit say."""
        seen = measures.get(self.measure)
        if seen is None:
            return JudgedPolicy(self, Verdict.NOT_JUDGED, None)
        broken = _COMPARISONS[self.comparison](seen, self.limit)
        open_above = isinstance(seen, AtLeast) and not self._holds_above(seen, broken=broken)
        open_below = isinstance(seen, AtMost) and not self._holds_below(seen, broken=broken)
        if open_above or open_below or isinstance(seen, Undecided):
            return JudgedPolicy(self, Verdict.NOT_JUDGED, seen)
        return JudgedPolicy(self, Verdict.BROKEN if broken else Verdict.KEPT, seen)

    def _holds_above(self, seen: float, *, broken: bool) -> bool:
        """Whether every larger number would be judged like `seen`, the least that the measure can be."""
        if self.comparison in (">", ">="):
            return broken
        if self.comparison in ("<", "<="):
            return not broken
        return seen > self.limit

    def _holds_below(self, seen: float, *, broken: bool) -> bool:
        """Whether every smaller number would be judged like `seen`, the most that the measure can be."""
        if self.comparison in ("<", "<="):
            return broken
        if self.comparison in (">", ">="):
            return not broken
        return seen < self.limit


@dataclass(frozen=True)
class JudgedPolicy:
    """A policy and what became of it."""

    policy: Policy
    verdict: Verdict
    seen: float | None
    """The measure; None if the audit could not establish it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = {"policy": self.policy.text, "verdict": str(self.verdict), "seen": self.seen}
        return told | {"at_least": self.at_least}

    @property
    def at_least(self) -> bool:
        """Whether the measure may be larger than what was seen."""
        return isinstance(self.seen, AtLeast)

    @property
    def seen_words(self) -> str:
        """The number that was seen, with the side on which it is open."""
        if self.seen is None:
            return "not established"
        number = f"{float(self.seen):g}"
        match self.seen:
            case AtLeast():
                return f"at least {number}"
            case AtMost():
                return f"at most {number}"
            case Undecided():
                return f"{number}, but that is not decided"
            case _:
                return number

    def __str__(self) -> str:
        return f"{self.policy.text}: {self.verdict} ({self.policy.measure} is {self.seen_words})"


def read_policies(texts: Iterable[str]) -> tuple[Policy, ...]:
    """Policies from what was typed; commas separate several.

    Raises:
        InvalidInput: One of them cannot be read.
    """
    return tuple(Policy.read(part) for text in texts for part in text.split(",") if part.strip())
