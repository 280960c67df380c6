"""Where a door can be probed: points at chosen norms, inside the bounds if there are any.

Random points have coordinates of like size (a random sign times 0.5 to 1.5), so a point at norm
sqrt(d) has every coordinate near 1 and none is left behind when inputs are clipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput

# Share of a bounded box, at either end, that base points leave free for the steps around them.
_MARGIN = 0.25


@dataclass(frozen=True)
class Ground:
    """The part of input space that a probe may use."""

    input_dim: int
    """Numbers in one query row."""
    scale: float
    """Norm at which the network is interesting, input units."""
    bounds: tuple[float, float] | None
    """Smallest and largest coordinate allowed; None if free."""

    @staticmethod
    def of(input_dim: int, bounds: tuple[float, float] | None, scale: float | None) -> Ground:
        """The ground of a door; the scale is the root mean square norm within the bounds, or sqrt(d).

        Raises:
            InvalidInput: A scale that is not a positive number.
        """
        if scale is not None and not (np.isfinite(scale) and scale > 0):
            raise InvalidInput(f"scale must be a positive number (the norm of a typical input); got {scale}")
        box = None if bounds is None or np.isinf(bounds).all() else _finite_box(bounds)
        natural = np.sqrt(input_dim)
        if box is not None:
            natural *= np.sqrt((box[0] ** 2 + box[0] * box[1] + box[1] ** 2) / 3)
        return Ground(input_dim, float(scale or natural), box)

    @property
    def anchor(self) -> FloatArray:
        """The allowed point nearest to the origin."""
        low, high = self.bounds or (-np.inf, np.inf)
        return np.clip(np.zeros(self.input_dim), low, high)

    @property
    def corner_norm(self) -> float:
        """Largest norm that the bounds allow; inf if free."""
        low, high = self.bounds or (-np.inf, np.inf)
        return float(np.sqrt(self.input_dim) * max(abs(low), abs(high)))

    def direction(self, rng: np.random.Generator) -> FloatArray:
        """A random unit vector with coordinates of like size."""
        signs = rng.choice(np.array([-1.0, 1.0]), self.input_dim)
        vector = signs * rng.uniform(0.5, 1.5, self.input_dim)
        return vector / np.linalg.norm(vector)

    def point(self, rng: np.random.Generator, factor: float) -> FloatArray:
        """A random point at norm `factor * scale`; in bounds, as far along that the box still allows."""
        if self.bounds is None:
            return factor * self.scale * self.direction(rng)
        low, high = self.bounds
        margin = _MARGIN * (high - low)
        inside = rng.uniform(low + margin, high - margin, self.input_dim)
        return self.anchor + self._share(factor) * (inside - self.anchor)

    def reach(self, factor: float) -> float:
        """Unit of length for steps around `point(rng, factor)`; steps up to a quarter of it stay inside."""
        if self.bounds is None:
            return factor * self.scale
        return self._share(factor) * (self.bounds[1] - self.bounds[0]) * float(np.sqrt(self.input_dim / 3))

    def _share(self, factor: float) -> float:
        """`factor`, in units of the box's own size and at most 1."""
        whole = Ground.of(self.input_dim, self.bounds, None).scale
        return min(1.0, factor * self.scale / whole)


def _finite_box(bounds: tuple[float, float]) -> tuple[float, float]:
    """The bounds, an open end replaced by a box of width 2 (or twice the closed end's size)."""
    low, high = bounds
    if np.isinf(low):
        return high - 2 * max(1.0, abs(high)), high
    return (low, low + 2 * max(1.0, abs(low))) if np.isinf(high) else (low, high)
