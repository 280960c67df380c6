"""Whether the gradient at a fresh point lies in a known span, from a few of its columns.

Where inputs lie on a grid no move stays outside the span, so points are checked instead. A gradient in a span
of k directions is fixed by k of its columns; each further column must agree:

    g_C = V_C a + noise,     so N^T g_C is noise,     N the left null space of V_C for k + 8 random columns C.

Cost: 2 (k + 8) + 1 queries for a point instead of 2 d + 1.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.central_jacobian import central_jacobian
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.screening import SIGMAS

# Columns beyond the rank: a new direction hides in all of them with probability zero, in noise seldom.
_SPARE = 8
# Times the estimated error of the span that is still taken for it.
_LEAK = 3.0


def leaves_span(
    door: NoisyDoor, basis: FloatArray, angle: float, point: FloatArray, step: float, rng: np.random.Generator
) -> bool | None:
    """Whether the gradient at `point` has a part outside the span; None if a column always met a kink.

    Args:
        door: Where queries go.
        basis: Orthonormal columns, shape "d k".
        angle: Their estimated error, radians.
        point: Shape "d".
        step: First step, input units.
        rng: Draws the columns.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 2 (k + 8) + 1 queries if nothing bends.
    """
    dim, rank = basis.shape
    columns = rng.permutation(dim)[: rank + _SPARE]
    jacobian = central_jacobian(door, point, np.eye(dim)[columns], step)
    if jacobian is None:
        return None
    outside = np.linalg.qr(basis[columns], mode="complete")[0][:, rank:]
    # unequal noise: the rows' largest stands for all
    noise = jacobian.noise.max(axis=1, keepdims=True)
    leak = _LEAK * angle * np.linalg.norm(jacobian.rows, axis=1, keepdims=True)
    return bool(np.any(np.abs(jacobian.rows @ outside) > SIGMAS * noise + leak))
