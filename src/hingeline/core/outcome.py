"""What every verb returns: a value, how it ended, the evidence, the price, the circumstances."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np

from hingeline.core.errors import NotComplete
from hingeline.core.version import __version__

T = TypeVar("T")


def library_versions() -> dict[str, str]:
    """What this runs on."""
    return {"hingeline": __version__, "numpy": np.__version__, "python": platform.python_version()}


class Status(StrEnum):
    """How a verb ended."""

    COMPLETE = "complete"
    """Everything found and verified on fresh queries; the only status that is `ok`."""
    EQUIVALENT = "equivalent"
    """The function is right and verified, but some parameters are not decided (named in the reason)."""
    PARTIAL = "partial"
    """Some parts found; what is missing is named."""
    BUDGET_SPENT = "budget spent"
    """The budget ended first; what was found is kept."""
    INCONCLUSIVE = "inconclusive"
    """The self-check failed or the answers do not allow a conclusion."""
    REFUSED = "refused"
    """The target is not of the kind this verb can treat; the reason says why."""


@dataclass(frozen=True)
class Outcome:
    """How a verb ended, and what to do about it."""

    status: Status
    reason: str
    """One sentence for people."""
    advice: str = ""
    """What to try or type next; may be empty."""

    @property
    def ok(self) -> bool:
        """True only if the result is complete and verified."""
        return self.status is Status.COMPLETE

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}" + (f" {self.advice}" if self.advice else "")


@dataclass(frozen=True)
class Spending:
    """Rows asked and seconds used, by phase."""

    queries: int
    seconds: float
    queries_by_phase: Mapping[str, int] = field(default_factory=dict[str, int])
    seconds_by_phase: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Provenance:
    """What is needed to do it again."""

    verb: str
    target: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sources: tuple[str, ...] = ()
    """Papers the used methods come from."""
    started: float = field(default_factory=time.time)
    """Unix time."""
    versions: Mapping[str, str] = field(default_factory=library_versions)


@dataclass(frozen=True)
class Finding(Generic[T]):
    """What every verb returns."""

    value: T | None
    outcome: Outcome
    evidence: Mapping[str, Any]
    """Residuals, witnesses, checks; JSON-ready values."""
    spending: Spending
    provenance: Provenance
    lower_layers: T | None = None
    """Where there is no whole value: the layers found, from the inputs to the sums of the deepest of them."""

    @property
    def queries(self) -> int:
        """Rows asked, everything counted: checks, failed attempts and polish too."""
        return self.spending.queries

    def require(self) -> T:
        """The value, or an error with the reason.

        Raises:
            NotComplete: The outcome is not ok.
        """
        if not self.outcome.ok or self.value is None:
            raise NotComplete(str(self.outcome))
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; weights are stored beside it, not in it."""
        return {
            "schema": 1,
            "verb": self.provenance.verb,
            "target": self.provenance.target,
            "outcome": {
                "ok": self.outcome.ok,
                "status": str(self.outcome.status),
                "reason": self.outcome.reason,
                "advice": self.outcome.advice,
            },
            "queries": self.queries,
            "seconds": self.spending.seconds,
            "queries_by_phase": dict(self.spending.queries_by_phase),
            "seconds_by_phase": dict(self.spending.seconds_by_phase),
            "evidence": dict(self.evidence),
            "seed": self.provenance.seed,
            "settings": dict(self.provenance.settings),
            "sources": list(self.provenance.sources),
            "started": self.provenance.started,
            "versions": dict(self.provenance.versions),
        }

    def __repr__(self) -> str:
        return f"<Finding {self.provenance.verb}: {self.outcome} ({self.queries:,} queries)>"
