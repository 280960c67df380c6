"""What differences give at several points: derivatives, their error, and whether they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.sensitivity.models.value_door import ValueDoor

# An entry must be known better than this share of what entries are like, or nothing was learned.
_KNOWN = 0.5
# What is known to this share of what entries are like, and is not told from zero, is flat ground.
_NOTHING = 0.02
# Deviations by which a sum of squares must exceed that of noise.
_CHANCE = 5.0


@dataclass(frozen=True, eq=False)
class MeasuredJacobians:
    """First derivatives by differences, each with its error.

    Attributes:
        matrices: Shape "n k d"; zero where nothing is certified.
        values: Values at the points, shape "n k".
        errors: Standard deviation of one entry, shape "n"; infinite where nothing is certified.
        certified: Whether two step sizes, or steps and mixtures of them, agreed within the noise, shape "n".
            A certified zero is flat ground, such as that of a step function between two steps.
    """

    matrices: FloatArray
    values: FloatArray
    errors: FloatArray
    certified: BoolArray

    @property
    def flat(self) -> BoolArray:
        """Points whose derivatives are all zero and certified, shape "n"."""
        return self.certified & ~self.matrices.any(axis=(1, 2))

    @staticmethod
    def nothing(values: FloatArray, input_dim: int) -> MeasuredJacobians:
        """No derivative anywhere: to be filled."""
        count = len(values)
        return MeasuredJacobians(
            matrices=np.zeros((count, values.shape[1], input_dim)),
            values=values,
            errors=np.full(count, np.inf),
            certified=np.zeros(count, dtype=np.bool_),
        )

    def put(self, where: Any, found: MeasuredJacobians) -> None:
        """Overwrite the rows `where`, while this is being built."""
        self.matrices[where], self.errors[where] = found.matrices, found.errors
        self.certified[where] = found.certified

    def trusted(self, door: ValueDoor) -> MeasuredJacobians:
        """The same, with nothing certified whose error is about as large as a derivative.

        Derivatives that are not told from noise have no direction: they are flat ground where the noise is
        small beside what is usual, and not known elsewhere.
        """
        sizes = np.sqrt(np.mean(self.matrices**2, axis=2)).max(axis=1)
        usual, count = door.usual_slope, self.matrices.shape[1] * self.matrices.shape[2]
        known = self.certified & (self.errors <= _KNOWN * np.maximum(sizes, usual))
        # a sum of squares of noise has the mean `count` and the deviation sqrt(2 count)
        limit = self.errors**2 * (count + _CHANCE * np.sqrt(2.0 * count))
        noise = known & ~(np.sum(self.matrices**2, axis=(1, 2)) > limit)
        certified = known & ~(noise & (self.errors > _NOTHING * usual))
        return MeasuredJacobians(
            matrices=np.where((certified & ~noise)[:, np.newaxis, np.newaxis], self.matrices, 0.0),
            values=self.values,
            errors=np.where(certified, self.errors, np.inf),
            certified=certified,
        )

    def summary(self) -> dict[str, Any]:
        """How many points are certified, flat, and how well they are known."""
        known = self.errors[self.certified]
        return {
            "points": len(self.errors),
            "certified": int(self.certified.sum()),
            "flat": int(self.flat.sum()),
            "largest_error": float(known.max()) if len(known) else None,
        }
