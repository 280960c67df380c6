"""A span measured through noise, and what of it is of use.

The error of a direction is the noise over its strength: where the weakest directions drown, the strong ones
are still good. Only those are returned.

Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.recovered import RankVotes, Standing

# Error in radians up to which a direction is of use: estimates may be a factor of two low.
_USEFUL = 0.05


@dataclass(frozen=True, eq=False)
class NoisySpan:
    """Directions, from the strongest to the weakest."""

    basis: FloatArray
    """Orthonormal columns, shape "d k"."""
    strengths: FloatArray
    """Singular values, descending, shape "k"."""
    votes: RankVotes
    angle: float
    """Estimated error of the weakest, radians."""
    standing: Standing
    reason: str
    """Why this standing."""


def useful(result: NoisySpan) -> NoisySpan:
    """The directions whose own error is small; the error of a direction grows as its strength falls."""
    strengths = result.strengths
    if not len(strengths) or result.angle <= _USEFUL:
        return result
    errors = result.angle * strengths[-1] / strengths
    kept = int(np.sum(errors <= _USEFUL))
    reason = (
        f"{result.reason} Only {kept} of {len(strengths)} directions are known to {_USEFUL:g} radians; "
        "the others are left out."
    )
    return replace(
        result,
        basis=np.ascontiguousarray(result.basis[:, :kept]),
        strengths=strengths[:kept],
        angle=float(errors[kept - 1]) if kept else float("nan"),
        standing="partial",
        reason=reason,
    )


def advice_for(standing: Standing) -> str:
    """What to try next."""
    if standing == "exact":
        return ""
    return "More points (the setting points), a wider domain, or a door with more digits would tell more."
