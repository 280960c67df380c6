"""The stability matrix of an undirected stack, from Gibbs chains with the input clamped.

    A T = B,    A = cov(O', O'),    B = cov(O', O)

holds as in a directed stack: what lies above is part of P(h'|h), which still does not contain the couplings
of the layer below. Only the samples differ. Sweeps depend on each other, so errors come from leaving out
whole chains, the samples that count are those over 2 tau, and the null pairs each chain with another one.

Source: derivation of ours; chains and Gamma method as in `gibbs_moments`. Cost: twice the chains, once for
the moments and once for the null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.assembly import assembled, default_ridge, varying
from hingeline.renormalisation.flow.conditioning import correlations
from hingeline.renormalisation.flow.gibbs_moments import GibbsMoments, gibbs_moments
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.undirected import UndirectedStack


@dataclass(frozen=True, eq=False)
class UndirectedStability:
    """A stability matrix from Gibbs chains, and how far the chains can be trusted.

    Attributes:
        matrix: As of a directed stack; its `samples` are the effective ones, sweeps over 2 tau.
        gibbs: The moments, the autocorrelation, whether the burn-in was long enough.
    """

    matrix: StabilityMatrix
    gibbs: GibbsMoments

    def summary(self) -> dict[str, Any]:
        """JSON-ready scalars of both."""
        return {"matrix": self.matrix.summary(), "chains": self.gibbs.summary()}

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {"matrix": self.matrix.to_dict(), "chains": self.gibbs.summary()}


def estimate_undirected_stability(
    undirected: UndirectedStack,
    x: FloatArray,
    layer: int,
    below: OperatorSet,
    above: OperatorSet,
    *,
    chains: int = 200,
    sweeps: int = 1000,
    burn_in: int = 200,
    rng: np.random.Generator,
    identification: Identification | None = None,
    ridge: float | None = None,
    permutations: int = 20,
) -> UndirectedStability:
    """Estimate the stability matrix from `layer` to the layer above it, with one input clamped.

    Args:
        undirected: The network.
        x: The input, shape "d".
        layer: The lower layer, 1 to N - 1.
        below: Operators O on it; those with M Var(O) < 100 effective samples are dropped and named as frozen.
        above: Operators O' on the next layer; likewise.
        chains: Independent chains, more than `permutations`; at least 100 give errors worth the name.
        sweeps: Kept of each chain.
        burn_in: Dropped of each chain; `gibbs.burn_in_enough` says afterwards whether that sufficed.
        rng: Draws everything.
        identification: Which operators are the same in both layers; without it there are no eigenvalues.
        ridge: Added to the correlation matrix of O' before it is inverted; K / M if None.
        permutations: Pairings of chains behind the null of the canonical correlations.

    Raises:
        InvalidInput: Settings that cannot be, or operators that cannot be identified as declared.
    """
    if not 1 <= permutations < chains or not (ridge is None or ridge >= 0):
        raise InvalidInput(
            f"the null pairs each chain with another: 1 to {chains - 1} permutations, and a ridge of 0 or "
            f"more; got {permutations}, {ridge}"
        )
    if identification is not None:
        identification.check(below, above)
    gibbs = gibbs_moments(
        undirected, x, layer, below, above, chains=chains, sweeps=sweeps, burn_in=burn_in, rng=rng
    )
    effective = max(2, int(gibbs.moments.samples / gibbs.naive_error_factor**2))
    lower, upper, kept = varying(
        gibbs.moments, below, above, samples=effective, together=identification is not None
    )
    a, _, c = kept.whole()
    run = undirected.gibbs(x, chains, sweeps, burn_in, rng)
    crossed = _paired(run, layer, lower, upper, chains, permutations)
    matrix = assembled(
        kept,
        lower,
        upper,
        layer=layer,
        inputs=1,
        samples=effective,
        ridge=default_ridge(upper, effective) if ridge is None else ridge,
        errors=None,
        error_method="jackknife over chains",
        null=np.sort([correlations(a, one, c)[:1].sum() for one in crossed]),
        rao_blackwell=False,
        identification=identification,
    )
    return UndirectedStability(matrix, gibbs)


def _paired(
    run: Iterator[tuple[FloatArray, ...]],
    layer: int,
    below: OperatorSet,
    above: OperatorSet,
    chains: int,
    permutations: int,
) -> FloatArray:
    """Covariances of operators above in one chain and below in another, "permutations K' K"."""
    found = np.zeros((permutations, len(above.names), len(below.names)))
    upper, lower = np.zeros(len(above.names)), np.zeros(len(below.names))
    count = 0
    centres: tuple[FloatArray, FloatArray] | None = None
    for states in run:
        rows = len(states[layer]) * chains
        up = above.values(states[layer + 1].reshape(rows, -1)).reshape(-1, chains, len(above.names))
        down = below.values(states[layer].reshape(rows, -1)).reshape(-1, chains, len(below.names))
        centres = centres or (up.mean(axis=(0, 1)), down.mean(axis=(0, 1)))
        up, down = up - centres[0], down - centres[1]
        upper, lower, count = upper + up.sum(axis=(0, 1)), lower + down.sum(axis=(0, 1)), count + rows
        flat = up.reshape(rows, -1).T
        for shift in range(permutations):
            found[shift] += flat @ np.roll(down, shift + 1, axis=1).reshape(rows, -1)
    return found / count - np.outer(upper / count, lower / count)
