"""How well a detector's scores tell attacked from clean, for scores that come in two heaps.

The figures are those of `numerics.detection_scores`, with the attacked as what should be found.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics import detection_scores


def auroc(clean: FloatArray, attacked: FloatArray) -> float:
    """P(attacked > clean) + P(attacked = clean) / 2, for one of each drawn: "n" and "m" scores.

    Raises:
        InvalidInput: No scores on a side, or NaN.
    """
    return detection_scores.auroc(*_together(clean, attacked))


def rate_at(clean: FloatArray, attacked: FloatArray, false_positives: float) -> float:
    """Largest share of attacked scores above a threshold that at most `false_positives` of clean ones exceed.

    Raises:
        InvalidInput: No scores on a side, NaN, or a rate outside 0 to 1.
    """
    return detection_scores.tpr_at_fpr(*_together(clean, attacked), false_positives)


def _together(clean: FloatArray, attacked: FloatArray) -> tuple[FloatArray, BoolArray]:
    return np.concatenate([clean, attacked]), np.repeat([False, True], [len(clean), len(attacked)])
