"""The stability matrix T = dg'/dg of the couplings of two neighbouring layers, from samples, with errors.

    A T = B,    A = cov(O', O'),    B = cov(O', O),

over samples drawn upward: the matrix by which couplings of layer n move those of layer n + 1, and the least
squares regression of O on O'. With few operators the regression leaves some out, and T is that of the few.

Source: a reconstruction of ours after the words of Kenway 2018 (arXiv 1803.06111); the linear system is
Swendsen's 1979 for block spins. Cost: M samples drawn two or three times, M K^2 for the sums, and for each
block some 30 K^3.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.assembly import assembled, default_ridge, varying
from hingeline.renormalisation.flow.conditioning import conditioned
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.flow.permutation_null import permutation_null
from hingeline.renormalisation.flow.sampled_moments import BLOCKS, Step, centres_of, layer_moments
from hingeline.renormalisation.flow.sandwich import sandwich_errors
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack

PERMUTATIONS = 20
_MOST_BLOCK_BYTES = 4 * 2**30
"""Sums of blocks that may be held."""


def estimate_stability(
    stack: StochasticStack,
    points: FloatArray,
    layer: int,
    below: OperatorSet,
    above: OperatorSet,
    *,
    samples: int,
    rng: np.random.Generator,
    identification: Identification | None = None,
    rao_blackwell: bool = True,
    blocks: int = BLOCKS,
    ridge: float | None = None,
    permutations: int = PERMUTATIONS,
    batch: int = BATCH,
) -> StabilityMatrix:
    """Estimate the stability matrix from `layer` to the layer above it.

    Args:
        stack: Where the samples come from.
        points: One input, shape "d" (instance average T(x)), or several, "n d" (class average).
        layer: The lower layer, 1 to N - 1.
        below: Operators O on it; those with M Var(O) < 100 are dropped and named as frozen.
        above: Operators O' on the next layer; likewise.
        samples: How many to draw, M; at least 500 times the operators is advised.
        rng: Draws them.
        identification: Which operators are the same in both layers; without it there are no eigenvalues.
        rao_blackwell: Take conditional moments where the operators above know them.
        blocks: Blocks for the jackknife; 25 to 50 are usual.
        ridge: Added to the correlation matrix of O' before it is inverted; K / M if None.
        permutations: Shuffles for the null of the canonical correlations.
        batch: Most samples at once.

    Raises:
        InvalidInput: Settings that cannot be, operators that cannot be identified as declared, or more
            operators than their sums can be held for.
    """
    if permutations < 1 or not (ridge is None or ridge >= 0):
        raise InvalidInput(f"permutations are 1 or more, a ridge 0 or more; got {permutations}, {ridge}")
    if identification is not None:
        identification.check(below, above)
    _check_size(len(below.names), len(above.names), blocks)
    seed = int(rng.integers(2**63))
    moments = layer_moments(
        stack,
        points,
        layer,
        below,
        above,
        samples=samples,
        rng=np.random.default_rng(seed),
        blocks=blocks,
        rao_blackwell=rao_blackwell,
        batch=batch,
    )
    lower, upper, kept = varying(
        moments, below, above, samples=moments.samples, together=identification is not None
    )
    a, _, c = kept.whole()
    step = layer, lower, upper
    first = stack.means(1, as_points(points, stack.input_dim))
    centres = centres_of(stack, first, [step], np.random.default_rng(seed).spawn(1)[0], batch)[0]
    chosen = default_ridge(upper, kept.samples) if ridge is None else ridge
    # conditional moments and several inputs leave no single residual to look at, only blocks
    plain = not rao_blackwell and len(first) == 1
    errors = _sandwich(stack, first, step, centres, kept, chosen, samples, seed, batch) if plain else None
    null = permutation_null(
        stack,
        first,
        step,
        centres,
        a,
        c,
        samples=kept.samples,
        permutations=permutations,
        rng=rng,
        batch=batch,
    )
    return assembled(
        kept,
        lower,
        upper,
        layer=layer,
        inputs=len(first),
        samples=kept.samples,
        ridge=chosen,
        errors=errors,
        error_method="sandwich over samples (HC3)" if plain else "jackknife over blocks",
        null=null,
        rao_blackwell=rao_blackwell,
        identification=identification,
    )


def _sandwich(
    stack: StochasticStack,
    first: FloatArray,
    step: Step,
    centres: tuple[FloatArray, FloatArray],
    kept: BlockMoments,
    ridge: float,
    samples: int,
    seed: int,
    batch: int,
) -> FloatArray:
    """Errors of the entries from single samples, drawn a second time from the same seed."""
    a, b, _ = kept.whole()
    inverse = conditioned(a).inverse(ridge)
    means = (
        centres[0] + kept.below.sum(axis=0) / kept.samples,
        centres[1] + kept.above.sum(axis=0) / kept.samples,
    )
    return sandwich_errors(
        stack,
        first,
        step,
        means,
        inverse @ b,
        inverse,
        samples=samples,
        seed=seed,
        blocks=kept.blocks,
        batch=batch,
    )


def _check_size(below: int, above: int, blocks: int) -> None:
    wanted = 8 * blocks * (below**2 + below * above + above**2)
    if wanted > _MOST_BLOCK_BYTES:
        raise InvalidInput(
            f"sums of {blocks} blocks of {below} and {above} operators take {wanted / 2**30:.1f} GiB, "
            f"more than {_MOST_BLOCK_BYTES / 2**30:.0f}; give fewer operators, such as screened pairs"
        )
