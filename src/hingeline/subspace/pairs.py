"""The span of a classifier whose probabilities are rounded or saturate: gradients where two classes meet.

At points between classes the log-ratio of the two leading ones is precise (`pair_door`, `pair_points`); its
gradient is measured by differences on both sides, column by column (`central_jacobian`), one row for each
point. The rank is voted on with the noise known entry by entry (`votes`). Then moves that leave the span
alone, as long as an obfuscation's, look for what no gradient showed (`pair_moves`); where one is noticed,
the gradient there is measured too, until moves show nothing or nothing new comes.

Cost: N (2 d + 1) queries and a twentieth more, N about 1.2 to 1.5 times the rank.
Source: our design.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import TooFewWitnesses
from hingeline.subspace.central_jacobian import NoisyJacobian, central_jacobian
from hingeline.subspace.pair_door import PairDoor
from hingeline.subspace.pair_moves import PairMoves, pair_moves
from hingeline.subspace.pair_points import PairPoints, pair_points
from hingeline.subspace.pair_steps import fitting_step
from hingeline.subspace.pair_verdict import PairTable, verdict
from hingeline.subspace.votes import MARGIN
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

# Points measured between two votes; later a share of what there is, since votes cost more.
_AT_ONCE = 8
# Gradients beyond the rank before it is believed, as a share of it; where votes differ, before giving up.
_SPARE = 0.15
_PATIENCE = 0.5
# Batches without a usable gradient before giving up.
_BARREN = 3
# Rounds of moves that were noticed but led to no new direction, before giving up.
_FRUITLESS = 5
# Gradients for each direction that is told from noise, while some of these are known badly.
_REPEATS = 4
# Quiet moves wanted where no number is given (they bound the share of noticed ones by 1 %), and made at once.
_MOVES = 300
_TOGETHER = 60
# Places measured in one round of moves.
_PLACES = 8


def recover_pairs(bench: Bench) -> Gathered:
    """Recover the span from probabilities of which only the two leading ones can be told.

    Args:
        bench: Its card says that answers are probabilities; examples of several classes help most.

    Raises:
        InvalidInput: The door gives no probabilities.
        TooFewWitnesses: No input was found at which two classes can be told.
        BudgetExhausted: The gradients so far are read by `bench.partial`.

    Cost: N (2 d + 1) queries and a twentieth more.
    """
    work = _Pairs(PairDoor(bench))
    with bench.session.phase("gradients"):
        work.measure()
    with bench.session.phase("check"):
        work.check()
    return work.gathered()


class _Pairs:
    """Gradients so far, in drawing order."""

    def __init__(self, door: PairDoor) -> None:
        self.door, self.bench = door, door.bench
        self.rng = self.bench.randomness.step("pair points")
        self.jacobians: list[NoisyJacobian] = []
        self.dropped = 0
        self._seen: set[bytes] = set()
        self.moves: PairMoves | None = None
        self._table: PairTable | None = None

    def measure(self) -> None:
        """Gradients until the votes settle, or nothing more can be had."""
        barren = 0
        while barren < _BARREN and not self._enough():
            have, most = len(self.jacobians), self.bench.settings.points
            wanted = max(_AT_ONCE, have // 10)
            barren = (
                0 if self.add(pair_points(self.door, self.rng, self._within(wanted, most))) else barren + 1
            )
        if not self.jacobians and self.dropped:
            raise TooFewWitnesses("between classes the answers bend too much for differences of any step")
        if not self.jacobians:
            raise TooFewWitnesses(
                "no input was found at which two classes can be told: give examples (--data)"
            )

    def add(self, places: PairPoints) -> int:
        """Measure the gradient at each place; how many could be."""
        before = len(self.jacobians)
        for point, pair in zip(places.points, places.pairs, strict=True):
            # an example may be drawn again: its second row would be the first one, noise and all
            if point.tobytes() in self._seen:
                continue
            self._seen.add(point.tobytes())
            ratio = self.door.of(pair)
            step = fitting_step(self.door, ratio, point, self.rng)
            found = central_jacobian(ratio, point, np.eye(self.door.dim), step) if step else None
            if found is None:
                self.dropped += 1
                continue
            self.jacobians.append(found)
            self.bench.partial = self.gathered
        gained = len(self.jacobians) - before
        if gained:
            self.bench.session.emit(DirectionsFound(self.table.reading.rank))
        return gained

    @property
    def table(self) -> PairTable:
        """The votes on what was measured."""
        if self._table is None or self._table.count != len(self.jacobians):
            rows = np.concatenate([jacobian.rows for jacobian in self.jacobians])
            noise = np.concatenate([jacobian.noise for jacobian in self.jacobians])
            self._table = PairTable.of(rows, noise)
        return self._table

    def check(self) -> None:
        """Moves outside the span; what they notice is measured, and the count begins anew."""
        settings, rng = self.bench.settings, self.bench.randomness.step("pair moves")
        wanted, fruitless = settings.moves or _MOVES, 0
        # on a grid no move stays outside the span
        if settings.quantum is not None:
            return
        while (
            self._quiet < wanted and fruitless < _FRUITLESS and self.table.basis.shape[1] < self.door.dim - 1
        ):
            table = self.table
            made = pair_moves(self.door, table.basis, table.leak, rng, min(_TOGETHER, wanted - self._quiet))
            self.moves = made.after(self.moves)
            if settings.points is not None or not made.quiet + made.loud:
                return
            if made.loud:
                rank = table.basis.shape[1]
                self.add(made.spots(_PLACES))
                self.measure()
                fruitless = 0 if self.table.basis.shape[1] > rank else fruitless + 1

    @property
    def _quiet(self) -> int:
        return 0 if self.moves is None else self.moves.quiet

    def _within(self, wanted: int, most: int | None) -> int:
        return wanted if most is None else min(wanted, most - len(self.jacobians))

    def _enough(self) -> bool:
        count = len(self.jacobians)
        if self.bench.settings.points is not None:
            return count >= self.bench.settings.points
        if count < MARGIN:
            return False
        reading = self.table.reading
        if reading.standing == "exact" and reading.rank == self.door.dim:
            return True
        if self.table.basis.shape[1] < min(reading.votes.candidates):
            return count >= _REPEATS * reading.votes.edge
        highest = min(max(reading.votes.edge, reading.votes.gap), self.door.dim)
        share = _SPARE if reading.standing == "exact" else _PATIENCE
        return count - highest >= max(MARGIN, share * highest)

    def gathered(self) -> Gathered:
        """What the gradients say, and what the moves say to it."""
        steps: list[FloatArray] = [jacobian.steps for jacobian in self.jacobians]
        details: dict[str, Any] = {
            "points": len(self.jacobians),
            "dropped": self.dropped,
            "median_step": float(np.median(np.concatenate(steps))),
            "loud_moves": None if self.moves is None else self.moves.loud,
        }
        return verdict(self.table, self.moves, self.bench, details)
