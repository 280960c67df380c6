"""How far a filtered set is hard for one model that took no part: rates, intervals, baselines.

    transfer = (a_pool - a_filtered) / a_pool = 1 - N a_f / (m a_f + (N - m) a_r)

with a_f the accuracy on the m kept rows and a_r on the N - m others. It falls with a_f, rises with a_r, and
the two come from different rows, so its range over two intervals of confidence sqrt(0.95) each (Wilson)
holds it with 0.95 or more. A bootstrap would have no width where no kept row is classified rightly, which is
what filtering is for. The interval speaks of rows like these, filtered by the same references; it does not
speak of other references (cross-fitting does) nor of other trainings of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.numerics.detection_scores import DetectionScores
from hingeline.numerics.statistics import CONFIDENCE, wilson
from hingeline.sensitivity.results import number

INTERVAL_WORDS = (
    "range of the transfer over the Wilson intervals, of confidence sqrt(0.95) each, of the accuracy on kept "
    "rows and on the others; at least 95 %"
)


@dataclass(frozen=True)
class Rate:
    """How many of some rows are classified rightly."""

    right: int
    rows: int

    @classmethod
    def of(cls, right: BoolArray) -> Rate:
        """From one boolean for each row."""
        return cls(int(right.sum()), len(right))

    @property
    def accuracy(self) -> float:
        """Share; NaN of no rows."""
        return self.right / self.rows if self.rows else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson, 95 %."""
        return wilson(self.right, self.rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "right": self.right,
            "rows": self.rows,
            "accuracy": number(self.accuracy),
            "interval": list(self.interval),
        }


@dataclass(frozen=True)
class AccuracyTransfer:
    """One unseen model on what references misclassify."""

    name: str
    pool: Rate
    """On all rows that no reviewer rejected."""
    filtered: Rate
    """On the kept rows that no reviewer rejected."""
    random_hard: Rate | None
    """On as many rows of smallest margin by an unrelated model; None if there is none."""

    @property
    def transfer(self) -> float:
        """(pool - filtered) / pool; NaN where the model gets nothing right."""
        return transfer_of(self.pool, self.filtered)

    @property
    def transfer_interval(self) -> tuple[float, float]:
        """95 % or more; see above."""
        return transfer_interval(self.pool, self.filtered)

    @property
    def random_hard_transfer(self) -> float | None:
        """What the size-matched baseline takes from this model."""
        return None if self.random_hard is None else transfer_of(self.pool, self.random_hard)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        baseline = self.random_hard
        return {
            "name": self.name,
            "pool": self.pool.to_dict(),
            "filtered": self.filtered.to_dict(),
            "transfer": number(self.transfer),
            "transfer_interval": list(self.transfer_interval),
            "random_hard": None if baseline is None else baseline.to_dict(),
            "random_hard_transfer": None if baseline is None else number(transfer_of(self.pool, baseline)),
        }


@dataclass(frozen=True)
class DetectionTransfer:
    """How one unseen model tells rows of no class from rows of its classes, by its confidence."""

    name: str
    pool: DetectionScores
    """All rows that no reviewer rejected, to be found among inside rows by minus the largest probability."""
    filtered: DetectionScores
    """Only the kept rows that no reviewer rejected; the base rate is lower for that reason alone."""
    random_hard: DetectionScores | None
    """As many rows of which an unrelated model is surest; None if there is none."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "pool": self.pool.to_dict(),
            "filtered": self.filtered.to_dict(),
            "random_hard": None if self.random_hard is None else self.random_hard.to_dict(),
        }


def transfer_of(pool: Rate, kept: Rate) -> float:
    """(a_pool - a_kept) / a_pool; NaN if a_pool is 0 or nothing was kept."""
    return (pool.accuracy - kept.accuracy) / pool.accuracy if pool.right and kept.rows else float("nan")


def transfer_interval(pool: Rate, kept: Rate) -> tuple[float, float]:
    """Ends of the transfer, 95 % or more; (0, 0) if all rows were kept, where it is 0 whatever the accuracy.

    Args:
        pool: All rows, the kept ones included.
        kept: The kept ones.
    """
    others = Rate(pool.right - kept.right, pool.rows - kept.rows)
    if not others.rows:
        return (0.0, 0.0)
    each = float(np.sqrt(CONFIDENCE))
    low_kept, high_kept = wilson(kept.right, kept.rows, each)
    low_others, high_others = wilson(others.right, others.rows, each)

    def at(of_kept: float, of_others: float) -> float:
        return 1.0 - pool.rows * of_kept / (kept.rows * of_kept + others.rows * of_others)

    return (at(high_kept, low_others), at(low_kept, high_others))
