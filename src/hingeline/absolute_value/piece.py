"""A stretch of a great circle between two kinks: answers there, and the A cos t + B sin t that they give.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import EPSILON


@dataclass(eq=False)
class Piece:
    """A stretch between two kinks: angles asked there, and the two numbers that they give."""

    angles: list[float]
    values: list[float]
    a: float = 0.0
    """Value at angle 0: the gradient's component along p."""
    b: float = 0.0
    """Value at angle pi / 2: the gradient's component along q."""
    _inverse: FloatArray | None = None

    def take(self, angle: float, value: float) -> None:
        """Add an answer and fit again."""
        self.angles.append(angle)
        self.values.append(value)
        self.fit()

    def replace(self, angles: FloatArray, values: FloatArray) -> None:
        """Forget all answers for these."""
        self.angles, self.values = angles.tolist(), values.tolist()
        self.fit()

    def fit(self) -> None:
        """Least squares for A and B, about the middle of the angles."""
        angles = np.array(self.angles)
        middle = float(angles.min() + angles.max()) / 2
        design = np.column_stack([np.cos(angles - middle), np.sin(angles - middle)])
        inverse = np.linalg.pinv(design, rcond=EPSILON)
        along, across = inverse @ np.array(self.values)
        turn = np.array([[np.cos(middle), -np.sin(middle)], [np.sin(middle), np.cos(middle)]])
        self.a, self.b = (float(v) for v in turn @ (along, across))
        self._inverse = turn @ inverse

    def at(self, angle: float) -> float:
        """A cos t + B sin t."""
        return float(self.a * np.cos(angle) + self.b * np.sin(angle))

    def doubt(self, angle: float) -> float:
        """Standard deviation of `at`, in standard deviations of one answer."""
        if self._inverse is None:
            return 1.0
        return float(np.linalg.norm(np.array([np.cos(angle), np.sin(angle)]) @ self._inverse))

    def misfit(self) -> float:
        """Root mean square distance of the answers from the fit."""
        gaps = [value - self.at(angle) for angle, value in zip(self.angles, self.values, strict=True)]
        return float(np.sqrt(np.mean(np.square(gaps))))

    def scatter(self) -> float:
        """Standard deviation of one answer as the fit shows it; 0 where two answers are all there is."""
        spare = len(self.angles) - 2
        return self.misfit() * float(np.sqrt(len(self.angles) / spare)) if spare > 0 else 0.0

    def turned(self) -> Piece:
        """The same stretch half a circle on: the function is even."""
        other = Piece([t + np.pi for t in self.angles], list(self.values))
        other.a, other.b = -self.a, -self.b
        other._inverse = None if self._inverse is None else -self._inverse
        return other


def crossing(left: Piece, right: Piece, start: float) -> float | None:
    """The angle after `start`, within pi, where both pieces have one value; None if they are the same."""
    along, across = right.a - left.a, right.b - left.b
    if along == 0 and across == 0:
        return None
    angle = float(np.arctan2(-along, across))
    return start + (angle - start) % np.pi


def refined(left: Piece, right: Piece, near: float) -> float:
    """The crossing nearest to `near`."""
    along, across = right.a - left.a, right.b - left.b
    angle = float(np.arctan2(-along, across))
    return angle + np.pi * round((near - angle) / np.pi)
