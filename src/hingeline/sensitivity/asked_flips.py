"""Nothing that was paid for is lost: every answer of a door may be a flip of every input that is looked at.

An attack that ends in the middle of its budget hands nothing back, and what was asked for one input may flip
another. This model passes questions on and keeps, for each input, the nearest point of another class.

Cost: no question; n m d multiplications for m answers and n inputs of length d.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

_BATCH_NUMBERS = 2**22
"""Distances held at once, 32 MiB."""
_NEAREST = 4
"""Points of each batch that are measured in the threat's norm, those nearest in l2."""


class AskedFlips:
    """Answers as the model behind does, and remembers flips.

    Args:
        model: What is asked.
        decision: How its outputs become classes.
        points: The inputs, shape "n d".
        classes: Their classes, shape "n".
        threat: Which changes count; what leaves the box or moves a fixed coordinate is no flip.

    Attributes:
        points: For each input the nearest point of another class that was asked, else the input, "n d".
        sizes: Size of that change, "n"; infinite where there is none.
    """

    def __init__(
        self, model: Model, decision: Decision, points: FloatArray, classes: IntArray, threat: Threat
    ) -> None:
        self._model, self._decision, self._threat = model, decision, threat
        self._starts, self._classes = points, classes
        self._squares = np.einsum("nd,nd->n", points, points)
        self.points = points.copy()
        self.sizes = np.full(len(points), np.inf)

    @property
    def name(self) -> str:
        """That of the model behind."""
        return self._model.name

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self._model.input_dim

    @property
    def output_dim(self) -> int:
        """Numbers in one answer, k."""
        return self._model.output_dim

    def outputs(self, points: FloatArray) -> FloatArray:
        """Answers, "n d" to "n k", looked through for flips."""
        answers = self._model.outputs(points)
        every = max(1, _BATCH_NUMBERS // max(1, len(self._starts)))
        for first in range(0, len(points), every):
            part = slice(first, first + every)
            self._look(points[part], self._decision.of(answers[part]))
        return answers

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Those of the model behind, "n d"."""
        return self._model.gradients(points, weights)

    def jacobians(self, points: FloatArray) -> FloatArray:
        """Those of the model behind, "n k d"."""
        return self._model.jacobians(points)

    def _look(self, asked: FloatArray, classes: IntArray) -> None:
        # |a - x|^2 = |a|^2 - 2 <a, x> + |x|^2: good enough to choose by, what is chosen is measured
        squares = self._squares[:, np.newaxis] - 2.0 * (self._starts @ asked.T)
        squares += np.einsum("md,md->m", asked, asked)
        squares[self._classes[:, np.newaxis] == classes] = np.inf
        count = min(_NEAREST, len(asked))
        chosen = np.argpartition(squares, count - 1, axis=1)[:, :count]
        every = np.arange(len(chosen))
        for place in chosen.T:
            points = asked[place]
            size = self._threat.size(points - self._starts)
            nearer = np.isfinite(squares[every, place]) & (size < self.sizes) & self._legal(points)
            self.points[nearer], self.sizes[nearer] = points[nearer], size[nearer]

    def _legal(self, points: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        allowed = self._threat.inside(points)
        if self._threat.free is not None:
            allowed = np.where(self._threat.free, allowed, self._starts)
        return (allowed == points).all(axis=1)
