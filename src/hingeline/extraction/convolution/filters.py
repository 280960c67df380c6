"""Filters from measured patches: pooled over all positions at which the swept line shows them.

Every matched bend t says normal . x(t) + bias = 0 for one cut of the same filter, so all positions together
give the filter again by linear algebra, far better than one measured patch. Sharing is confirmed by the
positions that then agree within their own error bars.

Source: ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.convolution.image_shape import ImageShape
from hingeline.extraction.convolution.patches import Patch
from hingeline.extraction.convolution.predicted import Matches, SharedNormal, matched
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import LineSweep

FEWEST_POSITIONS = 3
"""Sharing is confirmed only if so many positions besides the measured one agree."""
AGREEING = 8.0
"""Deviations within which a position agrees with the pooled filter."""
VANISHING = 30.0
"""Deviations within which a sum is zero."""
ROUNDS = 3
"""A better filter may find more positions, so often."""


@dataclass(frozen=True, eq=False)
class PooledFilter:
    """A filter and where it was seen."""

    shared: SharedNormal
    matches: tuple[Matches, ...]
    """What each of the swept lines shows of it."""
    agreeing: int
    """Positions that agree with the pooled filter within their error bars."""

    @property
    def starts(self) -> IntArray:
        """First row and column of every position that was seen, each once, shape "p 2"."""
        return np.unique(np.concatenate([found.starts for found in self.matches]), axis=0)

    @property
    def confirmed(self) -> bool:
        """Whether enough positions agree to call it shared."""
        return self.agreeing > FEWEST_POSITIONS

    @property
    def cancels(self) -> bool:
        """Whether bias and the sum over each channel vanish, as where one filter equals itself elsewhere."""
        sums = np.append(self.shared.values.sum(axis=(1, 2)), self.shared.bias)
        return bool((np.abs(sums) < VANISHING * self.shared.error).all())

    def may_be_cut(self, patch: Patch, image: ImageShape) -> bool:
        """Whether it was measured at an edge, and never seen away from it: then more of it lies outside."""
        for axis in (0, 1):
            low = patch.start[axis] == 0
            high = patch.start[axis] + patch.kernel[axis] == image[axis + 1]
            onward = self.starts[:, axis] - patch.start[axis]
            if low != high and not (onward > 0 if low else onward < 0).any():
                return True
        return False


@dataclass(frozen=True, eq=False)
class SweptImages:
    """Lines through images, and what it takes to read them."""

    sweeps: tuple[LineSweep, ...]
    image: ImageShape
    """Shape of the inputs."""
    centre: FloatArray
    """What to add to a point of a line to get inputs as the door takes them, shape "d"."""

    def matches(self, shared: SharedNormal) -> tuple[Matches, ...]:
        """The positions of a filter that each line shows."""
        return tuple(matched(shared, sweep, self.image, self.centre) for sweep in self.sweeps)


def pooled_filter(patch: Patch, sweep: LineSweep, seen: SweptImages) -> PooledFilter:
    """The filter behind a patch, from every position at which lines show it.

    Args:
        patch: A measured normal.
        sweep: The line where it was measured.
        seen: All lines.
    """
    return pooled_again(_shared(patch, sweep, seen), seen)


def pooled_again(shared: SharedNormal, seen: SweptImages) -> PooledFilter:
    """A filter that was measured or pooled before, from every position at which lines show it."""
    matches, agreeing = seen.matches(shared), 0
    for _ in range(ROUNDS):
        before = sum(len(found.bends) for found in matches)
        if not before:
            break
        shared, agreeing = _pooled(shared, matches, seen)
        matches = seen.matches(shared)
        if sum(len(found.bends) for found in matches) == before:
            break
    return PooledFilter(shared, matches, agreeing)


def _shared(patch: Patch, sweep: LineSweep, seen: SweptImages) -> SharedNormal:
    size = float(np.linalg.norm(patch.values))
    where = sweep.line.at(sweep.bends[[patch.bend]])[0] + seen.centre
    window = _windows(where[np.newaxis], np.array([patch.start]), patch.kernel, seen.image)[0]
    values = patch.values / size
    return SharedNormal(values, -float((values * window).sum()), patch.error / size + EPSILON)


def _windows(points: FloatArray, starts: IntArray, kernel: tuple[int, int], image: ImageShape) -> FloatArray:
    """What a filter sees of each point ("p d") at each start ("p 2"), zeros outside: "p c_in kh kw"."""
    kh, kw = kernel
    images = points.reshape(len(points), *image)
    padded = np.pad(images, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    rows = starts[:, 0, np.newaxis] + np.arange(kh) + kh - 1
    columns = starts[:, 1, np.newaxis] + np.arange(kw) + kw - 1
    each = np.arange(len(points))[:, np.newaxis, np.newaxis]
    picked = padded[each, :, rows[:, :, np.newaxis], columns[:, np.newaxis, :]]
    return np.moveaxis(picked, 3, 1)


def _pooled(shared: SharedNormal, matches: Sequence[Matches], lines: SweptImages) -> tuple[SharedNormal, int]:
    """The filter that fits all matched bends best, and at how many positions it agrees with them."""
    met = [(sweep, found) for sweep, found in zip(lines.sweeps, matches, strict=True) if len(found.bends)]
    starts = np.concatenate([found.starts for _, found in met])
    points = np.concatenate([sweep.line.at(sweep.bends[found.bends]) for sweep, found in met]) + lines.centre
    directions = np.concatenate(
        [np.tile(sweep.line.direction, (len(found.bends), 1)) for sweep, found in met]
    )
    bend_errors = np.concatenate([sweep.bend_errors[found.bends] for sweep, found in met])
    seen = _windows(points, starts, shared.kernel, lines.image)
    moving = _windows(directions, starts, shared.kernel, lines.image)
    speed = np.abs(np.einsum("pcab,cab->p", moving, shared.values))
    # normal . x + bias is as uncertain as the bend's place times its speed, and as the rounding of the sum
    doubt = speed * bend_errors
    doubt += 4 * EPSILON * (np.linalg.norm(seen.reshape(len(seen), -1), axis=1) + abs(shared.bias))
    design = np.concatenate([seen.reshape(len(points), -1), np.ones((len(points), 1))], axis=1)
    theta = np.append(shared.values.ravel(), shared.bias)
    # the measured patch holds what the positions do not tell; its bias follows from its values
    prior = np.append(np.full(shared.values.size, shared.error), np.inf)
    matrix = np.concatenate([design / doubt[:, np.newaxis], np.diag(1 / prior)])
    right = np.concatenate([-(design @ theta) / doubt, np.zeros(len(theta))])
    scales = np.linalg.norm(matrix, axis=0)
    inverse = np.linalg.pinv(matrix / scales, rcond=1e-13) / scales[:, np.newaxis]
    theta = theta + inverse @ right
    rest = np.abs(design @ theta) / doubt
    size = float(np.linalg.norm(theta[:-1]))
    unit = theta[:-1] / size
    # errors along the filter itself are a matter of scale
    across = inverse[:-1] - np.outer(unit, unit @ inverse[:-1])
    spread = np.sqrt(np.mean(np.sum(across**2, axis=1))) * max(1.0, float(np.median(rest)))
    values = theta[:-1].reshape(shared.values.shape) / size
    better = replace(
        shared, values=values, bias=float(theta[-1]) / size, error=float(spread) / size + EPSILON
    )
    return better, len(np.unique(starts[rest <= AGREEING], axis=0))
