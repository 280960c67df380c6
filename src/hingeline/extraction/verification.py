"""What fresh queries said about a recovered network, and when that counts as proof.

Agreement alone is none: where noise allows large gaps, a missing neuron passes. How the queries are made is
told in `verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.line import LineSweep

MOST_MISFIT = 2.5
"""From coarse answers, gaps may be so many deviations of noise and rows in the mean: 0.1 to 1.2, once 2.2,
was measured for whole networks, 3.6 where a faint neuron was missing. Single gaps are allowed far more, which
alone would hide such a neuron."""
COARSEST = (1e-6, 1e-3)
"""Agreement within more than this fraction of what the answers vary proves nothing: exact, noisy answers."""
LOST_DIGITS = 1e4
"""Between the two: so many times the answers' noise."""


@dataclass(frozen=True, eq=False)
class Verification:
    """What fresh queries said about a recovered network."""

    largest_gap: float
    """Largest difference between the oracle and the network on fresh points."""
    tolerance: float
    """Largest gap allowed at typical inputs, up to three times the typical norm."""
    variation: float
    """How much the oracle's answers vary over the fresh points."""
    noise: float
    """Standard deviation of an answer at those inputs."""
    worst_ratio: float
    """Largest gap over the gap allowed there; at most 1 when everything agrees."""
    points: int
    """Fresh rows compared."""
    reach: float
    """Largest norm of a compared row; beyond it nothing is said."""
    unexplained: FloatArray
    """Parameters of bends on the fresh line that the network does not predict."""
    predicted: int
    """Bends that the network predicts on the fresh line."""
    sweep: LineSweep | None
    """The fresh line, swept closely because something on it disagreed; None if all agreed."""
    worst_point: FloatArray
    """The point of the largest ratio, shape "d"."""
    misfit: float = 0.0
    """Root mean square gap at fresh points, in deviations, where answers are coarse; 0 where they are not."""

    resolution: float | None = None
    """Distance of two first-layer hyperplanes, as a share of 1 + |x|, up to which they would pass for one."""

    @property
    def agreed(self) -> bool:
        """True if every gap is allowed, their mean too, and every bend is explained."""
        return self.worst_ratio <= 1.0 and self.misfit <= MOST_MISFIT and not len(self.unexplained)

    @property
    def telling(self) -> bool:
        """True if so small gaps were allowed that agreement means something."""
        coarsest = np.clip(LOST_DIGITS * self.noise, *np.multiply(COARSEST, self.variation))
        return bool(self.tolerance <= coarsest)

    @property
    def passed(self) -> bool:
        """True if the network agrees with the oracle, and that means something."""
        return self.agreed and self.telling

    @property
    def complaint(self) -> str:
        """Why it did not pass, one sentence; empty if it did."""
        if not self.agreed:
            return "Fresh queries disagree with the recovered network: a neuron is missing or not exact."
        if not self.telling:
            return (
                f"Fresh queries agree, but only gaps above {self.tolerance:.1g} would show where answers "
                f"vary by {self.variation:.1g}: too coarse to call the network verified."
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready summary."""
        return {
            "largest_gap": self.largest_gap,
            "tolerance": self.tolerance,
            "variation": self.variation,
            "worst_ratio": self.worst_ratio,
            "misfit": self.misfit,
            "resolution": self.resolution,
            "points": self.points,
            "reach": self.reach,
            "unexplained_bends": len(self.unexplained),
            "bends_on_fresh_line": self.predicted,
        }
