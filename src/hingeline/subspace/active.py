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
Cost: k + 3 queries per point, k + 2 more for each time its step is shortened. Memory: `CHUNK_BYTES`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput, TooFewWitnesses
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.domain import Domain
from hingeline.probing.probe import Probe
from hingeline.subspace.recovered import ActiveSubspace

CHUNK_BYTES = 64 * 2**20
"""Points asked at once."""
_STEP = 0.3
"""First step, in typical coordinates: long steps have little noise."""
_SHRINK = 0.25
_TRIES = 10
"""Steps tried: the last one is 1e-6 of a typical coordinate."""
_AGREE = 0.01
"""The mixture must agree to this share of the change that it shows: precise enough beside the sampling."""
_MIXTURES = 2
"""Mixtures asked: one alone agrees by chance once in a hundred tries."""
_SIGMAS = 6.0
"""Standard deviations within which it may disagree by noise."""
_INSET = 0.95
"""Points at the edge of the domain are pulled to so far from its middle, so that steps fit."""


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
    excess = probe.domain.excess(starts)
    starts = starts * (_INSET / np.maximum(excess, _INSET))[:, np.newaxis]
    work = _Gradients(probe, (basis @ turn).T, starts, rng)
    work.measure()
    count = int(work.done.sum())
    if not count:
        raise TooFewWitnesses(f"at none of {len(starts)} points the answers were straight at any step tried")
    eigenvalues, vectors = np.linalg.eigh(work.moment / count)
    order = np.argsort(eigenvalues)[::-1]
    # what the noise makes negative is zero as far as anybody can tell
    return ActiveSubspace(
        frozen(np.maximum(eigenvalues[order], 0.0)), frozen(basis @ turn @ vectors[:, order]), count
    )


@dataclass(frozen=True, eq=False)
class _Differences:
    """Forward differences at some points."""

    steps: FloatArray
    """Signed steps, shape "c k"."""
    changes: FloatArray
    """Changes of the values, shape "c k m"."""
    sigma: FloatArray
    """Deviation of one value, shape "c"."""


class _Gradients:
    """The sum of g g^T as points are done, in the coordinates of the turned basis."""

    def __init__(
        self, probe: Probe, directions: FloatArray, starts: FloatArray, rng: np.random.Generator
    ) -> None:
        self.probe, self.directions, self.starts, self.rng = probe, directions, starts, rng
        self.lengths = np.full(len(starts), _STEP * probe.calibration.scale / float(np.sqrt(probe.input_dim)))
        rank = len(directions)
        self.moment = np.zeros((rank, rank))
        self.done: BoolArray = np.zeros(len(starts), dtype=np.bool_)

    def measure(self) -> None:
        """Measure at every point, with shorter steps where needed."""
        size = max(1, CHUNK_BYTES // (8 * self.directions.size))
        for _ in range(_TRIES):
            pending = np.flatnonzero(~self.done)
            for start in range(0, len(pending), size):
                self._try(pending[start : start + size])
            self.lengths *= _SHRINK

    def _try(self, chosen: IntArray) -> None:
        """One step length for a chunk of points; those that pass the check are taken in."""
        centres = self.probe.ask(self.starts[chosen])
        steps = _fitting(self.probe.domain, self.starts[chosen], self.directions, self.lengths[chosen])
        points = self.starts[chosen, np.newaxis] + steps[:, :, np.newaxis] * self.directions
        answers = self.probe.ask(points.reshape(-1, points.shape[2]))
        changes = answers.reshape(*steps.shape, -1) - centres[:, np.newaxis]
        # the last bits of a value are noise as well
        sigma = self.probe.noise.at(self.starts[chosen]) + EPSILON * np.abs(centres).max(axis=1)
        found = _Differences(steps, changes, sigma)
        fine = (steps != 0).all(axis=1)
        for _ in range(_MIXTURES):
            fine &= self._straight(chosen, centres, found)
        self.moment += _moment(found, fine)
        self.done[chosen[fine]] = True

    def _straight(self, chosen: IntArray, centres: FloatArray, found: _Differences) -> BoolArray:
        """Whether a mixture of the steps changes the values as the steps themselves do."""
        count, rank = found.steps.shape
        sizes = self.rng.uniform(0.5, 1.0, (count, rank))
        signs = self.rng.choice(np.array([-1.0, 1.0]), (count, rank))
        # as long as one step; near the edge a mean of the steps, which a convex domain holds
        free, mean = signs * sizes / np.sqrt(rank), sizes / rank
        starts = self.starts[chosen]
        inside = self.probe.domain.holds(starts + (free * found.steps) @ self.directions)
        weights = np.where(inside[:, np.newaxis], free, mean)
        answers = self.probe.ask(starts + (weights * found.steps) @ self.directions)
        parts = weights[:, :, np.newaxis] * found.changes
        gap = np.abs(answers - centres - parts.sum(axis=1)).max(axis=1)
        # a sum of random signs is as large as the root of the squares
        shown = np.sqrt(np.sum(parts**2, axis=1)).max(axis=1)
        noise = found.sigma * np.sqrt(1 + np.sum(weights**2, axis=1) + (1 - weights.sum(axis=1)) ** 2)
        straight: BoolArray = gap <= _AGREE * shown + _SIGMAS * noise
        return straight


def _moment(found: _Differences, fine: BoolArray) -> FloatArray:
    """Sum over points and outputs of g g^T, less what noise adds on average: "k k"."""
    slopes = found.changes[fine] / found.steps[fine, :, np.newaxis]
    table = slopes.transpose(1, 0, 2).reshape(found.steps.shape[1], -1)
    # errors (n_j - n_0) / h_j: independent ones on the diagonal, the centre's everywhere
    inverse = found.sigma[fine, np.newaxis] / found.steps[fine]
    noise = np.diag(np.sum(inverse**2, axis=0)) + inverse.T @ inverse
    return table @ table.T - found.changes.shape[2] * noise


def _fitting(domain: Domain, starts: FloatArray, directions: FloatArray, lengths: FloatArray) -> FloatArray:
    """Signed steps, as long as asked for or as fits the domain; 0 where none fits: "c" to "c k"."""
    wanted = np.repeat(lengths[:, np.newaxis], len(directions), axis=1)
    if domain.free:
        return wanted
    steps = np.zeros_like(wanted)
    for factor in (sign * _SHRINK**power for power in range(_TRIES) for sign in (1.0, -1.0)):
        open_points = np.flatnonzero((steps == 0).any(axis=1))
        if not len(open_points):
            break
        tried = factor * wanted[open_points]
        ends = starts[open_points, np.newaxis] + tried[:, :, np.newaxis] * directions
        fits = domain.holds(ends.reshape(-1, ends.shape[2])).reshape(tried.shape)
        before = steps[open_points]
        steps[open_points] = np.where((before == 0) & fits, tried, before)
    return steps
