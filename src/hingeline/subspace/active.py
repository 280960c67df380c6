"""What matters most: the spectrum of E[g g^T], from a few gradients measured inside the known span.

The exact span says what cannot matter; its active subspace says what matters how much. Gradients lie in the
span, so k forward differences give one, all outputs at once; two more points, mixtures of the k steps, show
whether the function was straight in between. It need not be exact here: a gradient that is off by a percent
changes an eigenvalue by less than the sampling does. Where a mixture disagrees, the steps are shortened.

    C = mean over points of sum over outputs g g^T,    eigenvalues of C - E[noise]

Differences share the error of the centre: errors have the covariance s^2 / h^2 (I + 1 1^T), which is taken
off C, so that noise does not look like activity.

Source: Constantine and Gleich, Computing active subspaces with Monte Carlo, arXiv 1408.0545; differences
inside a known span are ours.
Cost: k + 3 queries per point, k + 2 more for each time its step is shortened. Memory: a chunk.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput, TooFewWitnesses
from hingeline.probing.probe import Probe
from hingeline.subspace.local_slopes import Differences, local_slopes
from hingeline.subspace.recovered import ActiveSubspace

_AGREE = 0.01
"""The mixture must agree to this share of the change that it shows: precise enough beside the sampling."""


def measure_active(
    probe: Probe, basis: FloatArray, points: FloatArray, rng: np.random.Generator
) -> ActiveSubspace:
    """Estimate the spectrum of E[g g^T] within a known span.

    Args:
        probe: Where queries go; must answer values.
        basis: Orthonormal columns of the span, shape "d k".
        points: Where to measure, a sample of the law of interest, in the probe's coordinates, shape "p d".
        rng: Turns the basis and draws the mixtures.

    Returns:
        Eigenvalues, directions, and the number of points whose gradient could be measured.

    Raises:
        InvalidInput: No points, or points or basis of wrong shape.
        TooFewWitnesses: At no point the function looked straight at any step.
        BudgetExhausted: The budget ended.

    Cost: k + 3 queries per point, k + 2 more for each time its step is shortened.
    """
    starts = as_points(points, probe.input_dim)
    if not len(starts):
        raise InvalidInput("no points at which to measure gradients")
    if basis.ndim != 2 or basis.shape[0] != probe.input_dim:
        raise InvalidInput(f"basis must have shape ({probe.input_dim}, k); got {basis.shape}")
    rank = basis.shape[1]
    if not rank:
        return ActiveSubspace(frozen(np.zeros(0)), frozen(basis), len(starts))
    turn = np.linalg.qr(rng.standard_normal((rank, rank)))[0]
    moment, count = np.zeros((rank, rank)), 0
    for found in local_slopes(probe, (basis @ turn).T, starts, rng, agree=_AGREE):
        moment, count = moment + _moment(found), count + len(found.sigma)
    if not count:
        raise TooFewWitnesses(f"at none of {len(starts)} points the answers were straight at any step tried")
    eigenvalues, vectors = np.linalg.eigh(moment / count)
    order = np.argsort(eigenvalues)[::-1]
    # what the noise makes negative is zero as far as anybody can tell
    return ActiveSubspace(
        frozen(np.maximum(eigenvalues[order], 0.0)), frozen(basis @ turn @ vectors[:, order]), count
    )


def _moment(found: Differences) -> FloatArray:
    """Sum over points and outputs of g g^T, less what noise adds on average: "k k"."""
    table = found.slopes.transpose(1, 0, 2).reshape(found.steps.shape[1], -1)
    # errors (n_j - n_0) / h_j: independent ones on the diagonal, the centre's everywhere
    inverse = found.sigma[:, np.newaxis] / found.steps
    noise = np.diag(np.sum(inverse**2, axis=0)) + inverse.T @ inverse
    return table @ table.T - found.changes.shape[2] * noise
