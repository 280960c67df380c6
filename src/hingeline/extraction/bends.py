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
from hingeline.extraction.piece_jacobians import PieceJacobians, piece_centres
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe, is_coarse

GROUP_CONDITION = 60.0
"""A group of bends is solved together only if its output directions are this well conditioned."""
USELESS = 1e-3
"""A unit normal whose entries are uncertain by more than this is not measured."""
WORTHWHILE = 0.1
"""From coarse answers, a unit row that is expected to be off by more than this is not measured."""
TINY = 1e-100
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
    in_all: BoolArray | None = None
    """Pieces whose Jacobian was measured in all input directions, shape "b+1"; None: none."""

    @property
    def full(self) -> BoolArray:
        """Pieces whose Jacobian was measured in all input directions, shape "b+1"."""
        return np.zeros(len(self.centres), dtype=np.bool_) if self.in_all is None else self.in_all

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
    pieces = PieceJacobians(probe, sweep, rng, basis, room, doubtful)
    pieces.measure(cells if narrow is None else pieces.measure_narrowly(cells, narrow))
    return _solved(pieces, groups, known)


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
    t, reaches = piece_centres(sweep)
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


def _solved(pieces: PieceJacobians, groups: list[tuple[int, int]], known: KnownBends | None) -> MeasuredLine:
    """Turn Jacobian differences into hyperplanes."""
    bends, outputs, dim = len(pieces.sweep.bends), pieces.sweep.slopes.shape[1], pieces.probe.input_dim
    found = _Hyperplanes(np.zeros((bends, dim)), np.zeros((bends, outputs)), np.full(bends, np.inf))
    for first, last in groups:
        inside = np.arange(first, last)
        if known is not None:
            inside = inside[~known.mask[first:last]]
        _solve_group(pieces, first, last, inside, known, found)
    crossings = pieces.sweep.line.at(pieces.sweep.bends)
    offsets = -np.einsum("bd,bd->b", found.normals, crossings)
    return MeasuredLine(
        pieces.sweep, found.normals, offsets, found.jumps, found.errors, pieces.centres, pieces.jacobians,
        pieces.values, pieces.errors, pieces.basis, is_coarse(pieces.probe), pieces.in_all,
    )  # fmt: skip


def _solve_group(
    pieces: PieceJacobians,
    first: int,
    last: int,
    bends: IntArray,
    known: KnownBends | None,
    found: _Hyperplanes,
) -> None:
    error = float(np.hypot(pieces.errors[first], pieces.errors[last]))
    if not np.isfinite(error):
        return
    # Delta J = sum_j u_j (w_j / w_j.v)^T with u_j the slope jumps of the line
    difference = pieces.jacobians[last] - pieces.jacobians[first]
    if known is not None:
        difference = difference - known.jumps[first:last].sum(axis=0)
        error = float(np.hypot(error, np.linalg.norm(known.errors[first:last])))
    directions = pieces.sweep.jumps[bends]
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
    slope_error = pieces.sweep.slope_errors[first : last + 1].max() * np.abs(rows).max() * len(bends)
    found.errors[bends] = spread * np.hypot(error, slope_error) / lengths + EPSILON


@dataclass(eq=False)
class _Hyperplanes:
    """Normals, jumps and errors of the bends as groups are solved."""

    normals: FloatArray
    jumps: FloatArray
    errors: FloatArray
