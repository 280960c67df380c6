"""Walk along the decision boundary to the point nearest to the start, given a normal at each point on it.

From a flipped point b close to the boundary, the boundary is taken to be the plane through b with the normal
there, and b moves towards that plane's point nearest to the start. What is reached that way is pulled back
to the boundary by bisection; a step that gains nothing is tried shorter. Only classes are asked here; where
normals come from (gradients, or labels around b) is the caller's.

Idea: linearising at the last point and projecting the start is the iteration of structural reliability
(Hasofer and Lind 1974, Rackwitz and Fiessler 1978), in adversarial attacks FAB (Croce and Hein 2020); staying
on the boundary is that of Brendel et al. 2018. The line search is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import nearest_on_planes, pulled_back

Normals = Callable[[Scene, FloatArray, IntArray], FloatArray]
"""From a scene, one boundary point for each start, "n d", and the starts' rows in the walk, "n", to normals
there, "n d", that point towards the class of the start; a row of zeros where none is known."""


@dataclass(frozen=True)
class Walk:
    """How a walk goes.

    Attributes:
        steps: Most moves along the boundary.
        halvings: Bisections after each move that gained.
        trials: Lengths tried at each step, each a quarter of the one before.
        gain: A move must bring the point this share nearer at once.
        shortest: Share of the way to the plane's nearest point below which a walk ends.
    """

    steps: int = 20
    halvings: int = 10
    trials: int = 3
    gain: float = 0.002
    shortest: float = 1e-3


def walk_boundary(scene: Scene, found: FloatArray, normals: Normals, walk: Walk) -> FloatArray:
    """Flipped points nearer to their starts than `found`, or `found` itself.

    Args:
        scene: The starts.
        found: Points known to be of another class, near the boundary, shape "n d".
        normals: Asked once a step for the points still walking.
        walk: Lengths and counts.

    Cost: for each step and point one normal, `trials` rows and, where it gained, `halvings` rows.
    """
    best, share = found.copy(), np.ones(len(found))
    walking = np.ones(len(found), dtype=np.bool_)
    for _ in range(walk.steps):
        rows = np.nonzero(walking)[0]
        if not len(rows):
            break
        part = scene.at(rows)
        normal = normals(part, best[rows], rows)
        moved, gained, tried = _move(part, best[rows], normal, share[rows], walk)
        best[rows[gained]] = moved[gained]
        share[rows] = np.where(gained, np.minimum(1.0, 2.0 * tried), tried / 4.0)
        walking[rows] = (share[rows] >= walk.shortest) & np.any(normal, axis=1)
    return best


def _move(
    scene: Scene, best: FloatArray, normal: FloatArray, share: FloatArray, walk: Walk
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """One step from `best`: where to, which rows gained, and the share of the way last tried."""
    foot, size = nearest_on_planes(scene, best, normal), scene.sizes(best)
    moved, gained, tried = best.copy(), np.zeros(len(best), dtype=np.bool_), share.copy()
    for trial in range(walk.trials):
        rows = np.nonzero(~gained)[0]
        if not len(rows):
            break
        tried[rows] = share[rows] / 4.0**trial
        part = scene.at(rows)
        aim = best[rows] + tried[rows, np.newaxis] * (foot[rows] - best[rows])
        # as large as the best but for the gain asked: a flip there is nearer for certain
        length = part.sizes(aim)
        scale = (1.0 - walk.gain) * size[rows] * (length > 0) / np.where(length > 0, length, 1.0)
        aim = part.allowed(part.points + scale[:, np.newaxis] * (aim - part.points))
        out = part.flipped(aim) & (part.sizes(aim) < size[rows])
        moved[rows[out]], gained[rows[out]] = aim[out], True
    rows = np.nonzero(gained)[0]
    moved[rows] = pulled_back(scene.at(rows), moved[rows], walk.halvings)
    return moved, gained, tried
