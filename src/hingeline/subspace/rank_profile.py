"""How many dimensions matter at the input and after each known layer, and how many at once.

The span at the input is over all regions together. Behind a known layer the same recovery runs in hidden
coordinates (`hidden`). Beside that, the rank of the Jacobian of several outputs at single points: at most the
smallest width that is alive there, so a low one tells of a bottleneck deeper inside.

Source: our design. Cost: that of the recoveries, and (k + 3) queries per point of the histogram.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import IllConditioned
from hingeline.core.outcome import Finding
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle
from hingeline.probing.probe import Probe
from hingeline.subspace.hidden import REACH, hidden_coordinates
from hingeline.subspace.local_slopes import local_slopes
from hingeline.subspace.recovered import RecoveredSpan

Recover = Callable[[Oracle], Finding[RecoveredSpan]]

# A singular value must exceed what noise alone reaches, sigma / h (sqrt(k) + sqrt(m)), so many times.
_SIGMAS = 12.0


@dataclass(frozen=True, eq=False)
class LayerRank:
    """What is looked at in one layer."""

    layer: int
    """0 for the input, 1 for the values of the first hidden layer."""
    width: int
    """Numbers in that layer."""
    finding: Finding[RecoveredSpan] | None
    """The recovery there; None if it could not be tried."""
    reason: str
    """Why it could not be tried, or how it ended."""

    @property
    def rank(self) -> int | None:
        """Dimensions found; None if none were looked for, or nothing was found."""
        value = None if self.finding is None else self.finding.value
        return None if value is None else value.rank

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "layer": self.layer,
            "width": self.width,
            "rank": self.rank,
            "ok": self.finding is not None and self.finding.outcome.ok,
            "queries": 0 if self.finding is None else self.finding.queries,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class RankProfile:
    """Ranks from the input through the known layers."""

    layers: tuple[LayerRank, ...]
    """The input first."""

    @property
    def queries(self) -> int:
        """Rows asked, all recoveries together."""
        return sum(layer.finding.queries for layer in self.layers if layer.finding is not None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"layers": [layer.to_dict() for layer in self.layers], "queries": self.queries}


def rank_profile(
    oracle: Oracle, network: PiecewiseLinearNetwork, recover: Recover, *, reach: float = REACH
) -> RankProfile:
    """Recover the span at the input and behind each known hidden layer.

    Args:
        oracle: The door.
        network: What is known; its hidden layers are taken as known, its last layer is not looked at.
        recover: How a span is recovered, such as `span` with its seed and budget filled in.
        reach: Largest coordinate of an input, where the door has no bounds.

    Returns:
        One entry for the input and one for each hidden layer; where a layer's values cannot be set one by
        one, the reason says what is not identifiable.

    Raises:
        InvalidInput: The network is of other inputs than the oracle.

    Cost: that of the recoveries.
    """
    profile: list[LayerRank] = []
    for layer, width in enumerate(network.sizes[:-1]):
        try:
            door = oracle if not layer else hidden_coordinates(oracle, network, layer, reach=reach)
        except IllConditioned as reason:
            profile.append(LayerRank(layer, width, None, f"{reason}."))
            continue
        finding = recover(door)
        profile.append(LayerRank(layer, width, finding, finding.outcome.reason))
    return RankProfile(tuple(profile))


def local_ranks(probe: Probe, basis: FloatArray, points: FloatArray, rng: np.random.Generator) -> IntArray:
    """How often the Jacobian of all outputs had which rank.

    Args:
        probe: Where queries go; must answer values.
        basis: Orthonormal columns of the known span, shape "d k".
        points: Where to look, in the probe's coordinates, shape "p d".
        rng: Draws the checks.

    Returns:
        Entry i counts the points of rank i, from 0 to k; points beside a boundary are left out, so the sum
        may be less than p.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: k + 3 queries per point, k + 2 more for each time a step is shortened.
    """
    rank = basis.shape[1]
    counts = np.zeros(rank + 1, dtype=np.int64)
    if not rank:
        counts[0] = len(points)
        return counts
    for found in local_slopes(probe, basis.T, points, rng):
        strengths = np.linalg.svd(found.slopes, compute_uv=False)
        width = np.sqrt(rank) + np.sqrt(found.slopes.shape[2])
        # the centre's error is shared by all differences: once more the noise of a row
        edge = _SIGMAS * width * found.sigma / np.abs(found.steps).min(axis=1)
        found_ranks = np.sum(strengths > edge[:, np.newaxis], axis=1)
        counts += np.bincount(found_ranks, minlength=rank + 1)
    return counts
