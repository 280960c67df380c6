"""Does something take the maximum of a filter at neighbouring positions? Then bends lie where two of them are equal.

Where the larger of two positions of a filter changes, the filter at one position equals the filter at the other;
the bias cancels, and the place on the line can be computed. A dense layer of neurons has no reason to bend there.

Source: specs of convolutions (normals that are differences of two shifted filters); the prediction is ours. Cost:
no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.convolution.image_shape import ImageShape
from hingeline.extraction.convolution.predicted import SharedNormal, matched
from hingeline.probing.line import LineSweep

FARTHEST = 3
"""Positions so many steps apart are compared."""


def equal_positions(
    filters: Sequence[SharedNormal],
    stride: tuple[int, int],
    sweep: LineSweep,
    explained: BoolArray,
    image: ImageShape,
    centre: FloatArray,
) -> int:
    """How many bends that no filter explains lie where a filter is equal at two neighbouring positions."""
    bends: set[int] = set()
    for shared in filters:
        for rows in range(FARTHEST):
            for columns in range(1 - FARTHEST, FARTHEST):
                if (rows, columns) > (0, 0):
                    difference = _difference(shared, rows * stride[0], columns * stride[1])
                    found = matched(difference, sweep, image, centre).bends
                    bends.update(found[~explained[found]].tolist())
    return len(bends)


def _difference(shared: SharedNormal, rows: int, columns: int) -> SharedNormal:
    """A filter less itself so many rows and columns on, scaled to norm 1."""
    channels, kh, kw = shared.values.shape
    values = np.zeros((channels, kh + rows, kw + abs(columns)))
    left, right = max(0, -columns), max(0, columns)
    values[:, :kh, left : left + kw] += shared.values
    values[:, rows : rows + kh, right : right + kw] -= shared.values
    size = float(np.linalg.norm(values))
    return SharedNormal(values / size, 0.0, 2 * shared.error / size)
