"""Find the filters of a first layer: measure one bend that nothing explains, explain all it can, go on.

A filter that is known explains the bends of all its positions, so every bend left over belongs to another filter
(or to a deeper layer), and each filter is measured once. The clearest bends are asked first.

Source: ours. Cost: about 4 log2(h w) + 2 k^2 c_in queries per filter; at most about 30 before normals that are
everywhere are taken for those of a dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.convolution.crossed_bend import CrossedBend, by_clarity
from hingeline.extraction.convolution.filters import PooledFilter, pooled_filter
from hingeline.extraction.convolution.image_shape import ImageShape
from hingeline.extraction.convolution.patches import Patch, measured_patch, patch_on_grid, touches_border
from hingeline.extraction.convolution.predicted import Grid, grid_of
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe

LOOKS = 3
"""Bends among which one off the border is looked for first: nothing of its filter is cut off there."""
DENSE = 2
"""Normals that are everywhere before the layer is taken for dense."""
MOST_FAILURES = 12
"""Bends that gave no filter, in a row, before the rest is left alone."""
TOO_VAGUE = 1e-6
"""A bend whose components would be more uncertain than this, on the scale of the largest, is not asked."""


@dataclass(frozen=True, eq=False)
class FoundFilters:
    """What the swept line told of a convolution."""

    filters: tuple[PooledFilter, ...]
    grid: Grid
    explained: BoolArray
    """Which bends of the line belong to a filter, shape "b"."""
    tried: int
    """Bends asked about."""


class FilterSearch:
    """Filters as they are found.

    Args:
        probe: Where queries go.
        sweep: A swept line.
        image: Shape of the inputs.
        centre: What to add to a point of the line to get inputs as the door takes them, shape "d".
        rng: Draws directions.
    """

    def __init__(
        self, probe: Probe, sweep: LineSweep, image: ImageShape, centre: FloatArray, rng: np.random.Generator
    ) -> None:
        self.probe, self.sweep, self.image, self.centre, self.rng = probe, sweep, image, centre, rng
        clarity = by_clarity(probe, sweep)
        self.order = [int(b) for b in np.argsort(clarity) if clarity[b] < TOO_VAGUE]
        self.explained = np.zeros(len(sweep.bends), dtype=np.bool_)
        self.filters: list[PooledFilter] = []
        self.tried: set[int] = set()

    def run(self) -> FoundFilters | None:
        """All filters that the line shows; None if its clearest normals are no patches."""
        first = self._first()
        if first is None:
            return None
        self._keep(first)
        failures = 0
        while failures < MOST_FAILURES:
            bend = self._next()
            if bend is None:
                break
            found = self._with_known_kernel(bend)
            failures = failures + 1 if found is None else 0
            if found is not None:
                self._keep(found)
        return FoundFilters(tuple(self.filters), self.grid, self.explained, len(self.tried))

    @property
    def grid(self) -> Grid:
        """Where all filters found so far are used."""
        return grid_of(np.concatenate([found.matches.starts for found in self.filters]))

    def _next(self) -> int | None:
        left = (b for b in self.order if not self.explained[b] and b not in self.tried)
        return next(left, None)

    def _stand(self, bend: int) -> CrossedBend:
        self.tried.add(bend)
        return CrossedBend.at(self.probe, self.sweep, bend, self.rng)

    def _first(self) -> PooledFilter | None:
        """The first filter, if possible from a place off the border."""
        bordering: list[CrossedBend] = []
        for bend in self.order[:LOOKS]:
            stand = self._stand(bend)
            if touches_border(stand, self.image):
                bordering.append(stand)
                continue
            found = self._pooled(measured_patch(stand, self.image, inside=True))
            if found is not None:
                return found
        dense = 0
        for stand in bordering:
            patch = measured_patch(stand, self.image, inside=False)
            found = self._pooled(patch)
            if found is not None:
                return found
            dense += patch is None
            if dense >= DENSE:
                return None
        return self._further() if len(bordering) > dense or len(bordering) < LOOKS else None

    def _further(self) -> PooledFilter | None:
        """The first filter, once some normals were patches that led nowhere, such as ones cut off."""
        for _ in range(MOST_FAILURES):
            bend = self._next()
            if bend is None:
                return None
            found = self._pooled(measured_patch(self._stand(bend), self.image, inside=False))
            if found is not None:
                return found
        return None

    def _with_known_kernel(self, bend: int) -> PooledFilter | None:
        kernel = self.filters[0].shared.kernel
        patch = patch_on_grid(self._stand(bend), self.image, self.grid, kernel)
        return self._pooled(patch) if patch is not None and patch.kernel == kernel else None

    def _pooled(self, patch: Patch | None) -> PooledFilter | None:
        """The filter behind a patch, if the line confirms that it is shared and whole."""
        if patch is None:
            return None
        found = pooled_filter(patch, self.sweep, self.image, self.centre)
        return found if found.confirmed and not found.may_be_cut(patch, self.image) else None

    def _keep(self, found: PooledFilter) -> None:
        self.filters.append(found)
        self.explained[found.matches.bends] = True
