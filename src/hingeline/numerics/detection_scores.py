"""How well a score tells what should be found (positives) from the rest: AUROC, AUPR, FPR and TPR.

A score flags what lies at or above a threshold; rows of one score are flagged together, so ties carry no
order and no result depends on how rows lie. AUROC counts a tied pair half. AUPR means little without its base
rate, the share of positives, which is what a score that knows nothing has; the two are handed over together.

Sources: Hendrycks et al., Natural Adversarial Examples, CVPR 2021 (anomalies positive, negative largest
softmax as score); AUROC by ranks, Mann and Whitney 1947. Cost: one sort; no queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput

FOUND_SHARE = 0.95
"""True positive rate at which the false positive rate is told."""


@dataclass(frozen=True)
class DetectionScores:
    """What a score is worth, all at once."""

    auroc: float
    """Probability that a positive scores above a negative, ties half; 0.5 for a score that knows nothing."""
    aupr: float
    """Mean precision over the positives; compare with `base_rate`."""
    base_rate: float
    """Share of positives among all rows: the AUPR of a score that knows nothing."""
    fpr95: float
    """Share of negatives flagged where at least 95 % of positives are."""
    positives: int
    negatives: int

    def to_dict(self) -> dict[str, Any]:
        """By name, JSON-ready."""
        return dict(vars(self))


def detection_scores(scores: Any, positive: Any) -> DetectionScores:
    """AUROC, AUPR with its base rate, and FPR95.

    Args:
        scores: Larger for what should be found, shape "n"; infinities are allowed.
        positive: Whether each row should be found, shape "n"; at least one of each kind.

    Raises:
        InvalidInput: Rows that do not fit together, NaN, or one kind only.
    """
    values, found = _checked(scores, positive)
    return DetectionScores(
        auroc(values, found),
        aupr(values, found),
        float(found.mean()),
        fpr_at_tpr(values, found),
        int(found.sum()),
        int((~found).sum()),
    )


def auroc(scores: Any, positive: Any) -> float:
    """Probability that a random positive scores above a random negative, a tie counting half.

    Raises:
        InvalidInput: As `detection_scores`.
    """
    true, false = _curve(*_checked(scores, positive))
    # trapezoids: within one score, half of the pairs are right
    return float(np.trapezoid(true, false))


def aupr(scores: Any, positive: Any) -> float:
    """Average precision: the sum over thresholds of the precision times the recall gained there.

    No interpolation between thresholds, which would be optimistic.

    Raises:
        InvalidInput: As `detection_scores`.
    """
    values, found = _checked(scores, positive)
    true, false = _curve(values, found)
    hits, misses = true[1:] * found.sum(), false[1:] * (~found).sum()
    return float((np.diff(true) * hits / (hits + misses)).sum())


def fpr_at_tpr(scores: Any, positive: Any, share: float = FOUND_SHARE) -> float:
    """False positive rate at the highest threshold that finds at least `share` of the positives.

    The published program takes the threshold whose rate of finding is nearest to the share, which may lie
    below it; this one keeps what it says.

    Raises:
        InvalidInput: As `detection_scores`, or a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InvalidInput(f"the share that must be found lies above 0 and at most at 1; got {share}")
    values, found = _checked(scores, positive)
    true, false = _curve(values, found)
    # a count that makes up the share exactly may be rounded below it
    enough = true * found.sum() >= share * found.sum() - 1e-9
    return float(false[enough.argmax()])


def tpr_at_fpr(scores: Any, positive: Any, share: float) -> float:
    """True positive rate at the lowest threshold that flags at most `share` of the negatives.

    Raises:
        InvalidInput: As `detection_scores`, or a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise InvalidInput(f"a rate of false positives lies between 0 and 1; got {share}")
    values, found = _checked(scores, positive)
    true, false = _curve(values, found)
    negatives = int((~found).sum())
    # a count that makes up the share exactly may be rounded above it
    allowed = false * negatives <= share * negatives + 1e-9
    return float(true[np.flatnonzero(allowed)[-1]])


def _curve(scores: FloatArray, positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """True and false positive rates from no row flagged to all, one step for each different score."""
    levels, group = np.unique(-scores, return_inverse=True)
    hits = np.bincount(group, weights=positive, minlength=len(levels))
    misses = np.bincount(group, weights=~positive, minlength=len(levels))
    true, false = (np.concatenate([[0.0], np.cumsum(counts)]) for counts in (hits, misses))
    return true / true[-1], false / false[-1]


def _checked(scores: Any, positive: Any) -> tuple[FloatArray, BoolArray]:
    try:
        values, kind = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"scores and kinds must be numbers: {error}") from error
    if values.ndim != 1 or values.shape != kind.shape:
        raise InvalidInput(
            f"want one score and one kind for each row; got shapes {values.shape}, {kind.shape}"
        )
    if np.isnan(values).any() or not np.isin(kind, (0.0, 1.0)).all():
        raise InvalidInput("scores may not be NaN, and kinds must be True or False (1 or 0)")
    found = kind == 1.0
    if found.all() or not found.any():
        raise InvalidInput(
            f"want rows that should be found and rows that should not; got {int(found.sum())} of {len(found)}"
        )
    return values, found
