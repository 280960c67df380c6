"""Identity skips: every remainder must point along one of the known directions, and no two along the same.

For items i with unknown signs tau shared by all,

    target_i - M_i tau = a_i u_pi(i),    tau in {-1, 1}^n,  pi one to one.

Of a few items all choices of pi are tried, so many that they tell tau; where there are too many choices, the
sparsest combination of all directions is sought. Either way the signs count only if all items fit.

Source: test whether a skip is a scaled identity, specs on skip connections; the method is ours.
Cost: no queries; at most 4,096 small linear solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import perm

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray

MOST_CHOICES = 4096
"""Choices of directions that are tried one by one."""
SURE = 0.02
"""Real solutions must come so near to -1 or 1 to be rounded."""
FEWEST = 2
"""Items of which choices are tried together."""
SPARE = 1
"""Equations beyond the unknown signs before a choice of directions can be told from others."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Signs and directions that fit all items."""

    signs: FloatArray
    """Tau, shape "n"."""
    match: IntArray
    """Direction of each item, shape "i"."""
    sizes: FloatArray
    """Length along it, either sign, shape "i"."""


def align(
    targets: FloatArray, matrices: FloatArray, directions: FloatArray, tolerance: float
) -> Alignment | None:
    """Signs under which every remainder lies along a direction of its own; None if there are none.

    Args:
        targets: Shape "i p".
        matrices: Shape "i p n".
        directions: Unit rows, as many as items, shape "i p".
        tolerance: Largest error of an entry.
    """
    items, entries = targets.shape
    count = matrices.shape[2]
    # an item tells nothing of what acts along its own direction
    told = min(entries - 1, count - 1)
    if items != len(directions) or told < 1 or items * told < count + SPARE:
        return None
    few = max(FEWEST, int(np.ceil((count + SPARE) / told)))
    if few <= items and perm(items, few) <= MOST_CHOICES:
        return _by_choices(targets, matrices, directions, few, tolerance)
    return _checked(targets, matrices, directions, _sparsest(targets, matrices, directions), tolerance)


def _by_choices(
    targets: FloatArray, matrices: FloatArray, directions: FloatArray, few: int, tolerance: float
) -> Alignment | None:
    # items whose signs act strongly tell them best
    order = np.argsort(-np.linalg.norm(matrices, axis=(1, 2)))[:few]
    across = np.eye(targets.shape[1]) - np.einsum("qa,qb->qab", directions, directions)
    found: list[Alignment] = []
    for choice in permutations(range(len(directions)), few):
        turned = across[list(choice)]
        matrix = np.concatenate(turned @ matrices[order])
        target = np.einsum("iab,ib->ia", turned, targets[order]).ravel()
        signs, _, rank, _ = np.linalg.lstsq(matrix, target, rcond=1e-9)
        if rank < matrix.shape[1] or np.abs(np.abs(signs) - 1).max() > SURE:
            continue
        aligned = _checked(targets, matrices, directions, signs, tolerance)
        if aligned is not None and not any(np.array_equal(aligned.signs, one.signs) for one in found):
            found.append(aligned)
    # two answers are none
    return found[0] if len(found) == 1 else None


def _sparsest(targets: FloatArray, matrices: FloatArray, directions: FloatArray) -> FloatArray:
    """Real signs for which the remainders are the shortest sums of directions, in absolute values."""
    from scipy.optimize import linprog

    items, entries, count = matrices.shape
    held = np.kron(np.eye(items), directions.T)
    equations = np.column_stack([matrices.reshape(-1, count), held, -held])
    cost = np.concatenate([np.zeros(count), np.ones(2 * held.shape[1])])
    bounds = [(-1.0, 1.0)] * count + [(0.0, None)] * (2 * held.shape[1])
    solved = linprog(cost, A_eq=equations, b_eq=targets.reshape(items * entries), bounds=bounds)
    return np.zeros(count) if solved.x is None else np.asarray(solved.x[:count], dtype=np.float64)


def _checked(
    targets: FloatArray, matrices: FloatArray, directions: FloatArray, signs: FloatArray, tolerance: float
) -> Alignment | None:
    rounded = np.where(signs > 0, 1.0, -1.0)
    rest = targets - matrices @ rounded
    along = rest @ directions.T
    match = np.argmax(np.abs(along), axis=1)
    sizes = along[np.arange(len(rest)), match]
    missed = np.abs(rest - sizes[:, np.newaxis] * directions[match]).max()
    if missed > tolerance or np.abs(sizes).min() <= tolerance or len(np.unique(match)) < len(match):
        return None
    return Alignment(rounded, match, sizes)
