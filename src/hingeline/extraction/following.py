"""Follow one second-layer boundary until all its coefficients are known, or are known to be out of reach.

Each round first takes every witness that can only be this neuron's, which costs nothing and often opens
several hyperplanes at once; then crosses the roomiest few of the hyperplanes that walkers reach. When
walkers reach no more, random chains look for a meeting with each hyperplane that is left.

Source: exploration of one boundary, Rolnick and Körding 2020; see the modules used for what is ours.
Cost: ten queries per hyperplane crossed, none per witness taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.crossing import cross
from hingeline.extraction.facet_sampling import border_point, meeting_points
from hingeline.extraction.facets import CHOICE, Foot, find_feet, make_foot
from hingeline.extraction.pooled import PooledNeuron
from hingeline.extraction.unsigned import VAGUE, Planes, UnsignedNeuron, shared_sign, zero_weights
from hingeline.extraction.witnesses import GRADIENT, Witness, WitnessPool
from hingeline.probing.probe import Probe


@dataclass(frozen=True)
class FollowSettings:
    """How hard a boundary is followed."""

    walkers: int = 96
    """Paths tried per round, offline."""
    per_round: int = 4
    """Hyperplanes crossed per round; few, because witnesses taken in between save crossings."""
    patience: int = 2
    """Rounds without a crossing before hyperplanes are searched for meetings one by one."""
    refusals: int = 3
    """Failed crossings of one hyperplane before it is left alone."""
    reach: float = 300.0
    """Farthest |x| walked to, in typical input norms."""
    boxes: tuple[float, ...] = (10.0, 1000.0)
    """Boxes that are searched for meetings, in typical input norms."""


MERGED = 100.0
"""Misfit, in error bars, up to which two boundaries are taken for one neuron's: error bars are optimistic."""


class Boundary:
    """One neuron's boundary as it is followed.

    Args:
        planes: The first layer.
        witness: Where the boundary was seen first.
        settings: How hard to try.
    """

    def __init__(self, planes: Planes, witness: Witness, settings: FollowSettings) -> None:
        home = planes.patterns(witness.point[np.newaxis])[0]
        self.witness = witness
        """Where it was seen first."""
        self.settings, self._pooled = settings, PooledNeuron(planes, home, witness.jump, witness.length)
        self._pooled.add_normal(witness.point, witness.gradient, witness.error, witness.value_error)
        self.neuron: UnsignedNeuron = self._pooled.solve()
        self.starts: list[FloatArray] = [witness.point]
        """Points of the boundary where walkers start."""
        self.crossed = 0
        """Hyperplanes crossed by queries."""
        self.refused: list[Foot] = []
        """Feet at which the boundary was not what was predicted."""
        self._spent = 0
        self.cleared = False
        """True if it was found not to be a first-layer hyperplane, however straight it looks."""
        self.company = 0
        """Neurons known when the boundary was followed last, itself included."""

    @property
    def straight(self) -> bool:
        """True if it does not bend where it should: a hyperplane of the first layer, or of none."""
        zero, sharp = zero_weights(self.neuron)
        known = self.neuron.known
        return bool(zero[known].all()) and int(sharp.sum()) >= min(3, len(known))

    @property
    def lost(self) -> bool:
        """True if the boundary was never where it was predicted."""
        return not self.crossed and len(self.starts) == 1 and len(self.refused) > 0

    def take(self, pool: WitnessPool) -> bool:
        """Take every witness of the pool that is this neuron's; True if there were any."""
        taken = False
        while adoptions := pool.claim(self.neuron):
            for adoption in adoptions:
                self._pooled.known = self._pooled.known | adoption.opened
                witness = adoption.witness
                self._pooled.add_normal(
                    witness.point, adoption.sign * witness.gradient, witness.error, witness.value_error
                )
                self.starts.append(witness.point)
            self._solve()
            taken = True
        return taken

    def merge(self, other: Boundary) -> Boundary | None:
        """Both as one, if they are parts of the same neuron's boundary; None if they are not."""
        sign = shared_sign(self.neuron, other.neuron)
        if not sign or float(self.neuron.jump @ other.neuron.jump) < 1 - GRADIENT:
            return None
        pooled = self._pooled.merged(other._pooled, sign)
        neuron = pooled.solve()
        if pooled.misfit > MERGED:
            return None
        both = copy(self)
        both._pooled, both.neuron = pooled, neuron
        both.starts = [*self.starts, *other.starts]
        both.crossed, both.refused = self.crossed + other.crossed, [*self.refused, *other.refused]
        return both

    def follow(
        self,
        probe: Probe,
        pool: WitnessPool,
        others: Sequence[UnsignedNeuron],
        rng: np.random.Generator,
    ) -> None:
        """Learn as many coefficients as can be reached.

        Args:
            probe: Where queries go.
            pool: Witnesses that no neuron has taken yet; those of this one are taken out.
            others: Neurons whose boundaries crossings should keep away from.
            rng: Draws walkers.

        Raises:
            BudgetExhausted: The budget ended.
        """
        self.company, self._spent = len(others) + 1, len(self.refused)
        self._explore(probe, pool, others, rng)

    def _explore(
        self, probe: Probe, pool: WitnessPool, others: Sequence[UnsignedNeuron], rng: np.random.Generator
    ) -> None:
        idle = 0
        while True:
            self.take(pool)
            if self.neuron.complete or (self.straight and not self.cleared):
                return
            feet = self._reachable(probe, others, rng)
            if not feet:
                idle += 1
                if idle < self.settings.patience:
                    continue
                feet = self._sampled(probe, others, rng)
                if not feet:
                    return
            idle = 0
            self._cross(probe, feet)
            if self.lost and len(self.refused) >= 2 * self.settings.per_round:
                return

    def _reachable(
        self, probe: Probe, others: Sequence[UnsignedNeuron], rng: np.random.Generator
    ) -> list[Foot]:
        """The best feet that walkers find, of hyperplanes that did not refuse too often."""
        scale = probe.calibration.scale
        limit = min(self.settings.reach * scale, probe.calibration.radius)
        feet = find_feet(
            self.neuron, others, np.array(self.starts), scale=scale, limit=limit,
            walkers=self.settings.walkers, rng=rng,
        )  # fmt: skip
        usable = [foot for foot in feet.values() if self._patient_with(foot.plane)]
        return sorted(usable, key=lambda foot: -foot.quality)[: self.settings.per_round]

    def _patient_with(self, plane: int) -> bool:
        return sum(foot.plane == plane for foot in self.refused[self._spent :]) < self.settings.refusals

    def _sampled(
        self, probe: Probe, others: Sequence[UnsignedNeuron], rng: np.random.Generator
    ) -> list[Foot]:
        """Feet at hyperplanes that walkers did not reach; keeps the sign of z on those that have none."""
        if not self._sharp():
            return []
        feet: list[Foot] = []
        beyond = np.where(self.neuron.known, 0.0, np.nan)
        for plane in np.nonzero(~self.neuron.known)[0]:
            found, beyond[plane] = self._search(int(plane), probe, others, rng)
            if found is not None and self._patient_with(int(plane)):
                feet.append(found)
        self.neuron = replace(self.neuron, beyond=beyond)
        return sorted(feet, key=lambda foot: -foot.quality)[: self.settings.per_round]

    def _search(
        self, plane: int, probe: Probe, others: Sequence[UnsignedNeuron], rng: np.random.Generator
    ) -> tuple[Foot | None, float]:
        """The best foot found at one hyperplane, or else the sign of z on it; 0 if it does not border."""
        sign = 0.0
        for box in self.settings.boxes:
            size = self._box(probe, box)
            start = border_point(self.neuron, plane, size)
            if start is None:
                continue
            points, sign = meeting_points(self.neuron, plane, start, size, rng)
            feet = [
                make_foot(self.neuron, others, plane, x, probe.calibration.scale) for x in points[:CHOICE]
            ]
            usable = [foot for foot in feet if foot is not None]
            if usable:
                return max(usable, key=lambda foot: foot.quality), np.nan
        return None, sign or 0.0

    def _solve(self) -> None:
        beyond = self.neuron.beyond
        solved = self._pooled.solve()
        self.neuron = replace(solved, beyond=np.where(solved.known, 0.0, beyond))

    @staticmethod
    def _box(probe: Probe, size: float) -> float:
        radius = probe.calibration.radius / float(np.sqrt(probe.input_dim))
        return min(size * probe.calibration.scale, radius)

    def _sharp(self) -> bool:
        """True if the known weights are known well enough to predict meetings."""
        return bool((self.neuron.row_errors[self.neuron.known] < VAGUE * self.neuron.size).all())

    def _cross(self, probe: Probe, feet: list[Foot]) -> None:
        for foot, crossing in zip(feet, cross(probe, self.neuron, feet), strict=True):
            if crossing is None:
                self.refused.append(foot)
                continue
            self.crossed += 1
            self._pooled.known[foot.plane] = True
            self._pooled.add_values(crossing.points, crossing.values, crossing.errors)
        self._solve()
