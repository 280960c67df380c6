"""What a table of pair gradients says: the directions of use, how far off they are, and how sure that is.

Directions are kept while their own error stays small; a span of fewer, well known directions is true, one
with badly known ones is not. What is left out is weak, and what it lets through is part of the leak that
moves allow for. No rank is exact but that of the whole space: gradients are seen only between classes.

Cost: no queries; one SVD.
Source: our design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.pair_moves import PairMoves
from hingeline.subspace.recovered import DomainSpan, Standing, Unseen
from hingeline.subspace.votes import RankReading, read_rank
from hingeline.subspace.workbench import Bench, Gathered

USEFUL = 0.1
"""Error in radians up to which a direction is returned."""
_LAW = "start between two classes, move to noise of the same seen part"
_BETWEEN = "Only inputs between classes were looked at: what few of them use may be missing."
_NOT_ACTIVE = "What matters most was not measured: values exist only between classes."
_FEWEST_MOVES = 20
"""Fewer moves than this without effect say nothing."""


@dataclass(frozen=True, eq=False)
class PairTable:
    """Gradients read."""

    count: int
    """Gradients."""
    reading: RankReading
    basis: FloatArray
    """Directions of use, orthonormal columns, shape "d k"."""
    strengths: FloatArray
    """Their singular values, shape "k"."""
    angle: float
    """Estimated error of the worst of them, radians."""
    leak: float
    """Deviation of the change that a move outside makes, per unit of length."""

    @staticmethod
    def of(rows: FloatArray, noise: FloatArray) -> PairTable:
        """Read a table of gradients ("n d") whose entries have such deviations ("n d")."""
        reading = read_rank(rows, noise)
        strengths, rank = reading.strengths, reading.rank
        # the error of a direction grows as its strength falls
        errors = reading.angle * strengths[-1] / strengths if rank else strengths
        kept = int(np.sum(errors <= USEFUL))
        basis = np.ascontiguousarray(reading.basis[:, :kept])
        # how steep log-ratios are along what was left out, noise included
        outside = rows - (rows @ basis) @ basis.T
        lost = float(np.sum(outside**2)) / len(rows)
        slipped = float(np.sum((errors[:kept] * strengths[:kept]) ** 2)) / len(rows)
        free = max(rows.shape[1] - kept, 1)
        return PairTable(
            count=len(rows),
            reading=reading,
            basis=basis,
            strengths=strengths[:kept],
            angle=float(errors[kept - 1]) if kept else float("nan"),
            leak=float(np.sqrt((lost + slipped) / free)),
        )


def verdict(table: PairTable, moves: PairMoves | None, bench: Bench, details: Mapping[str, Any]) -> Gathered:
    """What was found, and how it stands.

    Args:
        table: The gradients.
        moves: How the last round of moves went; None if none was made.
        bench: Where it was found.
        details: Figures of the method.
    """
    rank, dim = table.basis.shape[1], bench.session.input_dim
    standing, reason = _standing(table, moves, dim)
    unseen = Unseen(0 if moves is None else moves.quiet, _LAW, bench.settings.confidence)
    points = table.count
    return Gathered(
        basis=table.basis,
        rank=rank,
        standing=standing,
        reason=reason,
        strengths=table.strengths,
        votes=table.reading.votes,
        angle=table.angle,
        unseen=unseen,
        forecast=points * (2 * dim + 1),
        advice=_advice(standing, bench),
        domains=(DomainSpan(bench.law.where, table.basis, unseen, bench.session.spent),),
        notes=(_NOT_ACTIVE,) if bench.settings.active_points else (),
        details=dict(details) | {"largest_move": None if moves is None else _number(moves.largest)},
    )


def _standing(table: PairTable, moves: PairMoves | None, dim: int) -> tuple[Standing, str]:
    reading, rank = table.reading, table.basis.shape[1]
    if rank < min(reading.votes.candidates):
        return "partial", (
            f"{rank} directions are known to {USEFUL:g} radians or better; {reading.votes.edge - rank} more "
            "stand out from noise, too weakly for that."
        )
    if moves is not None and moves.loud:
        return "partial", (
            f"{rank} directions were found; {moves.loud} moves outside them were noticed: some are missing."
        )
    if len(reading.votes.candidates) > 1 or reading.standing == "partial":
        return reading.standing, f"{reading.reason} {_BETWEEN}"
    if rank == dim:
        return reading.standing, f"{reading.reason} No null space is left: all {dim} directions matter."
    if moves is None or moves.quiet < _FEWEST_MOVES:
        return "partial", f"{reading.reason} Too few moves tested for more."
    # measured: a neuron that is alive in one of 600 corners of a box was missed
    return "partial", f"{reading.reason} {moves.quiet} moves outside showed no other. {_BETWEEN}"


def _advice(standing: Standing, bench: Bench) -> str:
    if standing == "exact":
        return ""
    if bench.data is None:
        return "Examples of all classes (--data) show more."
    return "More gradients (the setting points), or a door with more digits, show more."


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
