"""Find the filters of a first layer: measure one bend that nothing explains, explain all it can, go on.

A filter that is known explains the bends of all its positions, so every bend left over belongs to another
filter (or to a deeper layer), and each filter is measured once. The clearest bends are asked first.

Source: ours. Cost: about 4 log2(h w) + 2 k^2 c_in queries per filter; at most about 30 before normals that
are everywhere are taken for those of a dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.convolution.crossed_bend import CrossedBend, by_clarity
from hingeline.extraction.convolution.filters import PooledFilter, SweptImages, pooled_again, pooled_filter
from hingeline.extraction.convolution.patches import Patch, measured_patch, patch_on_grid, touches_border
from hingeline.extraction.convolution.predicted import Grid, grid_of
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe

LOOKS = 3
"""Bends among which one off the border is looked for first: nothing of its filter is cut off there."""
MOST_LOOKS = 20
"""The same once a normal was a patch, but nothing came of it."""
DENSE = 2
"""Normals that are everywhere before the layer is taken for dense."""
MOST_FAILURES = 12
"""Bends that gave no filter, in a row, before the rest is left alone."""
FEW_FAILURES = 4
"""The same where the first one looks like a filter that equals itself elsewhere."""
TOO_VAGUE = 1e-6
"""A bend whose components would be more uncertain than this, on the scale of the largest, is not asked."""


@dataclass(frozen=True, eq=False)
class FoundFilters:
    """What swept lines told of a convolution."""

    filters: tuple[PooledFilter, ...]
    grid: Grid
    explained: tuple[BoolArray, ...]
    """Which bends of each line belong to a filter, shape "b"."""
    lines: SweptImages
    """Where it was seen."""

    @property
    def strangers(self) -> int:
        """Bends that no filter explains."""
        return sum(int((~mask).sum()) for mask in self.explained)

    @property
    def errors(self) -> FloatArray:
        """Standard deviation of a value of each filter, shape "c_out"."""
        return np.array([pooled.shared.error for pooled in self.filters])

    @property
    def bends(self) -> int:
        """Bends of all lines."""
        return sum(len(mask) for mask in self.explained)

    @property
    def seen(self) -> int:
        """Positions of the grid at which any filter was seen."""
        return len(np.unique(np.concatenate([pooled.starts for pooled in self.filters]), axis=0))

    @property
    def of_differences(self) -> bool:
        """Whether what was found looks like a filter that equals itself elsewhere, not like a filter.

        A true one may have no bias and weights that add up to nothing, but then it explains most bends.
        """
        return any(pooled.cancels for pooled in self.filters) and 2 * self.strangers > self.bends


class FilterSearch:
    """Filters as they are found.

    Args:
        probe: Where queries go.
        lines: A swept line, or several.
        rng: Draws directions.
    """

    def __init__(self, probe: Probe, lines: SweptImages, rng: np.random.Generator) -> None:
        self.probe, self.lines, self.rng = probe, lines, rng
        self.filters: list[PooledFilter] = []
        self.tried: set[tuple[int, int]] = set()
        self.lonely: list[tuple[LineSweep, Patch]] = []

    def run(self) -> FoundFilters | None:
        """All filters that the lines show; None if the clearest normals are no patches."""
        if not self.filters:
            first = self._first() if not self.tried else self._further()
            if first is None:
                return None
            self.filters.append(first)
        failures, most = 0, FEW_FAILURES if self.filters[0].cancels else MOST_FAILURES
        while failures < most:
            bend = self._next()
            if bend is None:
                break
            found = self._with_known_kernel(bend)
            failures = failures + 1 if found is None else 0
            if found is not None:
                self.filters.append(found)
        return FoundFilters(tuple(self.filters), self.grid, self._explained(), self.lines)

    def look_at(self, sweep: LineSweep) -> None:
        """Take in another line; filters that are known are pooled over it too."""
        self.lines = replace(self.lines, sweeps=(*self.lines.sweeps, sweep))
        self.filters = [pooled_again(found.shared, self.lines) for found in self.filters]
        # patches of which too few positions were seen may be confirmed now
        lonely, self.lonely = self.lonely, []
        for where, patch in lonely:
            found = self._pooled(where, patch)
            kernel = self.filters[0].shared.kernel if self.filters else patch.kernel
            if found is not None and found.shared.kernel == kernel and self._is_new(found):
                self.filters.append(found)

    @property
    def grid(self) -> Grid:
        """Where all filters found so far are used."""
        return grid_of(np.concatenate([found.starts for found in self.filters]))

    def _explained(self) -> tuple[BoolArray, ...]:
        masks = tuple(np.zeros(len(sweep.bends), dtype=np.bool_) for sweep in self.lines.sweeps)
        for found in self.filters:
            for mask, matches in zip(masks, found.matches, strict=True):
                mask[matches.bends] = True
        return masks

    def _order(self) -> list[tuple[int, int]]:
        """Line and bend of what nothing explains yet and was not asked, clearest first."""
        masks = self._explained()
        clarity = [by_clarity(self.probe, sweep) for sweep in self.lines.sweeps]
        left = [
            (float(clear[bend]), line, bend)
            for line, (clear, mask) in enumerate(zip(clarity, masks, strict=True))
            for bend in np.nonzero(~mask & (clear < TOO_VAGUE))[0].tolist()
        ]
        return [(line, bend) for _, line, bend in sorted(left) if (line, bend) not in self.tried]

    def _next(self) -> tuple[int, int] | None:
        return next(iter(self._order()), None)

    def _stand(self, place: tuple[int, int]) -> CrossedBend:
        self.tried.add(place)
        return CrossedBend.at(self.probe, self.lines.sweeps[place[0]], place[1], self.rng)

    def _first(self) -> PooledFilter | None:
        """The first filter, if possible from a place off the border."""
        image, bordering = self.lines.image, list[CrossedBend]()
        for place in self._order()[:LOOKS]:
            stand = self._stand(place)
            if touches_border(stand, image):
                bordering.append(stand)
                continue
            found = self._pooled(stand.sweep, measured_patch(stand, image, inside=True))
            if found is not None:
                return found
        for dense, stand in enumerate(bordering, start=1):
            patch = measured_patch(stand, image, inside=False)
            found = self._pooled(stand.sweep, patch)
            if found is not None:
                return found
            if patch is not None:
                break
            if dense >= DENSE:
                return None
        return self._further()

    def _further(self) -> PooledFilter | None:
        """The first filter, where patches led nowhere: off the border nothing is cut off."""
        bordering: list[CrossedBend] = []
        for place in self._order()[:MOST_LOOKS]:
            stand = self._stand(place)
            if touches_border(stand, self.lines.image):
                bordering.append(stand)
                continue
            found = self._pooled(stand.sweep, measured_patch(stand, self.lines.image, inside=True))
            if found is not None:
                return found
        for stand in bordering[:MOST_FAILURES]:
            found = self._pooled(stand.sweep, measured_patch(stand, self.lines.image, inside=False))
            if found is not None:
                return found
        return None

    def _with_known_kernel(self, place: tuple[int, int]) -> PooledFilter | None:
        kernel, stand = self.filters[0].shared.kernel, self._stand(place)
        patch = patch_on_grid(stand, self.lines.image, self.grid, kernel)
        return self._pooled(stand.sweep, patch) if patch is not None and patch.kernel == kernel else None

    def _is_new(self, found: PooledFilter) -> bool:
        """Whether it explains a bend that no filter explains."""
        known = self._explained()
        return any(
            bool((~mask[matches.bends]).any()) for mask, matches in zip(known, found.matches, strict=True)
        )

    def _pooled(self, sweep: LineSweep, patch: Patch | None) -> PooledFilter | None:
        """The filter behind a patch, if the lines confirm that it is shared and whole."""
        if patch is None:
            return None
        found = pooled_filter(patch, sweep, self.lines)
        if found.confirmed and not found.may_be_cut(patch, self.lines.image):
            return found
        self.lonely.append((sweep, patch))
        return None
