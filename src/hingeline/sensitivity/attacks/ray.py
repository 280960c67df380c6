"""The two cheapest attacks: one step of fixed length along the gradient, and the whole gradient ray.

Source: one step of length about |x| / sqrt(d) flips wide random ReLU networks, Bubeck et al. 2021 and
Bartlett, Bubeck and Cherapanamjeri 2021; how far the ray is followed is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.geometry import crossings, reaches
from hingeline.sensitivity.linear import LinearFlips, linear_flips
from hingeline.sensitivity.rays import GRID, HALVINGS


@dataclass(frozen=True)
class GradientRay(Attack):
    """First change of class on the ray towards the nearest linearised boundary.

    Cost: one answer, a gradient for each rival, then `grid` + `halvings` answers for each input.
    """

    grid: int = GRID
    """Points on each ray before bisection."""
    halvings: int = HALVINGS
    """Bisections of the first step over which the class changed."""

    @property
    def name(self) -> str:
        """For people and tables."""
        return "gradient ray"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Follow each ray up to max(4 linear distances, 3.2 |x| / sqrt(d)); draws nothing."""
        flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
        lengths = reaches(scene, flips.distances, flips.directions)
        found = crossings(scene, flips.directions, lengths, grid=self.grid, halvings=self.halvings)
        return Claims(scene.allowed(found.points), found.flipped, zero_gradient_note(flips))


@dataclass(frozen=True)
class OneStep(Attack):
    """One step of fixed length along the gradient of the nearest lead; success or not, no search.

    Cost: one answer and a gradient for each rival.
    """

    relative: float = 2.0
    """Length in |x| / sqrt(d), Euclidean, d the free coordinates; on a wide random ReLU network
    2 Phi(relative) - 1 of all inputs flip, .954 for 2."""
    length: float | None = None
    """Length in the threat's norm; if given, `relative` plays no part."""

    def __post_init__(self) -> None:
        if not self.relative > 0 or (self.length is not None and not self.length > 0):
            raise InvalidInput(f"a step wants a length above 0; got {self.relative}, {self.length}")

    @property
    def name(self) -> str:
        """For people and tables."""
        return "one step"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Step once and claim wherever the gradient is not zero and the class is another; draws nothing."""
        flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
        step = self._lengths(scene, flips.directions)
        moved = scene.allowed(scene.points + step[:, np.newaxis] * flips.directions)
        return Claims(moved, scene.flipped(moved), zero_gradient_note(flips))

    def _lengths(self, scene: Scene, directions: FloatArray) -> FloatArray:
        if self.length is not None:
            return np.full(len(directions), self.length)
        euclidean = np.linalg.norm(directions, axis=1)
        typical = np.linalg.norm(scene.points, axis=1) / np.sqrt(max(1, scene.free_count))
        return self.relative * typical / np.where(euclidean > 0, euclidean, 1.0)


def zero_gradient_note(flips: LinearFlips) -> str:
    """How many inputs gave no gradient to follow; empty if all did."""
    without = int(flips.without_gradient.sum())
    return f"zero gradient at {without} of {len(flips.classes)} inputs" if without else ""
