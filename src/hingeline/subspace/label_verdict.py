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
    labels = np.unique(walk.labels_met)
    count = len(walk.known)
    label = f"label {labels[0]}" if len(labels) else "no label"
    return _nothing(
        walk,
        f"only one label was ever seen ({label} at all {count:,} points)",
        "Give data with examples of both classes, or a larger scale: the boundary lies between them.",
    )


def unrepeatable(walk: LabelWalk) -> Gathered:
    """Nothing can be bisected where labels change by themselves."""
    return _nothing(
        walk,
        "the same inputs got different labels when asked again",
        "Ask a door that answers the same each time; random answers hide the boundary.",
    )


def _nothing(walk: LabelWalk, reason: str, advice: str) -> Gathered:
    votes = RankVotes(0, 0, None, 1.0, 0.0)
    unseen = Unseen(0, walk.bench.law.words, walk.bench.settings.confidence)
    empty: FloatArray = np.zeros((walk.door.dim, 0))
    return Gathered(
        empty, 0, "partial", reason, np.zeros(0), votes, float("nan"), unseen, 0, advice, details=_details(walk)
    )


def _votes(walk: LabelWalk) -> RankVotes:
    """Edge: above noise and tilt; gap: before the largest ratio; remeasured: answered at fresh points."""
    complement = walk.complement
    edge = _EDGE * float(np.hypot(complement.worst_leak, walk.scene.wanted if walk.scene else 0.0))
    sizes = np.sort(complement.sizes)[::-1]
    if not len(sizes):
        return RankVotes(0, 0, None, 1.0, edge)
    rejected = max([edge, *walk.weak])
    steps = np.append(sizes, rejected)
    ratios = steps[:-1] / steps[1:]
    return RankVotes(
        int((sizes > edge).sum()),
        int(np.argmax(ratios)) + 1,
        walk.answered,
        float(sizes[-1] / rejected),
        edge,
    )


def _standing(walk: LabelWalk, votes: RankVotes) -> tuple[Standing, str, str]:
    rank, contradictions = walk.complement.rank, walk.counts["contradictions"]
    if contradictions:
        return (
            "partial",
            f"labels contradict one another ({contradictions} searches ended where the label does not "
            f"change); {rank} directions found",
            "Some labels seem to be wrong at random; ask a door without noise.",
        )
    if walk.stopped:
        return "partial", f"{walk.stopped}; {rank} directions found", ""
    if not walk.finished:
        return "partial", f"the search did not end; {rank} directions found", "Allow more queries."
    if walk.weak:
        return "ambiguous", f"{rank} directions are clear, {len(walk.weak)} sightings are too weak to tell", ""
    if votes.candidates != (rank,):
        return "ambiguous", f"the votes on the rank differ: {votes.candidates}", ""
    if votes.gap_ratio < _CLEAR_GAP:
        return "ambiguous", f"the weakest direction is only {votes.gap_ratio:.1f} times what errors explain", ""
    if not _tilt_agrees(walk):
        return "ambiguous", f"V is tilted by {walk.tilt_seen:.1e}, more than its errors explain", ""
    return (
        "exact",
        f"{rank} directions, each answered again, and {walk.quiet:,} long moves outside them changed no label",
        "",
    )


def _tilt_agrees(walk: LabelWalk) -> bool:
    """Whether the tilt seen by moves is what the errors explain, within a factor of 10."""
    return not walk.tilt_seen > 10 * walk.complement.tilt


def _angle(walk: LabelWalk) -> float:
    if not walk.complement.rank:
        return float("nan")
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
    details: dict[str, object] = dict(walk.counts)
    details["moves"] = walk.moved
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
