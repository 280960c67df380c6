"""Model and detector as one model with a class more: "detected".

    Z_c = z_c for the N classes,   Z_N = max_c z_c + (s - tau) / sd

so that the last class is the largest exactly where the detector fires. Attacking Z is attacking both at once.
The idea is that of Carlini and Wagner, Adversarial Examples Are Not Easily Detected, 2017, who multiply the
largest logit by a score; a sum keeps its meaning where logits are below zero.

Also here: what counts as undetected, and the same model answering with labels alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model


@dataclass(frozen=True)
class Evading(Decision):
    """The decision of model and detector together; `outputs` is N + 1, and the last class is "detected".

    A class is left only for another of the first N: to be detected is no success of an attacker.
    """

    @property
    def detected(self) -> int:
        """Number of the class "detected", N."""
        return self.outputs - 1

    def leads(self, outputs: FloatArray, classes: IntArray) -> FloatArray:
        """max(own, detected) less the largest other class, "n 1": below zero where wrong and undetected."""
        every = np.arange(self.outputs)
        kept = (every == classes[:, np.newaxis]) | (every == self.detected)
        own = np.where(kept, outputs, -np.inf).max(axis=1)
        return (own - np.where(kept, -np.inf, outputs).max(axis=1))[:, np.newaxis]

    def flipped(self, outputs: FloatArray, classes: IntArray) -> BoolArray:
        """Whether the decision is wrong and undetected."""
        decided = self.of(outputs)
        return (decided != classes) & (decided != self.detected)


class ExtraClassModel:
    """N + 1 outputs of which the last is the largest exactly where the detector fires.

    Args:
        model: The model; the detector's own unless it is counted or wrapped.
        detector: The detector.

    Outputs hold the real score. Gradients are those of the detector's stand-in where the score has none.
    """

    def __init__(self, model: Model, detector: HiddenLayerDetector) -> None:
        if model.input_dim != detector.model.input_dim:
            raise InvalidInput(
                f"the detector reads inputs of {detector.model.input_dim} numbers, the model takes "
                f"{model.input_dim}"
            )
        self._model, self._detector = model, detector
        self.decision = Decision(model.output_dim)
        self.evading = Evading(self.decision.classes + 1)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self._model.name} behind a {self._detector.scorer.words}"

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self._model.input_dim

    @property
    def output_dim(self) -> int:
        """Classes and one more."""
        return self.decision.classes + 1

    def outputs(self, points: FloatArray) -> FloatArray:
        """Logits and the class "detected": "n d" to "n N+1"."""
        logits = self._logits(points)
        largest = logits.max(axis=1)
        scores = self._detector.scores(points)
        excess = (scores - self._detector.threshold) / self._detector.spread
        # a small excess can be lost in the sum; the class must not
        above = np.maximum(largest + excess, np.nextafter(largest, np.inf))
        below = np.minimum(largest + excess, largest)
        extra = np.where(scores > self._detector.threshold, above, below)
        return np.concatenate([logits, extra[:, np.newaxis]], axis=1)

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of weighted sums of all N + 1 outputs: "n d"."""
        largest = self._logits(points).argmax(axis=1)
        of_logits = weights[:, :-1].copy()
        of_logits[np.arange(len(points)), largest] += weights[:, -1]
        if self._model.output_dim == 1:
            of_logits = of_logits[:, 1:]
        found = self._model.gradients(points, of_logits)
        rows = np.nonzero(weights[:, -1])[0]
        if len(rows):
            by_score = self._detector.score_gradients(points[rows])
            found[rows] += weights[rows, -1:] / self._detector.spread * by_score
        return found

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n N+1 d"."""
        units = np.eye(self.output_dim)
        each = [self.gradients(points, np.broadcast_to(u, (len(points), len(u)))) for u in units]
        return np.stack(each, axis=1)

    def _logits(self, points: FloatArray) -> FloatArray:
        """One number for each class; a single output is the second of two, beside zero."""
        outputs = self._model.outputs(points)
        if outputs.shape[1] > 1:
            return outputs
        return np.concatenate([np.zeros_like(outputs), outputs - self.decision.threshold], axis=1)


class LabelsAlone:
    """The same decisions as labels alone: 1 for the class, "detected" included, 0 elsewhere."""

    def __init__(self, model: ExtraClassModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """For people."""
        return f"{self._model.name}, labels only"

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self._model.input_dim

    @property
    def output_dim(self) -> int:
        """Classes and one more."""
        return self._model.output_dim

    def outputs(self, points: FloatArray) -> FloatArray:
        """One 1 in each row: "n d" to "n N+1"."""
        return np.eye(self.output_dim)[self._model.outputs(points).argmax(axis=1)]

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """There are none."""
        raise UnsupportedOracle("labels have no gradients")

    def jacobians(self, points: FloatArray) -> FloatArray:
        """There are none."""
        raise UnsupportedOracle("labels have no gradients")
