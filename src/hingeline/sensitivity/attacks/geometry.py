"""Steps that several attacks take: onto a ball, onto a plane, back along a segment, out along a ray.

Cost: no question but where it is said. Source of the projection on the l1 ball: Duchi et al. 2008.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.rays import GRID, HALVINGS, Crossings, ray_crossings
from hingeline.sensitivity.threat import Threat

LINEAR_STEPS = 4.0
"""How far a ray is followed, in linear distances."""
RELATIVE_STEPS = 3.2
"""How far a ray is followed at least, in |x| / sqrt(d): a half-normal of that scale ends before it."""
_PLANE_HALVINGS = 50


def reaches(scene: Scene, distances: FloatArray, directions: FloatArray) -> FloatArray:
    """How far to follow rays: max(4 linear distances, 3.2 |x| / sqrt(d)), in steps of the direction.

    The second is a Euclidean length, so it is divided by the direction's; d counts free coordinates.

    Args:
        scene: Where the rays start.
        distances: Linear distances, shape "n"; where infinite, the reach is 0.
        directions: Steps of size 1 in the threat's norm, shape "n d".
    """
    length = np.linalg.norm(directions, axis=1)
    typical = np.linalg.norm(scene.points, axis=1) / np.sqrt(max(1, scene.free_count))
    least = RELATIVE_STEPS * typical / np.where(length > 0, length, 1.0)
    known = np.isfinite(distances)
    return np.where(known, np.maximum(LINEAR_STEPS * np.where(known, distances, 0.0), least), 0.0)


def crossings(
    scene: Scene,
    directions: FloatArray,
    lengths: FloatArray,
    *,
    grid: int = GRID,
    halvings: int = HALVINGS,
) -> Crossings:
    """First changes of class along rays from the scene's points; asks `grid` + `halvings` rows each."""
    return ray_crossings(
        scene.model,
        scene.decision,
        scene.points,
        scene.classes,
        directions,
        lengths,
        scene.threat,
        grid=grid,
        halvings=halvings,
    )


def pulled_back(scene: Scene, points: FloatArray, halvings: int) -> FloatArray:
    """Points of another class, moved back along the segment to their start as far as the class stays another.

    Asks one row for each halving and point.

    Args:
        scene: Where the segments end.
        points: Known to be of another class, shape "n d".
        halvings: Bisections.
    """
    near, far = np.zeros(len(points)), np.ones(len(points))
    change, best = points - scene.points, points.copy()
    for _ in range(halvings):
        middle = 0.5 * (near + far)
        tried = scene.allowed(scene.points + middle[:, np.newaxis] * change)
        out = scene.flipped(tried)
        best[out] = tried[out]
        near, far = np.where(out, near, middle), np.where(out, middle, far)
    return best


def within(scene: Scene, points: FloatArray, radii: FloatArray) -> FloatArray:
    """The points of the threat's balls of `radii` around the starts that are nearest to `points`.

    Then into the box, which moves no coordinate away from its start.
    """
    change, limit = scene.threat.masked(points - scene.points), radii[:, np.newaxis]
    match scene.threat.norm:
        case "l2":
            length = np.linalg.norm(change, axis=1, keepdims=True)
            change = change * np.minimum(1.0, limit / np.where(length > 0, length, 1.0))
        case "linf":
            change = np.clip(change, -limit, limit)
        case "l1":
            change = _on_l1_ball(change, radii)
    return scene.allowed(scene.points + change)


def _on_l1_ball(changes: FloatArray, radii: FloatArray) -> FloatArray:
    """Nearest changes of l1 norm at most `radii`: soft thresholding by the level that sorting gives."""
    magnitudes = np.sort(np.abs(changes), axis=1)[:, ::-1]
    excess = np.cumsum(magnitudes, axis=1) - radii[:, np.newaxis]
    levels = excess / np.arange(1, changes.shape[1] + 1)
    last = np.maximum((magnitudes > levels).sum(axis=1) - 1, 0)
    level = np.maximum(levels[np.arange(len(changes)), last], 0.0)[:, np.newaxis]
    return np.sign(changes) * np.maximum(np.abs(changes) - level, 0.0)


def nearest_on_planes(scene: Scene, through: FloatArray, normals: FloatArray) -> FloatArray:
    """The point of each hyperplane nearest to the start, inside the box and with fixed coordinates kept.

    A plane holds the points x with <normal, x> = <normal, through>; the start lies on its positive side. If
    no allowed point reaches the plane, the one that comes nearest to it is given.

    Args:
        scene: The starts, the norm and the box.
        through: One point of each plane, shape "n d".
        normals: Their normals, shape "n d".
    """
    threat, normal = scene.threat, scene.threat.masked(normals)
    # what must be lost of <normal, x>; nothing to do where the start is beyond
    wanted = np.maximum(((scene.points - through) * normal).sum(axis=1), 0.0)
    if threat.norm == "l1":
        return scene.allowed(scene.points + _one_after_the_other(scene, normal, wanted))
    steps = threat.steepest(normal)
    if threat.box is None:
        steepness = threat.dual(normal)
        length = np.divide(wanted, steepness, out=np.zeros_like(wanted), where=steepness > 0)
        return scene.points + length[:, np.newaxis] * steps
    return _clipped_to_planes(scene.points, steps, normal, wanted, threat)


def _clipped_to_planes(
    points: FloatArray, steps: FloatArray, normal: FloatArray, wanted: FloatArray, threat: Threat
) -> FloatArray:
    """clip(x + t u) for the t at which enough of <normal, x> is lost: the loss grows with t."""
    largest = np.abs(steps).max(axis=1, initial=0.0)
    low_end, high_end = threat.box or (0.0, 0.0)
    smallest = np.where(np.abs(steps) > 0, np.abs(steps), np.inf).min(axis=1, initial=np.inf)
    usable = np.where(np.isfinite(smallest) & (largest > 0), smallest, 1.0)
    # by then every coordinate that moves has met a side of the box
    near, far = np.zeros(len(points)), (high_end - low_end) / usable
    for _ in range(_PLANE_HALVINGS):
        middle = 0.5 * (near + far)
        moved = threat.inside(points + middle[:, np.newaxis] * steps)
        enough = ((points - moved) * normal).sum(axis=1) >= wanted
        near, far = np.where(enough, near, middle), np.where(enough, middle, far)
    return threat.inside(points + far[:, np.newaxis] * steps)


def _one_after_the_other(scene: Scene, normal: FloatArray, wanted: FloatArray) -> FloatArray:
    """The cheapest change in l1: steepest coordinates first, each as far as the box lets it."""
    if scene.threat.box is None:
        room = np.full(normal.shape, np.inf)
    else:
        low, high = scene.threat.box
        room = np.where(normal > 0, scene.points - low, high - scene.points)
    order = np.argsort(-np.abs(normal), axis=1)
    slope = np.take_along_axis(np.abs(normal), order, axis=1)
    room = np.take_along_axis(room, order, axis=1)
    # beyond what is wanted no coordinate has to give more
    gain = np.where(slope > 0, np.minimum(slope * np.where(slope > 0, room, 0.0), wanted[:, np.newaxis]), 0.0)
    before = np.cumsum(gain, axis=1) - gain
    used = np.clip(wanted[:, np.newaxis] - before, 0.0, gain)
    amount = np.divide(used, slope, out=np.zeros_like(used), where=slope > 0)
    change = np.zeros_like(normal)
    np.put_along_axis(change, order, amount, axis=1)
    return -np.sign(normal) * change
