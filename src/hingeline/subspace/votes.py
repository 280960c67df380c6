"""How many directions a table of noisy gradients holds: three votes, and when they make the rank exact.

Gradients are the rows of G, and e the deviation of their noise, entry by entry. Rows are first scaled to
equal noise, which leaves their span as it is. Then, of the singular values s_1 >= s_2 >= ...,

    edge        counts those above 1.5 (largest row norm of e + largest column norm of e),
                for equal noise 1.5 e (sqrt(N) + sqrt(d)): what noise alone may reach
    gap         stops before the last clear ratio s_r / s_{r+1}, or before the largest if none is clear
    remeasured  counts directions that answered again at fresh points, where those were asked

Only votes that agree with a gap of 1e3 make a rank exact, and only with gradients to spare: a rank that
equals the number of gradients says that there are more. A fixed relative threshold is wrong both ways (it
loses weak directions and counts the noise of float32); its count is kept beside the votes to show this.

Source: noise edge for unequal variances, Bandeira and van Handel 2016; singletons as an estimate of what was
not seen, Good 1953. Cost: no queries; one SVD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.subspace.recovered import RankVotes, Standing

# Chance that the norm of a random matrix exceeds its edge by so much is negligible.
_CAUTION = 1.5
# Fewest times that the weakest direction must exceed what was rejected for an exact rank.
CLEAR_GAP = 1e3
# Fewest gradients beyond the rank for an exact one.
MARGIN = 6
# A gap counts wherever it is so large; a smaller one only where noise begins: at most so many edges high,
# behind half of the directions that the edge counts. Real spectra have ratios of 5 at their strong end.
_EVIDENT = 30.0
_NEAR_NOISE = 30.0
# The paper-style rule that the votes replace.
_FIXED_RULE = 1e-5
# Below this share of the edge, ratios of singular values are chance.
_FLOOR = 1e-3


@dataclass(frozen=True, eq=False)
class RankReading:
    """What a table of gradients says about its rank."""

    votes: RankVotes
    standing: Standing
    reason: str
    """Why this standing, a sentence for people."""
    rank: int
    """The lowest rank voted for: sub-noise kinks are counted by the edge and not by the gap."""
    basis: FloatArray
    """Leading right singular vectors as orthonormal columns, shape "d rank"."""
    singular: FloatArray
    """Singular values of the scaled table, descending; output units per input unit."""
    angle: float
    """Estimated largest principal angle of the basis, radians."""
    essential: BoolArray
    """Points without which the rank would fall, shape "p": nobody else saw what they saw."""

    @property
    def strengths(self) -> FloatArray:
        """Singular values of the directions kept, shape "rank"."""
        return self.singular[: self.rank]


def read_rank(
    gradients: FloatArray,
    noise: FloatArray | float,
    *,
    outputs: int = 1,
    remeasured: int | None = None,
) -> RankReading:
    """Vote on the rank of a table of gradients.

    Args:
        gradients: Rows, shape "n d", output units per input unit.
        noise: Deviation of the entries: one number, one per row ("n 1") or one per entry ("n d").
        outputs: Rows that belong to one point, one after the other.
        remeasured: Directions that answered again at fresh points; None if none was asked again.

    Cost: no queries; n d min(n, d) operations.
    """
    count, dim = gradients.shape
    table, spread = _equal_noise(gradients, np.broadcast_to(noise, gradients.shape))
    # all left vectors: what a row has outside the leading ones cannot be had from 1 - h by subtraction
    left, singular, right = np.linalg.svd(table, full_matrices=count > dim)
    edge = _CAUTION * _norm_of_noise(spread)
    votes = _votes(singular, edge, remeasured)
    rank = min(votes.candidates)
    standing, reason = standing_of(votes, count, dim)
    return RankReading(
        votes=votes,
        standing=standing,
        reason=reason,
        rank=rank,
        basis=np.ascontiguousarray(right[:rank].T),
        singular=singular,
        angle=_angle(singular, rank, float(np.sqrt(np.mean(spread**2))), table.shape),
        essential=essential_points(left, singular[:rank], edge, outputs),
    )


def fixed_rule(gradients: FloatArray) -> int:
    """What counting singular values above 1e-5 of the largest would say; shown, never used."""
    singular = np.linalg.svd(gradients, compute_uv=False)
    return int(np.sum(singular > _FIXED_RULE * singular[0])) if singular[0] > 0 else 0


def standing_of(votes: RankVotes, count: int, dim: int) -> tuple[Standing, str]:
    """What the votes of `count` gradients in `dim` dimensions allow to claim, and why."""
    rank, candidates = min(votes.candidates), votes.candidates
    spare = count - max(votes.edge, votes.gap)
    if spare < MARGIN and not _all_of(votes, dim, count):
        return "partial", f"Nearly every one of {count} gradients showed a new direction: there may be more."
    if len(candidates) > 1:
        return "ambiguous", f"The votes on the rank differ: {words_of(candidates)}."
    if votes.gap_ratio < CLEAR_GAP:
        return "ambiguous", (
            f"Rank {rank} by all votes, but the weakest direction is only {votes.gap_ratio:.2g} times as "
            f"strong as what was rejected."
        )
    return "exact", f"All votes say {rank}, with a gap of {votes.gap_ratio:.1g}."


def essential_points(left: FloatArray, singular: FloatArray, edge: float, outputs: int = 1) -> BoolArray:
    """Points without whose gradients the weakest direction would sink below the edge.

    With B the leading and C the other left coordinates of a point's rows, the Gram matrix without them is
    S (1 - B^T B) S, and 1 - B B^T = C C^T, so that its smallest eigenvalue is at least
    1 / (s_r^-2 + |C^+ B S^-1|^2). Taking C from the SVD avoids the subtraction, which loses half the digits.

    Args:
        left: All left singular vectors, shape "n n"; the rows of a point follow each other.
        singular: The leading singular values, shape "r".
        edge: What noise may reach.
        outputs: Rows of each point.
    """
    rank, points = len(singular), len(left) // outputs
    essential = np.zeros(points, dtype=np.bool_)
    if not rank:
        return essential
    for point, rows in enumerate(left[: points * outputs].reshape(points, outputs, -1)):
        turn, spare, _ = np.linalg.svd(rows[:, rank:], full_matrices=False)
        if turn.shape[1] < outputs:
            turn = np.linalg.qr(turn, mode="complete")[0]
        spare = np.append(spare, np.zeros(outputs - len(spare)))
        weak = (turn.T @ rows[:, :rank]) / singular / np.maximum(spare, EPSILON)[:, np.newaxis]
        essential[point] = 1.0 / (singular[-1] ** -2 + np.linalg.norm(weak, 2) ** 2) < edge**2
    return essential


def stalled(gradients: FloatArray, reading: RankReading, outputs: int = 1) -> int:
    """Live points after those that gave the full rank, in drawing order; "n d" as it was read."""
    rows, points = gradients @ reading.basis, len(gradients) // outputs
    edge = reading.votes.noise_edge
    # the rank of the first so many points never falls, so halving finds where it became full
    low, high = 0, points
    while low + 1 < high:
        middle = (low + high) // 2
        sizes = np.linalg.svd(rows[: middle * outputs], compute_uv=False)
        whole = int(np.sum(sizes > edge)) >= reading.rank
        low, high = (low, middle) if whole else (middle, high)
    sizes = np.linalg.norm(gradients[: points * outputs].reshape(points, -1), axis=1)
    return int(np.sum(sizes[high:] > edge))


def words_of(ranks: Sequence[int]) -> str:
    """Candidate ranks for people: 80 or 82."""
    return " or ".join(str(rank) for rank in ranks)


def _equal_noise(gradients: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows scaled to the same rms noise, the median's; the noise scaled alike."""
    # float64 sums leave an error even where the door has none
    rounding = EPSILON * np.abs(gradients).max(axis=1, keepdims=True, initial=0.0)
    noise = np.hypot(noise, rounding)
    rows = np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    usual = float(np.median(rows))
    scale = (
        np.divide(usual, rows, out=np.ones_like(rows), where=rows > 0) if usual > 0 else np.ones_like(rows)
    )
    # a row that hardly moved has hardly any noise; scaling it up would only blow up rounding
    scale = np.minimum(scale, 1.0 / np.sqrt(EPSILON))
    return gradients * scale, noise * scale


def _norm_of_noise(spread: FloatArray) -> float:
    """Largest singular value that independent entries of such deviations typically have."""
    rows = np.sqrt(np.sum(spread**2, axis=1)).max(initial=0.0)
    columns = np.sqrt(np.sum(spread**2, axis=0)).max(initial=0.0)
    return float(rows + columns)


def _votes(singular: FloatArray, edge: float, remeasured: int | None) -> RankVotes:
    by_edge = int(np.sum(singular > edge))
    by_gap, ratio = _largest_gap(singular, edge)
    if by_edge < by_gap:
        ratio = min(ratio, _ratio(singular, by_edge, edge))
    return RankVotes(by_edge, by_gap, remeasured, ratio, edge)


def _largest_gap(singular: FloatArray, edge: float) -> tuple[int, float]:
    """Where neighbours differ most, the noise edge standing behind the last; and by how much."""
    if not np.any(singular > edge):
        return 0, float(edge / singular[0]) if singular[0] > 0 else float("inf")
    padded = np.maximum(np.append(singular, min(edge, singular[-1])), _FLOOR * edge)
    with np.errstate(divide="ignore"):
        ratios = padded[:-1] / padded[1:]
    # a weak direction makes two clear gaps, before and behind itself: the last one counts
    clear = np.flatnonzero((ratios[:-1] >= CLEAR_GAP) & (singular[:-1] > edge))
    if len(clear):
        return int(clear[-1]) + 1, float(ratios[clear[-1]])
    late = np.arange(1, len(padded)) >= 0.5 * np.sum(singular > edge)
    allowed = (late & (padded[1:] <= _NEAR_NOISE * edge)) | (ratios >= _EVIDENT)
    if not allowed.any():
        return len(singular), float(ratios[-1])
    best = int(np.argmax(np.where(allowed, ratios, 0.0)))
    return best + 1, float(ratios[best])


def _ratio(singular: FloatArray, rank: int, edge: float) -> float:
    below = singular[rank] if rank < len(singular) else edge
    return float(singular[rank - 1] / below) if rank and below > 0 else float("inf")


def _all_of(votes: RankVotes, dim: int, count: int) -> bool:
    """Whether the gradients span the whole input space: more cannot come."""
    return votes.edge == votes.gap == dim and count >= dim


def _angle(singular: FloatArray, rank: int, noise: float, shape: tuple[int, ...]) -> float:
    """Noise outside the span over the weakest direction, e (sqrt(d - r) + sqrt(r)) / s_r.

    The tail of the spectrum tells how large e really was: kinks below the noise are in it too.
    """
    count, dim = shape
    if rank in (0, dim):
        return 0.0
    if rank < len(singular):
        noise = max(noise, singular[rank] / (np.sqrt(count - rank) + np.sqrt(dim - rank)))
    return min(float(noise * (np.sqrt(dim - rank) + np.sqrt(rank)) / singular[rank - 1]), np.pi / 2)
