"""What canonical correlations come out where there are none: upper states shuffled against lower ones.

Two unrelated sets of K operators still correlate by about 2 sqrt(K / M) over M samples. The null is taken
from sampled states of both layers; estimates with conditional means have less noise than that, so it errs on
the side of saying that nothing is established.

Cost: a second set of M samples, and M K K' for each permutation; K K' numbers are held for each.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.renormalisation.flow.conditioning import conditioned
from hingeline.renormalisation.flow.sampled_moments import Step
from hingeline.renormalisation.flow.upward import upward
from hingeline.renormalisation.stacks.stack import StochasticStack

_FEWEST_AT_ONCE = 500
"""Rows shuffled together at least: of few rows many would stay with their own partner."""


def permutation_null(
    stack: StochasticStack,
    first: FloatArray,
    step: Step,
    centres: tuple[FloatArray, FloatArray],
    above_above: FloatArray,
    below_below: FloatArray,
    *,
    samples: int,
    permutations: int,
    rng: np.random.Generator,
    batch: int,
) -> FloatArray:
    """The largest canonical correlation of each permutation, ascending, shape "p".

    Rows are shuffled within a batch, then turned round; inputs take turns in random order, so a batch is a
    mixture of them.

    Args:
        stack: Where the samples come from.
        first: Means of the first layer for every input, shape "n w_1".
        step: The layer and the operators, below and above.
        centres: Their means, below and above.
        above_above: A, shape "K' K'".
        below_below: C, shape "K K".
        samples: How many to draw.
        permutations: How many to make, p.
        rng: Draws samples and permutations.
        batch: Most samples at once, or 500 if that is more.
    """
    layer, below, above = step
    inputs = first[rng.permutation(len(first))]
    each = -(-samples // len(first))
    summed = np.zeros((permutations, len(above.names), len(below.names)))
    ups, downs = np.zeros(len(above.names)), np.zeros(len(below.names))
    for states in upward(stack, inputs, each, layer + 1, rng, max(batch, _FEWEST_AT_ONCE)):
        down = below.values(states[layer - 1]) - centres[0]
        up = above.values(states[layer]) - centres[1]
        ups += up.sum(axis=0)
        downs += down.sum(axis=0)
        # shuffled once, then turned by chance: as good as a new order each time
        up = up[rng.permutation(len(up))]
        _add_turned(summed, up, down, rng.integers(len(up), size=permutations))
    drawn = each * len(first)
    crossed = summed / drawn - np.outer(ups / drawn, downs / drawn)
    white = conditioned(above_above).whitening() @ crossed @ conditioned(below_below).whitening().T
    if 0 in white.shape:
        return np.zeros(permutations)
    return np.sort(np.asarray(np.linalg.svd(white, compute_uv=False)[:, 0], dtype=np.float64))


_MOST_TURNED = 2**21
"""Numbers of turned operators held at once, 16 MiB."""


def _add_turned(summed: FloatArray, up: FloatArray, down: FloatArray, turns: IntArray) -> None:
    """Add to each of `summed`, "p K' K", the products of `up`, turned by so many rows, with `down`.

    Several turns make one product: where a product is shared among threads that other programs hold up, each
    call costs a time slice, whatever its size.
    """
    rows, width = up.shape
    doubled = np.concatenate([up, up])
    at_once = max(1, _MOST_TURNED // max(1, up.size))
    for start in range(0, len(turns), at_once):
        part = turns[start : start + at_once]
        turned = np.concatenate([doubled[turn : turn + rows] for turn in part], axis=1)
        summed[start : start + len(part)] += (turned.T @ down).reshape(len(part), width, down.shape[1])
