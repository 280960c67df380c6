"""Projected gradient descent on the smallest lead, at a fixed radius or at the smallest that succeeds.

Source: Madry et al. 2018; the margin loss is that of Carlini and Wagner 2017, l1 steps on several coordinates
at once are those of Tramèr and Boneh 2019. Step lengths fall along a cosine from the radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.geometry import pulled_back, within
from hingeline.sensitivity.attacks.smallest_radius import radius_bracket, smallest_radius
from hingeline.sensitivity.threat import Threat

_L1_SHARE = 0.05
"""Share of the coordinates that one l1 step moves."""
_LAST_STEP = 0.02
"""The last step as a share of the first."""
_FINAL_HALVINGS = 20


@dataclass(frozen=True)
class ProjectedGradient(Attack):
    """Any flip within a fixed radius: success at eps.

    Cost: one answer and one gradient for each step of each restart, for inputs that have not flipped yet.
    """

    radius: float
    """Largest size of the change, in the threat's norm."""
    steps: int = 40
    """Steps of each restart."""
    restarts: int = 3
    """The first begins at the input, the others at random places within the radius."""
    first_step: float = 0.5
    """Length of the first step, as a share of the radius."""

    def __post_init__(self) -> None:
        _check(self.radius, self.steps, self.restarts, self.first_step)

    @property
    def name(self) -> str:
        """With its radius."""
        return f"projected gradient at {self.radius:g}"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Descend from every restart until something flips."""
        radii, points = np.full(len(scene.points), self.radius), scene.points.copy()
        found = np.zeros(len(radii), dtype=np.bool_)
        for restart in range(self.restarts):
            rows = np.nonzero(~found)[0]
            part = scene.at(rows)
            begin = random_within(part, radii[rows], rng) if restart else part.points
            points[rows], found[rows] = descend(part, begin, radii[rows], self.steps, self.first_step)
        return Claims(points, found)


@dataclass(frozen=True)
class SmallestProjectedGradient(Attack):
    """Smallest flip by projected gradient descent at bisected radii.

    Cost: at most `halvings` (and a few doublings) times `restarts` times `steps` answers and gradients.
    """

    steps: int = 30
    """Steps of each restart."""
    restarts: int = 2
    """The first begins at the input, the second at the best flip so far, the others at random places."""
    halvings: int = 7
    """Bisections of the radius."""
    first_step: float = 0.5
    """Length of the first step, as a share of the radius."""

    def __post_init__(self) -> None:
        _check(1.0, self.steps, self.restarts, self.first_step)

    @property
    def name(self) -> str:
        """For people and tables."""
        return "projected gradient"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Bisect every input's radius, then go back along the segment to the start."""

        def attempt(part: Scene, radii: FloatArray, known: FloatArray) -> tuple[FloatArray, BoolArray]:
            points, found = part.points.copy(), np.zeros(len(radii), dtype=np.bool_)
            for restart in range(self.restarts):
                rows = np.nonzero(~found)[0]
                some = part.at(rows)
                begin = self._begin(restart, some, radii[rows], known[rows], rng)
                points[rows], found[rows] = descend(some, begin, radii[rows], self.steps, self.first_step)
            return points, found

        first, largest = radius_bracket(scene)
        points, found = smallest_radius(scene, attempt, first, largest, halvings=self.halvings)
        rows = np.nonzero(found)[0]
        points[rows] = pulled_back(scene.at(rows), points[rows], _FINAL_HALVINGS)
        return Claims(points, found)

    @staticmethod
    def _begin(
        restart: int, scene: Scene, radii: FloatArray, known: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        match restart:
            case 0:
                return scene.points
            case 1:
                return within(scene, known, radii)
            case _:
                return random_within(scene, radii, rng)


def descend(
    scene: Scene, begin: FloatArray, radii: FloatArray, steps: int, first_step: float
) -> tuple[FloatArray, BoolArray]:
    """Descend on the smallest lead within the radii; points, and which are of another class.

    Inputs stop as soon as they flip. One answer and one gradient each step, one answer at the end.
    """
    points, found = begin.copy(), np.zeros(len(begin), dtype=np.bool_)
    for step in range(steps):
        rows = np.nonzero(~found)[0]
        if not len(rows):
            break
        part = scene.at(rows)
        out, gradients = _smallest_lead(part, points[rows])
        found[rows[out]] = True
        length = radii[rows] * step_share(step, steps, first_step)
        moved = points[rows] + length[:, np.newaxis] * spread_steepest(scene.threat, gradients)
        moved = within(part, moved, radii[rows])
        points[rows[~out]] = moved[~out]
    rows = np.nonzero(~found)[0]
    found[rows] = scene.at(rows).flipped(points[rows])
    return points, found


def random_within(scene: Scene, radii: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Random points within the radii: a Gaussian direction (uniform for l-infinity), any share of the way."""
    shape = scene.points.shape
    drawn = rng.uniform(-1.0, 1.0, shape) if scene.threat.norm == "linf" else rng.standard_normal(shape)
    change = scene.threat.masked(drawn)
    size = scene.threat.size(change)
    scale = radii * rng.uniform(0.0, 1.0, len(radii)) / np.where(size > 0, size, 1.0)
    return within(scene, scene.points + scale[:, np.newaxis] * change, radii)


def _smallest_lead(scene: Scene, points: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Which points flipped already, and the gradient of the smallest lead at the others (zero rows else)."""
    outputs = scene.model.outputs(points)
    out = scene.decision.flipped(outputs, scene.classes)
    nearest = scene.decision.leads(outputs, scene.classes).argmin(axis=1)
    rows = np.nonzero(~out)[0]
    weights = scene.decision.rows(scene.classes[rows])[np.arange(len(rows)), nearest[rows]]
    gradients = np.zeros_like(points)
    gradients[rows] = scene.model.gradients(points[rows], weights)
    return out, gradients


def step_share(step: int, steps: int, first: float) -> float:
    """Cosine from `first` to a fiftieth of it."""
    falling = 0.5 * (1.0 + np.cos(np.pi * step / max(1, steps - 1)))
    return float(first * (_LAST_STEP + (1.0 - _LAST_STEP) * falling))


def spread_steepest(threat: Threat, gradients: FloatArray) -> FloatArray:
    """Steps of size 1; for l1 spread over the steepest coordinates, since one alone hardly moves."""
    if threat.norm != "l1":
        return threat.steepest(gradients)
    magnitude = np.abs(threat.masked(gradients))
    count = max(1, int(np.ceil(_L1_SHARE * magnitude.shape[1])))
    least = np.partition(magnitude, -count, axis=1)[:, -count, np.newaxis]
    chosen = (magnitude >= least) & (magnitude > 0)
    return -np.sign(gradients) * chosen / np.maximum(1, chosen.sum(axis=1, keepdims=True))


def _check(radius: float, steps: int, restarts: int, first_step: float) -> None:
    if not (radius > 0 and steps >= 1 and restarts >= 1 and first_step > 0):
        raise InvalidInput(
            "projected gradient wants a radius and a step above 0, and at least one step and one restart; "
            f"got {radius}, {first_step}, {steps}, {restarts}"
        )
