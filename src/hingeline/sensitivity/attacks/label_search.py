"""Flips by labels alone: find any, then walk the boundary with normals estimated from labels around it.

A first flip comes from points of another class among the inputs themselves and from random directions; it is
bisected to the boundary. There the normal is estimated from the labels of random points around (which side
each lies on), and `boundary_walk` does the rest. Where the model is a staircase, so that gradients are zero,
this still works.

Idea: walking the boundary by labels is Brendel, Rauber and Bethge 2018, the estimate of the normal that of
Chen, Jordan and Wainwright 2020 (HopSkipJump); the code is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.boundary_walk import Walk, walk_boundary
from hingeline.sensitivity.attacks.geometry import crossings, pulled_back
from hingeline.sensitivity.attacks.smallest_radius import radius_bracket

_FINAL_HALVINGS = 20
_GRID = 16
_BATCH_NUMBERS = 2**23
"""Coordinates sent at once, 64 MiB."""


@dataclass(frozen=True)
class LabelSearch(Attack):
    """Smallest flip by labels alone.

    Cost: `directions` times 16 rows for a first flip, then at most `walk.steps` times (`probes` +
    `walk.trials` + `walk.halvings`) rows for each input.
    """

    directions: int = 12
    """Random rays for a first flip."""
    probes: int = 100
    """Labels asked around a boundary point for one estimate of its normal."""
    memory: float = 0.7
    """Weight of the last estimate in the next; 0 for none."""
    spread: float = 0.1
    """Distance of the probes from it, as a share of the change's Euclidean length."""
    walk: Walk = field(default_factory=lambda: Walk(steps=25, halvings=8))
    """How the boundary is walked."""

    def __post_init__(self) -> None:
        if min(self.directions, self.probes) < 1 or not self.spread > 0:
            raise InvalidInput(
                "label search wants at least one direction and one probe, and a spread above 0"
            )

    @property
    def name(self) -> str:
        """For people and tables."""
        return "label search"

    @property
    def needs(self) -> Needs:
        """Labels."""
        return "labels"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Find a flip, bisect it to the boundary, walk."""
        points, found = self._first_flips(scene, rng)
        rows = np.nonzero(found)[0]
        part = scene.at(rows)
        near = pulled_back(part, points[rows], _FINAL_HALVINGS)
        kept = np.zeros_like(part.points)

        def normals(some: Scene, at: FloatArray, rows: IntArray) -> FloatArray:
            fresh = estimated_normals(some, at, self.probes, self.spread, rng)
            # neighbouring estimates share most of the normal and none of the noise
            kept[rows] = self.memory * kept[rows] + fresh
            return kept[rows]

        walked = walk_boundary(part, near, normals, self.walk)
        points[rows] = pulled_back(part, walked, _FINAL_HALVINGS)
        return Claims(points, found)

    def _first_flips(self, scene: Scene, rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
        """The nearest flip among other inputs and on random rays: points, and where there is one."""
        best, sizes = nearest_of_another_class(scene)
        _, largest = radius_bracket(scene, gradients=False)
        for _ in range(self.directions):
            shape = scene.points.shape
            signs = scene.threat.norm == "linf"
            drawn = rng.choice([-1.0, 1.0], shape) if signs else rng.standard_normal(shape)
            steps = scene.threat.masked(drawn)
            size = scene.threat.size(steps)
            steps = steps / np.where(size > 0, size, 1.0)[:, np.newaxis]
            # nothing beyond what is known is worth a question
            far = np.minimum(largest, np.where(np.isfinite(sizes), sizes, np.inf))
            ray = crossings(scene, steps, far, grid=_GRID, halvings=0)
            nearer = ray.sizes < sizes
            best[nearer], sizes[nearer] = scene.allowed(ray.points)[nearer], ray.sizes[nearer]
        return best, np.isfinite(sizes)


def nearest_of_another_class(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """For each input the nearest other input of another class, and the size of that change.

    Where coordinates are fixed, others are no allowed change: all sizes are infinite then. Asks nothing.
    """
    best, sizes = scene.points.copy(), np.full(len(scene.points), np.inf)
    if scene.threat.free is not None and not scene.threat.free.all():
        return best, sizes
    every = max(1, _BATCH_NUMBERS // max(1, scene.points.size))
    for first in range(0, len(scene.points), every):
        part = slice(first, first + every)
        distance = scene.threat.size(scene.points[part, np.newaxis] - scene.points)
        distance[scene.classes[part, np.newaxis] == scene.classes] = np.inf
        nearest = distance.argmin(axis=1)
        sizes[part] = distance[np.arange(len(nearest)), nearest]
        known = np.isfinite(sizes[part])
        best[part] = np.where(known[:, np.newaxis], scene.points[nearest], best[part])
    return best, sizes


def estimated_normals(
    scene: Scene, points: FloatArray, probes: int, spread: float, rng: np.random.Generator
) -> FloatArray:
    """Normals of the boundary at `points` from labels around them, towards the class of the start: "n d".

    The mean of random directions weighted by their label less the mean label; for a plane its expectation is
    along the normal. Zero where all probes agree. Asks `probes` rows for each point.
    """
    count, d = points.shape
    reach = spread * np.linalg.norm(points - scene.points, axis=1)
    normals, every = np.zeros_like(points), max(1, _BATCH_NUMBERS // (probes * d))
    for first in range(0, count, every):
        rows = np.arange(first, min(first + every, count))
        drawn = scene.threat.masked(rng.standard_normal((len(rows), probes, d)))
        drawn /= np.maximum(np.linalg.norm(drawn, axis=2, keepdims=True), np.finfo(np.float64).tiny)
        asked = scene.threat.inside(points[rows, np.newaxis] + reach[rows, np.newaxis, np.newaxis] * drawn)
        outputs = scene.model.outputs(asked.reshape(-1, d))
        own = np.repeat(scene.classes[rows], probes)
        kept = 1.0 - scene.decision.flipped(outputs, own).reshape(len(rows), probes)
        # what the box cut off was not asked
        moved = asked - points[rows, np.newaxis]
        normals[rows] = np.einsum("np,npd->nd", kept - kept.mean(axis=1, keepdims=True), moved)
    return normals
