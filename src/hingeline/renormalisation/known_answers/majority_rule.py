"""The 2 x 2 majority rule, and the even and odd operators of spins on a torus, for many lattices at once.

A block of four spins becomes one: their majority, or a fair coin where two stand against two. Operators are
sums over the lattice of products of spins: shapes that are moved to all places, in all the turns listed.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.known_answers.ising import Spins

Shape = tuple[tuple[int, int], ...]
"""Places (down, right) of the spins that are multiplied, besides (0, 0)."""

SCALE = 2
"""Spins along one side of a block, b."""

EVEN: dict[str, tuple[Shape, ...]] = {
    "nearest neighbours": (((0, 1),), ((1, 0),)),
    "next nearest neighbours": (((1, 1),), ((1, -1),)),
    "plaquette": (((0, 1), (1, 0), (1, 1)),),
    "third neighbours": (((0, 2),), ((2, 0),)),
    "fourth neighbours": (((1, 2),), ((1, -2),), ((2, 1),), ((2, -1),)),
    "fifth neighbours": (((2, 2),), ((2, -2),)),
    "diamond": (((1, 1), (1, -1), (2, 0)),),
}
"""Products of two or four spins, in the order in which they are added."""

ODD: dict[str, tuple[Shape, ...]] = {
    "spin": ((),),
    "corner": (((0, 1), (1, 0)), ((0, -1), (1, 0)), ((0, 1), (-1, 0)), ((0, -1), (-1, 0))),
    "row of three": (((0, 1), (0, 2)), ((1, 0), (2, 0))),
    "bent diagonal": (((1, 1), (2, 0)), ((1, 1), (0, 2)), ((1, -1), (2, 0)), ((-1, 1), (0, 2))),
}
"""Single spins and products of three."""

_REACH = 2
"""Farthest place of any shape."""


def blocked(spins: Spins, rng: np.random.Generator) -> Spins:
    """One spin for each 2 x 2 block, "... L L" to "... L/2 L/2".

    Raises:
        InvalidInput: L is odd.
    """
    rows, columns = spins.shape[-2:]
    if rows % SCALE or columns % SCALE:
        raise InvalidInput(f"2 x 2 blocks want even sides; got {rows} x {columns}")
    pairs = spins[..., 0::2] + spins[..., 1::2]
    # -4, -2, 0, 2 or 4, doubled; a coin of -1 or +1 decides at 0 and nowhere else
    sums = 2 * (pairs[..., 0::2, :] + pairs[..., 1::2, :])
    sums += 2 * rng.integers(0, 2, sums.shape, dtype=np.int8) - 1
    return np.where(sums > 0, np.int8(1), np.int8(-1))


def even_operators(spins: Spins, count: int) -> FloatArray:
    """The first `count` operators of `EVEN`, "... L L" to "... count"."""
    return _operators(spins, EVEN, count)


def odd_operators(spins: Spins, count: int) -> FloatArray:
    """The first `count` operators of `ODD`, "... L L" to "... count"."""
    return _operators(spins, ODD, count)


def _operators(spins: Spins, shapes: dict[str, tuple[Shape, ...]], count: int) -> FloatArray:
    if not 1 <= count <= len(shapes):
        raise InvalidInput(f"there are 1 to {len(shapes)} operators to take; got {count}")
    rows, columns = spins.shape[-2:]
    if min(rows, columns) < _REACH:
        raise InvalidInput(f"operators want a lattice of {_REACH} or more; got {rows} x {columns}")
    lattices = spins.reshape(-1, rows, columns)
    # a margin of wrapped spins, so that a moved lattice is a view
    wide = np.pad(lattices, ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), mode="wrap")
    found = np.empty((len(lattices), count))
    for place, group in enumerate(list(shapes.values())[:count]):
        found[:, place] = _summed(lattices, wide, group)
    return found.reshape(*spins.shape[:-2], count)


def _summed(lattices: Spins, wide: Spins, group: tuple[Shape, ...]) -> FloatArray:
    """Sum over shapes and places of the products; at most four shapes, so that int8 holds their sum."""
    rows, columns = lattices.shape[1:]
    summed = np.zeros_like(lattices)
    for shape in group:
        product = lattices
        for down, right in shape:
            top, left = _REACH + down, _REACH + right
            product = product * wide[:, top : top + rows, left : left + columns]
        summed += product
    return summed.reshape(len(lattices), -1).sum(axis=1, dtype=np.int32).astype(np.float64)
