"""What a defended door tells about the input subspace that the network sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import HingelineError
from hingeline.core.events import EventSink, ignore
from hingeline.evaluation.defending.counted import Counted
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle
from hingeline.subspace.span import span


@dataclass(frozen=True)
class SpanRun:
    """One search for the span through the defended door.

    Attributes:
        seed: Of the attacker.
        status: How it says that it ended; "failed" if the door broke it off.
        claims_exact: Whether it claims the whole span.
        rank: Directions found.
        angle: Largest angle between what was found and the row space of the truth's first layer, radians;
            None where the truth is not at hand or nothing was found.
        queries: Rows asked.
        attempted: False if it turned away after the examination of the door.
    """

    seed: int
    status: str
    claims_exact: bool
    rank: int
    angle: float | None
    queries: int
    attempted: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> SpanRun:
        """What `to_dict` told."""
        return cls(**told)


@dataclass(frozen=True)
class SpanLeak:
    """Searches through one defended door, one for each seed.

    Attributes:
        runs: One for each seed.
        true_rank: Rank of the truth's first layer; None where it is not at hand.
    """

    runs: tuple[SpanRun, ...]
    true_rank: int | None

    @property
    def attempted(self) -> bool:
        """Whether our search could work with the answers at all."""
        return any(run.attempted for run in self.runs)

    @property
    def share(self) -> float | None:
        """What leaks, in [0, 1]: median share of the true directions, or of the runs that claim all."""
        if self.true_rank is None:
            return self.exact / len(self.runs)
        return min(1.0, self.rank / self.true_rank) if self.true_rank else None

    @property
    def exact(self) -> int:
        """Runs that claim the whole span."""
        return sum(run.claims_exact for run in self.runs)

    @property
    def rank(self) -> float:
        """Directions found, median over the seeds."""
        return float(np.median([run.rank for run in self.runs]))

    @property
    def queries(self) -> float:
        """Rows asked, median over the seeds."""
        return float(np.median([run.queries for run in self.runs]))

    @property
    def angle(self) -> float | None:
        """Largest angle of any run to the truth, radians."""
        angles = [run.angle for run in self.runs if run.angle is not None]
        return max(angles) if angles else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "true_rank": self.true_rank,
            "exact": self.exact,
            "rank": self.rank,
            "angle": self.angle,
            "queries": self.queries,
            "attempted": self.attempted,
            "share": self.share,
            "runs": [run.to_dict() for run in self.runs],
        }


def span_run(
    door: Oracle,
    *,
    seed: int,
    budget: int | None,
    truth: PiecewiseLinearNetwork | None,
    on_event: EventSink = ignore,
) -> SpanRun:
    """Search for the span through a door, then compare with the truth, which the search never sees."""
    counted = Counted(door)
    try:
        finding = span(counted, budget=budget, seed=seed, on_event=on_event)
    except HingelineError:
        return SpanRun(seed, "failed", False, 0, None, counted.rows, attempted=False)
    found = finding.value
    if found is None:
        examined = finding.evidence.get("doctor", {}).get("queries", 0)
        ended = str(finding.outcome.status)
        return SpanRun(seed, ended, False, 0, None, finding.queries, finding.queries > examined)
    return SpanRun(
        seed=seed,
        status=str(finding.outcome.status),
        claims_exact=finding.outcome.ok,
        rank=found.rank,
        angle=_angle(found.basis, truth),
        queries=finding.queries,
    )


def _angle(basis: FloatArray, truth: PiecewiseLinearNetwork | None) -> float | None:
    """Largest angle of a found direction to the rows of the first layer."""
    if truth is None or not basis.shape[1]:
        return None
    # principal angles of two subspaces count the smaller dimension: every direction found, if there are fewer
    return float(subspace_angles(truth.weights[0].T, basis).max(initial=0.0))
