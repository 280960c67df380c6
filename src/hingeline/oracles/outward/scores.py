"""What attacks of others are shown of an answer: one score for each class, the largest of them the decision.

Values are shown as they come. Probabilities are shown as their logarithms, which are logits up to a constant
for each row: attacks that compare scores would see little where probabilities saturate. One value is shown
as two scores, (0, f), one probability as (log(1 - p), log p). Labels are shown as one 1 among zeros; such
scores say which class leads and never by how much, so they serve attacks that look at decisions alone
(BoundaryAttack, HopSkipJump, Pointwise) and mislead all that follow scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.oracles.protocol import OracleSpec

_LEAST = float(np.finfo(np.float64).tiny)  # keeps the logarithm of a probability that arrives as 0 finite


@dataclass(frozen=True)
class Scores:
    """How answers become scores.

    Attributes:
        spec: What is known of the door.
        classes: How many labels there are; None if the door tells values.
    """

    spec: OracleSpec
    classes: int | None = None

    def __post_init__(self) -> None:
        if self.spec.answers == "labels" and self.classes is None:
            raise InvalidInput(f"{self.spec.name} tells labels; say how many there are, such as classes=10")
        if self.classes is not None and self.spec.answers not in ("labels", "auto"):
            raise InvalidInput(
                f"classes is for doors that tell labels; {self.spec.name} tells {self.spec.answers}"
            )
        if self.classes is not None and self.classes < 2:
            raise InvalidInput(f"classes must be at least 2; got {self.classes}")
        if self.classes is None and self.spec.output_dim == 1:
            self._check_one_value()

    def of(self, answers: FloatArray) -> FloatArray:
        """Scores, "n c", of answers "n k".

        Raises:
            InvalidInput: One value that may be a label or a score, or a label beyond `classes`.
        """
        if self.classes is not None:
            return self._of_labels(answers, self.classes)
        if answers.shape[1] == 1:
            self._check_one_value()
        if self.spec.answers == "probabilities":
            both = answers if answers.shape[1] > 1 else np.concatenate([1.0 - answers, answers], axis=1)
            return np.log(np.maximum(both, _LEAST))
        return answers if answers.shape[1] > 1 else np.concatenate([np.zeros_like(answers), answers], axis=1)

    def _of_labels(self, answers: FloatArray, classes: int) -> FloatArray:
        labels = answers[:, 0]
        if answers.shape[1] != 1:
            raise InvalidInput(
                f"classes is for doors that tell one label a row; {self.spec.name} tells "
                f"{answers.shape[1]} numbers: leave classes out"
            )
        if len(labels) and ((labels != np.floor(labels)) | (labels < 0) | (labels >= classes)).any():
            raise InvalidInput(
                f"{self.spec.name} told {labels.min():g} to {labels.max():g}; want whole labels from 0 to "
                f"{classes - 1}, as classes={classes} says"
            )
        return np.eye(classes)[labels.astype(np.int64)]

    def _check_one_value(self) -> None:
        if self.spec.answers == "auto":
            raise InvalidInput(
                f"{self.spec.name} tells one number a row: a label or a score? Open it with "
                'hl.oracle(..., answers="labels") and say classes=10, or with answers="logits" (class 1 '
                'above 0) or answers="probabilities" (class 1 above one half)'
            )


def within_bounds(inputs: FloatArray, bounds: tuple[float, float], what: str) -> FloatArray:
    """Inputs inside `bounds`; what single-precision arithmetic moved out is put back.

    Raises:
        InvalidInput: An input lies outside by more than rounding.
    """
    low, high = bounds
    slack = 8.0 * float(np.finfo(np.float32).eps) * max(abs(low), abs(high))
    if inputs.size and not (inputs.min() >= low - slack and inputs.max() <= high + slack):
        raise InvalidInput(
            f"inputs reach {inputs.min():.6g} to {inputs.max():.6g}, but {what} are {low:g} to {high:g}. "
            "If they are pixels from 0 to 255 or standardised, say so in bounds, or rescale them"
        )
    return np.clip(inputs, low, high)


def checked_bounds(bounds: tuple[float, float] | None, spec: OracleSpec) -> tuple[float, float]:
    """The bounds to declare: those said, or those of the door.

    Raises:
        InvalidInput: None are known, they are no pair of numbers, or they reach outside the door's.
    """
    found = bounds if bounds is not None else spec.bounds
    if found is None:
        raise InvalidInput(f"{spec.name} has no bounds of its own; say bounds=(0, 1), or what inputs can be")
    low, high = float(found[0]), float(found[1])
    if not (np.isfinite([low, high]).all() and low < high):
        raise InvalidInput(f"bounds want two finite ends, the smaller first; got {found}")
    if spec.bounds is not None and (low < spec.bounds[0] or high > spec.bounds[1]):
        raise InvalidInput(
            f"bounds {found} reach outside those of {spec.name}, {spec.bounds}; it answers nothing there"
        )
    return low, high
