"""Ask fresh questions where inputs are typical: does a network found from far away answer there too?

The answers are as uncertain there as the door makes them, so one answer proves little. Many together do:
their misfit must be no larger than what the door's error and the biases' errors explain, on the whole and
at the worst point. What a missing neuron would have to do to stay unseen is part of the result.

Cost: about 260 queries and 3 per bend on three fresh lines. Source: chi-square and extreme-value tests; ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bias_fit import BiasFit
from hingeline.extraction.crossings import TINY, bends_of
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.telling_points import telling_points
from hingeline.extraction.verify import fresh_points, points_beside, random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
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
LOOSEST = 1e-2
"""Nor does agreement say much if single differences of more than this share of it must be allowed."""
ON_HYPERPLANE = 16
"""Points on each hyperplane, whose misfits are averaged: there two neurons taken for one miss most."""
ON_HYPERPLANE_WORST = 6.0
"""Averages of more standard deviations do not happen by chance."""
DEEP_LINES = 48
"""Lines on which such points are looked for in deeper layers, offline."""
LINES = 3
"""Fresh lines, on and beside whose bends it is asked."""
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
    largest_gap: float
    """Largest difference between an answer and the network at typical norms."""
    tolerance: float
    """Largest difference allowed there."""
    visible: float
    """A missing neuron would have been seen if it moved typical outputs by this, root mean square."""
    variation: float
    """How much the answers vary over the typical points."""
    typical_variation: float
    """The same over those up to the typical norm."""
    noise: float
    """Standard deviation of a typical answer."""
    on_hyperplanes: float
    """Largest average misfit over one hyperplane, in its standard deviations."""
    bends: int
    """Bends on fresh lines, on and beside which it was asked."""
    reach: float
    """Largest norm of a compared row."""

    @property
    def agreed(self) -> bool:
        """True if misfits are what chance makes."""
        fits = self.misfit <= self.allowed and self.worst <= self.worst_allowed
        return fits and self.on_hyperplanes <= ON_HYPERPLANE_WORST

    @property
    def telling(self) -> bool:
        """True if a missing neuron would have shown, and a difference that matters been too much."""
        return not self.too_loose and self.visible <= COARSEST * self.variation

    @property
    def too_loose(self) -> bool:
        """True if differences must be allowed that nobody would call agreement."""
        return self.tolerance > LOOSEST * self.typical_variation

    @property
    def complaint(self) -> str:
        """Why it did not pass, one sentence; empty if it did."""
        if not self.agreed and self.on_hyperplanes > ON_HYPERPLANE_WORST:
            return (
                f"Found from far away, the network misses answers on one of its hyperplanes by "
                f"{self.on_hyperplanes:.2g} times what is expected of their average: there are several "
                "neurons close together, or a bias is wrong."
            )
        if not self.agreed:
            return (
                f"Found from far away, the network misses answers at typical inputs by {self.misfit:.2g} "
                "times what is expected: a neuron that only acts near the origin is missing."
            )
        if self.too_loose:
            return (
                f"Fresh answers at typical inputs agree, but differences up to {self.tolerance:.1g} had "
                f"to be allowed where they vary by {self.typical_variation:.2g}: too coarse to call the "
                "network verified."
            )
        if not self.telling:
            return (
                f"Fresh answers at typical inputs agree, but an effect of {self.visible:.1g} would not have "
                f"shown where they vary by {self.variation:.2g}: too coarse to call the network verified."
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, under the names that a verification without noise uses."""
        return {
            **asdict(self),
            "worst_ratio": max(
                self.misfit / self.allowed,
                self.worst / self.worst_allowed,
                self.on_hyperplanes / ON_HYPERPLANE_WORST,
            ),
            "unexplained_bends": 0,
            "bends_on_fresh_line": self.bends,
        }


@dataclass(frozen=True, eq=False)
class Returned:
    """A network brought back from afar, and what is known about its errors."""

    fit: BiasFit
    """The network with its biases fitted."""
    noise: Callable[[FloatArray], FloatArray]
    """Standard deviation of an answer, and of what the weights' errors do to it, at each point: "n"."""
    reach: float
    """Norm, in typical norms, up to which the weights' errors do not show."""


def check_typical(
    probe: Probe, returned: Returned, rng: np.random.Generator, settings: ExtractSettings
) -> TypicalCheck:
    """Compare a network brought back from afar with the door on fresh points at typical norms.

    Args:
        probe: The door at its natural scale; queries count.
        returned: The network and what is known about its errors.
        rng: Draws the points.
        settings: How far lines reach.

    Raises:
        BudgetExhausted: The budget ended.
    """
    network, farthest = returned.fit.network, max(3.0, returned.reach) * probe.calibration.scale
    typical = fresh_points(probe, rng, TYPICAL_POINTS)
    between = fresh_points(probe, rng, BETWEEN_POINTS, tuple(np.geomspace(3.0, max(3.0, returned.reach), 12)))
    lines = [_on_line(probe, network, rng, settings) for _ in range(LINES)]
    telling = telling_points(network, probe.calibration.scale, probe.domain, rng)
    asked = np.concatenate([typical, between, *lines, telling])
    asked = asked[np.linalg.norm(asked, axis=1) <= 1.01 * farthest]
    answers = probe.ask(asked)
    noise = returned.noise(asked)
    expected = np.hypot(noise, returned.fit.gap(asked))
    gaps = np.abs(answers - network(asked)).max(axis=1)
    misfits = (answers - network(asked)) / expected[:, np.newaxis]
    excess = CHANCE * np.sqrt(2.0 / misfits.size)
    near = np.linalg.norm(asked, axis=1) <= 3.03 * probe.calibration.scale
    usual = np.linalg.norm(asked, axis=1) <= 1.01 * probe.calibration.scale
    worst_allowed = max(WORST, WORST_GROWTH * returned.fit.worst)
    return TypicalCheck(
        points=len(asked),
        misfit=float(np.sqrt(np.mean(misfits**2))),
        allowed=float(np.sqrt(1 + excess)),
        worst=float(np.abs(misfits).max()),
        worst_allowed=worst_allowed,
        largest_gap=float(gaps[near].max()),
        tolerance=float(worst_allowed * expected[near].max()),
        visible=float(np.median(expected[near]) * np.sqrt(excess)),
        variation=float(np.ptp(answers[near], axis=0).max()),
        typical_variation=float(np.ptp(answers[usual], axis=0).max(initial=0.0)) if usual.any() else 0.0,
        noise=float(np.median(noise[near])),
        on_hyperplanes=_worst_hyperplane(probe, returned, rng, settings, farthest),
        bends=sum(len(line) for line in lines) // 3,
        reach=float(np.linalg.norm(asked, axis=1).max()),
    )


def _worst_hyperplane(
    probe: Probe,
    returned: Returned,
    rng: np.random.Generator,
    settings: ExtractSettings,
    farthest: float,
) -> float:
    """Largest average misfit over points of one hyperplane, in standard deviations of that average."""
    network = returned.fit.network
    groups = hyperplane_points(network, probe, rng, settings, farthest)
    if not groups:
        return 0.0
    points = np.concatenate(groups)
    answers, predicted = probe.ask(points), network(points)
    noise, gaps = returned.noise(points), returned.fit.gap(points)
    ends = np.cumsum([len(group) for group in groups])[:-1]
    worst = 0.0
    for rows in np.split(np.arange(len(points)), ends):
        mean = np.abs((answers[rows] - predicted[rows]).mean(axis=0))
        # where predictions coincide, so may the errors of the answers
        grain = 1e-2 * noise[rows].min()
        different = np.array([len(np.unique(np.round(column / grain))) for column in predicted[rows].T])
        deviation = np.hypot(noise[rows].max() / np.sqrt(different), gaps[rows].max())
        worst = max(worst, float((mean / deviation).max()))
    return worst


def hyperplane_points(
    network: PiecewiseLinearNetwork,
    probe: Probe,
    rng: np.random.Generator,
    settings: ExtractSettings,
    farthest: float,
) -> list[FloatArray]:
    """Up to a few points on each hyperplane, at norms up to `farthest`, group by group; no queries."""
    if not network.hidden_widths:
        return []
    canonical = network.canonical()
    groups: list[FloatArray] = []
    for normal, offset in zip(canonical.weights[0], canonical.biases[0], strict=True):
        points = fresh_points(probe, rng, ON_HYPERPLANE, (1 / 3, 1.0, 1.0))
        points = points - np.outer(points @ normal + offset, normal)
        groups.append(points[np.linalg.norm(points, axis=1) <= farthest])
    if len(canonical.hidden_widths) > 1:
        groups += _deeper_points(canonical, probe, rng, settings)
    return [group[:ON_HYPERPLANE] for group in groups if len(group)]


def _deeper_points(
    network: PiecewiseLinearNetwork, probe: Probe, rng: np.random.Generator, settings: ExtractSettings
) -> list[FloatArray]:
    """Where random lines meet the hyperplanes of the layers above the first, neuron by neuron."""
    found: list[FloatArray] = []
    for _ in range(DEEP_LINES):
        line = random_line(probe, rng, settings)
        at = bends_of(network, line)
        found.append(line.at(at[np.abs(at) <= 3.0 * probe.calibration.scale]))
    points = np.concatenate(found)
    if not len(points):
        return []
    heights = np.abs(np.concatenate(network.pre_activations(points)[: len(network.hidden_widths)], axis=1))
    nearest = np.argmin(heights / np.maximum(np.median(heights, axis=0), TINY), axis=1)
    return [points[nearest == index] for index in range(network.hidden_widths[0], heights.shape[1])]


def _on_line(
    probe: Probe, network: PiecewiseLinearNetwork, rng: np.random.Generator, settings: ExtractSettings
) -> FloatArray:
    """Points on and beside every bend of a fresh line through typical inputs.

    From far away two parallel hyperplanes look like one between them, and the difference shows there.
    """
    line = random_line(probe, rng, settings)
    crossings = bends_of(network, line)
    crossings = crossings[np.abs(crossings) < LINE_REACH * probe.calibration.scale]
    beside = points_beside(line, crossings)[: 2 * len(crossings)]
    return line.at(np.concatenate([crossings, beside]))
