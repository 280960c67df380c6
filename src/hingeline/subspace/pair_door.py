"""The log-ratio of two classes, where the others are rounded to nothing.

Log-ratios of all outputs against one exist only where every probability is larger than the rounding: for a
trained classifier that is hardly anywhere. Two classes suffice. Near the boundary between them both have
about one half, so that log(p_i / p_j), which is piecewise linear where the logits are, has the small error

    quantum / sqrt(12) * sqrt(1 / p_i^2 + 1 / p_j^2)     (8e-7 for six decimals)

whatever became of the rest. Which two is decided at each point and then kept for all differences around it.

Cost: what is asked.
Source: our design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import UnsupportedOracle
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.workbench import Bench

# Below ten deviations of its rounding a probability has no logarithm worth the name.
_DIGITS = 10.0
# Smallest probability that is ever divided by, where answers are not rounded at all.
_SMALLEST = 1e-12
# Share of a box in which points are looked for, so that steps of a tenth of its half width fit. Two decimals
# need longer steps; for three and more the inputs that are lost so tell more than longer steps do.
_ROOM, _WIDE_ROOM = 0.9, 0.6
_COARSE = 1e-3


class PairDoor:
    """Probabilities, and log-ratios of two of them; points are in the coordinates of the bench's probe.

    Args:
        bench: Its card tells how probabilities are rounded.

    Raises:
        UnsupportedOracle: The bench has no card, or its door gives no probabilities.
    """

    def __init__(self, bench: Bench) -> None:
        if bench.card is None or bench.card.answers != "probabilities":
            raise UnsupportedOracle("The method 'pairs' needs probabilities, and this door gives none.")
        self.bench, self.card = bench, bench.card
        self.noisy = NoisyDoor(bench)
        self.dim = self.noisy.dim
        self.domain = self.noisy.probe.domain
        self._coarse = self.card.resolution.rounding(np.array(0.5)) > _COARSE
        # a single probability p is that of the class 1; the other one has 1 - p
        self._single = self.card.output_dim == 1

    @property
    def inset(self) -> float:
        """Share of a box in which points are looked for; the rest is room for steps."""
        return _WIDE_ROOM if self._coarse else _ROOM

    def answers(self, points: FloatArray) -> FloatArray:
        """Probabilities of at least two classes, "n d" to "n k".

        Raises:
            BudgetExhausted: The budget ended.

        Cost: n queries.
        """
        centre = self.noisy.probe.calibration.centre
        rows = self.bench.session.ask(points if centre is None else points + centre)
        return np.hstack([1 - rows, rows]) if self._single else rows

    def ratio(self, answers: FloatArray, pair: IntArray) -> tuple[FloatArray, FloatArray]:
        """Log-ratios and the deviations that rounding gives them.

        Args:
            answers: Shape "n k".
            pair: The two classes: of all rows, shape "2", or of each, shape "n 2".

        Returns:
            Shape "n 1" each; nan and inf where one of the two is too small to tell.
        """
        two = np.take_along_axis(answers, np.broadcast_to(pair, (len(answers), 2)), axis=1)
        error = self.card.resolution.rounding(two)
        good = (two > np.maximum(_DIGITS * error, _SMALLEST)).all(axis=1, keepdims=True)
        safe = np.where(good, two, 0.5)
        logs, relative = np.log(safe), error / safe
        # the errors of p and 1 - p are one and the same
        joint = relative.sum(axis=1, keepdims=True) if self._single else np.hypot(*relative.T)[:, np.newaxis]
        return np.where(good, logs[:, :1] - logs[:, 1:], np.nan), np.where(good, joint, np.inf)

    def beneath(self, points: FloatArray) -> FloatArray:
        """Deviation beneath the rounding of answers, "n d" to "n 1": random errors, and those of floats.

        Where answers lie on a grid, the noise that was measured is the grid's own.
        """
        if self.card.rounding is not None and self.card.deterministic is not False:
            return np.zeros((len(points), 1))
        return self.noisy.probe.noise.at(points)[:, np.newaxis]

    def of(self, pair: IntArray) -> ClassPair:
        """The door on which only these two classes, shape "2", are seen."""
        return ClassPair(self, pair)


@dataclass(frozen=True, eq=False)
class ClassPair:
    """One log-ratio, asked like any value."""

    door: PairDoor
    pair: IntArray
    """The two classes, shape "2"."""

    def ask(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log-ratios and their deviations, "n d" to "n 1" each; nan and inf where there is none.

        Raises:
            BudgetExhausted: The budget ended.

        Cost: n queries.
        """
        values, sigma = self.door.ratio(self.door.answers(points), self.pair)
        return values, np.hypot(sigma, self.door.beneath(points))

    def step(self, length: float) -> float:
        """The step nearest to `length` that may be taken along a coordinate."""
        return self.door.noisy.step(length)


def leading(answers: FloatArray) -> IntArray:
    """The two most likely classes of each row, the likelier first: "n k" to "n 2"."""
    return np.argsort(-answers, axis=1, kind="stable")[:, :2]


def balanced(answers: FloatArray, share: float) -> BoolArray:
    """Rows whose second probability is at least this share of the first, "n k" to "n"."""
    two = np.take_along_axis(answers, leading(answers), axis=1)
    return np.asarray((two[:, 1] >= share * two[:, 0]) & (two[:, 1] > 0))
