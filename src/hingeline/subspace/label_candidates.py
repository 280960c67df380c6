"""Which boundary points are worth a normal: a cheap estimate of how much of it lies outside V.

The normal at a chosen point is measured outside V only. Its part inside V, n_V, carries the errors of the
directions found before into the new one: the sum S of their squared angles grows to about S (1 + x) with

    x = leak^2 / (S |n_B|^2),     leak^2 = c^T C c,     n_B the part outside V, c the parts along V,

C the covariance of the errors of V. Over all points x averages 1 / (k - r) and more, so the last few
directions amplify errors tenfold and more unless their points are chosen. A few coarse searches along random
directions of B, and of V drawn with covariance C, tell x to about a third.
Points are drawn while one more is expected to buy more precision than its labels would buy as further bits
of every column: halving S is worth half a bit of every column measured.

Cost: about 90 queries for each candidate.
Source: our own design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_boundary import Crossings, narrowed
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_offsets import find_offsets
from hingeline.subspace.label_tilt import Tilt

# Random directions asked in V and in B: a mean square is known to sqrt(2 / 8) = 50 %, its root to 25 %.
_PROBES = 8
# Slopes along V are about 1 for a segment that crosses at random; told apart to an eighth of that.
_COARSE = 1 / 8
# Parts outside V down to this share of the whole normal are told from nothing.
_SHARE = 0.05
# Most candidates for one direction: beyond, the best of them hardly improves.
_MOST = 32


@dataclass(frozen=True, eq=False)
class Candidates:
    """Boundary points and what is roughly known about the normals there."""

    crossings: Crossings
    """Shape "m"."""
    within: FloatArray
    """|n_V| / (n.d), shape "m"; roughly."""
    leak: FloatArray
    """Root mean square slope along unit directions drawn with the errors' covariance, shape "m"."""
    slope: FloatArray
    """Root mean square slope along a unit direction of B, shape "m"."""
    least: FloatArray
    """Slope that can be told from 0, shape "m"."""
    rank: int
    """r when they were drawn."""
    outside: int
    """Columns of B then."""

    def __len__(self) -> int:
        return len(self.total)

    @property
    def total(self) -> FloatArray:
        """|n| / (n.d): what turns a relative error into a distance along the line, shape "m"."""
        return np.hypot(self.within, np.sqrt(self.outside) * self.slope)

    @property
    def novel(self) -> BoolArray:
        """Whether a part outside V was seen."""
        return self.slope > self.least

    @property
    def amplification(self) -> FloatArray:
        """The x above, inf where nothing was seen outside V."""
        own = self.outside * self.slope**2
        x = np.divide(self.leak**2, own, out=np.full(len(own), np.inf), where=self.novel)
        return x

    def only(self, row: int) -> Candidates:
        """One of them."""
        rows = np.array([row])
        return Candidates(
            self.crossings.only(rows),
            self.within[rows],
            self.leak[rows],
            self.slope[rows],
            self.least[rows],
            self.rank,
            self.outside,
        )


def assess(
    door: LabelDoor,
    crossings: Crossings,
    complement: Complement,
    reach: float,
    rng: np.random.Generator,
    *,
    share: float = _SHARE,
    tilt: Tilt | None = None,
) -> Candidates:
    """Estimate the size of the normals' parts inside and outside V.

    Args:
        door: Where to ask.
        crossings: Boundary points; they are narrowed as far as needed.
        complement: V and B.
        reach: Length of the steps beside the points, input units.
        rng: Draws the directions.
        share: Part outside V to be told from nothing, as a share of the normal.
        tilt: Errors of V, to draw directions of V by; None draws them evenly, which tells `within` best.

    Returns:
        Those of the points at which enough directions answered.
    """
    rank, outside = complement.rank, complement.rest.shape[1]
    crossings = narrowed(door, crossings, _COARSE * reach / 2)
    count, leak = len(crossings), np.zeros(len(crossings))
    if rank:
        steps = _steps_within(complement.found, tilt, rng, count)
        leak = np.sqrt(_mean_square(_slopes(door, crossings, steps, reach, np.ones(count), _COARSE)))
        usable = np.isfinite(leak) & (leak > 0)
        crossings, leak = crossings.only(usable), leak[usable]
    within = np.sqrt(rank) * leak
    if not outside or not len(crossings):
        return Candidates(crossings, within, leak, 0 * leak, 0 * leak, rank, outside)
    # before the first direction nothing is known about the size of a slope
    spread, cell = (0.3, share) if rank else (1.0, _COARSE)
    unit = within / np.sqrt(outside) if rank else np.ones(len(crossings))
    crossings = narrowed(door, crossings, cell * unit * reach / 2)
    steps = _random_mix(complement.rest, rng, len(crossings))
    slope = np.sqrt(_mean_square(_slopes(door, crossings, steps, reach, spread * unit, cell / spread)))
    known = np.isfinite(slope)
    return Candidates(
        crossings.only(known),
        within[known],
        leak[known],
        slope[known],
        cell * unit[known],
        rank,
        outside,
    )


def pays(amplifications: FloatArray, rank: int, outside: int, labels_each: float) -> bool:
    """Whether one more candidate is expected to be worth its labels.

    A part n_B of m dimensions has x about 1 / m with relative deviation sqrt(2 / m); the best of c draws is
    beaten with probability 1 / (c + 1), by about half that deviation.

    Args:
        amplifications: The x of the candidates so far.
        rank: Directions found.
        outside: Columns of B.
        labels_each: Queries for one candidate.
    """
    count = len(amplifications)
    if count >= _MOST or not rank:
        return False
    best = float(amplifications.min())
    if not np.isfinite(best):
        return False
    gain = 0.5 * np.log1p(best) * min(1.0, float(np.sqrt(2 * best))) / (count + 1)
    # one bit of each of (rank + 1) columns' worth of questions is worth a factor 4 in S
    columns = (rank + 1) * outside
    return bool(gain > 2 * np.log(2.0) * labels_each / columns)


def _steps_within(found: FloatArray, tilt: Tilt | None, rng: np.random.Generator, count: int) -> FloatArray:
    """Unit directions of V, drawn evenly or by their errors: "count s d"."""
    if tilt is None or found.shape[1] == 1:
        return _random_mix(found, rng, count)
    return (tilt.probes(rng, count * _PROBES) @ found.T).reshape(count, _PROBES, -1)


def _random_mix(basis: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
    """Unit directions in the span of a basis, its own columns if they are few: "count s d"."""
    dims = basis.shape[1]
    if dims <= _PROBES:
        return np.broadcast_to(basis.T, (count, dims, len(basis)))
    mix = rng.standard_normal((count, _PROBES, dims))
    mix /= np.linalg.norm(mix, axis=2, keepdims=True)
    return mix @ basis.T


def _slopes(
    door: LabelDoor,
    crossings: Crossings,
    directions: FloatArray,
    reach: float,
    spread: FloatArray,
    share: float,
) -> FloatArray:
    """Slopes along unit directions, to a share of their spread ("m"); nan where not found: "m s"."""
    each = directions.shape[1]
    offsets = find_offsets(
        door,
        crossings.all_lines(reach * directions),
        np.repeat(spread * reach, each),
        np.repeat(share * spread * reach, each),
    )
    return np.where(offsets.known, offsets.at / reach, np.nan).reshape(-1, each)


def _mean_square(slopes: FloatArray) -> FloatArray:
    """Mean of the squares of each row, nan if fewer than half are known."""
    known = np.isfinite(slopes)
    sums = np.sum(np.where(known, slopes, 0.0) ** 2, axis=1)
    counts = known.sum(axis=1)
    return np.where(2 * counts >= slopes.shape[1], sums / np.maximum(counts, 1), np.nan)
