"""Our minimum-size attack with gradients: linearised steps to the boundary, then a walk along it.

Starts lie on the gradient ray and at the end of repeated linearised steps (DeepFool, Moosavi-Dezfooli, Fawzi
and Frossard 2016), from the input and from random places near it; each is walked to the nearest boundary
point by `boundary_walk`, with the gradient of the lead that is lost as the normal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.boundary_walk import Walk, walk_boundary
from hingeline.sensitivity.attacks.geometry import nearest_on_planes, pulled_back, within
from hingeline.sensitivity.attacks.ray import GradientRay
from hingeline.sensitivity.linear import LinearFlips, linear_flips

_FINAL_HALVINGS = 20
_OVERSHOOT = 1.02
"""A linearised step aims this much beyond the boundary, as DeepFool does, to land on the other side."""


@dataclass(frozen=True)
class BoundaryDescent(Attack):
    """Smallest flip by linearising the boundary again and again.

    Cost: the gradient ray, then for each start at most `linear_steps` gradients for each rival looked at and
    `walk.steps` gradients with at most `walk.trials` + `walk.halvings` + 1 answers each.
    """

    starts: int = 2
    """Walks for each input: the first from its own gradient, the others from random places near it."""
    linear_steps: int = 30
    """Most linearised steps to find a flip."""
    most_rivals: int = 4
    """Rivals whose gradient a linearised step looks at, nearest in lead first."""
    walk: Walk = field(default_factory=Walk)
    """How the boundary is walked."""

    def __post_init__(self) -> None:
        if min(self.starts, self.linear_steps, self.most_rivals) < 1:
            raise InvalidInput("boundary descent wants at least one start, one step and one rival")

    @property
    def name(self) -> str:
        """For people and tables."""
        return "boundary descent"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Walk from every start and keep the nearest flip."""
        ray = GradientRay().search(scene, rng)
        best, sizes = ray.points.copy(), np.where(ray.found, scene.sizes(ray.points), np.inf)
        self._improve(scene, best, sizes, ray.points, ray.found)
        for start in range(self.starts):
            begin = scene.points if start == 0 else _near(scene, sizes, rng)
            points, found = linearised_steps(scene, begin, self.linear_steps, self.most_rivals)
            self._improve(scene, best, sizes, points, found)
        return Claims(best, np.isfinite(sizes), ray.note)

    def _improve(
        self, scene: Scene, best: FloatArray, sizes: FloatArray, points: FloatArray, found: BoolArray
    ) -> None:
        """Walk from the flips among `points`; overwrite what they beat in `best` and `sizes`."""
        rows = np.nonzero(found)[0]
        part = scene.at(rows)
        on_boundary = pulled_back(part, points[rows], self.walk.halvings)
        walked = walk_boundary(part, on_boundary, lead_normals, self.walk)
        walked = pulled_back(part, walked, _FINAL_HALVINGS)
        size = part.sizes(walked)
        nearer = size < sizes[rows]
        best[rows[nearer]], sizes[rows[nearer]] = walked[nearer], size[nearer]


def lead_normals(scene: Scene, points: FloatArray, rows: IntArray) -> FloatArray:
    """Gradients at flipped points of the lead over the class found there: "n d" to "n d"; one row each."""
    rivals = scene.decision.of(scene.model.outputs(points))
    return scene.model.gradients(points, lead_rows(scene, rivals))


def lead_rows(scene: Scene, rivals: IntArray) -> FloatArray:
    """Combinations of outputs whose value is the lead over `rivals`: "n" to "n k"."""
    place = np.clip(rivals - (rivals > scene.classes), 0, scene.decision.rivals - 1)
    return scene.decision.rows(scene.classes)[np.arange(len(rivals)), place]


def linearised_steps(
    scene: Scene, begin: FloatArray, steps: int, most_rivals: int
) -> tuple[FloatArray, BoolArray]:
    """Step to the nearest linearised boundary until the class is another; points, and where it became so.

    An input at which no gradient is left stands still and is given up.
    """
    points, found = begin.copy(), np.zeros(len(begin), dtype=np.bool_)
    moving = np.ones(len(begin), dtype=np.bool_)
    for _ in range(steps):
        rows = np.nonzero(moving)[0]
        if not len(rows):
            break
        part = scene.at(rows)
        flips = linear_flips(scene.model, scene.decision, points[rows], scene.threat, most_rivals=most_rivals)
        out = flips.classes != part.classes
        found[rows[out]] = True
        moving[rows] = np.isfinite(flips.distances) & ~out
        going = moving[rows]
        points[rows[going]] = _beyond_the_plane(part, points[rows], flips)[going]
    rows = np.nonzero(moving)[0]
    found[rows] = scene.at(rows).flipped(points[rows])
    return points, found


def _beyond_the_plane(scene: Scene, points: FloatArray, flips: LinearFlips) -> FloatArray:
    """The allowed points nearest to `points` at which the linearised lead is a little below zero."""
    squares = (flips.gradients**2).sum(axis=1)
    share = np.divide(_OVERSHOOT * flips.leads, squares, out=np.zeros_like(squares), where=squares > 0)
    through = points - share[:, np.newaxis] * flips.gradients
    return scene.allowed(nearest_on_planes(replace(scene, points=points), through, flips.gradients))


def _near(scene: Scene, sizes: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Random points half as far away as the best flip; the start where none is known."""
    radii = np.where(np.isfinite(sizes), 0.5 * sizes, 0.0)
    drawn = scene.threat.masked(rng.standard_normal(scene.points.shape))
    size = scene.threat.size(drawn)
    scale = radii / np.where(size > 0, size, 1.0)
    return within(scene, scene.points + scale[:, np.newaxis] * drawn, radii)
