"""What the user hands over besides the target: inputs, labels, a mask; with words for what cannot be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.threat import Threat

_BEYOND = 2.0**52
"""No target has as many classes."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs as rows, and what is known of them.

    Attributes:
        points: Shape "n d".
        shape: Shape of one example, if it was not flat.
        labels: Whole numbers, shape "n"; None if not told.
    """

    points: FloatArray
    shape: tuple[int, ...] | None
    labels: FloatArray | None

    @classmethod
    def read(cls, x: Any, y: Any) -> Inputs:
        """Inputs of any shape, one example after the other, with their labels.

        Raises:
            InvalidInput: No inputs, not finite numbers, or labels that do not fit.
        """
        try:
            table = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"x must be numbers: {error}") from error
        table = table[np.newaxis] if table.ndim == 1 else table
        if table.ndim < 2 or not table.size:
            raise InvalidInput(f"x wants at least one input, shape (n, d); got {table.shape}")
        width = math.prod(table.shape[1:])
        points = as_points(table.reshape(len(table), width), width)
        return cls(points, table.shape[1:] if table.ndim > 2 else None, _labels(y, len(points)))

    @property
    def picture(self) -> tuple[int, ...] | None:
        """Shape of one example if it is an image."""
        return self.shape if self.shape is not None and len(self.shape) in (2, 3) else None

    def mask(self, free: Any) -> BoolArray | None:
        """Which coordinates may change, as "d" booleans.

        Raises:
            InvalidInput: Not one for each coordinate, or none is free.
        """
        if free is None:
            return None
        mask = np.asarray(free)
        if mask.dtype != np.bool_ or mask.size != self.points.shape[1]:
            raise InvalidInput(
                f"free wants {self.points.shape[1]} booleans; got {mask.dtype} of shape {mask.shape}"
            )
        if not mask.any():
            raise InvalidInput("free leaves no coordinate that may change")
        return mask.reshape(-1)

    def check(
        self, threat: Threat, box: tuple[float, float] | None, bounds: tuple[float, float] | None
    ) -> None:
        """Inputs in the box, and the box within the door's bounds.

        Raises:
            InvalidInput: They are not.
        """
        if box is not None and bounds is not None and not bounds[0] <= box[0] < box[1] <= bounds[1]:
            raise InvalidInput(f"the box {box} leaves the target's bounds {bounds}")
        ends = threat.box
        if ends is not None and (self.points.min() < ends[0] or self.points.max() > ends[1]):
            # 8-bit images are told by their range
            hint = "; 8-bit images? divide by 255" if ends == (0, 1) and 1 < self.points.max() <= 255 else ""
            raise InvalidInput(
                f"inputs reach from {self.points.min():.4g} to {self.points.max():.4g}, outside the box "
                f"{ends[0]:g} to {ends[1]:g}{hint}"
            )

    def labels_for(self, decision: Decision) -> IntArray | None:
        """Labels as class numbers; of two classes they may also be -1 and 1.

        Raises:
            InvalidInput: A label that is no class of this network.
        """
        if self.labels is None:
            return None
        # as whole numbers only once it is sure that they are small enough for them
        labels = np.clip(self.labels, -_BEYOND, _BEYOND).astype(np.int64)
        if decision.outputs == 1 and set(np.unique(labels)) <= {-1, 1}:
            labels = (labels > 0).astype(np.int64)
        if labels.min() < 0 or labels.max() >= decision.classes:
            raise InvalidInput(
                f"labels go from {self.labels.min():.0f} to {self.labels.max():.0f}; this target has the "
                f"classes 0 to {decision.classes - 1}"
            )
        return labels


def _labels(y: Any, count: int) -> FloatArray | None:
    if y is None:
        return None
    try:
        labels = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"labels must be whole numbers: {error}") from error
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (count,):
        raise InvalidInput(f"{count} inputs want as many labels; got shape {labels.shape}")
    if not (np.isfinite(labels).all() and (labels == np.round(labels)).all()):
        raise InvalidInput("labels must be whole numbers, one for each input")
    return labels
