"""From moments to a stability matrix, however the samples were drawn: what varies, and all companions.

Directed stacks and undirected ones differ in their samples, in what counts as one of them, and in the null;
the algebra is the same and stands here.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.renormalisation.flow.conditioning import conditioned, correlations, inverse_root
from hingeline.renormalisation.flow.eigenvalues import eigenvalues_of
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.kept import KeptOperators
from hingeline.renormalisation.operators.operator_set import OperatorSet

FEWEST_FLIPS = 100.0
"""Least M Var(O): an operator that varies less makes errors with heavy tails, or none at all."""


def varying(
    moments: BlockMoments, below: OperatorSet, above: OperatorSet, *, samples: int, together: bool
) -> tuple[KeptOperators, KeptOperators, BlockMoments]:
    """The operators that vary enough among so many independent samples, and their moments.

    Args:
        moments: Of all operators.
        below: Operators of the lower layer.
        above: Operators of the upper layer.
        samples: Independent ones.
        together: Whether operators below and above are identified, and go with their partners.
    """
    a, _, c = moments.whole()
    down, up = (np.diag(m) * samples >= FEWEST_FLIPS for m in (c, a))
    if together:
        down = up = down & up
    low, high = np.flatnonzero(down), np.flatnonzero(up)
    kept = BlockMoments(
        moments.counts,
        moments.above[:, high],
        moments.below[:, low],
        moments.above_above[:, high][:, :, high],
        moments.above_below[:, high][:, :, low],
        moments.below_below[:, low][:, :, low],
    )
    return KeptOperators(below, low), KeptOperators(above, high), kept


def default_ridge(above: KeptOperators, samples: int) -> float:
    """K / M: about the noise of K operators in M samples."""
    return max(len(above.names), 1) / samples


def assembled(
    kept: BlockMoments,
    below: KeptOperators,
    above: KeptOperators,
    *,
    layer: int,
    inputs: int,
    samples: int,
    ridge: float,
    errors: FloatArray | None,
    error_method: str,
    null: FloatArray,
    rao_blackwell: bool,
    identification: Identification | None,
) -> StabilityMatrix:
    """The stability matrix with its companions.

    Args:
        kept: Moments of the operators that vary, in blocks that are independent of each other.
        below: Which those are in the lower layer.
        above: Which those are in the upper layer.
        layer: The lower layer.
        inputs: Averaged over.
        samples: Independent ones.
        ridge: Added to the correlations of the operators above.
        errors: Standard errors of the entries; by leaving out blocks if None.
        error_method: How they are found, for people.
        null: Largest canonical correlations of unrelated samples, ascending.
        rao_blackwell: Whether conditional moments were asked for.
        identification: Which operators are the same, if declared.
    """
    a, b, c = kept.whole()
    taken = conditioned(a)
    matrix = taken.inverse(ridge) @ b
    if errors is None:
        # leaving out a block is the sandwich with the leverage of the whole block
        errors = kept.jackknife(lambda a, b, c: conditioned(a).inverse(ridge) @ b)[1]
    canonical, canonical_errors = kept.jackknife(correlations)
    return StabilityMatrix(
        layer=layer,
        widths=(below.width, above.width),
        inputs=inputs,
        samples=samples,
        kinds=(below.kind, above.kind),
        names_below=below.names,
        names_above=above.names,
        frozen_below=below.left_out,
        frozen_above=above.left_out,
        matrix=frozen(matrix),
        # where operators nearly coincide the ridge moves entries by more than the noise does
        errors=frozen(np.hypot(errors, matrix - taken.inverse() @ b)),
        error_method=error_method,
        mean_map=frozen(b @ conditioned(c).inverse()),
        whitened=frozen(inverse_root(a) @ b @ inverse_root(c)),
        canonical_correlations=frozen(canonical),
        canonical_errors=frozen(canonical_errors),
        null=frozen(null),
        variances_below=frozen(np.diag(c)),
        variances_above=frozen(np.diag(a)),
        condition=taken.condition,
        weakest=float(taken.values.min(initial=1.0)),
        ridge=ridge,
        rao_blackwell=rao_blackwell,
        identification=identification,
        spectrum=None if identification is None else eigenvalues_of(kept, ridge),
    )
