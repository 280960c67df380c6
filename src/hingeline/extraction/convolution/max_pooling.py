"""Is the larger of two positions of a filter taken somewhere? Then it bends where the two are equal.

Where the larger of two positions of a filter changes, the filter at one position equals the filter at the
other; the bias cancels, and the place on the line can be computed. A dense layer of neurons has no reason to
bend there.

Source: specs of convolutions (normals that are differences of two shifted filters); the prediction is ours.
Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.extraction.convolution.predicted import SharedNormal
from hingeline.extraction.convolution.search import FoundFilters

FARTHEST = 3
"""Positions so many steps apart are compared."""


def equal_positions(found: FoundFilters) -> int:
    """How many bends that no filter explains lie where a filter is equal at two neighbouring positions."""
    bends: set[tuple[int, int]] = set()
    down, across = found.grid.stride
    for pooled in found.filters:
        for rows in range(FARTHEST):
            for columns in range(1 - FARTHEST, FARTHEST):
                if (rows, columns) > (0, 0):
                    difference = _difference(pooled.shared, rows * down, columns * across)
                    bends |= _strangers(found, difference)
    return len(bends)


def _strangers(found: FoundFilters, shared: SharedNormal) -> set[tuple[int, int]]:
    """Line and bend of what a normal meets that no filter explains."""
    return {
        (line, int(bend))
        for line, matches in enumerate(found.lines.matches(shared))
        for bend in matches.bends
        if not found.explained[line][bend]
    }


def _difference(shared: SharedNormal, rows: int, columns: int) -> SharedNormal:
    """A filter less itself so many rows and columns on, scaled to norm 1."""
    channels, kh, kw = shared.values.shape
    values = np.zeros((channels, kh + rows, kw + abs(columns)))
    left, right = max(0, -columns), max(0, columns)
    values[:, :kh, left : left + kw] += shared.values
    values[:, rows : rows + kh, right : right + kw] -= shared.values
    size = float(np.linalg.norm(values))
    return SharedNormal(values / size, 0.0, 2 * shared.error / size)
