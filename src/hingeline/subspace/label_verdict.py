"""From what a recovery from labels met to what it may claim.

Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.label_walk import LabelWalk
from hingeline.subspace.recovered import RankVotes, Standing, Unseen
from hingeline.subspace.workbench import Gathered

# Noise and tilt reach so many times their expected size at most.
_EDGE = 5.0
# The weakest direction must exceed the noise edge by so much for the rank to be called exact.
_CLEAR_GAP = 1e3
# Fewer moves than this without effect say nothing.
_FEWEST_MOVES = 20
# Largest principal angles are estimated with so much to spare.
_SPARE = 1.25
# Questions of one search beyond the digits wanted: entropy of the spread, search, checks.
_OVERHEAD_BITS = 3.0


def gathered(walk: LabelWalk) -> Gathered:
    """What was found, and how sure it is."""
    votes = _votes(walk)
    standing, reason, advice = _standing(walk, votes)
    complement = walk.complement
    law = f"boundary points between labels; {walk.bench.law.words}"
    return Gathered(
        complement.found,
        complement.rank,
        standing,
        reason,
        complement.sizes,
        votes,
        _angle(walk),
        Unseen(walk.quiet, law, walk.bench.settings.confidence),
        _forecast(walk),
        advice,
        details=_details(walk),
    )


def one_label(walk: LabelWalk) -> Gathered:
    """Nothing can be found where one label is all there is."""
    labels = np.unique(walk.points.labels_met)
    count = len(walk.points.known)
    if not count:
        return _nothing(walk, "No label was seen.", "Allow more queries.")
    return _nothing(
        walk,
        f"Only one label was ever seen ({labels[0]}, at all {count:,} points).",
        "Give data with examples of both classes: the boundary lies between them.",
    )


def unrepeatable(walk: LabelWalk) -> Gathered:
    """Nothing can be bisected where labels change by themselves."""
    return _nothing(
        walk,
        "The same inputs got different labels when asked again.",
        "Ask a door that answers the same each time; random answers hide the boundary.",
    )


def _nothing(walk: LabelWalk, reason: str, advice: str) -> Gathered:
    votes = RankVotes(0, 0, None, 1.0, 0.0)
    unseen = Unseen(0, walk.bench.law.words, walk.bench.settings.confidence)
    empty: FloatArray = np.zeros((walk.door.dim, 0))
    return Gathered(
        empty,
        0,
        "partial",
        reason,
        np.zeros(0),
        votes,
        float("nan"),
        unseen,
        0,
        advice,
        details=_details(walk),
    )


def _votes(walk: LabelWalk) -> RankVotes:
    """Edge: above noise and tilt; gap: before the last clear ratio; remeasured: answered at fresh points."""
    complement = walk.complement
    # a normal's part along a direction is about as large as the part that was found there
    leak = float(np.linalg.norm(complement.sizes * complement.errors))
    edge = _EDGE * float(np.hypot(leak, walk.scene.wanted if walk.scene else 0.0))
    sizes = np.sort(complement.sizes)[::-1]
    if not len(sizes):
        return RankVotes(0, 0, None, 1.0, edge)
    rejected = max([edge, *walk.weak])
    ladder = np.append(sizes, rejected)
    ratios = ladder[:-1] / ladder[1:]
    clear = np.flatnonzero(ratios >= _CLEAR_GAP)
    return RankVotes(
        int((sizes > edge).sum()),
        int(clear[-1] if len(clear) else np.argmax(ratios)) + 1,
        walk.answered,
        float(sizes[-1] / rejected),
        edge,
    )


def _standing(walk: LabelWalk, votes: RankVotes) -> tuple[Standing, str, str]:
    rank, dim = walk.complement.rank, walk.door.dim
    missing, advice = _missing(walk)
    if missing:
        return "partial", f"{_directions(rank)} found, but {missing}.", advice
    doubt = _doubt(walk, votes)
    if doubt:
        return "ambiguous", f"{_directions(rank)} found, but {doubt}.", "Another --seed may settle it."
    if walk.complement.full:
        return "exact", f"No null space: all {dim} directions of the input matter.", ""
    return (
        "exact",
        f"The labels depend on {rank} of {dim} directions; each answered again, and {walk.quiet:,} long "
        "moves outside them changed no label.",
        "",
    )


def _missing(walk: LabelWalk) -> tuple[str, str]:
    """Why there may be more, and what to do; empty if nothing is missing."""
    wrong = walk.counts["contradictions"]
    if wrong:
        return (
            f"labels contradict one another ({wrong} searches ended where the label does not change)",
            "Some labels seem to be wrong at random: ask a door without noise.",
        )
    if walk.stopped:
        return walk.stopped, "Another --seed, or --data near the boundary, may show more."
    if not walk.finished:
        return "the search did not end", "Allow more queries."
    if not walk.checked:
        return "they were not all checked at fresh points", "Allow more queries."
    if walk.quiet < _FEWEST_MOVES and not walk.complement.full:
        return f"too few moves ({walk.quiet}) tested for more", "Ask for more --moves."
    return "", ""


def _doubt(walk: LabelWalk, votes: RankVotes) -> str:
    """What speaks against the rank; empty if nothing does."""
    rank = walk.complement.rank
    if walk.weak:
        return f"{len(walk.weak)} sightings are too weak to be told from errors"
    if votes.candidates != (rank,):
        return f"the votes on the rank do not settle it ({' or '.join(map(str, {*votes.candidates, rank}))})"
    if votes.gap_ratio < _CLEAR_GAP:
        return f"the weakest is only {votes.gap_ratio:.1f} times what errors explain"
    if not _tilt_agrees(walk):
        return f"moves show a tilt of {walk.tilt_seen:.1e}, more than their errors explain"
    return ""


def _directions(count: int) -> str:
    return "1 direction was" if count == 1 else f"{count} directions were"


def _tilt_agrees(walk: LabelWalk) -> bool:
    """Whether the tilt seen by moves is what the errors explain, within a factor of 10."""
    return not walk.tilt_seen > 10 * walk.complement.tilt


def _angle(walk: LabelWalk) -> float:
    if not walk.complement.rank:
        return float("nan")
    if walk.complement.full:
        return 0.0
    seen = 0.0 if np.isnan(walk.tilt_seen) else _SPARE * walk.tilt_seen
    return min(max(_SPARE * walk.tilt.largest, seen), float(np.pi / 2))


def _forecast(walk: LabelWalk) -> int:
    """Queries at this rank if all goes well."""
    if walk.scene is None:
        return 0
    rank, dim = walk.complement.rank, walk.door.dim
    columns = rank * dim - rank * (rank - 1) // 2
    sides = 1 if walk.scene.boundary == "flat" else 2
    return int(columns * sides * (np.log2(1 / walk.scene.wanted) + _OVERHEAD_BITS))


def _details(walk: LabelWalk) -> dict[str, object]:
    details: dict[str, object] = {**walk.counts, "candidates": walk.points.count, "moves": walk.moved}
    if walk.scene is not None:
        flat = walk.scene.boundary == "flat"
        details |= {
            "boundary": "piecewise linear" if flat else "smooth",
            "straight_share": walk.scene.straight,
            "blur": walk.scene.blur,
            "step": walk.scene.step,
        }
    if np.isfinite(walk.tilt_seen):
        details["tilt_seen"] = walk.tilt_seen
        details["tilt_modelled"] = walk.complement.tilt
    return details
