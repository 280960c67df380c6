"""Is a hyperplane still there far from where it was seen? Ask across it and look for a bend.

A first-layer hyperplane goes on through all others; a deeper boundary bends at the first one that it meets.
So points of the candidate are taken that lie beyond as many known hyperplanes as possible, and three answers
across each tell whether there is a bend. At some points the rest of the network may be dead: two sightings
are enough.

Source: test of hyperplanes, Rolnick and Körding 2020. Cost: 3 queries per point.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import Planes
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Calibration, Probe

DRAWN = 300
"""Random points of the candidate among which the most telling are chosen, offline."""
ENOUGH = 2
"""Sightings that make a first-layer hyperplane."""
SIGMAS = 40.0
"""Second differences beyond this many standard deviations are bends."""
HALF_WIDTH = 1e-6
"""Distance of the outer answers from the candidate, as a fraction of the point's distance from the origin."""


def goes_on(
    probe: Probe,
    planes: Planes,
    normal: FloatArray,
    offset: float,
    seen_at: FloatArray,
    rng: np.random.Generator,
    points: int = 6,
) -> bool:
    """Whether the hyperplane normal @ x + offset = 0 bends the answers far from `seen_at` too.

    Args:
        probe: Where queries go.
        planes: Hyperplanes of the first layer, the candidate itself perhaps among them.
        normal: Unit vector, shape "d".
        offset: Of the candidate.
        seen_at: A point of it, shape "d".
        rng: Draws points.
        points: How many are asked.

    Raises:
        BudgetExhausted: The budget ended.
    """
    chosen = _beyond_many(planes, normal, offset, seen_at, probe.calibration, points, rng)
    sizes = probe.calibration.scale + np.linalg.norm(chosen, axis=1)
    across = HALF_WIDTH * sizes[:, np.newaxis] * normal
    asked = np.stack([chosen - across, chosen, chosen + across], axis=1)
    y = probe.ask(asked.reshape(-1, asked.shape[2])).reshape(points, 3, -1)
    second = np.abs(y[:, 0] + y[:, 2] - 2 * y[:, 1]).max(axis=1)
    noise = probe.noise.at(chosen) + EPSILON * np.abs(y).max(axis=(1, 2))
    return int((second > SIGMAS * noise).sum()) >= ENOUGH


def _beyond_many(
    planes: Planes,
    normal: FloatArray,
    offset: float,
    seen_at: FloatArray,
    calibration: Calibration,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Points of the candidate with most hyperplanes between them and `seen_at`, at several distances."""
    sizes = calibration.scale * rng.choice(np.array([0.5, 2.0, 8.0]), (DRAWN, 1))
    drawn = rng.standard_normal((DRAWN, len(normal))) * sizes / np.sqrt(len(normal))
    drawn -= (drawn @ normal + offset)[:, np.newaxis] * normal
    drawn = drawn[np.linalg.norm(drawn, axis=1) <= 0.9 * calibration.radius]
    flips = planes.patterns(drawn) != planes.patterns(seen_at[np.newaxis])
    # the candidate's own side is decided by rounding
    flips &= np.abs(planes.normals @ normal) < 1 - 1e-9
    return drawn[np.argsort(-flips.sum(axis=1), kind="stable")[:count]]
