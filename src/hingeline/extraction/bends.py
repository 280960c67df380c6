"""From the bends of a swept line to hyperplanes: normals, offsets and output jumps.

Neighbouring pieces differ by one neuron, so the difference of their Jacobians is jump times normal. With
k outputs the line itself tells each bend's output direction, and one Jacobian difference across a group
of fewer than k bends gives all their normals at once. The widest pieces are measured first in all input
directions until their gradients stop adding dimensions: a first layer narrower than the input is seen
through its row space, and every later Jacobian costs only that many queries.

Source: telescoping of partial signatures after Carlini, Jagielski and Mironov 2020; the rank-one use of
vector outputs is also in arXiv 2609.35487. Cost: one Jacobian per piece (scalar outputs), one per k - 2
bends (vector outputs); the row space costs its rank + 2 full gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.span import GrowingSpan
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.central_differences import central_jacobians
from hingeline.probing.jacobian import RegionJacobians, region_jacobians, turned_basis
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe, is_coarse

GROUP_CONDITION = 60.0
"""A group of bends is solved together only if its output directions are this well conditioned."""
USELESS = 1e-3
"""A unit normal whose entries are uncertain by more than this is not measured."""
NOISE_RANK = 1.5
"""Directions count if gradients show them so many times as strongly as noise does at most."""
SPARE_ROWS = 3
"""Gradients beyond the rank that must lie in the same span before it is believed."""
LONELY = 0.95
"""A direction is shown by one gradient alone if so much of it, of 1, is that gradient's."""
AGAIN = 0.5
"""Cosine of two measurements of a direction from which they are one direction."""
WORTHWHILE = 0.1
"""From coarse answers, a unit row that is expected to be off by more than this is not measured."""
TINY = 1e-100
MANY_FAILED = 4
"""Pieces of a line that may be asked again in all directions at once."""
FIRST_BATCH = 3
"""Pieces asked in all directions first; if they show nothing outside the basis, the others are just too
narrow."""
FEWEST_FAILED = 2
"""Pieces that must contradict a basis before it is thought too narrow."""
BASIS_ERROR = 1e-13
"""Error of an entry of a basis that gradients of other lines span."""
NARROW_ENOUGH = 0.7
"""Share of the basis's directions above which a piece is asked in the basis at once."""
TYPICAL_STEP = 0.15
"""Step that mostly stays inside, as a fraction of half a piece."""
SPARE_OUTPUTS = 2
"""Outputs kept free in each group, so that a wrong group shows as a residual."""


@dataclass(frozen=True, eq=False)
class KnownBends:
    """Bends of a line that known neurons explain."""

    mask: BoolArray
    """Which bends are explained, shape "b"."""
    jumps: FloatArray
    """Jacobian after minus Jacobian before each explained bend, shape "b k d"; zero elsewhere."""
    errors: FloatArray
    """Standard deviation of one entry of each jump, shape "b"; zero elsewhere."""
    planes: IntArray | None = None
    """Which of the known hyperplanes each bend is, shape "b"; -1 elsewhere."""

    def without(self, vague: BoolArray) -> KnownBends:
        """The same where bends whose hyperplane is `vague` (one value each) pass for unknown."""
        if self.planes is None or not len(vague):
            return self
        keep = self.mask & ~vague[self.planes]
        return KnownBends(
            keep,
            np.where(keep[:, np.newaxis, np.newaxis], self.jumps, 0.0),
            np.where(keep, self.errors, 0.0),
            np.where(keep, self.planes, -1),
        )


@dataclass(frozen=True, eq=False)
class MeasuredLine:
    """What a line told about the hyperplanes it crosses, and the regions between."""

    sweep: LineSweep
    normals: FloatArray
    """Unit normal of each bend's hyperplane, oriented along the line, shape "b d"."""
    offsets: FloatArray
    """Its offset: normal @ x + offset = 0, shape "b"."""
    jumps: FloatArray
    """Output change per unit of normal @ x across it, shape "b k"."""
    errors: FloatArray
    """Standard deviation of one entry of the normal, shape "b"; inf where it was not measured."""
    centres: FloatArray
    """A point in each piece, shape "b+1 d"."""
    jacobians: FloatArray
    """Jacobian of each measured piece, shape "b+1 k d"."""
    values: FloatArray
    """Value at each measured centre, shape "b+1 k"."""
    jacobian_errors: FloatArray
    """Standard deviation of one Jacobian entry, shape "b+1"; inf where not measured."""
    basis: FloatArray
    """Orthonormal rows spanning all gradients seen, shape "r d"."""
    coarse: bool = False
    """Whether answers were too coarse to ask more of a normal than its rough direction."""

    @property
    def measured(self) -> BoolArray:
        """Which bends have a normal that means something."""
        roughest = max(USELESS, WORTHWHILE / self.normals.shape[1] ** 0.5)
        return self.errors < (roughest if self.coarse else USELESS)


def measure_bends(
    probe: Probe,
    sweep: LineSweep,
    rng: np.random.Generator,
    *,
    basis: FloatArray | None = None,
    known: KnownBends | None = None,
    room: Callable[[FloatArray], FloatArray] | None = None,
    doubtful: bool = False,
    narrow: Callable[[FloatArray], list[FloatArray]] | None = None,
) -> MeasuredLine:
    """Measure the hyperplanes that a swept line crosses.

    Args:
        probe: Where queries go.
        sweep: The line's bends and slopes.
        rng: Turns bases and draws rays.
        basis: Orthonormal rows that are known to span all gradients; None to find out.
        known: Bends whose hyperplanes are known already; they cost nothing.
        room: Distance from each point to other known hyperplanes, "n d" to "n"; None if there are none.
        doubtful: Whether `basis` may be too narrow, because the lines it is from did not meet every neuron;
            then it is widened where most pieces contradict it.
        narrow: Orthonormal rows that probably span the gradients near each point, "n d" to n arrays "r d"; a
            gradient that turns out to leave them is measured in the basis. None: all in the basis.

    Raises:
        BudgetExhausted: The budget ended.
    """
    wanted = np.ones(len(sweep.bends), dtype=np.bool_) if known is None else ~known.mask
    groups = _groups(sweep, np.nonzero(wanted)[0])
    if is_coarse(probe):
        groups = _worthwhile(probe, sweep, groups, wanted)
    cells = np.unique(np.array([end for group in groups for end in group], dtype=np.int64))
    if not len(cells):
        cells = np.array([int(np.argmax(_relative_widths(sweep)))])
    regions = _Regions(probe, sweep, rng, basis, room, doubtful)
    regions.measure(cells if narrow is None else regions.measure_narrowly(cells, narrow))
    return regions.solve(groups, known)


def _groups(sweep: LineSweep, unknown: IntArray) -> list[tuple[int, int]]:
    """Pairs of pieces (a, b) such that the unknown bends between them are solved from one difference.

    Between two unknown bends the widest piece is taken: it gives the best Jacobian.
    """
    widths = _relative_widths(sweep)
    # piece p lies between bends p - 1 and p
    ends = np.concatenate([[-1], unknown, [len(sweep.bends)]])
    slots = [int(a + 1 + np.argmax(widths[a + 1 : b + 1])) for a, b in pairwise(ends)]
    most = max(1, sweep.slopes.shape[1] - SPARE_OUTPUTS)
    groups: list[tuple[int, int]] = []
    slot, last = 0, len(unknown)
    while slot < last:
        reach = slot + 1
        while (
            reach < min(slot + most, last)
            and _condition(sweep.jumps[unknown[slot : reach + 1]]) < GROUP_CONDITION
        ):
            reach += 1
        # The later half of the possible ends saves Jacobians; the widest of them keeps precision.
        first = reach if reach == last else slot + 1 + (reach - slot) // 2
        end = max(range(first, reach + 1), key=lambda s: widths[slots[s]])
        groups.append((slots[slot], slots[end]))
        slot = end
    return groups


def _worthwhile(
    probe: Probe, sweep: LineSweep, groups: list[tuple[int, int]], wanted: BoolArray
) -> list[tuple[int, int]]:
    """The groups whose pieces are wide enough for a normal that means something; others wait for a line.

    A step in a piece of half width r stays inside up to about 0.15 r, so the Jacobian's error is the noise
    over that; the jump of a unit normal with a typical speed along the line is the line's own, sqrt(d) up.
    """
    t, reaches = _centres(sweep)
    error = probe.noise.at(sweep.line.at(t)) / np.maximum(TYPICAL_STEP * reaches, TINY)
    sizes = np.linalg.norm(sweep.jumps, axis=1)
    kept: list[tuple[int, int]] = []
    for first, last in groups:
        inside = np.arange(first, last)[wanted[first:last]]
        if np.hypot(error[first], error[last]) < WORTHWHILE * sizes[inside].min():
            kept.append((first, last))
    return kept


def _condition(jumps: FloatArray) -> float:
    norms = np.linalg.norm(jumps, axis=1, keepdims=True)
    return float(np.linalg.cond(jumps / np.where(norms > 0, norms, 1.0)))


def _relative_widths(sweep: LineSweep) -> FloatArray:
    extents = sweep.extents()
    norms = np.linalg.norm(sweep.line.at(extents.mean(axis=1)), axis=1)
    return (extents[:, 1] - extents[:, 0]) / (sweep.line.scale + norms)


def _centres(sweep: LineSweep) -> tuple[FloatArray, FloatArray]:
    """Parameter of a centre of each piece, and its distance to the nearest end."""
    extents = sweep.extents()
    if len(sweep.bends):
        reach = np.maximum(sweep.line.scale, np.abs(sweep.bends[[0, -1]]) / 2)
        extents[0, 0] = max(extents[0, 0], sweep.bends[0] - 2 * reach[0])
        extents[-1, 1] = min(extents[-1, 1], sweep.bends[-1] + 2 * reach[1])
    else:
        extents = np.clip(extents, -sweep.line.scale, sweep.line.scale)
    return extents.mean(axis=1), (extents[:, 1] - extents[:, 0]) / 2


class _Regions:
    """Jacobians of a line's pieces as they are measured."""

    def __init__(
        self,
        probe: Probe,
        sweep: LineSweep,
        rng: np.random.Generator,
        basis: FloatArray | None,
        room: Callable[[FloatArray], FloatArray] | None,
        doubtful: bool,
    ) -> None:
        self.doubtful = doubtful
        self.probe, self.sweep, self.rng, self.given = probe, sweep, rng, basis
        pieces, outputs, dim = len(sweep.slopes), sweep.slopes.shape[1], probe.input_dim
        t, self.reaches = _centres(sweep)
        self.centres = sweep.line.at(t)
        self.reaches = np.minimum(self.reaches, probe.domain.margin(self.centres))
        if room is not None:
            self.reaches = np.minimum(self.reaches, room(self.centres))
        self.jacobians = np.zeros((pieces, outputs, dim))
        self.values = np.zeros((pieces, outputs))
        self.errors = np.full(pieces, np.inf)
        self.span = GrowingSpan(dim)
        self.basis = np.eye(dim) if basis is None else basis

    def measure_narrowly(self, cells: IntArray, narrow: Callable[[FloatArray], list[FloatArray]]) -> IntArray:
        """Measure pieces each in its own directions; gives those whose gradients are not in them."""
        for cell, rows in zip(cells, narrow(self.centres[cells]), strict=True):
            if 0 < len(rows) < NARROW_ENOUGH * len(self.basis):
                self._ask(cell[np.newaxis], turned_basis(rows, self.sweep.line.direction, self.rng))
        return cells[np.isinf(self.errors[cells])]

    def measure(self, cells: IntArray) -> None:
        """Measure the given pieces, widest first, in as few directions as suffice."""
        norms = np.linalg.norm(self.centres, axis=1) + self.sweep.line.scale
        order = cells[np.argsort(-(self.reaches / norms)[cells])]
        done = 0
        if is_coarse(self.probe):
            self._measure_coarse(order)
            return
        if self.given is None:
            turned = turned_basis(self.basis, self.sweep.line.direction, self.rng)
            while done < len(order) and not self.span.full:
                pair = order[done : done + 2]
                done += len(pair)
                self._ask(pair, turned)
                measured = pair[np.isfinite(self.errors[pair])]
                if not self._extend(pair) and len(measured) and self.span.rank:
                    break
            self.basis = self.span.refined() if self.span.rank else self.basis
        self._finish(order[done:])

    def _measure_coarse(self, cells: IntArray) -> None:
        """From coarse answers: in the directions known to matter, else in all, and then see which matter."""
        direction, full = self.sweep.line.direction, np.eye(self.probe.input_dim)
        if self.given is not None:
            self._ask(cells, turned_basis(self.basis, direction, self.rng))
            return
        self._ask(cells, turned_basis(full, direction, self.rng))
        good = cells[np.isfinite(self.errors[cells])]
        if not len(good):
            return
        left, rank, right = self._strong_directions(good)
        usable = 0 < rank < len(full) and rank + SPARE_ROWS <= len(left)
        lonely = int(np.argmax(np.abs(left[:, rank - 1]))) if usable else 0
        if usable and np.abs(left[lonely, rank - 1]) > LONELY:
            # one region alone shows this direction: a neuron that is on nowhere else, or a wrong Jacobian
            cell = good[lonely // self.jacobians.shape[1]]
            if not self._shown_again(int(cell), right[: rank - 1]):
                self.errors[cell] = np.inf
                good = good[good != cell]
                _, rank, right = self._strong_directions(good)
        rows = self.jacobians[good].reshape(-1, len(full))
        if 0 < rank < len(full) and rank + SPARE_ROWS <= len(rows):
            self.basis = right[:rank]
            self.jacobians[good] = self.jacobians[good] @ self.basis.T @ self.basis
            self.errors[good] *= (rank / len(full)) ** 0.5

    def _strong_directions(self, good: IntArray) -> tuple[FloatArray, int, FloatArray]:
        """Left vectors, number of directions that noise cannot make, and directions, of the gradients."""
        dim = self.probe.input_dim
        rows = (self.jacobians[good] / self.errors[good, np.newaxis, np.newaxis]).reshape(-1, dim)
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        # the largest singular value of pure noise of unit variance, "m d", is sqrt(m) + sqrt(d)
        rank = int((singular > NOISE_RANK * (len(rows) ** 0.5 + dim**0.5)).sum())
        return left, rank, right

    def _shown_again(self, cell: int, others: FloatArray) -> bool:
        """Ask one piece again in other directions: whether its gradient leaves the others' span as before."""
        before = self.jacobians[cell].copy(), self.errors[cell]
        first = before[0] - before[0] @ others.T @ others
        full = np.eye(self.probe.input_dim)
        self._ask(np.array([cell]), turned_basis(full, self.sweep.line.direction, self.rng))
        again = self.jacobians[cell] - self.jacobians[cell] @ others.T @ others
        agreement = float((first * again).sum())
        self.jacobians[cell], self.errors[cell] = before
        return agreement > AGAIN * float(np.linalg.norm(first) * np.linalg.norm(again))

    def _finish(self, cells: IntArray) -> None:
        direction = self.sweep.line.direction
        if len(cells):
            self._ask(cells, turned_basis(self.basis, direction, self.rng))
        # A failed certificate may mean a gradient outside the basis: look once in all directions.
        failed = cells[np.isinf(self.errors[cells])]
        if len(self.basis) == self.probe.input_dim or not self._too_narrow(cells, failed):
            return
        if 0 < len(failed) <= MANY_FAILED:
            self._ask(failed, turned_basis(np.eye(self.probe.input_dim), direction, self.rng))
            if self._extend(failed):
                self.basis = self.span.refined()
            return
        self._widen(failed)

    def _too_narrow(self, cells: IntArray, failed: IntArray) -> bool:
        """Whether pieces that failed are to be asked in all directions."""
        if self.given is None:
            return True
        if not self.doubtful or len(failed) < FEWEST_FAILED or 2 * len(failed) <= len(cells):
            return False
        # as exact as gradients of unit length measured on the lines before
        for row in self.given:
            self.span.add(row, BASIS_ERROR)
        return True

    def _widen(self, failed: IntArray) -> None:
        """Many pieces failed: ask a few in all directions, then twice as many, until that adds little.

        The others are asked in the basis once a batch adds less than one direction for each of its pieces;
        before that it is too narrow for most of them.
        """
        direction, full, count = self.sweep.line.direction, np.eye(self.probe.input_dim), FIRST_BATCH
        while len(failed) and len(self.basis) < self.probe.input_dim:
            batch, failed = failed[:count], failed[count:]
            before = len(self.basis)
            self._ask(batch, turned_basis(full, direction, self.rng))
            if not self._extend(batch):
                return
            self.basis = self.span.refined()
            count *= 2
            if len(self.basis) - before < len(batch) and len(failed):
                self._ask(failed, turned_basis(self.basis, direction, self.rng))
                failed = failed[np.isinf(self.errors[failed])]

    def _ask(self, cells: IntArray, turned: FloatArray) -> None:
        found = self._jacobians(cells, turned)
        good = cells[found.certified]
        self.jacobians[good] = found.matrices[found.certified]
        self.values[good] = found.values[found.certified]
        self.errors[good] = found.errors[found.certified]

    def _jacobians(self, cells: IntArray, turned: FloatArray) -> RegionJacobians:
        sweep = self.sweep
        if is_coarse(self.probe):
            return central_jacobians(
                self.probe, self.centres[cells], self.reaches[cells], sweep.line.direction,
                sweep.slopes[cells], sweep.slope_errors[cells], turned, self.rng,
            )  # fmt: skip
        return region_jacobians(
            self.probe, self.centres[cells], self.reaches[cells], sweep.line.direction,
            sweep.slopes[cells], turned, self.rng,
        )  # fmt: skip

    def _extend(self, cells: IntArray) -> bool:
        """Add the gradients of measured pieces to the span; True if it grew."""
        grew = False
        for cell in cells[np.isfinite(self.errors[cells])]:
            for row in self.jacobians[cell]:
                grew |= self.span.add(row, float(self.errors[cell]))
        return grew

    def solve(self, groups: list[tuple[int, int]], known: KnownBends | None) -> MeasuredLine:
        """Turn Jacobian differences into hyperplanes."""
        bends, outputs, dim = len(self.sweep.bends), self.sweep.slopes.shape[1], self.probe.input_dim
        found = _Hyperplanes(np.zeros((bends, dim)), np.zeros((bends, outputs)), np.full(bends, np.inf))
        for first, last in groups:
            inside = np.arange(first, last)
            if known is not None:
                inside = inside[~known.mask[first:last]]
            self._solve_group(first, last, inside, known, found)
        crossings = self.sweep.line.at(self.sweep.bends)
        offsets = -np.einsum("bd,bd->b", found.normals, crossings)
        return MeasuredLine(
            self.sweep, found.normals, offsets, found.jumps, found.errors, self.centres, self.jacobians,
            self.values, self.errors, self.basis, is_coarse(self.probe),
        )  # fmt: skip

    def _solve_group(
        self, first: int, last: int, bends: IntArray, known: KnownBends | None, found: _Hyperplanes
    ) -> None:
        error = float(np.hypot(self.errors[first], self.errors[last]))
        if not np.isfinite(error):
            return
        # Delta J = sum_j u_j (w_j / w_j.v)^T with u_j the slope jumps of the line
        difference = self.jacobians[last] - self.jacobians[first]
        if known is not None:
            difference = difference - known.jumps[first:last].sum(axis=0)
            error = float(np.hypot(error, np.linalg.norm(known.errors[first:last])))
        directions = self.sweep.jumps[bends]
        inverse = np.linalg.pinv(directions.T)
        rows = inverse @ difference
        lengths = np.linalg.norm(rows, axis=1)
        rest = difference - directions.T @ rows
        scale = np.abs(difference).max()
        if not (lengths > 0).all() or np.abs(rest).max() > 12 * error + 1e-7 * scale:
            return
        found.normals[bends] = rows / lengths[:, np.newaxis]
        found.jumps[bends] = directions * lengths[:, np.newaxis]
        spread = np.linalg.norm(inverse, axis=1)
        # errors of the line's slopes enter through the output directions of the whole group
        slope_error = self.sweep.slope_errors[first : last + 1].max() * np.abs(rows).max() * len(bends)
        found.errors[bends] = spread * np.hypot(error, slope_error) / lengths + EPSILON


@dataclass(eq=False)
class _Hyperplanes:
    """Normals, jumps and errors of the bends as groups are solved."""

    normals: FloatArray
    jumps: FloatArray
    errors: FloatArray
