"""Jacobians of coarse answers: wide central differences, each with its own certificate.

Where answers carry few digits the slope along the line is too blunt to tell that one step among hundreds left
its region. Differences are therefore taken on both sides of the centre: f(m + h b) + f(m - h b) - 2 f(m) is
noise inside one region, so every direction tells by itself whether its step was too long, and only those that
were are asked again with a shorter one. A few rays beforehand find the length at which most directions stay
inside. The same second differences measure the noise of the door where it is used.

Source: ours. Cost: 2 r queries per region of r directions, about 2 r more for those asked again, and 24 rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.jacobian import RegionJacobians
from hingeline.probing.probe import Probe


@dataclass(frozen=True)
class CentralSettings:
    """Step sizes and checks."""

    first: float = 0.5
    """First step, as a fraction of the distance to the region's nearest known end."""
    shrink: float = 0.35
    """Factor on a step that left its region."""
    tries: int = 9
    """Steps tried in one direction before the region is given up."""
    sigmas: float = 5.0
    """Standard deviations beyond which a second difference is a bend."""
    rays: int = 12
    """Directions asked to find the first step."""
    rays_from: int = 48
    """Number of directions from which rays are cheaper than asking all of them again."""
    bent_rays: float = 0.25
    """Share of the rays that may leave the region at the first step."""
    line_sigmas: float = 12.0
    """Standard deviations within which the slope along the line must agree."""


def central_jacobians(
    probe: Probe,
    centres: FloatArray,
    reaches: FloatArray,
    direction: FloatArray,
    slopes: FloatArray,
    slope_errors: FloatArray,
    basis: FloatArray,
    rng: np.random.Generator,
    settings: CentralSettings | None = None,
) -> RegionJacobians:
    """Measure the Jacobian in the regions around `centres`, from coarse answers.

    Args:
        probe: Where queries go; must answer values.
        centres: One point inside each region, shape "p d".
        reaches: Distance from each centre to the nearest known end of its region, shape "p".
        direction: Unit vector along which the slopes are known, shape "d".
        slopes: Slope of the outputs along `direction` in each region, shape "p k".
        slope_errors: Standard deviation of each slope, shape "p".
        basis: Orthonormal rows spanning the directions that matter, shape "r d".
        rng: Draws the rays.
        settings: Steps and thresholds.

    Raises:
        BudgetExhausted: The budget ended.
    """
    settings = settings or CentralSettings()
    values = probe.ask(centres)
    sigma = probe.noise.at(centres) + EPSILON * np.abs(values).max(axis=1)
    matrices = np.zeros((len(centres), values.shape[1], centres.shape[1]))
    errors = np.full(len(centres), np.inf)
    certified = np.zeros(len(centres), dtype=np.bool_)
    for p, (centre, value) in enumerate(zip(centres, values, strict=True)):
        region = _Region(probe, centre, value, float(sigma[p]), basis, settings)
        if region.measure(float(reaches[p]), rng) and region.agrees(
            direction, slopes[p], float(slope_errors[p])
        ):
            matrices[p] = region.gradients.T @ basis
            errors[p] = region.error
            certified[p] = True
    return RegionJacobians(matrices, values, errors, certified)


class _Region:
    """One region as its directions are measured."""

    def __init__(
        self,
        probe: Probe,
        centre: FloatArray,
        value: FloatArray,
        sigma: float,
        basis: FloatArray,
        settings: CentralSettings,
    ) -> None:
        self.probe, self.centre, self.value, self.sigma = probe, centre, value, sigma
        self.basis, self.settings = basis, settings
        self.gradients = np.zeros((len(basis), len(value)))
        self.steps = np.zeros(len(basis))

    @property
    def error(self) -> float:
        """Root mean square deviation of one entry."""
        return float(self.sigma * np.sqrt(np.mean(0.5 / self.steps**2)))

    def measure(self, reach: float, rng: np.random.Generator) -> bool:
        """Find every directional slope; False if some direction shows a bend at every step."""
        least = 1e3 * EPSILON * float(np.linalg.norm(self.centre))
        step = self.settings.first * reach
        if len(self.basis) >= self.settings.rays_from:
            step = self._first_step(reach, rng)
        pending = np.arange(len(self.basis))
        for _ in range(self.settings.tries):
            if not step > least:
                return False
            pending = pending[self._bent(pending, step)]
            if not len(pending):
                return True
            step *= self.settings.shrink
        return False

    def agrees(self, direction: FloatArray, slope: FloatArray, slope_error: float) -> bool:
        """Whether the slope along the line is that of the line's piece."""
        gap = np.abs((self.basis @ direction) @ self.gradients - slope).max()
        # the line may leave the basis' span only if the gradients do: then they are not all here
        return bool(gap <= self.settings.line_sigmas * np.hypot(self.error, slope_error))

    def _first_step(self, reach: float, rng: np.random.Generator) -> float:
        """The longest step at which most rays stay inside."""
        rays = rng.standard_normal((self.settings.rays, len(self.basis)))
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        step = reach
        for _ in range(self.settings.tries):
            bent = np.abs(self._second(step * rays @ self.basis)[1]).max(axis=1) > self._visible
            if bent.mean() <= self.settings.bent_rays:
                break
            step *= self.settings.shrink
        return step

    @property
    def _visible(self) -> float:
        return float(self.settings.sigmas * np.sqrt(6) * self.sigma)

    def _second(self, moves: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second differences across the centre: "m k" each."""
        answers = self.probe.ask(np.concatenate([self.centre + moves, self.centre - moves]))
        forward, backward = np.split(answers, 2)
        return forward - backward, forward + backward - 2 * self.value

    def _bent(self, which: IntArray, step: float) -> BoolArray:
        """Ask some directions with a step; which of them left the region."""
        first, second = self._second(step * self.basis[which])
        size = np.abs(second).max(axis=1)
        bent: BoolArray = size > self._visible
        inside = which[~bent]
        self.gradients[inside] = first[~bent] / (2 * step)
        self.steps[inside] = step
        return bent
