"""Where an attack may ask: a ball in which answers are usable, a box that the door declares, or all space.

The attacks work in coordinates whose origin is the middle of the box, so that both are centred on zero.
Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray

# Rounding of a point must not carry it over the edge.
_EDGE = 1 - 1e-9


@dataclass(frozen=True)
class Domain:
    """The points with |x| <= radius whose coordinates all lie within half_width."""

    radius: float = np.inf
    """Largest norm; inf if free."""
    half_width: float = np.inf
    """Largest coordinate; inf if free."""

    @property
    def free(self) -> bool:
        """True if every point may be asked."""
        return bool(np.isinf(self.radius) and np.isinf(self.half_width))

    def excess(self, points: FloatArray) -> FloatArray:
        """By which factor points exceed the domain: at most 1 inside, "n d" to "n"."""
        if self.free:
            return np.zeros(len(points))
        ball = np.linalg.norm(points, axis=-1) / self.radius
        return np.maximum(ball, np.abs(points).max(axis=-1) / self.half_width) / _EDGE

    def holds(self, points: FloatArray) -> BoolArray:
        """Which points may be asked: "n d" to "n"."""
        inside: BoolArray = self.excess(points) <= 1
        return inside

    def pulled_in(self, points: FloatArray) -> FloatArray:
        """The same points, those outside moved straight towards the centre to just inside the edge."""
        excess = self.excess(points)
        return points / np.where(excess > 1, excess / 0.9, 1.0)[:, np.newaxis]

    def spread(self, count: int, dim: int, rng: np.random.Generator) -> FloatArray:
        """Points all over the box, every second one in a corner: "n d"; none if there is no box."""
        if np.isinf(self.half_width):
            return np.zeros((0, dim))
        points = rng.uniform(-1.0, 1.0, (count, dim))
        points[::2] = np.sign(points[::2])
        return self.pulled_in(self.half_width * _EDGE**2 * points)

    def margin(self, points: FloatArray) -> FloatArray:
        """Distance to the edge, not positive outside: "n d" to "n"."""
        if self.free:
            return np.full(len(points), np.inf)
        ball = self.radius * _EDGE - np.linalg.norm(points, axis=-1)
        return np.minimum(ball, self.half_width * _EDGE - np.abs(points).max(axis=-1))

    def along(self, origin: FloatArray, direction: FloatArray) -> tuple[float, float]:
        """The smallest and largest t with origin + t * direction inside; the origin lies inside."""
        low, high = -np.inf, np.inf
        if np.isfinite(self.radius):
            # t^2 + 2 t (o.v) + |o|^2 = r^2
            centre = -float(origin @ direction)
            half = np.sqrt(max((self.radius * _EDGE) ** 2 - float(origin @ origin) + centre**2, 0.0))
            low, high = centre - half, centre + half
        if np.isfinite(self.half_width):
            moving = direction != 0
            ends = (np.array([[-1.0], [1.0]]) * self.half_width * _EDGE - origin[moving]) / direction[moving]
            low = max(low, float(ends.min(axis=0).max()))
            high = min(high, float(ends.max(axis=0).min()))
        return low, high
