"""Inequalities of many least-distance programs, kept where possible as combinations of a few shared rows.

Whatever is asked of a change, it acts through the first layer: with fewer neurons there than coordinates,
products of inequalities come from a table of products of first-layer rows, one matrix product for all
programs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray

_MOST_SHARED = 72
"""Most shared rows whose products are tabled: 72 rows make 2628 products of 784 numbers, 16 MB."""
_RIGHT_OF_NONE = -1.0
"""Right side of a row of zeros that stands where a program has fewer inequalities."""


@dataclass(frozen=True, eq=False)
class SharedRows:
    """Rows that inequalities combine.

    Attributes:
        rows: F, shape "f c".
        products: Entrywise products of each pair of rows, shape "f(f+1)/2 c".
        gram: F F', shape "f f".
    """

    rows: FloatArray
    products: FloatArray
    gram: FloatArray

    def weighed(self, weights: FloatArray) -> FloatArray:
        """F diag(weights) F' for each row of weights: "n c" to "n f f"."""
        upper = np.triu_indices(len(self.rows))
        packed = weights @ self.products.T
        whole = np.empty((len(weights), *self.gram.shape))
        whole[:, upper[0], upper[1]] = packed
        whole[:, upper[1], upper[0]] = packed
        return whole


def shared_rows(rows: FloatArray) -> SharedRows | None:
    """The rows ("f c") with the table of their products; None if there are too many to be worth it."""
    if len(rows) > _MOST_SHARED or len(rows) >= rows.shape[1]:
        return None
    first, second = np.triu_indices(len(rows))
    return SharedRows(rows, rows[first] * rows[second], rows @ rows.T)


@dataclass(frozen=True, eq=False)
class Inequalities:
    """For each program: G change >= least, with G = C F where rows are shared.

    Attributes:
        shared: F; None if `parts` are the rows themselves.
        parts: C, shape "n m f", or G, shape "n m c"; zeros where a program has fewer inequalities.
        least: Shape "n m".
        sizes: Size of what went into each inequality, against rounding, shape "n m".
    """

    shared: SharedRows | None
    parts: FloatArray
    least: FloatArray
    sizes: FloatArray

    def __len__(self) -> int:
        return len(self.parts)

    def times(self, changes: FloatArray) -> FloatArray:
        """Left sides: "n c" to "n m"."""
        driven = changes if self.shared is None else changes @ self.shared.rows.T
        return (self.parts @ driven[:, :, np.newaxis])[:, :, 0]

    def pulled(self, multipliers: FloatArray) -> FloatArray:
        """Combinations of the rows: "n m" to "n c"."""
        combined = (multipliers[:, np.newaxis] @ self.parts)[:, 0]
        return combined if self.shared is None else combined @ self.shared.rows

    def weighed(self, weights: FloatArray) -> FloatArray:
        """G diag(weights) G': "n c" to "n m m"."""
        turned = self.parts.transpose(0, 2, 1)
        if self.shared is None:
            return (self.parts * weights[:, np.newaxis]) @ turned
        return self.parts @ self.shared.weighed(weights) @ turned

    def real(self, program: int) -> BoolArray:
        """Which rows do not only fill the table: "m"."""
        return self.parts[program].any(axis=1) | (self.least[program] > 0)

    def rows(self, program: int, which: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """G, right sides and sizes of one program, of some rows."""
        parts = self.parts[program][which]
        rows = parts if self.shared is None else parts @ self.shared.rows
        return rows, self.least[program][which], self.sizes[program][which]

    def unit_rows(self) -> tuple[Inequalities, FloatArray]:
        """The same with rows of length one, or nearly, and their lengths: rounding hides very short ones."""
        if self.shared is None:
            squares = np.einsum("nmc,nmc->nm", self.parts, self.parts)
            rough = np.zeros_like(squares)
        else:
            squares = np.einsum("nmf,nmf->nm", self.parts @ self.shared.gram, self.parts)
            rough = np.abs(self.parts) @ np.sqrt(np.diagonal(self.shared.gram))
        lengths = np.maximum(np.sqrt(np.maximum(squares, 0.0)), 1e-7 * rough)
        empty = lengths <= 0
        lengths = np.where(empty, 1.0, lengths)
        scaled = Inequalities(
            self.shared,
            self.parts / lengths[:, :, np.newaxis],
            np.where(empty & (self.least <= 0), _RIGHT_OF_NONE, self.least / lengths),
            self.sizes / lengths,
        )
        return scaled, lengths

    def in_units(self, unit: FloatArray) -> Inequalities:
        """The same with changes measured in `unit` ("n")."""
        return replace(self, least=self.least / unit[:, np.newaxis], sizes=self.sizes / unit[:, np.newaxis])

    def take(self, which: BoolArray | IntArray) -> Inequalities:
        """These programs only."""
        return replace(self, parts=self.parts[which], least=self.least[which], sizes=self.sizes[which])


def packed(
    count: int, width: int, pieces: Sequence[tuple[IntArray, FloatArray, FloatArray, FloatArray]], spare: int
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Rows that belong to `count` programs as one table each, and how many rows each program has.

    Args:
        count: Programs.
        width: Entries of a row.
        pieces: Program, row, right side and size of some inequalities: "p", "p f", "p", "p".
        spare: Empty places to leave at the end.
    """
    joined = [np.concatenate([piece[i] for piece in pieces]) for i in range(4)] if pieces else None
    if joined is None:
        return (
            np.zeros((count, spare, width)),
            np.full((count, spare), -1.0),
            np.zeros((count, spare)),
            np.zeros(count, dtype=np.int64),
        )
    owner = joined[0].astype(np.int64)
    order = np.argsort(owner, kind="stable")
    owner = owner[order]
    each = np.bincount(owner, minlength=count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(each) - each, each)
    deep = int(each.max(initial=0)) + spare
    parts, least, sizes = (
        np.zeros((count, deep, width)),
        np.full((count, deep), _RIGHT_OF_NONE),
        np.zeros((count, deep)),
    )
    parts[owner, place], least[owner, place], sizes[owner, place] = (values[order] for values in joined[1:])
    return parts, least, sizes, each
