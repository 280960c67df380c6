"""From an attack at a fixed radius to a smallest size: bisection of every input's own radius.

A radius that fails is taken as too small for good, which a stronger attack might not confirm; what succeeds
is pulled back to its start first, so that the next radius is below what is already known.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import (
    LINEAR_STEPS,
    RELATIVE_STEPS,
    pulled_back,
)
from hingeline.sensitivity.linear import linear_flips

Attempt = Callable[[Scene, FloatArray, FloatArray], tuple[FloatArray, BoolArray]]
"""From a scene, one radius for each input, "n", and the flips known so far (the start where there is none),
"n d", to points inside the radii, "n d", and which of them are of another class, "n"."""

_PULLS = 12


def smallest_radius(
    scene: Scene,
    attempt: Attempt,
    first: FloatArray,
    largest: FloatArray,
    *,
    halvings: int,
    closeness: float = 0.01,
) -> tuple[FloatArray, BoolArray]:
    """Smallest flips that `attempt` finds: the points, and where there is one.

    Args:
        scene: The starts.
        attempt: An attack at fixed radii.
        first: Radii to begin with, shape "n", above 0; doubled until something flips.
        largest: Radii beyond which nothing is tried, shape "n".
        halvings: Bisections of the radius.
        closeness: An input is done once its bracket's ends differ by this share.

    Cost: one attempt for each doubling and halving, and 12 rows for each that succeeds.
    """
    best, low = scene.points.copy(), np.zeros(len(first))
    high = np.full(len(first), np.inf)
    radii, doublings = np.minimum(first, largest), 0
    while len(rows := np.nonzero(~np.isfinite(high) & (low < largest))[0]):
        _try(scene, attempt, rows, radii, best, low, high)
        radii, doublings = np.minimum(2.0 * radii, largest), doublings + 1
        if doublings > 60:
            break
    for _ in range(halvings):
        rows = np.nonzero(np.isfinite(high) & (low < (1.0 - closeness) * high))[0]
        if not len(rows):
            break
        _try(scene, attempt, rows, 0.5 * (low + high), best, low, high)
    return best, np.isfinite(high)


def _try(
    scene: Scene,
    attempt: Attempt,
    rows: IntArray,
    radii: FloatArray,
    best: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> None:
    """Attack `rows` at their radii and move one end of each bracket (in `best`, `low`, `high`)."""
    part = scene.at(rows)
    points, found = attempt(part, radii[rows], best[rows])
    low[rows[~found]] = radii[rows[~found]]
    won = rows[found]
    pulled = pulled_back(scene.at(won), points[found], _PULLS)
    size = scene.at(won).sizes(pulled)
    nearer = size < high[won]
    best[won[nearer]], high[won[nearer]] = pulled[nearer], size[nearer]


def radius_bracket(scene: Scene, *, gradients: bool = True) -> tuple[FloatArray, FloatArray]:
    """Radii to begin with and radii at which to stop, shape "n" each.

    The first is the linear distance where there is one, else a tenth of |x| / sqrt(d) in the threat's norm;
    the last is as far as rays are followed (twice that without gradients, since directions are worse), or the
    whole box where there is one.

    Args:
        scene: The starts.
        gradients: Whether gradients may be asked for.
    """
    d = max(1, scene.free_count)
    typical = np.linalg.norm(scene.points, axis=1) / np.sqrt(d)
    # all free coordinates moved alike: Euclidean length `typical`, in the threat's norm
    even = scene.threat.masked(np.full_like(scene.points, 1.0 / np.sqrt(d)))
    unit = np.where(typical > 0, typical, 1.0) * scene.threat.size(even)
    first, largest = 0.1 * unit, (1.0 if gradients else 2.0) * RELATIVE_STEPS * unit
    if gradients:
        linear = linear_flips(scene.model, scene.decision, scene.points, scene.threat).distances
        known = np.isfinite(linear) & (linear > 0)
        first = np.where(known, linear, first)
        largest = np.maximum(largest, LINEAR_STEPS * np.where(known, linear, 0.0))
    if scene.threat.box is not None:
        low, high = scene.threat.box
        corner = np.where(scene.points - low > high - scene.points, low, high)
        largest = scene.threat.size(scene.threat.masked(corner - scene.points))
    return np.minimum(first, largest), largest
