"""First and second moments of two operator sets, kept as sums of blocks so that resampling is free.

    A = cov(O', O'),    B = cov(O', O),    C = cov(O, O),

with O the operators below and O' those above, over samples that belong together. Deleting one block from all
sums gives the jackknife without a second look at the samples. Sums are taken about fixed centres (a pilot's
means), so that small covariances keep their digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """Sums over blocks of samples, about fixed centres.

    Attributes:
        counts: Samples in each block, shape "b".
        above: Sums of O' - centre, shape "b K'".
        below: Sums of O - centre, shape "b K".
        above_above: Sums of products, shape "b K' K'".
        above_below: Sums of products, shape "b K' K".
        below_below: Sums of products, shape "b K K".
    """

    counts: FloatArray
    above: FloatArray
    below: FloatArray
    above_above: FloatArray
    above_below: FloatArray
    below_below: FloatArray

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.counts)

    @property
    def samples(self) -> int:
        """Samples in all blocks together."""
        return int(self.counts.sum())

    def whole(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A, B and C from all samples."""
        return _covariances(
            float(self.counts.sum()),
            self.above.sum(axis=0),
            self.below.sum(axis=0),
            self.above_above.sum(axis=0),
            self.above_below.sum(axis=0),
            self.below_below.sum(axis=0),
        )

    def without(self, block: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A, B and C from all samples but those of one block."""
        return _covariances(
            float(self.counts.sum() - self.counts[block]),
            self.above.sum(axis=0) - self.above[block],
            self.below.sum(axis=0) - self.below[block],
            self.above_above.sum(axis=0) - self.above_above[block],
            self.above_below.sum(axis=0) - self.above_below[block],
            self.below_below.sum(axis=0) - self.below_below[block],
        )

    def jackknife(
        self, function: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """A function of (A, B, C) and its standard error, by leaving out one block at a time.

        Raises:
            InvalidInput: Fewer than two blocks.
        """
        if self.blocks < 2:
            raise InvalidInput("the jackknife wants two blocks or more")
        left_out = np.array([function(*self.without(block)) for block in range(self.blocks)])
        return np.asarray(function(*self.whole())), jackknife_error(left_out)


def jackknife_error(left_out: FloatArray) -> FloatArray:
    """Standard error from values with one of b blocks left out, shape "b ..." to "..."."""
    # sqrt((b - 1) / b  sum_k (v_k - mean)^2)
    blocks = len(left_out)
    spread = left_out - left_out.mean(axis=0)
    return np.sqrt((blocks - 1) / blocks * (np.abs(spread) ** 2).sum(axis=0))


def _covariances(
    count: float,
    above: FloatArray,
    below: FloatArray,
    above_above: FloatArray,
    above_below: FloatArray,
    below_below: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    up, down = above / count, below / count
    return (
        above_above / count - np.outer(up, up),
        above_below / count - np.outer(up, down),
        below_below / count - np.outer(down, down),
    )
