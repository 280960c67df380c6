"""How a grown span stands: exact, ambiguous or partial, by three votes and what the moves showed.

    edge          directions stronger than anything that noise and leak explain
    gap           directions before the last ratio of at least a thousand between neighbouring strengths
    remeasured    directions that answered again at other spots

Exact needs all three to agree with a gap of at least a thousand, every live place measured, and moves that
showed nothing. There is no fixed relative tolerance: a direction of relative strength 1e-9 may be real, and
one of 1e-5 may be noise.

Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.recovered import RankVotes, Standing, Unseen
from hingeline.subspace.search import Search
from hingeline.subspace.workbench import Gathered

CLEAR_GAP = 1e3
"""Weakest kept strength over the strongest that noise explains; below, the rank is ambiguous."""
_EDGE = 1.5
_FEWEST_MOVES = 20
"""Fewer moves than this without effect say nothing."""


def judged(search: Search, *, finished: bool) -> Gathered:
    """What was found so far, and how sure it is.

    Args:
        search: The state.
        finished: False if the budget ended before the search did.
    """
    complement = search.complement
    votes = _votes(search)
    unseen = search.domains[-1].unseen if search.domains else Unseen(0, "the search did not end")
    standing, reason = _standing(search, votes, unseen, finished=finished)
    return Gathered(
        basis=complement.found,
        rank=complement.rank,
        standing=standing,
        reason=reason,
        strengths=complement.sizes,
        votes=votes,
        angle=complement.tilt,
        unseen=unseen,
        forecast=forecast(complement.rank, complement.dim, search.outputs, smooth=search.smooth),
        advice=_advice(standing, complement.rank),
        domains=tuple(search.domains),
        notes=tuple(_notes(search)),
        details={
            "differences": "smooth" if search.smooth else "certified in one region",
            "spots_dropped": search.dropped,
            "places_not_measured": search.unmeasured,
            "largest_doubtful": search.doubtful,
            "outputs": search.outputs,
        },
    )


def forecast(rank: int, dim: int, outputs: int, *, smooth: bool) -> int:
    """Queries of the method at this rank if all goes well."""
    gradients = -(-rank // max(outputs, 1))
    columns = sum(dim - index * outputs for index in range(gradients))
    per_column = 4 if smooth else 1
    # about 40 for the doctor, 25 for each spot, and 1 % for moves
    return int(1.01 * per_column * columns) + 25 * gradients + 2 * 60 + 42


def _votes(search: Search) -> RankVotes:
    sizes = np.sort(search.complement.sizes)[::-1]
    # each direction was held against the noise of its own spot; the edge is that of the least clear one
    edge = max(float(min(sizes, default=0.0)) / search.clarity, 1e-300)
    ladder = np.concatenate([sizes, [max(search.doubtful, edge)]])
    gap = _last_gap(ladder)
    ratio = float(sizes[-1] / ladder[-1]) if len(sizes) else 0.0
    return RankVotes(int((sizes > _EDGE * edge).sum()), gap, search.remeasured, ratio, edge)


def _last_gap(ladder: FloatArray) -> int:
    """Number of strengths before the last clear gap (before the largest one, if none is clear)."""
    if len(ladder) < 2:
        return 0
    ratios = ladder[:-1] / np.maximum(ladder[1:], 1e-300)
    clear = np.flatnonzero(ratios >= CLEAR_GAP)
    return int(clear[-1] if len(clear) else np.argmax(ratios)) + 1


def _standing(search: Search, votes: RankVotes, unseen: Unseen, *, finished: bool) -> tuple[Standing, str]:
    rank, dim = search.complement.rank, search.complement.dim
    if not finished:
        return "partial", f"{rank} directions were found before the search ended; there may be more."
    if search.changed:
        return "ambiguous", "Inputs asked again at the end answered otherwise: the door changed meanwhile."
    if rank == 0 and search.gave_up:
        return "partial", "Answers change, but no gradient could be measured at any place where they do."
    if rank == 0:
        return "partial", f"Constant as far as seen: {unseen.moves:,} long moves changed no answer."
    if search.gave_up:
        return "partial", f"{rank} directions were found; at some live places no gradient could be measured."
    if search.doubtful:
        candidates = f"{rank} or {rank + 1}"
        return (
            "ambiguous",
            f"A part of a gradient is too weak to be told from noise: the rank is {candidates}.",
        )
    if len(votes.candidates) > 1 or votes.gap_ratio < CLEAR_GAP:
        words = " or ".join(map(str, votes.candidates))
        return "ambiguous", f"The votes on the rank do not settle it ({words}; gap {votes.gap_ratio:.1e})."
    if search.complement.full:
        return "exact", f"No null space: all {dim} directions of the input matter."
    if unseen.moves < _FEWEST_MOVES:
        return "partial", f"{rank} directions were found; too few moves ({unseen.moves}) tested for more."
    seen = f"The answers depend on {rank} of {dim} directions; {unseen.moves:,} moves showed no other"
    bound = (
        f"with {100 * unseen.confidence:.0f} % confidence less than {100 * unseen.probability:.2g} % would"
    )
    return "exact", f"{seen} ({bound})."


def _advice(standing: Standing, rank: int) -> str:
    if standing == "exact":
        return ""
    if rank == 0:
        return (
            "If the network is only alive elsewhere, give inputs with --data or their range with --box LO HI."
        )
    return "Another --seed, more --moves or --data may show more." if standing == "partial" else ""


def _notes(search: Search) -> Iterator[str]:
    if search.unmeasured:
        yield f"At {search.unmeasured} places that react no gradient could be measured."
    if search.doubtful:
        yield f"A direction of strength {search.doubtful:.1e} is neither clearly there nor clearly noise."
