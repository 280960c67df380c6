"""The best candidates seen so far, for each input by itself.

Better is what fewer members get right, counted by their chances; among equals the lower mean margin. Nothing
found is ever given up, so more attacks, more steps or a larger radius never help the defender.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.losses import margins
from hingeline.sensitivity.attacks.base import Scene

_SAME = 1e-12
"""Sums of chances that differ by less are the same members."""


@dataclass
class Kept:
    """What is kept at n inputs; changed in place.

    Attributes:
        family: Who is attacked.
        classes: True classes, shape "n".
        points: Best candidates, shape "n d".
        right: Which members get them right, shape "m n".
        expected: Chance of a right answer there, shape "n".
        margin: Mean margin there, shape "n".
        reached: Members that anything seen fools, shape "m n".
    """

    family: ModelFamily
    classes: IntArray
    points: FloatArray
    right: BoolArray
    expected: FloatArray
    margin: FloatArray
    reached: BoolArray

    @classmethod
    def at(cls, family: ModelFamily, scene: Scene) -> Kept:
        """The inputs themselves."""
        logits = family.member_logits(scene.points)
        right = logits.argmax(axis=2) == scene.classes
        margin = family.weights @ margins(logits, scene.classes)
        return cls(family, scene.classes, scene.points.copy(), right, family.weights @ right, margin, ~right)

    def look(self, points: FloatArray) -> None:
        """Show one candidate for every input."""
        self.offer(np.arange(len(points)), points, self.family.member_logits(points))

    def offer(self, rows: IntArray, points: FloatArray, logits: FloatArray) -> None:
        """Keep candidates that are better.

        Args:
            rows: Inputs they belong to, shape "r".
            points: Shape "r d".
            logits: What all members answer there, shape "m r k".
        """
        right = logits.argmax(axis=2) == self.classes[rows]
        self.reached[:, rows] |= ~right
        expected = self.family.weights @ right
        margin = self.family.weights @ margins(logits, self.classes[rows])
        before = self.expected[rows]
        same = np.abs(expected - before) <= _SAME
        better = (expected < before - _SAME) | (same & (margin < self.margin[rows]))
        taken = rows[better]
        self.points[taken], self.right[:, taken] = points[better], right[:, better]
        self.expected[taken], self.margin[taken] = expected[better], margin[better]
