"""One step between two enumerated layers: moments and stability matrix without sampling.

With p the law of the states h below, K(h'|h) the kernel and p' the law above, let M = p'^{-1/2} K^T p^{1/2}
and let X and Y hold the centred operators below and above times the roots of p and p'. Then

    A = Y^T Y,   B = Y^T M X,   C = X^T X,   T = A^{-1} B,   S = A^{-1/2} B C^{-1/2}.

M has no singular value above 1, hence neither has S. T and S are found from Y and X themselves, so that they
lose the digits of the condition number and not of its square. S takes the symmetric roots.

Source: A T = B are Swendsen's equations (1979) with the next layer in the place of the block spins.
Cost: states times operators squared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import IllConditioned
from hingeline.numerics.tolerances import EPSILON


@dataclass(frozen=True, eq=False)
class ExactStep:
    """Two layers and the kernel between them, at one input.

    Attributes:
        below: Law of the states below, shape "s".
        kernel: P(h'|h), one row for each state below, shape "s s'".
        above: Law of the states above, shape "s'".
    """

    below: FloatArray
    kernel: FloatArray
    above: FloatArray

    def moments(self, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A, B and C of operators with values `lower` "s K" and `upper` "s' K'" at all states."""
        centred, raised = lower - self.below @ lower, upper - self.above @ upper
        weighted = self.below[:, np.newaxis] * centred
        return (
            raised.T @ (self.above[:, np.newaxis] * raised),
            (self.kernel @ raised).T @ weighted,
            centred.T @ weighted,
        )

    def stability(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """T = A^-1 B, the regression of the operators below on those above: shape "K' K".

        Raises:
            IllConditioned: An operator above is a combination of the others, or constant.
        """
        orthogonal, triangle = np.linalg.qr(_centred(upper, self.above))
        size = np.abs(np.diag(triangle))
        if len(size) < upper.shape[1] or size.min() <= _rounding(upper, self.above):
            raise _dependent("above")
        carried = self._carried(_centred(lower, self.below))
        return solve_triangular(triangle, orthogonal.T @ carried)

    def whitened(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """S = A^-1/2 B C^-1/2, whose singular values are the canonical correlations: shape "K' K".

        Raises:
            IllConditioned: On either side an operator is a combination of the others, or constant.
        """
        down = _polar(lower, self.below, "below")
        return _polar(upper, self.above, "above").T @ self._carried(down)

    def backward(self) -> FloatArray:
        """P(h|h'), one row for each state above: shape "s' s"; rows of impossible states are zero."""
        joint = self.below[:, np.newaxis] * self.kernel
        possible = self.above > 0
        return np.where(possible, joint / np.where(possible, self.above, 1.0), 0.0).T

    def _carried(self, columns: FloatArray) -> FloatArray:
        """M times `columns`: what the layer above still knows of them."""
        summed = self.kernel.T @ (np.sqrt(self.below)[:, np.newaxis] * columns)
        return over_root(summed, self.above)


def projected_information(slope: FloatArray, law: FloatArray, values: FloatArray) -> FloatArray:
    """D^T A^-1 D with D = cov(O, score): what operators with `values` "s K" tell of the input, "d d".

    Args:
        slope: Derivatives of the law by the input, dp(h)/dx, shape "s d".
        law: p(h), shape "s".
        values: Operators at all states; a combination of others adds nothing and is dropped.
    """
    basis, size, _ = np.linalg.svd(_centred(values, law), full_matrices=False)
    kept = basis[:, size > _rounding(values, law)]
    told = kept.T @ over_root(slope, law)
    return told.T @ told


def over_root(columns: FloatArray, law: FloatArray) -> FloatArray:
    """Columns "s k" over the root of the law "s"; zero where nothing has any probability."""
    possible = law > 0
    root = np.where(possible, np.sqrt(law), 1.0)[:, np.newaxis]
    return np.where(possible[:, np.newaxis], columns / root, 0.0)


def _centred(values: FloatArray, law: FloatArray) -> FloatArray:
    return np.sqrt(law)[:, np.newaxis] * (values - law @ values / law.sum())


def _rounding(values: FloatArray, law: FloatArray) -> float:
    """Size below which a singular value of the centred operators is rounding."""
    return len(law) * EPSILON * float(np.sqrt((law @ values**2).sum()))


def _polar(values: FloatArray, law: FloatArray, side: str) -> FloatArray:
    """X (X^T X)^{-1/2} of the centred operators X, from their singular vectors."""
    left, size, right = np.linalg.svd(_centred(values, law), full_matrices=False)
    if len(size) < values.shape[1] or size.min() <= _rounding(values, law):
        raise _dependent(side)
    return left @ right


def _dependent(side: str) -> IllConditioned:
    return IllConditioned(
        f"the operators {side} are dependent: one of them is constant or a combination of others under this "
        "law; leave some out (frozen units first)"
    )
