"""The state of an adaptive recovery: what is known, which spots wait, and which of them is worth measuring.

A gradient costs hundreds of queries and a look at a spot one, so the spot is chosen: its response along a
random direction outside V, over what noise and leak would answer there, tells how precise the new direction
would be.

Cost: 1 query for each waiting spot and direction; 1 for each spot at which a direction is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.probe import Probe
from hingeline.subspace.choice import MOST_NOISE
from hingeline.subspace.complement import Complement
from hingeline.subspace.growth import NOTICE, Growth, Measure, grow
from hingeline.subspace.laws import Law
from hingeline.subspace.recovered import DomainSpan, Unseen
from hingeline.subspace.smooth import SmoothSlopes
from hingeline.subspace.spots import RAYS, SIGMAS, Spot, value_noise
from hingeline.subspace.workbench import Bench, DirectionsFound

_WEAKEST = 8
"""Directions that are asked again at the end."""
_REPEATED = 2
"""First and last spots whose answers must still be the same at the end."""
_AGAIN = 6
"""Most spots at which a direction is asked again."""


@dataclass(eq=False)
class Search:
    """What is known so far."""

    bench: Bench
    probe: Probe
    complement: Complement
    measure: Measure
    rng: np.random.Generator
    """For test points."""
    outputs: int = 1
    """Numbers in one answer."""
    domains: list[DomainSpan] = field(default_factory=list[DomainSpan])
    """Those finished."""
    measured: list[Spot] = field(default_factory=list[Spot])
    """Spots whose gradient added something, in the order of the directions they added first."""
    rank_after: list[int] = field(default_factory=list[int])
    """Rank after each of them."""
    spare: list[Spot] = field(default_factory=list[Spot])
    """Live spots that were found and not measured."""
    doubtful: float = 0.0
    """Largest part of a gradient that was neither clearly new nor clearly noise."""
    clarity: float = np.inf
    """Smallest ratio of a direction's size to what noise and leak explain where it was measured."""
    dropped: int = 0
    """Spots whose slopes could not be certified."""
    unmeasured: int = 0
    """Live places (or examples) at which no gradient could be had."""
    remeasured: int | None = None
    """Directions that answered again; None before they were asked."""
    changed: int = 0
    """Inputs asked once more at the end whose answers were no longer the same."""
    gave_up: bool = False
    """Whether live places were left that could not be measured."""

    @staticmethod
    def begun(bench: Bench, measure: Measure) -> Search:
        """A search that knows nothing."""
        assert bench.probe is not None  # the verb gives value methods a probe
        complement = Complement(bench.session.input_dim, bench.randomness.step("rotation"))
        search = Search(bench, bench.probe, complement, measure, bench.randomness.step("tests"))
        if bench.card is not None:
            # a softmax gives one log-ratio less
            lost = bench.card.head.kind in ("softmax", "log-softmax")
            search.outputs = max(1, bench.card.output_dim - lost)
        return search

    @property
    def smooth(self) -> bool:
        """Whether differences are never exact."""
        return isinstance(self.measure, SmoothSlopes)

    def step(self, name: str) -> np.random.Generator:
        """The generator of a named step."""
        return self.bench.randomness.step(name)

    def noise_of(self, spot: Spot, rays: int = RAYS) -> float:
        """Response that noise and leak alone would give at a spot."""
        left = max(self.complement.rest.shape[1], 1)
        noise = spot.sigma * float(np.sqrt(len(spot.values) / (2 * rays))) / spot.radius
        return float(np.hypot(noise, self.complement.worst_leak / np.sqrt(left)))

    def tells(self, spot: Spot, rays: int = RAYS) -> bool:
        """Whether the gradient at a spot seems to leave V."""
        return spot.response > NOTICE * self.noise_of(spot, rays)

    def expected_error(self, spot: Spot) -> float:
        """Angle error of a direction measured there."""
        left = self.complement.rest.shape[1]
        noise = spot.sigma * float(np.sqrt(2 * left)) / spot.step
        return float(np.hypot(noise, self.complement.worst_leak)) / max(
            spot.response * float(np.sqrt(left)), 1e-300
        )

    def looked_at(self, law: Law, spots: list[Spot]) -> list[Spot]:
        """The same spots with their responses outside today's V; one query each."""
        if not spots:
            return []
        points = np.array([spot.point for spot in spots])
        directions = self.complement.directions(self.rng, len(spots))
        steps = np.minimum([s.radius for s in spots], 0.9 * law.room(points, directions))[:, np.newaxis]
        values = self.probe.ask(points + steps * directions)
        slopes = np.linalg.norm(values - np.array([s.values for s in spots]), axis=1) / np.maximum(
            steps[:, 0], 1e-300
        )
        return [
            Spot(s.point, s.values, s.sigma, s.radius, float(slope))
            for s, slope in zip(spots, slopes, strict=True)
        ]

    def take(self, law: Law, spot: Spot) -> Growth:
        """Measure the gradient at a spot and take in what is new."""
        growth = grow(self.probe, law, spot, self.complement, self.rng, self.measure)
        self.outputs = len(spot.values)
        if growth.added:
            weakest = float(self.complement.sizes[-growth.added :].min())
            self.clarity = min(self.clarity, weakest / max(growth.edge, 1e-300))
        self.doubtful = max(self.doubtful, growth.doubtful)
        self.dropped += not growth.measured
        if growth.added:
            self.measured.append(spot)
            self.rank_after.append(self.complement.rank)
            self.bench.session.emit(DirectionsFound(self.complement.rank))
        return growth

    def close_domain(self, unseen: Unseen) -> None:
        """Note the span of a domain that is finished."""
        law = self.bench.data if unseen.law.startswith("the gradients") else None
        where = "data" if law is not None else self.bench.laws[self._laws_done()].where
        basis = self.complement.found
        self.domains.append(DomainSpan(where, basis, unseen, self.bench.session.spent))

    def _laws_done(self) -> int:
        return sum(domain.where != "data" for domain in self.domains)

    def ask_weakest_again(self) -> None:
        """Ask the weakest directions at other spots; a false one does not answer above noise and leak.

        A gradient has no part along directions found after it, so only later spots and spare ones can tell;
        the very last directions are asked beside their own spot if there is no other.
        """
        weakest = np.argsort(self.complement.sizes)[: _WEAKEST if self.outputs == 1 else _WEAKEST // 2]
        silent = [index for index in weakest if not self._answers(int(index))]
        self.remeasured = self.complement.rank - len(silent)

    def ask_spots_again(self) -> None:
        """Ask the first and the last spots once more: a door that changed meanwhile mixes two functions.

        Cost: at most 4 queries.
        """
        spots = (
            self.measured
            if len(self.measured) < 2 * _REPEATED
            else [*self.measured[:_REPEATED], *self.measured[-_REPEATED:]]
        )
        if not spots:
            return
        self.ask_again(np.array([spot.point for spot in spots]), np.array([spot.values for spot in spots]))

    def ask_again(self, points: FloatArray, before: FloatArray) -> None:
        """Ask points afresh ("n d") and count those that no longer answer as before ("n m"); n queries."""
        values = self.probe.ask(points, fresh=True)
        gaps = np.abs(values - before).max(axis=1)
        # the noise may be underrated; this method is for doors of at most so much
        precise = MOST_NOISE * float(np.abs(values).max())
        self.changed += int(np.sum(gaps > SIGMAS * (value_noise(self.probe, points, values) + precise)))

    def _answers(self, index: int) -> bool:
        direction = self.complement.found[:, index]
        later = [spot for spot, rank in zip(self.measured, self.rank_after, strict=True) if rank > index + 1]
        own = next(s for s, rank in zip(self.measured, self.rank_after, strict=True) if rank > index)
        beside = replace(own, point=own.point + 0.3 * own.radius * self._anywhere())
        for spot in [*self.spare, *later, beside][:_AGAIN]:
            step = 0.3 * spot.radius
            points = spot.point + step * np.array([direction, -direction])
            answers = self.probe.ask(points)
            slope = float(np.abs(answers[0] - answers[1]).max()) / (2 * step)
            noise = float(value_noise(self.probe, points, answers).max()) / step
            if slope > NOTICE * float(np.hypot(noise, self.complement.worst_leak)):
                return True
        return False

    def _anywhere(self) -> FloatArray:
        """A random unit direction of the input, shape "d"."""
        vector = self.rng.standard_normal(self.complement.dim)
        return vector / np.linalg.norm(vector)
