"""The part of the image that a bend's normal looks at, and what it is there.

The first-layer normals of a convolution live on a small rectangle of pixels, in all channels. Its sides are
found by halving, one block of rows or columns at a time; then every component inside is asked. The free
check: the components must add up to the slope that the line itself has shown, so a forgotten or a false part
shows.

Source: ours. Cost: about 2 log2 of the image's sides for each side of the rectangle, 2 queries per component
in it; half the sides if the kernel is known; about 10 for a normal that is everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.convolution.crossed_bend import CLEAR, CrossedBend
from hingeline.extraction.convolution.image_shape import ImageShape
from hingeline.extraction.convolution.predicted import Grid

_Touches = Callable[[int, int], bool]
LARGEST_SHARE = 0.7
"""A rectangle with a larger share of the image is no patch worth sharing."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A normal that is zero outside a rectangle, scaled to normal . direction of the line = 1."""

    values: FloatArray
    """Inside the rectangle, shape "c_in kh kw"."""
    start: tuple[int, int]
    """First row and first column of the rectangle."""
    error: float
    """Standard deviation of a value."""
    bend: int
    """Which bend of the line it belongs to."""

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of the rectangle."""
        return self.values.shape[1], self.values.shape[2]


def touches_border(bend: CrossedBend, image: ImageShape) -> bool:
    """Whether the normal has anything in the outermost rows and columns; 2 queries."""
    inner = np.ones(image, dtype=np.bool_)
    inner[:, 1:-1, 1:-1] = False
    return bend.touches(inner.ravel())


def measured_patch(bend: CrossedBend, image: ImageShape, *, inside: bool) -> Patch | None:
    """Find a normal's rectangle and its values, nothing being known about the kernel.

    Args:
        bend: The bend.
        image: Shape of the inputs.
        inside: Whether the outermost rows and columns are known to be empty.

    Returns:
        The patch; None if the normal is (nearly) everywhere or fails its check.
    """
    block = _block(image, _side(bend, image, 1, inside=inside), _side(bend, image, 2, inside=inside))
    return None if block.mean() > LARGEST_SHARE else _valued(bend, block)


def patch_on_grid(bend: CrossedBend, image: ImageShape, grid: Grid, kernel: tuple[int, int]) -> Patch | None:
    """The same where kernel and positions are known; None also if the patch is cut off at an edge."""
    sides: list[tuple[int, int]] = []
    for axis in (0, 1):
        reach, size = kernel[axis], image[axis + 1]
        starts = grid.first[axis] + grid.stride[axis] * np.arange(grid.count[axis])
        start = _start(_toucher(bend, image, axis + 1), [int(s) for s in starts], reach, size)
        if start < 0 or start + reach > size:
            return None
        sides.append((start, start + reach - 1))
    block = _block(image, sides[0], sides[1])
    # one more look, before every component is asked, that this is all there is
    return None if bend.touches(~block.ravel()) else _valued(bend, block)


def _block(image: ImageShape, rows: tuple[int, int], columns: tuple[int, int]) -> BoolArray:
    block = np.zeros(image, dtype=np.bool_)
    block[:, rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = True
    return block


def _toucher(bend: CrossedBend, image: ImageShape, axis: int) -> _Touches:
    """Whether the normal has anything in lines first to last (excluded) along an axis."""

    def touches(first: int, last: int) -> bool:
        block = np.zeros(image, dtype=np.bool_)
        block[(slice(None),) * axis + (slice(first, last),)] = True
        return bend.touches(block.ravel())

    return touches


def _start(touches: _Touches, starts: list[int], reach: int, size: int) -> int:
    """At which of the known positions a normal lies that lies at one of them."""
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high + 1) // 2
        start = starts[middle]
        # it begins at `start` or later if it reaches as far as that position does, or has nothing before
        end = start + reach - 1
        later = touches(end, size) if end < size else not touches(0, start)
        low, high = (middle, high) if later else (low, middle - 1)
    return starts[low]


def _side(bend: CrossedBend, image: ImageShape, axis: int, *, inside: bool) -> tuple[int, int]:
    """First and last line of the rectangle along one axis."""
    touches, size = _toucher(bend, image, axis), image[axis]
    low, high = (1, size - 1) if inside and size > 2 else (0, size)
    if not inside and touches(0, 1):
        if size == 1 or touches(size - 1, size):
            return 0, size - 1
        return 0, _last(touches, 0, size - 1)
    first = _first(touches, low if inside else min(1, size - 1), high)
    return first, _last(touches, first, high)


def _first(touches: _Touches, low: int, high: int) -> int:
    """The first line with something in it, which lies in low <= i < high."""
    before = low
    while high - low > 1:
        middle = (low + high) // 2
        if touches(before, middle):
            high = middle
        else:
            low = before = middle
    return low


def _last(touches: _Touches, first: int, size: int) -> int:
    """Largest line below `size` with something in it, where line `first` has something."""
    low, high, after = first, size - 1, size
    while low < high:
        middle = (low + high + 1) // 2
        if touches(middle, after):
            low = middle
        else:
            high, after = middle - 1, middle
    return low


def _valued(bend: CrossedBend, block: BoolArray) -> Patch | None:
    """Ask every component inside; None if they do not add up to the line's own slope."""
    which = np.nonzero(block.ravel())[0]
    values = bend.components(np.eye(block.size)[which])
    along = bend.sweep.line.direction[which]
    relative = bend.sweep.slope_errors[bend.index : bend.index + 2].sum() / np.linalg.norm(
        bend.sweep.jumps[bend.index]
    )
    if abs(values @ along - 1) > CLEAR * (bend.error * np.linalg.norm(along) + relative):
        return None
    whole = np.zeros(block.shape)
    whole.ravel()[which] = values
    there = np.abs(whole).max(axis=0) > CLEAR * bend.error
    rows, columns = np.nonzero(there.any(axis=1))[0], np.nonzero(there.any(axis=0))[0]
    if not len(rows):
        return None
    inside = whole[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Patch(inside, (int(rows[0]), int(columns[0])), bend.error, bend.index)
