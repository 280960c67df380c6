"""How outputs become a class, and by how much one class leads each rival.

One output decides by its side of a threshold, several by the largest. A lead is linear in the outputs:
lead_c = rows[c] . f - offsets[c], positive as long as the class stands; a flip is a lead that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Decision:
    """From outputs to classes.

    Attributes:
        outputs: Numbers in one answer, k.
        threshold: Where the class changes, if there is one output only.
    """

    outputs: int
    threshold: float = 0.0

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return 2 if self.outputs == 1 else self.outputs

    @property
    def rivals(self) -> int:
        """How many leads a class has."""
        return self.classes - 1

    def of(self, outputs: FloatArray) -> IntArray:
        """Classes of outputs, "n k" to "n": 1 above the threshold, or the number of the largest output."""
        if self.outputs == 1:
            return (outputs[:, 0] > self.threshold).astype(np.int64)
        return outputs.argmax(axis=1).astype(np.int64)

    def rivals_of(self, classes: IntArray) -> IntArray:
        """The other classes, in order: "n" to "n r"."""
        every = np.arange(self.rivals)
        return every + (every >= classes[:, np.newaxis])

    def rows(self, classes: IntArray) -> FloatArray:
        """Combinations of outputs whose values are the leads: "n" to "n r k"."""
        if self.outputs == 1:
            return np.where(classes == 1, 1.0, -1.0)[:, np.newaxis, np.newaxis]
        units = np.eye(self.outputs)
        return units[classes][:, np.newaxis] - units[self.rivals_of(classes)]

    def offsets(self, classes: IntArray) -> FloatArray:
        """What is taken from the combinations: "n" to "n r"."""
        if self.outputs == 1:
            return np.where(classes == 1, self.threshold, -self.threshold)[:, np.newaxis]
        return np.zeros((len(classes), self.rivals))

    def leads(self, outputs: FloatArray, classes: IntArray) -> FloatArray:
        """By how much `classes` lead each rival at `outputs`: "n k" and "n" to "n r"."""
        if self.outputs == 1:
            return np.where(classes == 1, 1.0, -1.0)[:, np.newaxis] * (outputs - self.threshold)
        own = outputs[np.arange(len(outputs)), classes][:, np.newaxis]
        return own - np.take_along_axis(outputs, self.rivals_of(classes), axis=1)

    def flipped(self, outputs: FloatArray, classes: IntArray) -> BoolArray:
        """Whether the decision at `outputs` is another than `classes`: "n"."""
        return self.of(outputs) != classes
