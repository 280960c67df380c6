"""What one measured bend tells about the neuron of the next layer that it may belong to.

With all layers below known, the neuron is z(x) = a h(x) + b with known channels h. At a bend the answers
show a point where z = 0 and the direction of its gradient, D^T a for D = dh/dx:

    a h + b = 0,        (I - n n^T) D^T a = 0        for the unit normal n

As many equations as D has rank; nothing is learned about combinations of channels that do not move there.
If n is not a combination of D's rows at all, some neuron below is still unknown.

Source: local normals as linear equations, specs on reverse engineering, 3.5. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import KnownLayers, chunks
from hingeline.extraction.depth.observed_lines import Record

MOVES = 1e-9
"""Singular values of D below this share of the largest are zero."""
FITS = 1e-6
"""Part of a unit normal that may lie outside the rows of D, beyond its error."""
SIGMAS = 30.0
"""Deviations of that part which are allowed."""


@dataclass(frozen=True, eq=False)
class Views:
    """One view per chosen bend."""

    bends: IntArray
    """Index of each in the record, shape "v"."""
    rank: IntArray
    """Dimensions in which the channels move there, shape "v"."""
    fits: BoolArray
    """Whether the normal is a combination of what the channels do, shape "v"."""
    solutions: FloatArray
    """Smallest (a, b) that makes the normal, shape "v c+1"."""
    frames: FloatArray
    """Rows: right singular vectors of D^T; the first `rank` ones move, shape "v c c"."""
    offered: FloatArray
    """Channels and one, shape "v c+1"."""
    equations: FloatArray
    """Rows that vanish on the neuron's (a, b), zero rows added, shape "v r+1 c+1"."""
    slopes: FloatArray
    """D, shape "v c r"."""
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
        rows = self.frames[view, self.rank[view] :]
        columns = np.concatenate([rows.T, -(rows @ self.offered[view, :-1])[np.newaxis]])
        return np.asarray(np.linalg.qr(columns)[0]) if columns.shape[1] else columns


def views_of(record: Record, known: KnownLayers, bends: IntArray) -> Views:
    """The views of some of a record's bends."""
    parts = [_views(record, known, bends[part]) for part in chunks(len(bends), _chunk(known))]
    if not parts:
        parts = [_views(record, known, bends)]
    sides = np.where(known.patterns(record.points[bends]), 1.0, -1.0).astype(np.float32)
    columns: list[Any] = [np.concatenate([part[i] for part in parts]) for i in range(7)]
    columns.append(sides)
    return Views(bends, *columns)


def _chunk(known: KnownLayers) -> int:
    return max(16, int(4e6 / known.channels**2))


def _views(record: Record, known: KnownLayers, bends: IntArray) -> tuple[FloatArray, ...]:
    points, normals = record.points[bends], record.normals[bends]
    offered, slopes = known.offered(points), known.slopes(points)
    # D^T = U S V: gradients of neurons are U S V a
    left, size, frames = np.linalg.svd(slopes.transpose(0, 2, 1), full_matrices=True)
    most = size.shape[1]
    largest = np.maximum(size.max(axis=1, initial=0.0), 1e-300)[:, np.newaxis]
    moves = size > MOVES * largest
    inverse = np.where(moves, 1 / np.where(moves, size, 1.0), 0.0)
    parts = np.einsum("vrm,vr->vm", left[:, :, :most], normals) * moves
    rest = np.sqrt(np.maximum(1.0 - (parts**2).sum(axis=1), 0.0))
    fits = (rest < FITS + SIGMAS * record.errors[bends] * normals.shape[1] ** 0.5) & moves.any(axis=1)
    rows = frames[:, :most]
    a = np.einsum("vmc,vm->vc", rows, parts * inverse)
    solutions = np.concatenate([a, -np.einsum("vc,vc->v", a, offered[:, :-1])[:, np.newaxis]], axis=1)
    # (I - n n^T) S V a, with the rows of D^T scaled to a largest of one
    moved = rows * (size * moves / largest)[:, :, np.newaxis]
    unit = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-300)
    moved = moved - unit[:, :, np.newaxis] * np.einsum("vm,vmc->vc", unit, moved)[:, np.newaxis]
    moved = np.concatenate([moved, np.zeros((*moved.shape[:2], 1))], axis=2)
    place = (offered / np.linalg.norm(offered, axis=1, keepdims=True))[:, np.newaxis]
    equations = np.concatenate([moved, place], axis=1)
    return moves.sum(axis=1), fits, solutions, frames, offered, equations, slopes
