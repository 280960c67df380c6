"""Does a bend belong to the first hidden layer? Predict where its hyperplane goes, and look.

The zero set of a first-layer neuron is a whole hyperplane; that of a deeper neuron bends at the first
earlier boundary it meets. So the hyperplane is extended to far points that lie beyond as many other
known hyperplanes as possible, and three answers across each point tell whether it is still there. Two
sightings at such points make a member; a point where the rest of the network is dead shows nothing, so
one miss does not decide.

Source: Rolnick and Körding 2020 (test of hyperplanes, theorem 1); the choice of points and the count of
sightings are ours. Cost: 3 queries per point, 6 to 12 per candidate.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.probing.probe import Probe

POINTS_DRAWN = 64
"""Random points per candidate among which the most telling are chosen, offline."""
VISIBLE_SIGMAS = 40.0
"""A bend is seen if its second difference exceeds this many standard deviations."""


def belongs_to_first_layer(
    probe: Probe,
    normals: FloatArray,
    offsets: FloatArray,
    errors: FloatArray,
    witnesses: FloatArray,
    rng: np.random.Generator,
) -> BoolArray:
    """Which candidate hyperplanes are still there far from where they were seen.

    Args:
        probe: Where queries go.
        normals: Unit normals of the candidates, shape "m d".
        offsets: Shape "m".
        errors: Standard deviation of a normal's entry, shape "m".
        witnesses: Where each was seen, shape "m d".
        rng: Draws the points.

    Returns:
        True for members, shape "m".

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 6 queries per candidate, 6 more where the first two points disagree.
    """
    points = _telling_points(normals, offsets, witnesses, probe.calibration.scale, rng)
    seen = _sightings(probe, normals, errors, points[:, :2])
    unsure = np.nonzero(seen == 1)[0]
    if len(unsure):
        seen[unsure] += _sightings(probe, normals[unsure], errors[unsure], points[unsure, 2:])
    return seen >= 2


def _telling_points(
    normals: FloatArray, offsets: FloatArray, witnesses: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    """Four points on each candidate, beyond as many other candidates as possible: "m 4 d"."""
    count, dim = normals.shape
    drawn = rng.standard_normal((POINTS_DRAWN, dim)) * scale / np.sqrt(dim)
    drawn *= rng.choice(np.array([0.5, 1.0, 3.0]), (POINTS_DRAWN, 1))
    chosen = np.empty((count, 4, dim))
    for m in range(count):
        heights = drawn @ normals[m] + offsets[m]
        points = drawn - heights[:, np.newaxis] * normals[m]
        sides = (points @ normals.T + offsets) * (normals @ witnesses[m] + offsets) < 0
        sides[:, m] = False
        best = np.argsort(-sides.sum(axis=1), kind="stable")[:4]
        chosen[m] = points[best]
    return chosen


def _sightings(probe: Probe, normals: FloatArray, errors: FloatArray, points: FloatArray) -> FloatArray:
    """At how many of its points ("m p d") each hyperplane shows: "m"."""
    norms = np.linalg.norm(points, axis=2)
    # wide enough for the normal's error at that distance, narrow enough to meet no other bend
    offset = np.maximum(2e-6 * probe.calibration.scale, 30 * errors[:, np.newaxis] * norms)
    across = offset[:, :, np.newaxis] * normals[:, np.newaxis]
    asked = np.stack([points - across, points, points + across], axis=2)
    y = probe.ask(asked.reshape(-1, asked.shape[3])).reshape(*asked.shape[:3], -1)
    bend = np.abs(y[:, :, 0] + y[:, :, 2] - 2 * y[:, :, 1]).max(axis=2)
    return (bend > VISIBLE_SIGMAS * probe.noise.at_norm(norms)).sum(axis=1)
