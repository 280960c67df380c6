"""The span through noise: gradients by differences on both sides, as many as it takes for the votes to settle.

For doors that round, shake or answer in float32. The distance from the origin and the steps are chosen from
the measured noise (`screening`), every column of every Jacobian has its own test (`central_jacobian`), the
rank is voted on with the noise known entry by entry (`votes`), and long moves outside the span look for
what no gradient showed.

Cost: N (2 d + 1) queries for N points and a tenth more for finding them; N is about 1.15 k over the outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.central_jacobian import NoisyJacobian, central_jacobian
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.recovered import Standing, Unseen
from hingeline.subspace.screening import best_distance, screened
from hingeline.subspace.votes import MARGIN, RankReading, fixed_rule, read_rank
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

# Candidates looked at for each point measured, and points measured between two votes.
_CANDIDATES = 6
_AT_ONCE = 4
# Step of a column as a share of the reach of rays: of d columns some are steeper than a few rays were.
_STEP = 0.5
# Gradients beyond the rank before it is believed, as a share of it; where votes differ, how many before giving up.
_SPARE = 0.15
_PATIENCE = 0.5
# Fewest points: rows of one Jacobian may span less than the outputs promise.
_FEWEST_POINTS = 4
# Batches in a row without a usable point before giving up.
_BARREN = 6


def recover_central(bench: Bench) -> Gathered:
    """Recover the span through noise.

    Args:
        bench: Its probe answers values; settings may fix the number of points and the quantum of inputs.

    Raises:
        InvalidInput: The bench has no probe.
        BudgetExhausted: The points so far are read by `bench.partial`.

    Cost: N (2 d + 1) queries and a tenth more.
    """
    work = _Central(NoisyDoor(bench))
    bench.partial = work.gathered
    with bench.session.phase("gradients"):
        work.measure()
    return work.gathered()


class _Central:
    """Jacobians so far, in drawing order."""

    def __init__(self, door: NoisyDoor) -> None:
        self.door, self.bench, self.dim = door, door.bench, door.dim
        self.distance = 1.0
        self.seen = self.dead = self.dropped = 0
        self.jacobians: list[NoisyJacobian] = []
        self.moves = 0
        self.hits = 0

    def measure(self) -> None:
        """Points until the votes settle, or nothing more can be had."""
        self.distance = best_distance(self.door, self.bench.randomness.step("distance"))
        rng = self.bench.randomness.step("central points")
        barren = 0
        while barren < _BARREN and not self._enough():
            before = len(self.jacobians)
            self._batch(rng)
            barren = barren + 1 if len(self.jacobians) == before else 0
            if len(self.jacobians) > before:
                self.bench.session.emit(DirectionsFound(self.reading().rank))

    def _batch(self, rng: np.random.Generator) -> None:
        have, most = len(self.jacobians), self.bench.settings.points
        wanted = max(_AT_ONCE, have // 20)
        wanted = wanted if most is None else min(wanted, most - have)
        candidates = screened(self.door, rng, _CANDIDATES * wanted, self.distance)
        self.seen += len(candidates.points)
        self.dead += int(np.sum(~candidates.alive & (candidates.reaches > 0)))
        for index in candidates.order()[:wanted]:
            point, step = candidates.points[index], _STEP * candidates.reaches[index]
            jacobian = central_jacobian(self.door, point, np.eye(self.dim), float(step))
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
        return len(self.rows) - min(highest, self.dim) >= max(MARGIN, share * highest)

    @property
    def rows(self) -> FloatArray:
        """All gradients, shape "n d"."""
        return np.concatenate([jacobian.rows for jacobian in self.jacobians])

    def reading(self) -> RankReading:
        """The votes on what was measured."""
        noise = np.concatenate([jacobian.noise for jacobian in self.jacobians])
        return read_rank(self.rows, noise, outputs=len(self.jacobians[0].rows))

    def gathered(self) -> Gathered:
        """What the gradients say."""
        if not self.jacobians:
            flat = np.zeros((1, self.dim))
            self.jacobians.append(NoisyJacobian(flat, flat, flat[0]))
        reading = self.reading()
        standing: Standing = reading.standing
        details: dict[str, Any] = {
            "points": len(self.jacobians),
            "distance": self.distance,
            "dropped": self.dropped,
            "dead_share": self.dead / max(self.seen, 1),
            "median_step": float(np.median([np.median(j.steps) for j in self.jacobians])),
            "essential": int(np.sum(reading.essential)),
            "rule_1e-5": fixed_rule(self.rows),
        }
        return Gathered(
            basis=reading.basis, rank=reading.rank, standing=standing, reason=reading.reason,
            strengths=reading.strengths, votes=reading.votes, angle=reading.angle,
            unseen=Unseen(self.moves, self.bench.law.words),
            forecast=len(self.jacobians) * (2 * self.dim + 1), details=details,
        )
