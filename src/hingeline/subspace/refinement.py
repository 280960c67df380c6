"""A known span made more precise: nothing bends along directions that the network does not see.

Along B, the complement of an approximate span V with error t, a move of length H goes only t H along what the
network sees, so steps may be 1 / t times as long as along V, and derivatives there are so much less noisy.
With A the gradients along V (few columns, short steps) and C those along B (long steps),

    C = A T,     V' = orth(V + B T^T),     error of T = e_C (sqrt(d - k) + sqrt(k)) / s_k(A),

the new error is the old one times what the noise was relative to the gradients: it squares, until the noise
relative to the whole input is reached. What of C is not A T is a direction that was missed; and A measures
every accepted direction again at fresh points, which is the third vote.

Cost: N (2 d + 1) queries with N about 1.1 k over the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.subspace.central_jacobian import central_jacobian
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.recovered import RankVotes
from hingeline.subspace.screening import screened
from hingeline.subspace.votes import MARGIN, read_rank

# Gradients beyond the rank, as a share of it: the fewest that leave the fit a residual to look at.
_SPARE = 0.1
# Step along V as a share of the reach of rays; along B so much of the same over the error of V.
_STEP = 0.5
_CAUTIOUS = 0.3
# Longest step along B in norms of the point: beyond, a relative noise grows with the step.
_LONGEST = 3.0
# Share of the room up to the edge of the domain.
_ROOM = 0.9
# Candidates for each point measured; batches without a point before giving up.
_CANDIDATES = 6
_BARREN = 4
# Points measured between two screenings.
_AT_ONCE = 8
# A gradient is left out of the fit if it lies so many times farther off than the median one (more where few
# dimensions are fitted); at most so many.
_STANDS_OUT = 2.0
_MOST_SPOILED = 3


@dataclass(frozen=True, eq=False)
class Refinement:
    """A span measured again."""

    basis: FloatArray
    """Orthonormal columns, shape "d k"."""
    strengths: FloatArray
    """Singular values of the gradients along the span, shape "k"."""
    votes: RankVotes
    """Edge and gap of the new table; "remeasured" counts the old directions that answered again."""
    angle: float
    """Estimated largest principal angle, radians."""
    points: int
    """Jacobians measured."""


def refine(
    door: NoisyDoor, basis: FloatArray, angle: float, rng: np.random.Generator, distance: float = 1.0
) -> Refinement | None:
    """Measure fresh gradients with long steps outside the span, and fit the span to them.

    Args:
        door: Where queries go.
        basis: The span so far, orthonormal columns, shape "d k", 0 < k < d.
        angle: Its estimated error, radians.
        rng: Draws points and the rotation of the complement.
        distance: Where to draw points, in typical norms.

    Returns:
        The new span; None if too few regions could be measured.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: about 1.1 k (2 d + 1) queries over the number of outputs.
    """
    dim, rank = basis.shape
    turned = np.linalg.qr(np.column_stack([basis, rng.standard_normal((dim, dim - rank))]))[0]
    table = _Table(door, np.ascontiguousarray(turned.T), rank, max(angle, 1e-15))
    wanted = rank + max(MARGIN, int(np.ceil(_SPARE * rank)))
    barren = 0
    while len(table) < wanted and barren < _BARREN:
        before = len(table)
        candidates = screened(door, rng, _CANDIDATES * _AT_ONCE, distance)
        for index in candidates.order()[:_AT_ONCE]:
            if len(table) < wanted:
                table.measure(candidates.points[index], float(candidates.reaches[index]))
        barren = barren + 1 if len(table) == before else 0
    return table.fitted() if len(table) >= wanted else None


class _Table:
    """Gradients along V and B as they come in."""

    def __init__(self, door: NoisyDoor, axes: FloatArray, rank: int, angle: float) -> None:
        self.door, self.axes, self.rank, self.angle = door, axes, rank, angle
        self.points = 0
        self._slopes: list[FloatArray] = []
        self._noise: list[FloatArray] = []

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._slopes)

    def measure(self, point: FloatArray, reach: float) -> None:
        """Add the gradients at one point, if its region allows."""
        inside, outside = self.axes[: self.rank], self.axes[self.rank :]
        # a ray has only k / d of its square within the span; a direction of the span is all in it
        share = float(np.sqrt(self.rank / self.door.dim))
        along = central_jacobian(self.door, point, inside, _STEP * reach * share)
        if along is None:
            return
        length = self._length(point, reach, outside)
        across = central_jacobian(self.door, point, outside, length) if length > 0 else None
        if across is None:
            return
        self.points += 1
        self._slopes.append(np.hstack([along.rows, across.rows]))
        self._noise.append(np.hstack([along.noise, across.noise]))

    def _length(self, point: FloatArray, reach: float, outside: FloatArray) -> float:
        """Step along B: as long as the error of V, the noise and the domain allow."""
        there = np.broadcast_to(point, outside.shape)
        law = self.door.bench.law
        room = min(float(law.room(there, outside).min()), float(law.room(there, -outside).min()))
        norm = max(float(np.linalg.norm(point)), law.unit)
        return min(_CAUTIOUS * reach / self.angle, _LONGEST * norm, _ROOM * room)

    def fitted(self) -> Refinement:
        """Least squares for T, with the rows scaled to equal noise along B."""
        slopes, noise = np.concatenate(self._slopes), np.concatenate(self._noise)
        across = np.sqrt(np.mean(noise[:, self.rank :] ** 2, axis=1, keepdims=True))
        weights = np.median(across) / np.maximum(across, 1e-300) if np.median(across) > 0 else 1.0
        along, rest = np.split(slopes * weights, [self.rank], axis=1)
        inner, outer = np.split(noise * weights, [self.rank], axis=1)
        # errors of A act through T, whose size is the error of V
        outer = np.hypot(outer, self.angle * np.sqrt(np.mean(inner**2)))
        kept = _unspoiled(along, rest)
        along, rest, inner, outer = along[kept], rest[kept], inner[kept], outer[kept]
        left, sizes, right = np.linalg.svd(along, full_matrices=False)
        fit = right.T @ ((left.T @ rest) / sizes[:, np.newaxis])
        residual = read_rank(rest - along @ fit, outer)
        again = read_rank(along, inner)
        edge = residual.votes.noise_edge
        missed = int(np.sum(residual.singular > edge))
        ratio = sizes[-1] / max(residual.singular[0], 1e-3 * edge)
        tilt = np.linalg.norm(fit, 2)
        basis = np.linalg.qr(self.axes[: self.rank].T + self.axes[self.rank :].T @ fit.T)[0]
        return Refinement(
            basis=basis,
            strengths=sizes,
            votes=RankVotes(
                edge=int(np.sum(sizes > edge)) + missed,
                gap=self.rank,
                remeasured=int(np.sum(again.singular > again.votes.noise_edge)),
                gap_ratio=float(ratio),
                noise_edge=edge,
            ),
            angle=self._error(outer, residual.singular, sizes[-1], float(tilt)),
            points=self.points,
        )

    def _error(self, noise: FloatArray, residual: FloatArray, weakest: float, tilt: float) -> float:
        """Error of T, by the noise or by the residual of the fit, whichever is larger; rounding at least."""
        count, width = noise.shape
        size = np.sqrt(width) + np.sqrt(self.rank)
        seen = residual[0] / (np.sqrt(count - self.rank) + np.sqrt(width))
        by_noise = max(float(np.sqrt(np.mean(noise**2))), float(seen)) * size / weakest
        rounding = np.finfo(np.float64).eps * np.sqrt(self.rank)
        return float(min(np.hypot(by_noise, rounding), np.pi / 2 if tilt else by_noise))


def _unspoiled(along: FloatArray, rest: FloatArray) -> BoolArray:
    """The rows without the few that a bend below the noise has spoiled: they stand out of the fit.

    A residual r_i of a least-squares fit has variance proportional to 1 - h_i, with h_i the leverage.
    """
    kept = np.ones(len(along), dtype=np.bool_)
    for _ in range(_MOST_SPOILED):
        if kept.sum() <= along.shape[1] + _MOST_SPOILED:
            break
        left = np.linalg.svd(along[kept], full_matrices=False)[0]
        residual = rest[kept] - left @ (left.T @ rest[kept])
        spare = np.maximum(1.0 - np.sum(left**2, axis=1), 1e-12)
        sizes = np.linalg.norm(residual, axis=1) / np.sqrt(spare)
        # lengths of noise in many dimensions are nearly equal; a spoiled row lifts the others a little too
        if sizes.max() <= (_STANDS_OUT + 6.0 / np.sqrt(rest.shape[1])) * np.median(sizes):
            break
        kept[np.flatnonzero(kept)[int(np.argmax(sizes))]] = False
    return kept
