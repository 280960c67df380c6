"""Which bends of many are one neuron's, from what each tells of its weights: by comparing all pairs at once.

In a region where the channels that are on can move independently, a bend tells the weights of its neuron over
those channels, up to one factor: a vector on a subset of the numbers. Two such vectors of one
neuron are parallel on the numbers that both tell. Of different neurons they are not, to many digits, nor are
those of a deeper neuron, whose direction changes with the regions of the layer in between.

Source: ratios of partial signatures, Carlini, Jagielski and Mironov 2020; all pairs by three matrix products
is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON

PARALLEL = 1e-3
"""Most sine of the angle of two vectors that may be one neuron's, whatever their errors."""
SIGMAS = 12.0
"""Deviations within which they must be parallel."""
FEWEST_SHARED = 6
"""Numbers that two vectors must share: with fewer, chance makes them parallel."""
FAINT = 0.05
"""Part of a unit vector that must lie on the shared numbers."""
LOOSE = 1e-6
"""Share of the largest eigenvalue below which a second direction is not told."""
FAINTEST = 0.01
"""Least weight of a vector beside the most exact one."""
BLOCK = 512
"""Vectors compared with all others at a time."""


@dataclass(frozen=True, eq=False)
class PartialRows:
    """What bends tell, one vector each."""

    values: FloatArray
    """Unit vectors, zero where nothing is told, shape "v c"."""
    told: BoolArray
    """Which numbers each tells, shape "v c"."""
    errors: FloatArray
    """Standard deviation of an entry, shape "v"."""
    lines: IntArray
    """Line of each; two bends of one line may lie in one region of the layers between, shape "v"."""


def same_neuron(rows: PartialRows) -> list[IntArray]:
    """Groups of vectors that are one neuron's, largest first; each from at least two lines."""
    label = np.arange(len(rows.values))
    for first, second in _pairs(rows):
        a, b = _root(label, first), _root(label, second)
        label[max(a, b)] = min(a, b)
    roots = np.array([_root(label, index) for index in range(len(label))], dtype=np.int64)
    groups = [np.nonzero(roots == root)[0] for root in np.unique(roots)]
    several = [group for group in groups if len(np.unique(rows.lines[group])) > 1]
    return sorted(several, key=len, reverse=True)


def _root(label: IntArray, index: int) -> int:
    while label[index] != index:
        label[index] = label[label[index]]
        index = int(label[index])
    return index


def _pairs(rows: PartialRows) -> list[tuple[int, int]]:
    """Vectors of different lines that are parallel where both tell."""
    values, told = rows.values, rows.told.astype(np.float64)
    squares, found = values**2, list[tuple[int, int]]()
    for start in range(0, len(values), BLOCK):
        part = slice(start, start + BLOCK)
        own, other = squares[part] @ told.T, told[part] @ squares.T
        inner, shared = values[part] @ values.T, told[part] @ told.T
        size = np.sqrt(np.maximum(own * other, 1e-300))
        sine = np.sqrt(np.maximum(1 - (inner / size) ** 2, 0.0))
        # an entry's error turns a shorter part of a unit vector by more
        root = np.sqrt(shared)
        blur = root * np.hypot(rows.errors[part, np.newaxis] / np.sqrt(np.maximum(own, 1e-300)),
                               rows.errors / np.sqrt(np.maximum(other, 1e-300)))  # fmt: skip
        alike = sine < np.minimum(PARALLEL, SIGMAS * blur + np.sqrt(64 * EPSILON))
        alike &= (shared >= FEWEST_SHARED) & (own > FAINT**2) & (other > FAINT**2)
        alike &= rows.lines[part, np.newaxis] != rows.lines
        first, second = np.nonzero(alike)
        upper = first + start < second
        found += list(zip((first[upper] + start).tolist(), second[upper].tolist(), strict=True))
    return found


@dataclass(frozen=True, eq=False)
class WholeRow:
    """A neuron's weights and offset from its vectors."""

    theta: FloatArray
    """Unit vector of weights, zero where nothing is told, shape "c"."""
    told: BoolArray
    """Shape "c"."""
    errors: FloatArray
    """Standard deviation of each entry that is told, shape "c"."""
    members: IntArray
    """The vectors that agree."""


def whole_row(rows: PartialRows, group: IntArray) -> WholeRow | None:
    """The row that all vectors of a group are parts of; None if they leave more than one.

    Vector u on its numbers S demands (I - u u^T) a_S = 0; the row is the null vector of the weighted sum.
    """
    told: BoolArray = np.asarray(rows.told[group].any(axis=0), dtype=np.bool_)
    index = np.nonzero(told)[0]
    scale = float(max(rows.errors[group].min(), EPSILON))
    weights = np.maximum(scale / np.maximum(rows.errors[group], EPSILON), FAINTEST) ** 2
    system = np.zeros((len(index), len(index)))
    for member, weight in zip(group, weights, strict=True):
        part = rows.values[member, index]
        system += weight * (np.diag(rows.told[member, index].astype(np.float64)) - np.outer(part, part))
    size, vectors = np.linalg.eigh(system)
    if len(size) < 2 or size[1] <= max(1e3 * abs(size[0]), LOOSE * size[-1]):
        return None
    theta = np.zeros(len(told))
    theta[index] = vectors[:, 0]
    errors = np.zeros(len(told))
    errors[index] = scale * np.sqrt((vectors[:, 1:] ** 2 / size[1:]).sum(axis=1)) + EPSILON
    return WholeRow(theta, told, errors, group)
