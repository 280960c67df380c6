"""What the methods of span recovery share: where they ask, where they look, and how they hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hingeline.core.arrays import FloatArray
from hingeline.core.events import Event
from hingeline.core.randomness import Randomness
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.probe import Probe
from hingeline.subspace.laws import BoxLaw, DataLaw, FreeLaw
from hingeline.subspace.recovered import DomainSpan, RankVotes, Standing, Unseen
from hingeline.subspace.settings import SpanSettings


@dataclass(frozen=True)
class DirectionsFound(Event):
    """The span grew."""

    found: int
    """Dimensions known so far."""
    of: int | None = None
    """How many are expected, where that is known."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a method found, before the verb words it."""

    basis: FloatArray
    """Orthonormal columns, shape "d k" ("d 0" where only the rank was measured)."""
    rank: int
    standing: Standing
    reason: str
    """One sentence for people: why exact, why ambiguous, what is missing."""
    strengths: FloatArray
    """Shape "k", see `RecoveredSpan.strengths`."""
    votes: RankVotes
    angle: float
    """Estimated largest principal angle, radians; nan if unknown."""
    unseen: Unseen
    forecast: int
    """Queries that the method takes at this rank if all goes well."""
    advice: str = ""
    """What to try or type next."""
    domains: tuple[DomainSpan, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON-ready."""


@dataclass(eq=False)
class Bench:
    """Where a span recovery works."""

    session: QuerySession
    """Where queries go; label methods ask here directly."""
    probe: Probe | None
    """Asks for values and knows their noise; None where the door answers labels only."""
    card: DoctorCard | None
    """What the doctor saw; None for the method that asks no doctor."""
    law: FreeLaw | BoxLaw
    """Where to look: the widest domain asked for."""
    randomness: Randomness
    settings: SpanSettings
    inner: BoxLaw | None = None
    """A box inside that is examined first; None if there is none."""
    data: DataLaw | None = None
    """The user's examples, in the probe's coordinates."""
    partial: Callable[[], Gathered] | None = None
    """Set by the method once it has something: what to hand over if the budget ends now."""

    @property
    def laws(self) -> tuple[FreeLaw | BoxLaw, ...]:
        """The domains to examine, from the narrowest to the widest, data aside."""
        return (self.law,) if self.inner is None else (self.inner, self.law)
