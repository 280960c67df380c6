"""What `span` returns: a basis, how sure its rank is, what was not seen, and the split of an input in two.

The target is the functional span over a stated domain D: the span of all gradients of f in D. It is the
smallest subspace such that f(x + w) = f(x) for every w orthogonal to it with x and x + w in D. What the
weights span beyond it leaves no trace in the answers and is never claimed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.linalg import subspace_angles

from hingeline.core.arrays import FloatArray, as_points

Standing = Literal["exact", "ambiguous", "partial"]
Where = Literal["free", "box", "data"]


@dataclass(frozen=True)
class RankVotes:
    """Three independent decisions on the rank; it is exact only where they agree with a clear gap."""

    edge: int
    """Directions stronger than the noise edge."""
    gap: int
    """Directions before the largest ratio of neighbouring strengths."""
    remeasured: int | None
    """Directions that answered again at fresh points; None if none was asked again."""
    gap_ratio: float
    """Weakest kept direction over the strongest rejected one (or the noise edge); inf where that is 0."""
    noise_edge: float
    """Strength that noise alone may reach, units of `strengths`."""

    @property
    def candidates(self) -> tuple[int, ...]:
        """The different ranks voted for, ascending."""
        votes = {self.edge, self.gap} | ({self.remeasured} if self.remeasured is not None else set[int]())
        return tuple(sorted(votes))


@dataclass(frozen=True)
class Unseen:
    """How likely a direction is that was not seen: what m moves without effect allow to say.

    If a share p of all moves showed something, m moves show nothing with probability (1 - p)^m <= exp(-p m).
    """

    moves: int
    """Moves orthogonal to the span that changed no answer, since the last one that did."""
    law: str
    """How start and move were drawn: the statement holds under this law and no other."""
    confidence: float = 0.95
    """Of the bound."""
    nothing_left: bool = False
    """True if the span is everything: there is no direction left that could be unseen."""

    @property
    def probability(self) -> float:
        """With this confidence, at most such a share of moves shows an unseen direction: ln(1/a) / m."""
        if self.nothing_left:
            return 0.0
        return 1.0 if not self.moves else min(1.0, math.log(1 / (1 - self.confidence)) / self.moves)


@dataclass(frozen=True, eq=False)
class DomainSpan:
    """The span over one domain; the spans of data, box and free space lie one within the other."""

    where: Where
    """The finite data set, the box of allowed inputs, or all inputs."""
    basis: FloatArray
    """Orthonormal columns, shape "d k"."""
    unseen: Unseen
    """What was not seen there."""
    queries: int
    """Rows asked up to here."""

    @property
    def rank(self) -> int:
        """Dimensions."""
        return self.basis.shape[1]


@dataclass(frozen=True, eq=False)
class ActiveSubspace:
    """What matters most: the spectrum of E[g g^T], estimated from a few gradients."""

    eigenvalues: FloatArray
    """Descending, shape "k"; squared output units per squared input unit."""
    directions: FloatArray
    """Orthonormal columns in the order of the eigenvalues, shape "d k"."""
    points: int
    """Gradients it was estimated from; the participation cannot exceed their number (times outputs)."""

    @property
    def participation(self) -> float:
        """Effective number of directions: (sum of eigenvalues)^2 / sum of squares; 0 without gradients."""
        squares = float(np.sum(self.eigenvalues**2))
        return float(np.sum(self.eigenvalues)) ** 2 / squares if squares > 0 else 0.0


@dataclass(frozen=True, eq=False)
class RecoveredSpan:
    """The input subspace that answers depend on."""

    basis: FloatArray
    """Orthonormal columns, shape "d k"; "d 0" where only the rank was asked for."""
    rank: int
    """Dimensions found."""
    input_dim: int
    """The number d."""
    standing: Standing
    """"exact", "ambiguous" (see `votes.candidates`) or "partial" (there may be more)."""
    where: Where
    """The domain that the span is about."""
    method: str
    """How directions were found."""
    why: str
    """Why this method."""
    strengths: FloatArray
    """Size of each direction when it was found (part of a gradient outside the others, or a singular
    value), in the order of the basis, shape "k"; output units per input unit (labels: relative)."""
    votes: RankVotes
    """What decided the rank."""
    angle: float
    """Estimated largest principal angle to the true span, radians; nan where only the rank was asked for."""
    unseen: Unseen
    """What was not seen."""
    floor: int
    """Fewest queries that any method needs for so many numbers: k (d - k) over the outputs."""
    forecast: int
    """Queries that the method was expected to take at this rank."""
    domains: tuple[DomainSpan, ...] = ()
    """One span for each domain examined, from the narrowest to the widest."""
    active: ActiveSubspace | None = None
    """What matters most; None if not asked for."""
    notes: tuple[str, ...] = ()
    """Sentences for people."""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Figures of the method, JSON-ready."""

    @property
    def null_dim(self) -> int:
        """Dimensions in which an input can be changed without any effect."""
        return self.input_dim - self.rank

    def seen(self, x: Any) -> FloatArray:
        """The part of inputs that the network sees, V V^T x: "n d" (or "d") to "n d".

        Raises:
            InvalidInput: Wrong shape, or not finite.
        """
        points = as_points(x, self.input_dim)
        return (points @ self.basis) @ self.basis.T

    def not_seen(self, x: Any) -> FloatArray:
        """The rest, x - V V^T x: "n d" (or "d") to "n d".

        Raises:
            InvalidInput: Wrong shape, or not finite.
        """
        return as_points(x, self.input_dim) - self.seen(x)

    def unseen_energy(self, x: Any) -> FloatArray:
        """Share of each input's squared norm that has no effect, "n d" to "n"; 0 for a zero input."""
        points = as_points(x, self.input_dim)
        total = np.sum(points**2, axis=1)
        rest = np.sum(self.not_seen(points) ** 2, axis=1)
        return np.divide(rest, total, out=np.zeros(len(points)), where=total > 0)

    @property
    def leverage(self) -> FloatArray:
        """How much of each input coordinate is seen, diag(V V^T), shape "d"; the sum is the rank."""
        return np.sum(self.basis**2, axis=1)

    def angles_to(self, other: FloatArray) -> FloatArray:
        """Principal angles to the span of the columns of `other` ("d m"), descending, radians."""
        return np.asarray(subspace_angles(self.basis, other))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the basis (it is stored beside it)."""
        return {
            "rank": self.rank,
            "input_dim": self.input_dim,
            "null_dim": self.null_dim,
            "standing": self.standing,
            "where": self.where,
            "method": self.method,
            "why": self.why,
            "strengths": [float(s) for s in self.strengths],
            "votes": {
                "edge": self.votes.edge,
                "gap": self.votes.gap,
                "remeasured": self.votes.remeasured,
                "gap_ratio": _json_number(self.votes.gap_ratio),
                "noise_edge": self.votes.noise_edge,
                "candidates": list(self.votes.candidates),
            },
            "angle": _json_number(self.angle),
            "unseen": _unseen_dict(self.unseen),
            "floor": self.floor,
            "forecast": self.forecast,
            "domains": [
                {"where": d.where, "rank": d.rank, "queries": d.queries, "unseen": _unseen_dict(d.unseen)}
                for d in self.domains
            ],
            "active": None
            if self.active is None
            else {
                "participation": self.active.participation,
                "points": self.active.points,
                "eigenvalues": [float(e) for e in self.active.eigenvalues],
            },
            "notes": list(self.notes),
            "details": dict(self.details),
        }


def query_floor(rank: int, input_dim: int, outputs: int) -> int:
    """Fewest queries that determine a subspace: its k (d - k) parameters over the numbers in an answer.

    A count of equations under smooth dependence, not a theorem against exotic codings of real numbers.
    """
    return math.ceil(rank * (input_dim - rank) / max(outputs, 1))


def _unseen_dict(unseen: Unseen) -> dict[str, Any]:
    return {
        "moves": unseen.moves,
        "law": unseen.law,
        "confidence": unseen.confidence,
        "probability": unseen.probability,
    }


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None
