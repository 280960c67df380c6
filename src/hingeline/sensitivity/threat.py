"""What may be changed and how the change is measured: norm, box, free coordinates.

Dual norms: the steepest descent of <g, u> over |u| <= 1 is -|g|_*; l2 is dual to itself, l-infinity to l1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput

Norm = Literal["l2", "linf", "l1"]
NORMS: tuple[Norm, ...] = ("l2", "linf", "l1")


@dataclass(frozen=True, eq=False)
class Threat:
    """The changes that count.

    Attributes:
        norm: How the size of a change is measured.
        box: Smallest and largest value an input coordinate may take; None if free.
        free: Which coordinates may change, shape "d"; None for all.
    """

    norm: Norm = "l2"
    box: tuple[float, float] | None = None
    free: BoolArray | None = None

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise InvalidInput(f"norm must be one of {', '.join(NORMS)}; got {self.norm!r}")
        if self.box is not None and not (np.isfinite(self.box).all() and self.box[0] < self.box[1]):
            raise InvalidInput(f"a box wants two finite ends, the smaller first; got {self.box}")

    def size(self, changes: FloatArray) -> FloatArray:
        """Norms of rows: "... d" to "..."."""
        match self.norm:
            case "l2":
                return np.linalg.norm(changes, axis=-1)
            case "linf":
                return np.abs(changes).max(axis=-1, initial=0.0)
            case "l1":
                return np.abs(changes).sum(axis=-1)

    def dual(self, gradients: FloatArray) -> FloatArray:
        """Largest |<g, u>| over free changes of size 1: "... d" to "..."."""
        masked = self.masked(gradients)
        match self.norm:
            case "l2":
                return np.linalg.norm(masked, axis=-1)
            case "linf":
                return np.abs(masked).sum(axis=-1)
            case "l1":
                return np.abs(masked).max(axis=-1, initial=0.0)

    def steepest(self, gradients: FloatArray) -> FloatArray:
        """The change of size 1 along which <g, u> falls fastest: "... d" to "... d"; zero where g is."""
        masked = self.masked(gradients)
        match self.norm:
            case "l2":
                length = np.linalg.norm(masked, axis=-1, keepdims=True)
                return -masked / np.where(length > 0, length, 1.0)
            case "linf":
                return -np.sign(masked)
            case "l1":
                step = np.zeros_like(masked)
                if not masked.shape[-1]:
                    return step
                first = np.abs(masked).argmax(axis=-1)[..., np.newaxis]
                np.put_along_axis(step, first, -np.sign(np.take_along_axis(masked, first, axis=-1)), axis=-1)
                return step

    def masked(self, changes: FloatArray) -> FloatArray:
        """Changes with zeros where nothing may change."""
        return changes if self.free is None else np.where(self.free, changes, 0.0)

    def inside(self, points: FloatArray) -> FloatArray:
        """Points moved into the box."""
        return points if self.box is None else np.clip(points, *self.box)

    def changes_inside(self, points: FloatArray, changes: FloatArray) -> FloatArray:
        """Changes as they are when added to points, which then lie in the box to the last digit: "... d"."""
        moved = self.inside(points + changes) - points
        # the difference was rounded, and the sum is once more
        return np.where(self.inside(points + moved) == points + moved, moved, np.nextafter(moved, 0.0))
