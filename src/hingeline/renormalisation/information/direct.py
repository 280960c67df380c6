"""The direct route to the Fisher information about an input: classes against the first layer's score.

    D_c = dP(c|x) / dx = Cov(1[y = c], s),    s = W1' (h1 - tanh a1)

No operator set is truncated and nothing is inverted. For the drawn class its law given layer `last_hidden` is
taken (Rao-Blackwell), which has the same mean and less noise. Blocks of samples give covariances without
bias; what varies between blocks gives the errors.

Where the classes hang on the input itself, or on a first layer of few units, nothing is drawn: the sum over
its states is exact.

Source: derivation of ours; Kenway 2018 (arXiv 1803.06111) has the pull-back to the input in words.
Cost: M products with every matrix, and M w_1 C; memory: blocks * C * w_1 numbers and `batch` rows.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.renormalisation.information.first_layer import (
    FirstLayer,
    first_layer,
    one_input,
    samples_per_block,
)
from hingeline.renormalisation.information.input_information import InputInformation
from hingeline.renormalisation.information.spectrum import EstimatedSlopes, informations, root_of
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack, draw_units, joint_states

BLOCKS = 40
"""Blocks of samples: enough for an error that is itself known to a tenth."""
DIRECTIONS = 3
"""Eigenvectors kept."""
_SUMS_AT_ONCE = 2**22
"""Numbers in the sums of inputs treated together, 32 MiB."""
_MOST_STATES = 4096
"""States of a first layer that are summed over instead of sampled."""


def direct_information(
    stack: StochasticStack,
    x: FloatArray,
    *,
    samples: int,
    rng: np.random.Generator,
    blocks: int = BLOCKS,
    batch: int = BATCH,
    directions: int = DIRECTIONS,
) -> InputInformation:
    """Fisher information about one input by the direct route.

    Args:
        stack: The stack.
        x: The input, shape "d".
        samples: Drawn, rounded up to whole blocks; none where the sum over states is exact.
        rng: Draws them.
        blocks: For the jackknife.
        batch: Most rows at once.
        directions: Eigenvectors kept.

    Raises:
        InvalidInput: Not one input of the stack's dimension, fewer than four blocks, or fewer than two
            samples in each.
    """
    row = one_input(stack, x)
    return direct_informations(
        stack, row, samples=samples, rng=rng, blocks=blocks, batch=batch, directions=directions
    )[0]


def direct_informations(
    stack: StochasticStack,
    points: FloatArray,
    *,
    samples: int,
    rng: np.random.Generator,
    blocks: int = BLOCKS,
    batch: int = BATCH,
    directions: int = DIRECTIONS,
) -> tuple[InputInformation, ...]:
    """Fisher information about each of many inputs by the direct route; each has samples of its own.

    Args:
        stack: The stack.
        points: Inputs, shape "n d".
        samples: Drawn for each input, rounded up to whole blocks.
        rng: Draws them.
        blocks: For the jackknife.
        batch: Most rows at once.
        directions: Eigenvectors kept for each.

    Raises:
        InvalidInput: Points of a wrong shape, fewer than four blocks, or fewer than two samples in each.
    """
    rows = as_points(points, stack.input_dim)
    each = samples_per_block(samples, blocks)
    layer = first_layer(stack)
    means = stack.means(1, rows)
    exact = stack.last_hidden == 0 or (stack.last_hidden == 1 and 2 ** stack.widths[1] <= _MOST_STATES)
    most = 2 ** stack.widths[1] if exact else blocks
    together = max(1, _SUMS_AT_ONCE // (most * stack.classes * means.shape[1]))
    found: list[InputInformation] = []
    for low in range(0, len(rows), together):
        part = slice(low, low + together)
        if exact:
            estimated = _summed(stack, rows[part], means[part], layer)
        else:
            estimated = _sampled(stack, means[part], layer, each, blocks, rng, batch)
        found += informations(
            rows[part],
            estimated,
            layer,
            layer.traces(means[part]),
            method="exact" if exact else "direct",
            samples=0 if exact else each * blocks,
            directions=directions,
        )
    return tuple(found)


def slopes_of_blocks(laws: FloatArray, slopes: FloatArray) -> EstimatedSlopes:
    """Means of blocks, and the replicates that leave one out.

    Args:
        laws: Means of the class law in each block, shape "n b C".
        slopes: Covariances of class law and score in each block, shape "n b C r".
    """
    blocks = laws.shape[1]
    left_laws, left_slopes = (
        np.moveaxis((v.sum(axis=1, keepdims=True) - v) / (blocks - 1), 1, 0) for v in (laws, slopes)
    )
    halves = [root_of(laws[:, k::2].mean(axis=1), slopes[:, k::2].mean(axis=1)) for k in (0, 1)]
    return EstimatedSlopes(laws.mean(axis=1), slopes.mean(axis=1), left_laws, left_slopes, np.array(halves))


def _sampled(
    stack: StochasticStack,
    means: FloatArray,
    layer: FirstLayer,
    each: int,
    blocks: int,
    rng: np.random.Generator,
    batch: int,
) -> EstimatedSlopes:
    """Slopes at n inputs with first means "n w", from `blocks` blocks of `each` samples for every input."""
    inputs, width = means.shape
    # one cell is one block of one input: as many cells at once as the batch holds
    cells = np.repeat(means, blocks, axis=0)
    laws = np.zeros((len(cells), stack.classes))
    products = np.zeros((len(cells), stack.classes, width))
    residuals = np.zeros((len(cells), width))
    together = max(1, batch // each)
    for low in range(0, len(cells), together):
        part = slice(low, low + together)
        for start in range(0, each, batch):
            m = min(batch, each - start)
            centred, law = _drawn(stack, cells[part], m, rng)
            laws[part] += law.sum(axis=1)
            residuals[part] += centred.sum(axis=1)
            products[part] += np.swapaxes(law, 1, 2) @ centred
    # sums of products about both means, by the number less one: no bias in any block
    products -= laws[..., np.newaxis] * residuals[:, np.newaxis] / each
    slopes = _balanced(laws, products / (each - 1)) @ layer.loadings
    shape = (inputs, blocks, stack.classes)
    return slopes_of_blocks((laws / each).reshape(shape), slopes.reshape(*shape, -1))


def _balanced(laws: FloatArray, slopes: FloatArray) -> FloatArray:
    """Take the slope of the most probable class as minus the sum of the others: it has lost digits to 1."""
    own = laws.argmax(axis=1)
    rows = np.arange(len(laws))
    slopes[rows, own] = 0.0
    slopes[rows, own] = -slopes.sum(axis=1)
    return slopes


def _drawn(
    stack: StochasticStack, means: FloatArray, samples: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """h1 - tanh a1 and the class law, "k w" to "k m w" and "k m C"."""
    first = draw_units(np.broadcast_to(means[:, np.newaxis], (len(means), samples, means.shape[1])), rng)
    states = first.reshape(len(means) * samples, -1)
    for level in range(2, stack.last_hidden + 1):
        states = stack.draw(level, states, rng)
    law = stack.class_law(states).reshape(len(means), samples, -1)
    return first - means[:, np.newaxis], law


def _summed(
    stack: StochasticStack, rows: FloatArray, means: FloatArray, layer: FirstLayer
) -> EstimatedSlopes:
    """Slopes by the sum over all states of the first layer; without noise."""
    states = joint_states(means.shape[1])
    probabilities = np.exp(_log_laws(stack, rows, states))
    law = stack.class_law(states) if stack.last_hidden else np.eye(len(states))
    weighted = probabilities[:, :, np.newaxis] * law
    centred = states - means[:, np.newaxis]
    slopes = np.swapaxes(weighted, 1, 2) @ centred @ layer.loadings
    return EstimatedSlopes(weighted.sum(axis=1), slopes)


def _log_laws(stack: StochasticStack, rows: FloatArray, states: FloatArray) -> FloatArray:
    """Log-probabilities of states of the first layer given inputs: "n d" and "k w" to "n k"."""
    fields = stack.fields(1, rows)
    # log P(h|a) = -sum_j log(1 + exp(-2 h_j a_j))
    return -np.logaddexp(0.0, -2.0 * fields[:, np.newaxis] * states).sum(axis=2)
