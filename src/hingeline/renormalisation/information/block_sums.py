"""Sums over blocks of samples: of a layer's operators, of those below, and of the first layer's score.

Any choice of blocks, such as all but one or every second, gives covariances without a second look at the
samples. They are taken about no centre: operators that vary too little to keep their digits so are frozen.
"""

from __future__ import annotations

import copy

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray


class BlockSums:
    """Sums of what is above and its products with what is below, the score and itself, by blocks.

    Args:
        blocks: How many.
        above: Numbers in a sample of what is above.
        below: Numbers in a sample of what is below.
        score: Coordinates of the score.
        own: Keep products of what is above with itself.
    """

    def __init__(self, blocks: int, above: int, below: int, score: int, *, own: bool) -> None:
        self.up = np.zeros((blocks, above))
        self.down = np.zeros((blocks, below))
        self.score = np.zeros((blocks, score))
        self.up_up = np.zeros((blocks, above, above)) if own else np.zeros((blocks, 0, 0))
        self.up_down = np.zeros((blocks, above, below))
        self.up_score = np.zeros((blocks, above, score))

    def add(
        self, block: int, up: FloatArray, down: FloatArray, score: FloatArray, products: FloatArray | None
    ) -> None:
        """Add samples, "m ..." each, to a block; `products` are summed already."""
        self.up[block] += up.sum(axis=0)
        self.down[block] += down.sum(axis=0)
        self.score[block] += score.sum(axis=0)
        self.up_down[block] += up.T @ down
        self.up_score[block] += up.T @ score
        if products is not None:
            self.up_up[block] += products

    def narrowed(self, above: int, below: int) -> BlockSums:
        """Views of the first of what is above and below."""
        found = copy.copy(self)
        found.up, found.up_score = self.up[:, :above], self.up_score[:, :above]
        found.down, found.up_up = self.down[:, :below], self.up_up[:, :above, :above]
        found.up_down = self.up_down[:, :above, :below]
        return found

    def chosen(self, blocks: BoolArray, count: float) -> tuple[FloatArray, ...]:
        """Means of what is above, and its covariances with itself, what is below, and the score."""
        up, down, score = (v[blocks].sum(axis=0) / count for v in (self.up, self.down, self.score))
        own = _sum_of(self.up_up, blocks) / count
        return (
            up,
            own - np.outer(up, up) if own.size else own,
            _sum_of(self.up_down, blocks) / count - np.outer(up, down),
            _sum_of(self.up_score, blocks) / count - np.outer(up, score),
        )


def _sum_of(parts: FloatArray, blocks: BoolArray) -> FloatArray:
    return np.einsum("b,b...->...", blocks.astype(np.float64), parts)
