"""What flips when a whole set of inputs takes the same step, beside random steps taken alike.

Inputs share each random direction and directions share the inputs: trials depend on each other both ways,
and the intervals count both variances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.numerics.statistics import clustered_wilson, wilson
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curve import FlipCurve
from hingeline.sensitivity.fisher.flip_curves import random_steps
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

CHANCES = 20
"""Random directions, each taken at all inputs; both signs are asked, the better one counts."""


@dataclass(frozen=True)
class SetFlips:
    """What flips when a whole set takes the same step."""

    model: Model
    decision: Decision
    threat: Threat
    sizes: FloatArray

    def flips(self, points: FloatArray, own: IntArray, steps: FloatArray) -> FloatArray:
        """1 where an input flips: "n d", "n" and "d" or "n d" to "s n"."""
        moved = (self.threat.inside(points + size * steps) for size in self.sizes)
        return np.stack([self.decision.flipped(self.model.outputs(m), own) for m in moved]).astype(np.float64)

    def better(self, points: FloatArray, own: IntArray, step: FloatArray) -> tuple[float, FloatArray]:
        """The sign that flips more over all sizes, and its flips."""
        plus, minus = (self.flips(points, own, sign * step) for sign in (1.0, -1.0))
        return (1.0, plus) if plus.sum() >= minus.sum() else (-1.0, minus)

    def signed(self, points: FloatArray, own: IntArray, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Vectors "q d" with the better sign, and the flips of the first."""
        found = [self.better(points, own, -self.threat.steepest(v)) for v in vectors]
        signs = np.array([sign for sign, _ in found])
        return signs[:, np.newaxis] * vectors, found[0][1]

    def scored(
        self,
        points: FloatArray,
        top: FloatArray,
        classes: IntArray,
        class_directions: FloatArray,
        rng: np.random.Generator,
    ) -> list[FlipCurve]:
        """Flips of inputs that had no part in making the directions."""
        own = self.decision.of(self.model.outputs(points))
        # a class that was not met has the direction of all
        table = np.tile(top, (self.decision.classes, 1))
        table[classes] = class_directions
        by_class = self.flips(points, own, -self.threat.steepest(table[own]))
        return [
            *self.both_signs("held_out", "inputs held out", points, own, top),
            FlipCurve.of("held_out_by_class", "held out, a direction for each class", by_class, 1),
            self.chance(points, own, rng),
        ]

    def both_signs(
        self, name: str, words: str, points: FloatArray, own: IntArray, direction: FloatArray
    ) -> list[FlipCurve]:
        """Flips along a direction, and along its opposite."""
        step = -self.threat.steepest(direction)
        return [
            FlipCurve.of(name, words, self.flips(points, own, step), 1),
            FlipCurve.of(f"{name}_other_sign", f"{words}, other sign", self.flips(points, own, -step), 1),
        ]

    def chance(self, points: FloatArray, own: IntArray, rng: np.random.Generator) -> FlipCurve:
        """Flips along random directions, each with the sign that flips more of these inputs."""
        steps = (random_steps(points.shape[1:], self.threat, rng) for _ in range(CHANCES))
        trials = np.stack([self.better(points, own, step)[1] for step in steps])
        curve = FlipCurve.of(
            "held_out_random", "held out, random directions", trials.sum(axis=0), len(trials)
        )
        # inputs share their directions and directions their inputs: both variances count, so 1 / trials adds
        others = [clustered_wilson(row, len(points))[2] for row in trials.sum(axis=2).T]
        effective = 1.0 / (1.0 / curve.effective + 1.0 / np.array(others))
        ends = np.array([wilson(p * n, n) for p, n in zip(curve.shares, effective, strict=True)])
        return replace(curve, low=ends[:, 0], high=ends[:, 1], effective=effective)
