"""A door with one more class, "I do not answer": its argmax is that class exactly where a detector fires.

With N classes and the largest score m of a row, the last of N + 1 scores is m + g where the detector fires
and m - g where it does not, g = 2 + |m|/64: the step survives rounding and float16. Where it fires, all
probability is given to the last class. One score s counts as the classes (0, s), one probability p as
(1 - p, p).

Source: Carlini and Wagner, Adversarial Examples Are Not Easily Detected, AISec 2017 (N + 1 classes), with the
detector's decision in place of its score: a door shows no more than it must.
Cost: the detector's, and one pass over the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import AdaptiveAttack, Defence, DefendedOracle
from hingeline.defences.doors.order import classes_inside, need_all_scores
from hingeline.oracles.protocol import Answers, Oracle

_LARGEST = float(np.finfo(np.float64).max)


@runtime_checkable
class Detector(Protocol):
    """Says which inputs it would not answer."""

    def fires(self, points: FloatArray, /) -> BoolArray:
        """Whether it fires at each of `points`: "n d" to "n"."""
        ...


@dataclass(frozen=True)
class Abstaining(Defence):
    """Answers the class N where the detector fires."""

    detector: Detector
    """Decides."""
    classes: int | None = None
    """N, needed around a door that answers labels and does not say how many there are."""
    adaptive: tuple[AdaptiveAttack, ...] = ()
    """Attacks that know the detector."""

    @property
    def text(self) -> str:
        """A name: a detector cannot be typed."""
        return "abstain"

    @property
    def words(self) -> str:
        """For tables."""
        return "abstains where its detector fires"

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        """Those that were given with the detector."""
        return self.adaptive

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door with one more class; `seed` is not used.

        Raises:
            InvalidInput: A door that answers labels, and nobody says how many classes there are; or one that
                shows its largest logits only.
        """
        if oracle.spec.answers != "labels":
            need_all_scores(oracle, self.text)
            return _AbstainingDoor(oracle, self)
        classes = self.classes or classes_inside(oracle)
        if classes is None:
            raise InvalidInput(f"{oracle.spec.name} answers labels; say how many there are: classes=10")
        return _AbstainingLabels(oracle, self, classes)


class _AbstainingDoor(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Abstaining) -> None:
        width = inner.spec.output_dim
        # a single score stands for two classes
        super().__init__(inner, defence.words, output_dim=None if width is None else max(width, 2) + 1)
        self._detector = defence.detector

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        return with_abstention(answers, _decisions(self._detector, points), self.inner.spec.answers)


class _AbstainingLabels(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Abstaining, classes: int) -> None:
        super().__init__(inner, defence.words)
        self._detector = defence.detector
        self.classes = classes + 1

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        fires = _decisions(self._detector, points)[:, np.newaxis]
        return np.where(fires, float(self.classes - 1), answers)


def with_abstention(scores: FloatArray, fires: BoolArray, answers: Answers = "logits") -> FloatArray:
    """Scores with one more column, the largest exactly where `fires`: "n N" and "n" to "n N+1"."""
    likely = answers == "probabilities"
    if scores.shape[1] == 1:
        scores = np.hstack([1.0 - scores if likely else np.zeros_like(scores), scores])
    fired = fires[:, np.newaxis]
    if likely:
        return np.hstack([np.where(fired, 0.0, scores), fired.astype(np.float64)])
    top = scores.max(axis=1, keepdims=True)
    gap = 2.0 + np.abs(top) / 64.0
    with np.errstate(over="ignore"):
        last = np.clip(np.where(fired, top + gap, top - gap), -_LARGEST, _LARGEST)
    # At the end of the numbers nothing lies above the largest score, which must then give way by one.
    clash = fired & (last <= top)
    kept = np.where(clash, np.minimum(scores, np.nextafter(_LARGEST, 0.0)), scores)
    return np.hstack([kept, last])


def _decisions(detector: Detector, points: FloatArray) -> BoolArray:
    fires = np.asarray(detector.fires(points))
    if fires.shape != (len(points),) or fires.dtype != np.bool_:
        raise InvalidInput(
            f"a detector answers one truth value for each of {len(points)} rows; "
            f"got {fires.dtype} of shape {fires.shape}"
        )
    return fires
