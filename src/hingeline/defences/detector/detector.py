"""A detector on hidden layers: a score, and the threshold above which it abstains.

The threshold is the conformal quantile of n held-out clean scores: the ceil((n + 1)(1 - a))-th smallest. A
fresh clean input scores above it with probability at most a, and at least a - 1/(n + 1) if no scores tie.
That is so over many held-out sets; with one, the rate itself spreads by about sqrt(a (1 - a) / n).
Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.readings import Readings
from hingeline.defences.detector.scorers import Scorer, SmoothScorer
from hingeline.sensitivity.models.model import LayeredModel

Kind = Literal["mahalanobis", "logistic", "forest", "svc"]
KINDS: tuple[Kind, ...] = ("mahalanobis", "logistic", "forest", "svc")
SUPERVISED: tuple[Kind, ...] = ("logistic", "svc")
"""Kinds that learn from attacked examples; they read codes, the others statistics."""


@dataclass(frozen=True, eq=False)
class HiddenLayerDetector:
    """Fires on inputs whose hidden layers look attacked; made by `fit_detector`."""

    kind: Kind
    """What scores."""
    readings: Readings
    """What is read of the model's hidden layers."""
    scorer: Scorer
    """From readings to scores."""
    stand_in: SmoothScorer
    """What is differentiated: the scorer itself where it can be."""
    threshold: float
    """Scores above it fire."""
    spread: float
    """Standard deviation of held-out clean scores."""
    false_positives: float
    """Share of clean inputs that may fire."""
    held_out: int
    """Clean scores that the threshold rests on."""
    stand_in_threshold: float
    """The same quantile of the stand-in's scores."""
    reference: FloatArray
    """A few clean inputs, by whose scores a stored detector recognises its model, shape "r d"."""

    @property
    def model(self) -> LayeredModel:
        """Whose hidden layers are read."""
        return self.readings.model

    @property
    def smooth(self) -> bool:
        """Whether gradients are those of the score itself."""
        return self.stand_in is self.scorer

    @property
    def words(self) -> str:
        """For people."""
        what = "of codes" if self.readings.what == "codes" else "of reconstruction errors and code norms"
        return f"{self.scorer.words} {what} on {len(self.readings.layers)} hidden layers"

    @property
    def gradient_words(self) -> str:
        """What `score_gradients` differentiates."""
        return "the score itself" if self.smooth else self.stand_in.words

    def scores(self, x: Any) -> FloatArray:
        """Scores, larger for what looks attacked: "n d" to "n"."""
        return self.scorer.scores(self._read(x))

    def fires(self, x: Any) -> BoolArray:
        """Where it abstains: "n d" to "n"."""
        return self.scores(x) > self.threshold

    def score_gradients(self, x: Any) -> FloatArray:
        """Gradients of the score by the input, or of its stand-in (`gradient_words` says which): "n d"."""
        return self.excess_gradients(x)[1]

    def excess_gradients(self, x: Any) -> tuple[FloatArray, FloatArray]:
        """What is differentiated, less its threshold, "n", and its gradients, "n d"."""
        points = as_points(x, self.model.input_dim)
        read, gradients = self.readings.with_gradients(points, self.stand_in.gradients)
        return self.stand_in.scores(read) - self.stand_in_threshold, gradients

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready."""
        return {
            "kind": self.kind,
            "words": self.words,
            "layers": [self.model.layer_names[layer] for layer in self.readings.layers],
            "reads": self.readings.what,
            "threshold": self.threshold,
            "false_positives": self.false_positives,
            "held_out": self.held_out,
            "gradients_of": self.gradient_words,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; weights are stored by `save`, not here."""
        return self.summary()

    def save(self, path: str | Path) -> None:
        """Write a `.safetensors` file; `load_detector` reads it.

        Raises:
            InvalidInput: An isolation forest, which cannot be stored without code, or no such folder.
        """
        from hingeline.defences.detector.storage import save_detector

        save_detector(self, path)

    def _read(self, x: Any) -> FloatArray:
        return self.readings.of(as_points(x, self.model.input_dim))


def conformal_threshold(held_out: FloatArray, false_positives: float) -> float:
    """The smallest threshold that fresh clean scores exceed with probability at most `false_positives`.

    Raises:
        InvalidInput: Too few held-out scores for such a rate.
    """
    count = len(held_out)
    # (1 - a)(n + 1) is whole for round numbers; rounding must not push it over
    place = math.ceil((count + 1) * (1.0 - false_positives) - 1e-9)
    if place > count:
        needed = math.ceil(1.0 / false_positives) - 1
        raise InvalidInput(
            f"{count} held-out clean inputs cannot promise {100 * false_positives:g} % false positives; "
            f"it takes at least {needed}"
        )
    return float(np.sort(held_out)[place - 1])


def as_kind(kind: object) -> Kind:
    """The kind, checked."""
    if kind not in KINDS:
        raise InvalidInput(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    return kind
