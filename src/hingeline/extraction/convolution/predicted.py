"""One normal predicts hyperplanes at every position; the swept line says which of them are there.

Shifted by so many rows and columns, and cut off at the edges, a filter with its bias crosses the line at a
place that can be computed. Bends are known to ten digits and more, so a bend at that place is no chance. This
costs nothing: one filter is measured, all its positions are read off the line.

Source: specs of convolutions with sharing; the reading of stride and padding off matched bends is ours. No
queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.convolution.image_shape import ImageShape
from hingeline.networks.convolution import Sides
from hingeline.probing.line import Line, LineSweep

BEND_SIGMAS = 20.0
"""Deviations of a bend within which a prediction meets it."""
FILTER_SIGMAS = 40.0
"""The same of a filter's error, seen along the line."""
VAGUEST = 1e-5
"""Predictions that are more uncertain than this, as a fraction of scale + |t|, would meet bends by chance."""


@dataclass(frozen=True, eq=False)
class SharedNormal:
    """A filter with its bias, scaled to norm 1 in any orientation, and its error."""

    values: FloatArray
    """Shape "c_in kh kw"."""
    bias: float
    """In inputs as the door takes them."""
    error: float
    """Standard deviation of a value."""

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[1], self.values.shape[2]


@dataclass(frozen=True, eq=False)
class Matches:
    """Positions of a shared normal at which the swept line has a bend."""

    starts: IntArray
    """First row and column of each position, negative where it is cut off, shape "p 2"."""
    bends: IntArray
    """Index of its bend, shape "p"."""


@dataclass(frozen=True)
class Grid:
    """Positions of all filters."""

    first: tuple[int, int]
    """First row and column; minus the padding above and left."""
    stride: tuple[int, int]
    """Rows and columns from one position to the next."""
    count: tuple[int, int]
    """Rows and columns of positions."""

    def padding(self, image: ImageShape, kernel: tuple[int, int]) -> Sides:
        """Zeros around the image, the same on both sides wherever that gives the same positions."""
        sides: list[tuple[int, int]] = []
        for axis in (0, 1):
            last = self.first[axis] + (self.count[axis] - 1) * self.stride[axis]
            least = max(0, last + kernel[axis] - image[axis + 1])
            before = -self.first[axis]
            same = (image[axis + 1] + 2 * before - kernel[axis]) // self.stride[axis] + 1
            sides.append((before, before if same == self.count[axis] else least))
        return sides[0], sides[1]


def crossings(shared: SharedNormal, line: Line, image: ImageShape, centre: FloatArray) -> FloatArray:
    """Parameter and speed with which every shifted position meets the line.

    Args:
        shared: The filter.
        line: A line in coordinates around `centre`.
        image: Shape of the inputs.
        centre: What to add to a point of the line to get inputs as the door takes them, shape "d".

    Returns:
        Shape "2 rows columns", first rows from 1 - kh on, first columns from 1 - kw on; parallel ones inf.
    """
    kh, kw = shared.kernel
    around = ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1))
    heights: list[FloatArray] = []
    for field in (line.origin + centre, line.direction):
        padded = np.pad(field.reshape(image), around)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(1, 2))
        heights.append(np.einsum("cijab,cab->ij", windows, shared.values))
    height, speed = heights[0] + shared.bias, heights[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -height / speed
    return np.stack([np.where(np.isfinite(t), t, np.inf), speed])


def matched(shared: SharedNormal, sweep: LineSweep, image: ImageShape, centre: FloatArray) -> Matches:
    """The positions of a filter that the line shows; no queries."""
    t, speed = crossings(shared, sweep.line, image, centre)
    kh, kw = shared.kernel
    size = np.linalg.norm(sweep.line.origin + centre) + np.abs(t)
    with np.errstate(divide="ignore", invalid="ignore"):
        slack = FILTER_SIGMAS * shared.error * np.sqrt(shared.values.size) * size / np.abs(speed)
    scale = sweep.line.scale + np.abs(t)
    usable = np.isfinite(t) & (slack < VAGUEST * scale) & (t > sweep.line.low) & (t < sweep.line.high)
    rows, columns = np.nonzero(usable)
    gaps = np.abs(sweep.bends - t[usable][:, np.newaxis])
    allowed = slack[usable][:, np.newaxis] + BEND_SIGMAS * sweep.bend_errors
    allowed = np.minimum(allowed, VAGUEST * scale[usable][:, np.newaxis])
    position, bend = np.nonzero(gaps <= allowed)
    # closest pairs first, each bend and each position once
    order = np.argsort(gaps[position, bend])
    position, bend = position[order], bend[order]
    once = np.zeros(len(bend), dtype=np.bool_)
    seen_position, seen_bend = set[int](), set[int]()
    for index, (p, b) in enumerate(zip(position.tolist(), bend.tolist(), strict=True)):
        if p not in seen_position and b not in seen_bend:
            once[index] = True
            seen_position.add(p)
            seen_bend.add(b)
    position, bend = position[once], bend[once]
    starts = np.stack([rows[position] - kh + 1, columns[position] - kw + 1], axis=1)
    return Matches(starts.astype(np.int64), bend.astype(np.int64))


def grid_of(starts: IntArray) -> Grid:
    """The regular grid on which all seen positions ("p 2") lie."""
    first: list[int] = []
    stride: list[int] = []
    count: list[int] = []
    for axis in (0, 1):
        lines = np.unique(starts[:, axis])
        step = gcd(*np.diff(lines).tolist()) or 1
        low = int(lines[0])
        # a convolution begins at or before the first line of the image
        low -= max(0, -(-low // step)) * step
        first.append(low)
        stride.append(step)
        count.append((int(lines[-1]) - low) // step + 1)
    return Grid((first[0], first[1]), (stride[0], stride[1]), (count[0], count[1]))
