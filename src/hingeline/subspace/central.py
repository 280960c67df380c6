"""The span through noise: gradients by differences on both sides, as many as the votes take to settle.

For doors that round, shake or answer in float32. The distance from the origin and the steps are chosen from
the measured noise (`screening`), every column of every Jacobian has its own test (`central_jacobian`), the
rank is voted on with the noise known entry by entry (`votes`). Where the votes see no clear gap, the span
is measured once more with steps as long as its error allows (`refinement`). Long moves outside the span look
for what no gradient showed (`quiet_moves`); directions known too badly to be of use are not returned.

Cost: N (2 d + 1) queries for N points and a tenth more for finding them; N is about 1.15 k over the outputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.central_jacobian import NoisyJacobian, central_jacobian
from hingeline.subspace.fresh_check import leaves_span
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.noisy_span import NoisySpan, advice_for, useful
from hingeline.subspace.quiet_moves import QuietMoves, quiet_moves
from hingeline.subspace.recovered import Unseen
from hingeline.subspace.refinement import Refinement, refine
from hingeline.subspace.screening import best_distance, screened
from hingeline.subspace.votes import MARGIN, RankReading, fixed_rule, read_rank, stalled, standing_of
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

# Candidates looked at for each point measured, and points measured between two votes.
_CANDIDATES = 6
_AT_ONCE = 4
# Step of a column as a share of the reach of rays: of d columns some are steeper than a few rays were.
_STEP = 0.5
# Gradients beyond the rank before it is believed, as a share of it; where votes differ, before giving up.
_SPARE = 0.15
_PATIENCE = 0.5
# Fewest points: rows of one Jacobian may span less than the outputs promise.
_FEWEST_POINTS = 4
# Batches in a row without a usable point before giving up.
_BARREN = 6
_GRID = (
    "On a grid only points can be checked, no whole moves: a direction that few points use may be missing."
)
# Error in radians up to which measuring a span again can succeed.
_REFINABLE = 0.1
# What shows near the origin may vanish far out (a hump, a bias): rounds of coming back, and points of each.
_RETURNS = 2
_NEARBY = 12
# Fresh points without news that end the search.
_STALL = 60


def recover_central(bench: Bench) -> Gathered:
    """Recover the span through noise.

    Args:
        bench: Its probe answers values; settings may fix the number of points and the quantum of inputs.

    Raises:
        InvalidInput: The bench has no probe.
        BudgetExhausted: The points so far are read by `bench.partial`.

    Cost: N (2 d + 1) queries and a tenth more; twice that where the first round leaves no clear gap.
    """
    work = _Central(NoisyDoor(bench))
    bench.partial = work.gathered
    with bench.session.phase("gradients"):
        work.begin()
        work.measure()
    if work.worth_refining():
        with bench.session.phase("refine"):
            work.refine()
    with bench.session.phase("check"):
        work.check()
    for _ in range(_RETURNS):
        if work.missed_nearby():
            with bench.session.phase("gradients"):
                work.come_back()
            with bench.session.phase("check"):
                work.check()
    return work.gathered()


class _Central:
    """Jacobians so far, in drawing order, and what was done with them."""

    def __init__(self, door: NoisyDoor) -> None:
        self.door, self.bench, self.dim = door, door.bench, door.dim
        self.distance = 1.0
        self.rng = self.bench.randomness.step("central points")
        self.passes = 0
        self.seen = self.dead = self.dropped = 0
        self.jacobians: list[NoisyJacobian] = []
        self.refined: Refinement | None = None
        self.moves: QuietMoves | None = None
        self._read: tuple[int, RankReading] | None = None

    def begin(self) -> None:
        """Choose where to look."""
        self.distance = best_distance(self.door, self.bench.randomness.step("distance"))

    def measure(self) -> None:
        """Points until the votes settle, or nothing more can be had."""
        barren = 0
        while barren < _BARREN and not self._enough():
            before = len(self.jacobians)
            self._batch()
            barren = barren + 1 if len(self.jacobians) == before else 0
            if len(self.jacobians) > before:
                self.bench.session.emit(DirectionsFound(self.reading().rank))

    def _batch(self) -> None:
        have, most = len(self.jacobians), self.bench.settings.points
        # votes cost more with every gradient: they are taken once for so many per cent more
        wanted = max(_AT_ONCE, have // 20)
        wanted = wanted if most is None else min(wanted, most - have)
        for point, step in self._chosen(_CANDIDATES * wanted, wanted):
            self._add(point, step)

    def _chosen(self, count: int, wanted: int) -> list[tuple[FloatArray, float]]:
        """The best points of `count` candidates, and their steps."""
        candidates = screened(self.door, self.rng, count, self.distance)
        self.seen += len(candidates.points)
        self.dead += int(np.sum(~candidates.alive & (candidates.reaches > 0)))
        best = candidates.order()[:wanted]
        return [(candidates.points[i], _STEP * float(candidates.reaches[i])) for i in best]

    def _drawn(self, count: int) -> list[tuple[FloatArray, float]]:
        """Live points as they come, good or bad, at the ordinary distance: what the bound speaks of."""
        drawn = screened(self.door, self.rng, count)
        live = np.flatnonzero(drawn.alive & (drawn.reaches > 0))
        return [(drawn.points[i], _STEP * float(drawn.reaches[i])) for i in live]

    def _add(self, point: FloatArray, step: float) -> None:
        jacobian = central_jacobian(self.door, point, np.eye(self.dim), step)
        if jacobian is None:
            self.dropped += 1
        else:
            self.jacobians.append(jacobian)

    def _enough(self) -> bool:
        count = len(self.jacobians)
        if self.bench.settings.points is not None:
            return count >= self.bench.settings.points
        if count < _FEWEST_POINTS:
            return False
        reading = self.reading()
        highest = max(reading.votes.edge, reading.votes.gap)
        if reading.standing == "exact" and reading.rank == self.dim:
            return True
        share = _SPARE if reading.standing == "exact" else _PATIENCE
        return count * self.outputs - min(highest, self.dim) >= max(MARGIN, share * highest)

    @property
    def outputs(self) -> int:
        """Rows of one Jacobian."""
        return len(self.jacobians[0].rows) if self.jacobians else 1

    @property
    def rows(self) -> FloatArray:
        """All gradients, shape "n d"."""
        return np.concatenate([jacobian.rows for jacobian in self.jacobians] or [np.zeros((1, self.dim))])

    def reading(self) -> RankReading:
        """The votes on what was measured."""
        if self._read is None or self._read[0] != len(self.jacobians):
            noise = [jacobian.noise for jacobian in self.jacobians] or [np.zeros((1, self.dim))]
            self._read = (
                len(self.jacobians),
                read_rank(self.rows, np.concatenate(noise), outputs=self.outputs),
            )
        return self._read[1]

    def worth_refining(self) -> bool:
        """Whether long steps outside the span can make the gap clear."""
        reading = self.reading()
        wanted = reading.standing == "ambiguous" or (
            self.bench.settings.polish and reading.standing == "exact"
        )
        possible = 0 < reading.rank < self.dim and reading.angle < _REFINABLE and self.door.quantum is None
        return wanted and possible and self.bench.settings.points is None

    def refine(self) -> None:
        """Measure the span again; keep what came out if it is more precise."""
        reading, rng = self.reading(), self.bench.randomness.step("refine")
        self.refined = refine(self.door, reading.basis, reading.angle, rng, self.distance)

    def check(self) -> None:
        """Fresh points, then long moves outside the span."""
        # the points measured were chosen for their wide regions; these are not chosen
        self._check_points()
        result = self._result()
        slope = float(np.linalg.norm(self.rows, axis=1).max())
        rng = self.bench.randomness.step("quiet moves")
        if result.basis.shape[1] < self.dim:
            self.moves = quiet_moves(self.door, result.basis, result.angle, slope, rng)

    def missed_nearby(self) -> bool:
        """Whether moves at the ordinary distance showed what gradients far away did not."""
        return self.moves is not None and self.moves.loud > 0 and self.bench.settings.points is None

    def come_back(self) -> None:
        """More points, as they come, at the ordinary distance; the refinement knew too little."""
        self.distance, self.refined = 1.0, None
        have = len(self.jacobians)
        for _ in range(_BARREN):
            for point, step in self._drawn(_CANDIDATES * _AT_ONCE):
                if len(self.jacobians) < have + _NEARBY:
                    self._add(point, step)
        self.measure()

    def _check_points(self) -> None:
        """Ask a few columns at fresh points; one outside the span is measured, and the count begins anew."""
        wanted, barren = self.bench.settings.moves or _STALL, 0
        while self.passes < wanted and barren < _BARREN and self.bench.settings.points is None:
            reading = self.reading()
            if reading.standing == "partial" or not 0 < reading.rank < self.dim:
                return
            points = self._drawn(_AT_ONCE)
            barren = 0 if points else barren + 1
            for point, step in points:
                news = leaves_span(self.door, reading.basis, reading.angle, point, step, self.rng)
                self.passes += news is False
                if news:
                    self._add(point, step)
                    self.measure()
                    # kinks below the noise look like news: only a rank that grew begins the count anew
                    grown = self.reading().rank != reading.rank
                    self.passes = 0 if grown else self.passes + 1
                    self.refined = None if grown else self.refined
                    break

    def _result(self) -> NoisySpan:
        """The refined span, or the one that was read off the gradients."""
        reading, again = self.reading(), self.refined
        if again is None or again.angle > reading.angle:
            standing, reason = reading.standing, reading.reason
            return NoisySpan(reading.basis, reading.strengths, reading.votes, reading.angle, standing, reason)
        standing, reason = standing_of(again.votes, len(again.strengths) + MARGIN, self.dim)
        return NoisySpan(again.basis, again.strengths, again.votes, again.angle, standing, reason)

    def gathered(self) -> Gathered:
        """What the gradients say, less what is known too badly, and what the moves say to it."""
        result = useful(self._judged(self._result()))
        points = len(self.jacobians) + (self.refined.points if self.refined is not None else 0)
        details: dict[str, Any] = {
            "points": points,
            "distance": self.distance,
            "dropped": self.dropped,
            "dead_share": self.dead / max(self.seen, 1),
            "median_step": float(np.median([np.median(j.steps) for j in self.jacobians] or [0.0])),
            "refined": self.refined is not None,
            "loud_moves": self.moves.loud if self.moves is not None else None,
            "rule_1e-5": fixed_rule(self.rows),
        }
        return Gathered(
            basis=result.basis,
            rank=result.basis.shape[1],
            standing=result.standing,
            reason=result.reason,
            strengths=result.strengths,
            votes=result.votes,
            angle=result.angle,
            unseen=self._unseen(),
            forecast=points * (2 * self.dim + 1),
            advice=advice_for(result.standing),
            details=details,
        )

    def _judged(self, result: NoisySpan) -> NoisySpan:
        """The standing by the votes, lowered by what was seen besides."""
        rank, moves = result.basis.shape[1], self.moves
        if rank == 0 and moves is not None and not moves.loud:
            return replace(result, standing="partial", reason="Constant as far as seen.")
        if moves is not None and moves.loud:
            reason = f"{moves.loud} long moves outside the span changed the answer: directions are missing."
            return replace(result, standing="partial", reason=reason)
        if result.standing == "exact" and rank < self.dim and self.door.narrowed:
            return replace(result, standing="partial", reason=f"{result.reason} {self.door.narrowed}")
        if rank == self.dim and result.standing == "exact":
            return replace(
                result, reason=f"{result.reason} No null space: every direction changes the answer."
            )
        if result.standing == "partial" or rank == self.dim:
            return result
        if moves is None:
            return replace(result, standing="partial", reason=f"{result.reason} Nothing was checked beyond.")
        if self.door.quantum is not None:
            # measured on 25 random networks: 7 times a rarely used direction was missed
            return replace(result, standing="partial", reason=f"{result.reason} {_GRID}")
        return result

    def _unseen(self) -> Unseen:
        if self.door.quantum is None:
            return Unseen(self.moves.quiet if self.moves is not None else 0, self.bench.law.words)
        stall = stalled(self.rows, self.reading(), self.outputs)
        return Unseen(
            stall + self.passes, f"gradients at multiples of {self.door.quantum:.3g}; {self.bench.law.words}"
        )
