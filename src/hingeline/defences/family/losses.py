"""Losses over a whole family: what an attacker lowers, and its derivatives by every member's logits.

With margin m_j = f_j[y] - max_{c != y} f_j[c] of member j and its probability p_j = softmax(f_j)[y]:

    clamped margins, at c    sum_j w_j max(m_j, -c)
    mean probability         sum_j w_j p_j
    sum of sigmoids          sum_j w_j sigmoid(m_j)
    cross-entropy            sum_j w_j log p_j
    product                  -sum_j w_j log(1 - p_j)
    easier members, share s  sum of w_j max(m_j, -0.3) over the ceil(s m) members of the lowest margins

A clamp lets go of members that are fooled already, the sigmoid also of those far from it; the product is low
where no member at all is right; the easier members are those an attacker can have where all are out of reach.
How far one loss alone goes wrong differs by family, so all are used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import expit, softmax

from hingeline.core.arrays import FloatArray, IntArray

FamilyLoss = Callable[[FloatArray, IntArray, FloatArray], tuple[FloatArray, FloatArray]]
"""(logits "m n k", classes "n", weights "m n") to (values "n", derivatives by the logits "m n k")."""
_SMALLEST = 1e-12
_CLOSE = 0.3
"""A member fooled by that margin is let go of."""


def margins(logits: FloatArray, classes: IntArray) -> FloatArray:
    """By how much the class leads its best rival, for every member: "m n k" to "m n"."""
    return _margins(logits, classes)[0]


def _margins(logits: FloatArray, classes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Margins "m n" and their derivatives by the logits "m n k"."""
    rows = np.arange(len(classes))
    rivals = logits.copy()
    rivals[:, rows, classes] = -np.inf
    best = rivals.argmax(axis=2)
    slopes = np.zeros_like(logits)
    np.put_along_axis(slopes, best[..., np.newaxis], -1.0, axis=2)
    slopes[:, rows, classes] = 1.0
    return logits[:, rows, classes] - np.take_along_axis(rivals, best[..., np.newaxis], axis=2)[
        ..., 0
    ], slopes


def clamped_margins(
    clamp: float, logits: FloatArray, classes: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sum of margins, none counted below -clamp."""
    margin, slopes = _margins(logits, classes)
    value = (weights * np.maximum(margin, -clamp)).sum(axis=0)
    return value, slopes * (weights * (margin > -clamp))[..., np.newaxis]


def easier_members(
    share: float, logits: FloatArray, classes: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sum of clamped margins of a share of the members, those of the lowest margins."""
    margin = margins(logits, classes)
    rank = margin.argsort(axis=0).argsort(axis=0)
    return clamped_margins(_CLOSE, logits, classes, weights * (rank < share * len(margin)))


def sigmoid_margins(
    logits: FloatArray, classes: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sum of sigmoids of margins."""
    margin, slopes = _margins(logits, classes)
    level = expit(margin)
    return (weights * level).sum(axis=0), slopes * (weights * level * (1.0 - level))[..., np.newaxis]


def mean_probability(
    logits: FloatArray, classes: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean probability of the class."""
    chance, by_logit = _log_chance(logits, classes)
    return (weights * chance).sum(axis=0), by_logit * (weights * chance)[..., np.newaxis]


def cross_entropy(
    logits: FloatArray, classes: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean log-probability of the class, the cross-entropy's negative."""
    chance, by_logit = _log_chance(logits, classes)
    value = (weights * np.log(np.maximum(chance, _SMALLEST))).sum(axis=0)
    return value, by_logit * weights[..., np.newaxis]


def product(logits: FloatArray, classes: IntArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Minus the mean log-probability of being wrong: the product of all members' chances, in logarithms."""
    chance, by_logit = _log_chance(logits, classes)
    wrong = np.maximum(1.0 - chance, _SMALLEST)
    return -(weights * np.log(wrong)).sum(axis=0), by_logit * (weights * chance / wrong)[..., np.newaxis]


def _log_chance(logits: FloatArray, classes: IntArray) -> tuple[FloatArray, FloatArray]:
    """p_j "m n", and the derivatives of log p_j by the logits "m n k"."""
    every = softmax(logits, axis=2)
    rows = np.arange(len(classes))
    chance = every[:, rows, classes].copy()
    by_logit = -every
    by_logit[:, rows, classes] += 1.0
    return chance, by_logit


LOSSES: dict[str, FamilyLoss] = {
    "margins clamped at 0.3": partial(clamped_margins, _CLOSE),
    "margins clamped at 3": partial(clamped_margins, 3.0),
    "mean probability": mean_probability,
    "sum of sigmoids": sigmoid_margins,
    "cross-entropy": cross_entropy,
    "product": product,
    "the easier four fifths": partial(easier_members, 0.8),
    "the easier three fifths": partial(easier_members, 0.6),
}
"""All losses by name."""
