"""Which pairs and sums of units are worth having as operators, found on samples that are not used again.

Pairs: a layer of w units has w (w - 1) / 2, most of them noise. Kept are those whose correlation with a score
stands out from its null law, |corr| > 3 / sqrt(M). Sums: differences between the classes' mean states, and
the principal components of the states.

Cost: pairs are never formed; sum_m t h_i h_j is one product of matrices for each score.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.operator_set import CollectiveOperators, ProductOperators

SIGMAS = 3.0
"""Deviations of the null law that a pair's correlation must exceed."""


def screened_pairs(
    batches: Iterable[tuple[FloatArray, FloatArray]], *, sigmas: float = SIGMAS, most: int | None = None
) -> ProductOperators:
    """Single units, and the pairs that correlate with a score.

    Args:
        batches: States of the layer, "m w", and scores of these samples, "m q"; a pair is kept if it
            correlates with any of them. The samples must not be used again for estimates.
        sigmas: Deviations of the null law that are called standing out.
        most: Keep no more pairs than this, those that stand out most; all if None.

    Returns:
        Single units first, then pairs in the order of how much they stand out.

    Raises:
        InvalidInput: No samples.
    """
    count, sums = 0, None
    for states, scores in batches:
        count += len(states)
        found = _pair_sums(states, scores)
        sums = found if sums is None else tuple(a + b for a, b in zip(sums, found, strict=True))
    if sums is None or not count:
        raise InvalidInput("pairs are screened on samples; none came")
    crossed, pairs, first, second = (total / count for total in sums)
    variances = np.maximum(1.0 - pairs**2, 0.0)
    covariances = crossed - first[:, np.newaxis, np.newaxis] * pairs
    scale = np.sqrt(variances * np.maximum(second - first**2, 0.0)[:, np.newaxis, np.newaxis])
    correlations = np.divide(covariances, scale, out=np.zeros_like(covariances), where=scale > 0)
    strength = np.abs(correlations).max(axis=0)
    rows, columns = np.triu_indices(len(pairs), 1)
    order = np.argsort(-strength[rows, columns], kind="stable")
    kept = order[strength[rows, columns][order] > sigmas / np.sqrt(count)][:most]
    width = len(pairs)
    told = [(i,) for i in range(width)] + [(int(rows[k]), int(columns[k])) for k in kept]
    return ProductOperators(width, tuple(told))


def class_difference_operators(
    batches: Iterable[tuple[FloatArray, FloatArray]],
) -> CollectiveOperators:
    """Sums of units by how much each class' mean state differs from that of all.

    Args:
        batches: States of the layer, "m w", and probabilities of the classes for these samples, "m C".

    Returns:
        One operator of length 1 for each class that occurs and differs.

    Raises:
        InvalidInput: No samples, or no class that differs.
    """
    sums: FloatArray | None = None
    weights: FloatArray | None = None
    for states, law in batches:
        part, mass = law.T @ states, law.sum(axis=0)
        sums, weights = (part, mass) if sums is None or weights is None else (sums + part, weights + mass)
    if sums is None or weights is None:
        raise InvalidInput("class means want samples; none came")
    overall = sums.sum(axis=0) / weights.sum()
    seen = np.flatnonzero(weights > 0)
    rows = sums[seen] / weights[seen, np.newaxis] - overall
    lengths = np.linalg.norm(rows, axis=1)
    differs = lengths > 1e-12
    if not differs.any():
        raise InvalidInput("the classes have the same mean state in this layer; no operator tells them apart")
    names = [f"class {c} against all" for c in seen[differs]]
    return CollectiveOperators(rows[differs] / lengths[differs, np.newaxis], names)


def principal_operators(states: FloatArray, count: int) -> CollectiveOperators:
    """The sums of units that vary most, by the singular vectors of states "m w".

    Raises:
        InvalidInput: More of them than units or samples allow, or states that do not vary so much.
    """
    most = min(states.shape[0] - 1, states.shape[1])
    if not 1 <= count <= most:
        raise InvalidInput(
            f"{states.shape[0]} samples of {states.shape[1]} units have 1 to {most} components; got {count}"
        )
    _, sizes, right = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)
    if not sizes[count - 1] > 1e-12 * max(1.0, float(sizes[0])):
        raise InvalidInput(f"the states vary in fewer than {count} directions")
    return CollectiveOperators(right[:count], [f"component {i + 1}" for i in range(count)])


def _pair_sums(states: FloatArray, scores: FloatArray) -> tuple[FloatArray, ...]:
    """Sums of t h_i h_j "q w w", of h_i h_j "w w", of t "q" and of t^2 "q"."""
    weighted = scores.T[:, np.newaxis, :] * states.T  # q w m
    return weighted @ states, states.T @ states, scores.sum(axis=0), (scores**2).sum(axis=0)
