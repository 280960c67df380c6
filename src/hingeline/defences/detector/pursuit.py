"""Projected gradient ascent that ends, input by input, at the first point that is wrong and undetected.

Success is asked of the real model and the real detector every few steps, so an ascent on a stand-in is judged
by what it stands for. Cost: `restarts` times `steps` gradients, and a fifth as many answers of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.defences.detector.extra_class import ExtraClassModel
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.projected_gradient import random_within
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

Ascent = Callable[[FloatArray, IntArray], FloatArray]
"""From points, "n d", and their rows among the inputs, "n", to what is climbed there, "n d"."""


@dataclass(frozen=True)
class Pursuit:
    """How long and how far."""

    steps: int = 80
    """Steps of each restart."""
    restarts: int = 2
    """The first begins at the input, the others at random places within the radius."""
    first_step: float = 0.3
    """Length of the first step, as a share of the radius."""
    last_step: float = 0.01
    """Length of the last one; a cosine lies between."""
    every: int = 5
    """Steps between two looks at whether it has succeeded."""

    def __post_init__(self) -> None:
        whole = min(self.steps, self.restarts, self.every) >= 1
        if not (whole and self.first_step >= self.last_step > 0):
            raise InvalidInput(f"a pursuit wants counts from 1 up and falling steps; got {self}")


def evading_scene(
    model: Model, detector: HiddenLayerDetector, points: FloatArray, classes: IntArray, threat: Threat
) -> Scene:
    """The scene in which a flip is a change to wrong and undetected."""
    joint = ExtraClassModel(model, detector)
    return Scene(joint, joint.evading, points, classes, threat)


def pursue(
    scene: Scene,
    radii: FloatArray,
    ascent: Ascent,
    pursuit: Pursuit,
    rng: np.random.Generator,
    *,
    also: FloatArray | None = None,
) -> tuple[FloatArray, BoolArray]:
    """Climb within the radii until wrong and undetected: points, and which are.

    Args:
        scene: From `evading_scene`.
        radii: One for each input, shape "n".
        ascent: What is climbed.
        pursuit: How long.
        rng: Draws the starts after the first.
        also: One more point within the radius to begin at, shape "n d", such as a wrong but detected one.
    """
    best, found = scene.points.copy(), scene.flipped(scene.points)
    for restart in range(pursuit.restarts + (also is not None)):
        rows = np.nonzero(~found)[0]
        if not len(rows):
            break
        part = scene.at(rows)
        if restart == pursuit.restarts and also is not None:
            begin = also[rows]
        else:
            begin = random_within(part, radii[rows], rng) if restart else part.points
        best[rows], found[rows] = _climb(
            part, begin, radii[rows], lambda p, r, m=rows: ascent(p, m[r]), pursuit
        )
    best[~found] = scene.points[~found]
    return best, found


def _climb(
    scene: Scene, begin: FloatArray, radii: FloatArray, ascent: Ascent, pursuit: Pursuit
) -> tuple[FloatArray, BoolArray]:
    """One restart."""
    points, found = begin.copy(), np.zeros(len(begin), dtype=np.bool_)
    for step in range(pursuit.steps):
        rows = np.nonzero(~found)[0]
        if not len(rows):
            break
        part = scene.at(rows)
        falling = 0.5 * (1.0 + np.cos(np.pi * step / max(1, pursuit.steps - 1)))
        share = pursuit.last_step + (pursuit.first_step - pursuit.last_step) * falling
        steepest = scene.threat.steepest(-ascent(points[rows], rows))
        points[rows] = within(part, points[rows] + share * radii[rows, np.newaxis] * steepest, radii[rows])
        if (step + 1) % pursuit.every == 0 or step + 1 == pursuit.steps:
            found[rows] = part.flipped(points[rows])
    return points, found
