"""Ask fresh questions where inputs are typical: does a network found from far away answer there too?

The answers are as uncertain there as the door makes them, so one answer proves little. Many together do:
their misfit must be no larger than what the door's error and the biases' errors explain, on the whole and
at the worst point. What a missing neuron would have to do to stay unseen is part of the result.

Cost: 240 queries and 2 per bend on a fresh line. Source: chi-square and extreme-value tests; ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bias_fit import BiasFit
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.telling_points import telling_points
from hingeline.extraction.verify import bends_of, fresh_points, points_beside, random_line
from hingeline.probing.probe import Probe

TYPICAL_POINTS = 180
"""Fresh points at a third, one and three times the typical norm."""
BETWEEN_POINTS = 60
"""Fresh points between there and where the biases were fitted."""
CHANCE = 8.0
"""Mean squared misfits above one by so many of their own deviations do not happen by chance."""
WORST = 7.0
"""Nor do single misfits of so many standard deviations, or of so many times the worst that was fitted."""
WORST_GROWTH = 1.5
COARSEST = 1e-3
"""Agreement is proof if what stays unseen is less than this share of how much the answers vary."""
LINE_REACH = 30.0
"""Bends of the fresh line are tried up to so many typical norms."""


@dataclass(frozen=True)
class TypicalCheck:
    """What fresh questions at typical inputs said."""

    points: int
    """Fresh rows compared."""
    misfit: float
    """Root mean square misfit, in units of what was expected."""
    allowed: float
    """Largest misfit that chance allows."""
    worst: float
    """Largest misfit of one row."""
    worst_allowed: float
    """Largest misfit of one row that chance allows."""
    visible: float
    """A neuron that was missing would have been seen if it moved typical outputs by this, root mean square."""
    variation: float
    """How much the answers vary over the typical points."""

    @property
    def agreed(self) -> bool:
        """True if misfits are what chance makes."""
        return self.misfit <= self.allowed and self.worst <= self.worst_allowed

    @property
    def telling(self) -> bool:
        """True if a missing neuron would have shown."""
        return self.visible <= COARSEST * self.variation

    @property
    def complaint(self) -> str:
        """Why it did not pass, one sentence; empty if it did."""
        if not self.agreed:
            return (
                f"Found from far away, the network misses answers at typical inputs by {self.misfit:.2g} times "
                "what is expected: a neuron that only acts near the origin is missing."
            )
        if not self.telling:
            return (
                f"Fresh answers at typical inputs agree, but an effect of {self.visible:.1g} would not have "
                f"shown where they vary by {self.variation:.2g}: too coarse to call the network verified."
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def check_typical(
    probe: Probe, fit: BiasFit, reach: float, rng: np.random.Generator, settings: ExtractSettings
) -> TypicalCheck:
    """Compare a fitted network with the door on fresh points at typical norms.

    Args:
        probe: The door at its natural scale; queries count.
        fit: The network and how exact its biases are.
        reach: Norm, in typical norms, up to which the weights' errors do not show.
        rng: Draws the points.
        settings: How far lines reach.

    Raises:
        BudgetExhausted: The budget ended.
    """
    network, scale = fit.network, probe.calibration.scale
    sizes = tuple(np.minimum([1 / 3, 1.0, 3.0], reach))
    typical = fresh_points(probe, rng, TYPICAL_POINTS, sizes)
    between = fresh_points(probe, rng, BETWEEN_POINTS, tuple(np.geomspace(sizes[-1], reach, 12)))
    line = random_line(probe, rng, settings)
    crossings = bends_of(network, line)
    beside = line.at(points_beside(line, crossings[np.abs(crossings) < LINE_REACH * scale]))
    telling = telling_points(network, scale, probe.domain, rng)
    asked = np.concatenate([typical, between, beside, telling])
    asked = asked[np.linalg.norm(asked, axis=1) <= 1.01 * max(reach, sizes[-1]) * scale]
    answers = probe.ask(asked)
    expected = np.hypot(fit.sigma, fit.gap(asked))
    misfits = (answers - network(asked)) / expected[:, np.newaxis]
    excess = CHANCE * np.sqrt(2.0 / misfits.size)
    near = np.linalg.norm(asked, axis=1) <= 1.01 * sizes[-1] * scale
    return TypicalCheck(
        points=len(asked),
        misfit=float(np.sqrt(np.mean(misfits**2))),
        allowed=float(np.sqrt(1 + excess)),
        worst=float(np.abs(misfits).max()),
        worst_allowed=max(WORST, WORST_GROWTH * fit.worst),
        visible=float(np.median(expected) * np.sqrt(excess)),
        variation=float(np.ptp(answers[near], axis=0).max()),
    )


def typical_gap(fit: BiasFit, probe: Probe, rng: np.random.Generator) -> FloatArray:
    """Output error that the biases' errors lead to at typical inputs; asks nothing: "n"."""
    return fit.gap(fresh_points(probe, rng, TYPICAL_POINTS))
