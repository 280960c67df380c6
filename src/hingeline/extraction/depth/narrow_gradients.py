"""The few directions in which gradients can point where layers are known.

All that the answers do in a region is a combination of what the channels of a layer do there: with half of
ten neurons on, a gradient costs five questions instead of one for each direction of the first layer's span.
A neuron that is missing shows as a slope along the line that those directions cannot make.

Cost: no queries. Source: equation (1) of the specs on reverse engineering; its use for measuring is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.views import Cells

MOVES = 1e-9
"""Singular values of the channels' unit slopes below this are zero."""
OUTSIDE = 1e-6
"""Part of a unit gradient outside the span that counts as not explained."""
LATEST = 100
"""Regions looked at, those measured last."""


def moving_directions(known: KnownLayers, points: FloatArray) -> list[FloatArray]:
    """Orthonormal rows that span the slopes of the last channels at each point: "p r" to p arrays "m r"."""
    slopes = known.slopes(points)
    size = np.linalg.norm(slopes, axis=2, keepdims=True)
    cells = Cells.of(np.where(size > 0, slopes / np.maximum(size, 1e-300), 0.0))
    return [left[:, strong > MOVES].T for left, strong in zip(cells.left, cells.size, strict=True)]


@dataclass(eq=False)
class ExplainedShare:
    """How many of the gradients measured last lie in the span of what the last channels do.

    Args:
        known: Layers from the bottom up.
    """

    known: KnownLayers
    _clear: list[int] = field(default_factory=list, init=False)
    _explained: list[int] = field(default_factory=list, init=False)
    """Gradients of each region looked at so far that are clear, and that are explained."""

    def of(self, record: Record) -> float:
        """Their share in a record, to which lines may have been added since; 0 if there are none."""
        first = max(len(self._clear), len(record.centres) - LATEST)
        self._clear += [0] * (first - len(self._clear))
        self._explained += [0] * (first - len(self._explained))
        if first < len(record.centres):
            self._look(record.centres[first:], record.gradients[first:], record.gradient_errors[first:])
        clear = sum(self._clear[-LATEST:])
        return sum(self._explained[-LATEST:]) / clear if clear else 0.0

    def _look(self, points: FloatArray, gradients: FloatArray, errors: FloatArray) -> None:
        size = np.linalg.norm(gradients, axis=2)
        clear = size > errors[:, np.newaxis] / OUTSIDE
        for index, rows in enumerate(moving_directions(self.known, points)):
            unit = gradients[index, clear[index]] / size[index, clear[index], np.newaxis]
            rest = np.linalg.norm(unit - unit @ rows.T @ rows, axis=1)
            self._clear.append(int(clear[index].sum()))
            self._explained.append(int((rest < OUTSIDE).sum()))
