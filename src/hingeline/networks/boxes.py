"""Boxes of inputs: what is claimed for every input is claimed for all points of one."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput

_FEW_DIMENSIONS = 3
_PIECES = 64


@dataclass(frozen=True, eq=False)
class Box:
    """All x with low <= x <= high, coordinate by coordinate."""

    low: FloatArray
    """Shape "d"."""
    high: FloatArray
    """Shape "d"."""

    @property
    def is_cube(self) -> bool:
        """Whether all coordinates have the same range."""
        return bool((self.low == self.low[0]).all() and (self.high == self.high[0]).all())

    def halves(self) -> tuple[Box, Box] | None:
        """Two boxes that cover this one, cut across the widest side; None where floats end."""
        side = int(np.argmax(self.high - self.low))
        middle = 0.5 * self.low[side] + 0.5 * self.high[side]
        if not self.low[side] < middle < self.high[side]:
            return None
        upper, lower = self.high.copy(), self.low.copy()
        upper[side] = lower[side] = middle
        return Box(self.low, upper), Box(lower, self.high)

    def points(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Random points, "count d": the first half of them anywhere, the others corners."""
        share = rng.random((count, len(self.low)))
        share[count - count // 2 :] = share[count - count // 2 :] < 0.5
        # this form stays inside for finite sides of any length
        return np.clip((1.0 - share) * self.low + share * self.high, self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: numbers where all coordinates have the same range."""
        if self.is_cube:
            return {"low": float(self.low[0]), "high": float(self.high[0]), "dimensions": len(self.low)}
        return {"low": self.low.tolist(), "high": self.high.tolist(), "dimensions": len(self.low)}

    def __str__(self) -> str:
        if self.is_cube:
            return f"[{self.low[0]:g}, {self.high[0]:g}]^{len(self.low)}"
        return f"a box of {len(self.low)} dimensions between {self.low.min():g} and {self.high.max():g}"


def as_box(low: Any, high: Any, dimensions: int) -> Box:
    """The box of `dimensions` from `low` to `high`, each a number or one number for each coordinate.

    Raises:
        InvalidInput: Not finite numbers, another count of them, or a low above its high.
    """
    sides = [_side(name, value, dimensions) for name, value in (("low", low), ("high", high))]
    if not (sides[0] <= sides[1]).all():
        where = int(np.argmax(sides[0] > sides[1]))
        raise InvalidInput(
            f"coordinate {where} of the box goes from {sides[0][where]:g} to {sides[1][where]:g}; "
            "want the least value first"
        )
    return Box(frozen(sides[0]), frozen(sides[1]))


def _side(name: str, value: Any, dimensions: int) -> FloatArray:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} of the box must be numbers: {error}") from error
    if array.shape not in ((), (dimensions,)) or not np.isfinite(array).all():
        raise InvalidInput(
            f"{name} of the box must be a finite number or {dimensions} of them; got shape {array.shape}"
            + ("" if np.isfinite(array).all() else " with NaN or infinite values")
        )
    return np.broadcast_to(array, (dimensions,))


def usual_pieces(dimensions: int) -> int:
    """Into how many pieces a box is worth splitting."""
    return _PIECES if dimensions <= _FEW_DIMENSIONS else 1


def largest_of_pieces(
    bound: Callable[[FloatArray, FloatArray], FloatArray], box: Box, pieces: int
) -> tuple[FloatArray, int]:
    """What holds on a whole box from what holds on its pieces: the piece with most is split first.

    Args:
        bound: Finds bounds "k" that hold from a low to a high.
        box: The whole.
        pieces: How many pieces there may be.

    Returns:
        The largest bounds over the pieces, "k", but none above that of the whole; and the pieces made.
    """
    whole = bound(box.low, box.high)
    heap = [(-float(whole.max(initial=0.0)), 0, box, whole)]
    for number in range(1, pieces):
        halves = heap[0][2].halves()
        if halves is None:
            break
        heapq.heappop(heap)
        for half, part in enumerate(halves):
            found = bound(part.low, part.high)
            heapq.heappush(heap, (-float(found.max(initial=0.0)), 2 * number + half, part, found))
    return np.fmin(whole, np.max([item[3] for item in heap], axis=0)), len(heap)
