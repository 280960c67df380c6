"""How well scores tell attacked from clean: area under the ROC, rates at given false positives.

Ties count half in the area, and a threshold takes all scores of one value or none, so that coarse scores gain
nothing. Cost: one sort.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput


def auroc(clean: FloatArray, attacked: FloatArray) -> float:
    """P(attacked > clean) + P(attacked = clean) / 2, for one of each drawn: "n" and "m" scores.

    Raises:
        InvalidInput: No scores on a side, or NaN.
    """
    _check(clean, attacked)
    ordered = np.sort(clean)
    below = np.searchsorted(ordered, attacked, side="left")
    to_equal = np.searchsorted(ordered, attacked, side="right")
    return float((below + to_equal).sum() / (2.0 * len(clean) * len(attacked)))


def rate_at(clean: FloatArray, attacked: FloatArray, false_positives: float) -> float:
    """Largest share of attacked scores above a threshold that at most `false_positives` of clean ones exceed.

    Raises:
        InvalidInput: No scores on a side, NaN, or a rate outside 0 to 1.
    """
    _check(clean, attacked)
    if not 0 <= false_positives <= 1:
        raise InvalidInput(f"a rate of false positives lies between 0 and 1; got {false_positives}")
    allowed = int(np.floor(false_positives * len(clean) + 1e-9))
    if allowed >= len(clean):
        return 1.0
    # the lowest threshold that leaves `allowed` clean scores above it
    threshold = np.sort(clean)[::-1][allowed]
    return float((attacked > threshold).mean())


def _check(clean: FloatArray, attacked: FloatArray) -> None:
    if not (clean.size and attacked.size):
        raise InvalidInput(f"a ROC wants scores on both sides; got {clean.size} and {attacked.size}")
    if np.isnan(clean).any() or np.isnan(attacked).any():
        raise InvalidInput("a ROC of scores of which some are NaN means nothing")
