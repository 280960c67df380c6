"""What a defence costs those who mean no harm: accuracy, decisions that change, scores that say less."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.evaluation.defending.shown import Reading
from hingeline.numerics.classification_scores import rms_calibration_error
from hingeline.numerics.statistics import wilson


@dataclass(frozen=True)
class Utility:
    """What ordinary users see of one defended door, over all seeds.

    Attributes:
        inputs: Inputs asked, each once for every seed.
        accuracy: Share answered rightly; None without labels.
        accuracy_interval: Wilson interval of it over the inputs.
        changed: Share of decisions that are not those of the undefended model.
        abstained: Share of inputs that the door would not answer.
        calibration_error: Root mean square gap between confidence and accuracy, bins of 100; None without
            labels, or where only labels are shown.
        confidence_lost: Mean gap between the confidence shown and that of the undefended model; a bare label
            shows certainty.
    """

    inputs: int
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    changed: float
    abstained: float
    calibration_error: float | None
    confidence_lost: float

    @property
    def cost(self) -> float:
        """What users lose, in [0, 2]: share of changed decisions plus mean confidence lost (our measure)."""
        return self.changed + self.confidence_lost

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"cost": self.cost}


def utility_of(
    shown: FloatArray,
    reading: Reading,
    plain: FloatArray,
    plain_reading: Reading,
    labels: IntArray | None,
) -> Utility:
    """What the answers at ordinary inputs are worth.

    Args:
        shown: Answers of the defended door, shape "s n k": seeds, inputs, numbers in an answer.
        reading: How they are read.
        plain: Answers of the undefended model, shape "n k".
        plain_reading: How those are read.
        labels: True classes, shape "n"; None if not told.
    """
    inputs = shown.shape[1]
    decided = np.stack([reading.decided(answers) for answers in shown])
    sure = np.stack([reading.confidences(answers) for answers in shown])
    before, sure_before = plain_reading.decided(plain), plain_reading.confidences(plain)
    right = None if labels is None else decided == labels
    hits = 0.0 if right is None else float(right.mean())
    scored = right is not None and reading.answers != "labels"
    return Utility(
        inputs=inputs,
        accuracy=None if right is None else hits,
        # seeds repeat the same inputs: they are no further evidence
        accuracy_interval=None if right is None else wilson(hits * inputs, inputs),
        changed=float((decided != before).mean()),
        abstained=float((decided == reading.classes).mean()),
        calibration_error=_calibration(sure, right) if scored and right is not None else None,
        confidence_lost=float(np.abs(sure - sure_before).mean()),
    )


def _calibration(sure: FloatArray, right: Any) -> float:
    """Mean over seeds of the error of each."""
    return float(np.mean([rms_calibration_error(s, r) for s, r in zip(sure, right, strict=True)]))
