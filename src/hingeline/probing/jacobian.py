"""Jacobians inside one linear region, with a certificate that the region was not left.

Forward differences along an orthonormal basis that is turned so that the line's direction has equal
components on every basis vector. Then the slope already known along the line checks every difference at
once, for free: a step that crossed a hyperplane shows as a wrong slope. The same slope also cancels the
error of the centre value, which all differences share. In many dimensions a few rays, asked on both
sides of the centre before anything is spent, find the distance that stays inside the region.

Source: partial signatures by differences, Carlini, Jagielski and Mironov 2020 (section 4.2); basis,
certificate and rays are ours. Cost: r + 1 queries per region, and about 12 for each try with rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.rotation import randomly_turned
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe


@dataclass(frozen=True)
class JacobianSettings:
    """Step sizes and checks."""

    step: float = 0.04
    """First step, as a fraction of the distance to the region's nearest known end."""
    shrink: float = 0.2
    """Factor on the step after a failed certificate."""
    tries: int = 7
    """Steps tried before a region is given up."""
    sigmas: float = 12.0
    """Standard deviations within which a check must agree."""
    rays: int = 6
    """Most directions asked on both sides of the centre before a region of many dimensions is measured."""
    dimensions_per_ray: int = 40
    """One ray for so many dimensions: rays should cost little beside the Jacobian they protect."""
    rays_from: int = 48
    """Basis size from which rays are cheaper than a repeated Jacobian."""
    ray_reach: float = 0.6
    """First ray length, as a fraction of the distance to the region's nearest known end."""
    ray_margin: float = 0.3
    """Step as a fraction of a ray length that stayed inside the region."""


@dataclass(frozen=True, eq=False)
class RegionJacobians:
    """Jacobians of several regions."""

    matrices: FloatArray
    """Shape "p k d"; rows lie in the span of the basis."""
    values: FloatArray
    """Values at the centres, shape "p k"."""
    errors: FloatArray
    """Standard deviation of one entry, shape "p"."""
    certified: BoolArray
    """Whether the region was not left, shape "p"; entries of other regions are meaningless."""


def region_jacobians(
    probe: Probe,
    centres: FloatArray,
    reaches: FloatArray,
    direction: FloatArray,
    slopes: FloatArray,
    basis: FloatArray,
    rng: np.random.Generator,
    settings: JacobianSettings | None = None,
    values: FloatArray | None = None,
) -> RegionJacobians:
    """Measure the Jacobian in the regions around `centres`.

    Args:
        probe: Where queries go; must answer values.
        centres: One point inside each region, shape "p d".
        reaches: Distance from each centre to the nearest known end of its region, shape "p".
        direction: Unit vector along which the slopes are known, shape "d".
        slopes: Slope of the outputs along `direction` in each region, shape "p k".
        basis: Orthonormal rows spanning the directions that matter, shape "r d", made by `turned_basis`.
        rng: Draws the rays.
        settings: Steps and thresholds.
        values: Answers at the centres, as exact as one asked there, shape "p k"; None: they are asked.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: p (r + 1) queries if every first step stays inside; each repeat costs as much for its region.
    """
    settings = settings or JacobianSettings()
    values = probe.ask(centres) if values is None else values
    work = _Work(probe, centres, values, direction, slopes, basis, settings)
    steps = settings.step * reaches
    # a region that is no wider than rounding cannot be measured
    work.hopeless |= ~(steps > 1e3 * EPSILON * np.linalg.norm(centres, axis=1))
    if len(basis) >= settings.rays_from:
        steps = settings.ray_margin * work.safe_rays(settings.ray_reach * reaches, rng)
    for _ in range(settings.tries):
        pending = np.nonzero(~work.certified & ~work.hopeless)[0]
        if not len(pending):
            break
        for index in pending:
            work.measure(int(index), float(steps[index]))
        steps = np.where(work.certified, steps, settings.shrink * steps)
    return RegionJacobians(work.matrices, work.values, work.errors, work.certified)


def turned_basis(basis: FloatArray, direction: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The basis turned at random, but with equal components of `direction` on every row.

    Args:
        basis: Orthonormal rows, shape "r d".
        direction: Unit vector, shape "d".
        rng: Draws the rotation.
    """
    size = len(basis)
    turned = randomly_turned(basis, rng)
    along = turned @ direction
    norm = np.linalg.norm(along)
    if norm < 1e-12:
        return turned
    # Householder reflection that sends the direction's coordinates to (1, ..., 1) / sqrt(size)
    mirror = along / norm - np.full(size, size**-0.5)
    length = mirror @ mirror
    if length < 1e-24:
        return turned
    return turned - np.outer(mirror, 2 / length * (mirror @ turned))


class _Work:
    """Measurements of several regions as they grow."""

    def __init__(
        self,
        probe: Probe,
        centres: FloatArray,
        values: FloatArray,
        direction: FloatArray,
        slopes: FloatArray,
        basis: FloatArray,
        settings: JacobianSettings,
    ) -> None:
        self.probe, self.centres, self.basis, self.settings = probe, centres, basis, settings
        self.slopes, self.along = slopes, basis @ direction
        self.values = values
        self.sigma = probe.noise.at(centres) + EPSILON * np.abs(self.values).max(axis=1)
        self.matrices = np.zeros((len(centres), self.values.shape[1], centres.shape[1]))
        self.errors = np.full(len(centres), np.inf)
        self.certified = np.zeros(len(centres), dtype=np.bool_)
        self.hopeless: BoolArray = np.zeros(len(centres), dtype=np.bool_)
        self._last_gap = np.full(len(centres), np.nan)

    def safe_rays(self, reaches: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Shrink `reaches` until rays of that length stay inside each region."""
        reaches = reaches.copy()
        pending = np.arange(len(reaches))
        for _ in range(self.settings.tries):
            count = min(self.settings.rays, max(2, len(self.basis) // self.settings.dimensions_per_ray))
            rays = rng.standard_normal((len(pending), count, len(self.basis)))
            rays /= np.linalg.norm(rays, axis=2, keepdims=True)
            steps = (rays @ self.basis) * reaches[pending, np.newaxis, np.newaxis]
            centres = self.centres[pending, np.newaxis]
            points = np.concatenate([centres + steps, centres - steps], axis=1)
            answers = self.probe.ask(points.reshape(-1, points.shape[2]))
            answers = answers.reshape(*points.shape[:2], -1)
            # f(m + u) + f(m - u) - 2 f(m) vanishes inside one region
            forward, backward = np.split(answers, 2, axis=1)
            bend = np.abs(forward + backward - 2 * self.values[pending, np.newaxis]).max(axis=(1, 2))
            pending = pending[bend > self.settings.sigmas * 2.5 * self.sigma[pending]]
            if not len(pending):
                break
            reaches[pending] /= 3
        return reaches

    def measure(self, index: int, step: float) -> None:
        """Try one region with one step; keep it if the certificate holds."""
        points = self.centres[index] + step * self.basis
        answers = self.probe.ask(points)
        differences = ((answers - self.values[index]) / step).T  # k r
        slope_gap = self.slopes[index] - differences @ self.along
        size = len(self.basis)
        # the centre's error enters every difference: its part along the line is sum(along) ~ sqrt(r)
        tolerance = self.settings.sigmas * self.sigma[index] / step * (np.abs(self.along.sum()) + 1.5)
        tolerance += 64 * EPSILON * np.abs(self.slopes[index]).max()
        gap = float(np.abs(slope_gap).max())
        if gap > tolerance:
            # a gap that does not depend on the step is no crossing: the gradient leaves the basis
            self.hopeless[index] = abs(gap - self._last_gap[index]) < 1e-3 * gap
            self._last_gap[index] = gap
            return
        norm = self.along @ self.along
        if norm > 1e-12:
            differences = differences + np.outer(slope_gap, self.along) / norm
        self.matrices[index] = differences @ self.basis
        self.errors[index] = 1.5 * self.sigma[index] / step * (1 + size**-0.5)
        self.certified[index] = True
