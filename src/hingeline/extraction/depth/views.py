"""What one measured bend tells about the neuron of the next layer that it may belong to.

With all layers below known, the neuron is z(x) = a h(x) + b with known channels h. At a bend the answers
show a point where z = 0 and the direction of its gradient, D^T a for D = dh/dx:

    a h + b = 0,        (I - n n^T) D^T a = 0        for the unit normal n

As many equations as D has rank; nothing is learned about combinations of channels that do not move there.
If n is not a combination of D's rows at all, some neuron below is still unknown.

D is the same in a whole region: it is decomposed once for all bends there, over the channels that move, and
equations are only written out for the views that are tried.

Source: local normals as linear equations, specs on reverse engineering, 3.5. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers, chunks
from hingeline.extraction.depth.observed_lines import Record

MOVES = 1e-9
"""Singular values of D below this share of the largest are zero."""
FITS = 1e-6
"""Part of a unit normal that may lie outside the rows of D, beyond its error."""
SIGMAS = 30.0
"""Deviations of that part which are allowed."""


@dataclass(frozen=True, eq=False)
class Cells:
    """D^T = U S V in each region of the layers below, what does not move left out (zeros added)."""

    left: FloatArray
    """U, shape "q r m"."""
    size: FloatArray
    """S, descending, shape "q m"."""
    rows: FloatArray
    """V, shape "q m c"."""
    moving: BoolArray
    """Channels that move, shape "q c"."""

    @classmethod
    def of(cls, slopes: FloatArray) -> Cells:
        """Decompose D of several regions, "q c r"."""
        moving = np.asarray((slopes != 0).any(axis=2))
        count, order = moving.sum(axis=1), np.argsort(~moving, axis=1, kind="stable")
        cells, channels, dim = slopes.shape
        most = min(int(count.max(initial=0)), dim)
        left, size = np.zeros((cells, dim, most)), np.zeros((cells, most))
        rows = np.zeros((cells, most, channels))
        for on in np.unique(count[count > 0]):
            chosen, kept = np.nonzero(count == on)[0], min(int(on), dim)
            own = order[chosen, :on]
            some = slopes[chosen[:, np.newaxis], own].transpose(0, 2, 1)
            left[chosen, :, :kept], size[chosen, :kept], right = np.linalg.svd(some, full_matrices=False)
            which = chosen[:, np.newaxis, np.newaxis], np.arange(kept)[:, np.newaxis], own[:, np.newaxis]
            rows[which] = right
        return cls(left, size, rows, moving)

    @property
    def moves(self) -> BoolArray:
        """Singular values that count: "q m"."""
        largest = self.size.max(axis=1, initial=0.0, keepdims=True)
        found: BoolArray = self.size > MOVES * np.maximum(largest, 1e-300)
        return found


@dataclass(frozen=True, eq=False)
class Views:
    """One view per chosen bend."""

    bends: IntArray
    """Index of each in the record, shape "v"."""
    cells: Cells
    """Regions in which they are."""
    cell: IntArray
    """Region of each, shape "v"."""
    rank: IntArray
    """Dimensions in which the channels move there, shape "v"."""
    fits: BoolArray
    """Whether the normal is a combination of what the channels do, shape "v"."""
    solutions: FloatArray
    """Smallest (a, b) that makes the normal, shape "v c+1"."""
    offered: FloatArray
    """Channels and one, shape "v c+1"."""
    units: FloatArray
    """U^T n at length one, shape "v m"."""
    errors: FloatArray
    """Standard deviation of an entry of the normal, shape "v"."""
    sides: FloatArray
    """Side of each known neuron, -1 or 1, shape "v n"; single precision."""

    @property
    def count(self) -> int:
        """How many."""
        return len(self.rank)

    def facets_between(self, views: IntArray, view: IntArray) -> FloatArray:
        """Known neurons that switch between each of `views` and the nearest of `view`: shape "m"."""
        if not self.sides.shape[1]:
            return np.zeros(len(views))
        alike = self.sides[views] @ self.sides[view].T
        return np.asarray((self.sides.shape[1] - alike.max(axis=1)) / 2, dtype=np.float64)

    def silent(self, view: int) -> FloatArray:
        """Directions of (a, b) of which this view tells nothing: orthonormal columns, "c+1 f"."""
        told = self.cells.rows[self.cell[view], : self.rank[view]]
        full = np.linalg.qr(told.T, mode="complete")[0]
        rows = full[:, self.rank[view] :].T
        columns = np.concatenate([rows.T, -(rows @ self.offered[view, :-1])[np.newaxis]])
        return np.asarray(np.linalg.qr(columns)[0]) if columns.shape[1] else columns

    def equations(self, views: IntArray) -> FloatArray:
        """Rows that vanish on the neuron's (a, b), zero rows added: shape "v m+1 c+1"."""
        scaled = self._scaled()
        moved = scaled[self.cell[views], :, np.newaxis] * self.cells.rows[self.cell[views]]
        unit = self.units[views]
        # (I - n n^T) S V a, with the rows of D^T scaled to a largest of one
        moved = moved - unit[:, :, np.newaxis] * np.einsum("vm,vmc->vc", unit, moved)[:, np.newaxis]
        moved = np.concatenate([moved, np.zeros((*moved.shape[:2], 1))], axis=2)
        return np.concatenate([moved, self._places(views)[:, np.newaxis]], axis=1)

    def missed(self, views: IntArray, theta: FloatArray) -> FloatArray:
        """What a neuron (a, b) leaves of their equations: shape "v"."""
        moved, unit = self._moved(views, theta), self.units[views]
        moved = moved - unit * np.einsum("vm,vm->v", unit, moved)[:, np.newaxis]
        return np.hypot(np.linalg.norm(moved, axis=1), np.abs(self._places(views) @ theta))

    def speeds(self, views: IntArray, theta: FloatArray) -> FloatArray:
        """Length of D^T a, of D's largest singular value: shape "v"."""
        return np.asarray(np.linalg.norm(self._moved(views, theta), axis=1))

    def _scaled(self) -> FloatArray:
        """S that counts, of its largest: "q m"."""
        largest = self.cells.size.max(axis=1, initial=0.0, keepdims=True)
        return self.cells.size * self.cells.moves / np.maximum(largest, 1e-300)

    def _moved(self, views: IntArray, theta: FloatArray) -> FloatArray:
        used, which = np.unique(self.cell[views], return_inverse=True)
        every = 2 * len(used) > len(self.cells.size)
        rows = self.cells.rows if every else self.cells.rows[used]
        moved = rows.reshape(-1, rows.shape[2]) @ theta[:-1]
        scaled = self._scaled() if every else self._scaled()[used]
        moved = scaled * moved.reshape(scaled.shape)
        return np.asarray(moved[self.cell[views] if every else which.ravel()])

    def _places(self, views: IntArray) -> FloatArray:
        return self.offered[views] / np.linalg.norm(self.offered[views], axis=1, keepdims=True)


@dataclass(eq=False)
class CellBook:
    """Regions decomposed so far, for one set of layers."""

    layers: tuple[KnownLayer, ...] | None = None
    cells: Cells | None = None
    number: dict[bytes, int] = field(default_factory=dict)
    """Which region has a pattern."""

    def regions(self, known: KnownLayers, points: FloatArray, on: BoolArray) -> tuple[Cells, IntArray]:
        """All regions, and which of them each point "p r" with its pattern "p n" is in: "p"."""
        same = self.layers is not None and len(self.layers) == len(known.layers)
        if not same or any(a is not b for a, b in zip(self.layers or (), known.layers, strict=True)):
            self.layers, self.cells, self.number = known.layers, None, {}
        packed = np.packbits(on, axis=1) if on.size else np.zeros((len(points), 1), dtype=np.uint8)
        names = [row.tobytes() for row in packed]
        new: dict[bytes, int] = {}
        for index, name in enumerate(names):
            if name not in self.number and name not in new:
                new[name] = index
        at = list(new.values())
        parts = [Cells.of(known.slopes(points[at[part]])) for part in chunks(len(at), _chunk(known))]
        have = [] if self.cells is None else [self.cells]
        if parts or not have:
            self.cells = _together([*have, *parts] or [Cells.of(known.slopes(points[:0]))])
        self.number |= {name: len(self.number) + at for at, name in enumerate(new)}
        if self.cells is None:
            raise RuntimeError("no regions")
        return self.cells, np.array([self.number[name] for name in names], dtype=np.int64)


def _together(parts: Sequence[Cells]) -> Cells:
    """Several as one."""
    most = max(part.size.shape[1] for part in parts)
    same = [_padded(part, most) for part in parts]
    return Cells(
        np.concatenate([part.left for part in same]),
        np.concatenate([part.size for part in same]),
        np.concatenate([part.rows for part in same]),
        np.concatenate([part.moving for part in same]),
    )


def _padded(cells: Cells, most: int) -> Cells:
    more = most - cells.size.shape[1]
    if not more:
        return cells
    return Cells(
        np.pad(cells.left, ((0, 0), (0, 0), (0, more))),
        np.pad(cells.size, ((0, 0), (0, more))),
        np.pad(cells.rows, ((0, 0), (0, more), (0, 0))),
        cells.moving,
    )


def views_of(record: Record, known: KnownLayers, bends: IntArray, book: CellBook | None = None) -> Views:
    """The views of some of a record's bends.

    Args:
        record: All lines.
        known: The layers below.
        bends: Which, indices into the record.
        book: Regions decomposed before; those of other layers are forgotten.
    """
    points, normals = record.points[bends], record.normals[bends]
    offered, on = known.offered(points), known.patterns(points)
    cells, cell = (CellBook() if book is None else book).regions(known, points, on)
    left, moves = cells.left, cells.moves
    parts = np.zeros((len(bends), left.shape[2]))
    for part in chunks(len(bends), _chunk(known)):
        own = cell[part]
        parts[part] = np.einsum("vrm,vr->vm", left[own], normals[part]) * moves[own]
    rest = np.sqrt(np.maximum(1.0 - (parts**2).sum(axis=1), 0.0))
    fits = (rest < FITS + SIGMAS * record.errors[bends] * normals.shape[1] ** 0.5) & moves[cell].any(axis=1)
    inverse = np.where(moves, 1 / np.where(moves, cells.size, 1.0), 0.0)[cell]
    a = np.zeros((len(bends), known.channels))
    for part in chunks(len(bends), _chunk(known)):
        a[part] = np.einsum("vmc,vm->vc", cells.rows[cell[part]], (parts * inverse)[part])
    solutions = np.concatenate([a, -np.einsum("vc,vc->v", a, offered[:, :-1])[:, np.newaxis]], axis=1)
    units = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-300)
    sides: Any = np.where(on, 1.0, -1.0).astype(np.float32)
    rank = moves.sum(axis=1)[cell]
    return Views(bends, cells, cell, rank, fits, solutions, offered, units, record.errors[bends], sides)


def _chunk(known: KnownLayers) -> int:
    return max(16, int(4e6 / max(known.channels, known.dim) ** 2))
