"""Errors of a regression's coefficients when residuals vary from sample to sample.

    var T = A^-1 E[r^2 O' O'^T] A^-1 / M,    r = O - T^T O', about the means,

with each residual divided by 1 - leverage (HC3): a sample pulls the fit toward itself. Only the diagonal is
wanted, and with q = A^-1 O' that is the sum of q_a^2 r_b^2 over samples, one matrix product for all entries.
The residuals need T, so the samples are drawn a second time from the same seed and not kept.

Where an event is so rare that it was not seen, all residuals vanish and so would the error. Therefore what
one more sample would add at most is added in squares: the largest q_a times the range of O_b.

It holds for independent samples of one input. Where conditional means replace sampled values the residual is
no longer one product, and where inputs take turns the samples are not alike: there the errors are the
jackknife's over blocks, which is the same sandwich with whole blocks in the place of samples.

Source: White 1980; the correction is HC3 of MacKinnon and White 1985. Cost: as the moments.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.flow.sampled_moments import Step
from hingeline.renormalisation.flow.upward import samples_each, upward
from hingeline.renormalisation.stacks.stack import StochasticStack


def sandwich_errors(
    stack: StochasticStack,
    first: FloatArray,
    step: Step,
    centres: tuple[FloatArray, FloatArray],
    matrix: FloatArray,
    inverse: FloatArray,
    *,
    samples: int,
    seed: int,
    blocks: int,
    batch: int,
) -> FloatArray:
    """Standard errors of the entries of T, shape "K' K".

    Args:
        stack: Where the samples came from.
        first: Means of the first layer for the one input, shape "1 w_1".
        step: The layer and the operators that were kept, below and above.
        centres: Means of these operators over all samples, below and above.
        matrix: T, shape "K' K".
        inverse: The inverse of A that gave T, shape "K' K'".
        samples: As they were asked for when the moments were made.
        seed: Of the generator the moments were made with.
        blocks: As the moments.
        batch: As the moments.
    """
    layer, below, above = step
    rng = np.random.default_rng(seed)
    each = samples_each(samples, blocks, len(first))
    drawn = blocks * each * len(first)
    summed = np.zeros(matrix.shape)
    largest = np.zeros(len(matrix))
    lowest, highest = np.full(matrix.shape[1], np.inf), np.full(matrix.shape[1], -np.inf)
    for _ in range(blocks):
        for states in upward(stack, first, each, layer + 1, rng, batch):
            up = above.values(states[layer]) - centres[1]
            down = below.values(states[layer - 1])
            residuals = down - centres[0] - up @ matrix
            pulled = up @ inverse
            # the constant takes part in the fit: 1 / M
            leverage = (pulled * up).sum(axis=1) / drawn + 1.0 / drawn
            pulled /= np.maximum(1.0 - leverage, 0.01)[:, np.newaxis]
            summed += (pulled**2).T @ residuals**2
            np.maximum(largest, np.abs(pulled).max(axis=0), out=largest)
            np.minimum(lowest, down.min(axis=0), out=lowest)
            np.maximum(highest, down.max(axis=0), out=highest)
    # one sample that might have been drawn, where it counts most
    unseen = np.outer(largest, highest - lowest)
    return np.sqrt(summed + unseen**2) / drawn
