"""What filtration says about models that took no part, in one value with words for what it does not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hingeline.core.figure_data import Bars, Figure, Heat
from hingeline.defences.filtration.cross_fitting import CrossFit
from hingeline.defences.filtration.manifest import Mode
from hingeline.defences.filtration.transfer_figures import (
    INTERVAL_WORDS,
    AccuracyTransfer,
    DetectionTransfer,
)
from hingeline.sensitivity.results import number


@dataclass(frozen=True)
class TransferReport:
    """All unseen models on one filtered pool.

    In mode "misclassified" `accuracies` is filled, in mode "ood_confident" `detections`.
    """

    mode: Mode
    pool_rows: int
    """Of the pool, without those that a reviewer rejected."""
    kept_rows: int
    """Kept and not rejected by a reviewer."""
    rejected_rows: int
    accuracies: tuple[AccuracyTransfer, ...]
    detections: tuple[DetectionTransfer, ...]
    baseline: str | None
    """Name of the unrelated model that chose the size-matched hard rows."""
    baseline_overlap: float | None
    """Share of these rows that were filtered as well."""
    cross_fit: CrossFit | None
    warnings: tuple[str, ...]
    """What a reader must know, in sentences."""
    queries: int
    """Rows asked of all models together."""

    def summary(self) -> dict[str, Any]:
        """One line for each model, and what goes for all."""
        return {
            "mode": self.mode,
            "pool_rows": self.pool_rows,
            "kept_rows": self.kept_rows,
            "models": [self._line(one) for one in (*self.accuracies, *self.detections)],
            "baseline": self.baseline,
            "cross_fit": None if self.cross_fit is None else self._cross_fit_line(self.cross_fit),
            "warnings": list(self.warnings),
            "queries": self.queries,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            **self.summary(),
            "rejected_rows": self.rejected_rows,
            "models": [one.to_dict() for one in (*self.accuracies, *self.detections)],
            "interval_of_transfer": INTERVAL_WORDS,
            "baseline_overlap": self.baseline_overlap,
            "cross_fit": None if self.cross_fit is None else self.cross_fit.to_dict(),
        }

    def figures(self) -> tuple[Figure, ...]:
        """Accuracies and transfer, or areas and rates of detection, of each model."""
        if self.mode == "ood_confident":
            return (self._detection_heat(),)
        defined = [one for one in self.accuracies if number(one.transfer) is not None]
        bars = Bars(
            "filtration-transfer",
            f"Share of each model's accuracy that is lost on {self.kept_rows} filtered rows of "
            f"{self.pool_rows}; the references that filtered took no part here.",
            "(pool - filtered) / pool",
            tuple(one.name for one in defined),
            tuple(one.transfer for one in defined),
        )
        return (bars, self._accuracy_heat())

    def _accuracy_heat(self) -> Heat:
        return Heat(
            "filtration-accuracy",
            "Accuracy of models that took no part: on the pool, on the filtered rows, and on as many rows "
            "that an unrelated model finds hardest.",
            "accuracy",
            "model",
            "rows",
            tuple(one.name for one in self.accuracies),
            ("pool", "filtered", "random hard"),
            tuple(
                (
                    one.pool.accuracy,
                    number(one.filtered.accuracy),
                    None if one.random_hard is None else number(one.random_hard.accuracy),
                )
                for one in self.accuracies
            ),
        )

    def _detection_heat(self) -> Heat:
        return Heat(
            "filtration-detection",
            "How well models that took no part tell rows of no class by their confidence, before and after "
            "filtering; the area under precision and recall stands beside its base rate.",
            "share",
            "model",
            "figure",
            tuple(one.name for one in self.detections),
            tuple(
                f"{what}, {when}"
                for what in ("AUROC", "AUPR", "base rate", "FPR95")
                for when in ("pool", "filtered")
            ),
            tuple(
                tuple(
                    getattr(scores, what)
                    for what in ("auroc", "aupr", "base_rate", "fpr95")
                    for scores in (one.pool, one.filtered)
                )
                for one in self.detections
            ),
        )

    @staticmethod
    def _line(one: AccuracyTransfer | DetectionTransfer) -> dict[str, Any]:
        if isinstance(one, DetectionTransfer):
            both = (("pool", one.pool), ("filtered", one.filtered))
            return {"name": one.name, **{when: scores.to_dict() for when, scores in both}}
        return {
            "name": one.name,
            "pool_accuracy": number(one.pool.accuracy),
            "filtered_accuracy": number(one.filtered.accuracy),
            "filtered_interval": list(one.filtered.interval),
            "transfer": number(one.transfer),
            "transfer_interval": list(one.transfer_interval),
            "random_hard_transfer": None
            if one.random_hard_transfer is None
            else number(one.random_hard_transfer),
        }

    @staticmethod
    def _cross_fit_line(found: CrossFit) -> dict[str, Any]:
        told = found.to_dict()
        return {
            "splits": told["splits"],
            "empty_splits": told["empty_splits"],
            "transfer": {one["name"]: one["transfer"] for one in told["references"]},
        }
