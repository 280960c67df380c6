"""Does a bend belong to the first hidden layer? Predict where its hyperplane goes, and look.

The zero set of a first-layer neuron is a whole hyperplane; that of a deeper neuron bends at the first
earlier boundary it meets. So the hyperplane is extended to far points that lie beyond as many other
known hyperplanes as possible, and three answers across each point tell whether it is still there. Three
sightings at such points make a member; a point where the rest of the network is dead shows nothing, so
one miss does not decide.

Source: Rolnick and Körding 2020 (test of hyperplanes, theorem 1); the choice of points and the count of
sightings are ours. Cost: 3 queries per point, 9 for a clear case, at most 24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.probing.probe import Probe

POINTS_DRAWN = 64
"""Random points per candidate among which the most telling are chosen, offline."""
TRIES = 8
"""Most points looked at per candidate."""
BLIND = 3
"""A candidate that was not seen at so many points is none."""
SIGHTINGS = 3
"""A member is seen at so many of its points; two would pass a deeper neuron in few-neuron networks."""
HALVINGS = 30
"""Times that a point outside the domain is moved half way towards the witness."""
COARSE_SIGMAS = 8.0
"""Deviations of a hyperplane's place within which it is looked for, where answers are coarse."""
FAINTEST_JUMP = 5.0
"""There a bend is still seen if its jump has shrunk by this factor."""
VISIBLE_SIGMAS = 40.0
"""A bend is seen if its second difference exceeds this many standard deviations."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where candidate hyperplanes were looked for far from where they were found, and what was there."""

    seen: IntArray
    """Points at which each was still there, shape "m"."""
    stopped: IntArray
    """Points at which it was not, though the answers changed across it, shape "m"."""

    @property
    def members(self) -> BoolArray:
        """Which candidates are first-layer hyperplanes, shape "m"."""
        return self.seen >= SIGHTINGS


def belongs_to_first_layer(
    probe: Probe,
    normals: FloatArray,
    offsets: FloatArray,
    errors: FloatArray,
    witnesses: FloatArray,
    rng: np.random.Generator,
    *,
    jumps: FloatArray | None = None,
) -> BoolArray:
    """Which candidate hyperplanes are still there far from where they were seen.

    Args:
        probe: Where queries go.
        normals: Unit normals of the candidates, shape "m d".
        offsets: Shape "m".
        errors: Standard deviation of a normal's entry, shape "m".
        witnesses: Where each was seen, shape "m d".
        rng: Draws the points.
        jumps: Output change per unit across each, shape "m k", if answers are coarse: then what a bend must
            span to be seen is found from it, and errors are trusted more closely.

    Returns:
        True for members, shape "m".

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 9 queries for a clear case, up to 24 where the rest of the network is often dead.
    """
    return look_for(probe, normals, offsets, errors, witnesses, rng, jumps=jumps).members


def look_for(
    probe: Probe,
    normals: FloatArray,
    offsets: FloatArray,
    errors: FloatArray,
    witnesses: FloatArray,
    rng: np.random.Generator,
    *,
    jumps: FloatArray | None = None,
    patient: int = 0,
) -> Sightings:
    """The looks behind `belongs_to_first_layer`.

    Args:
        probe: Where queries go.
        normals: Unit normals of the candidates, shape "m d".
        offsets: Shape "m".
        errors: Standard deviation of a normal's entry, shape "m".
        witnesses: Where each was seen, shape "m d".
        rng: Draws the points.
        jumps: Output change per unit across each, shape "m k", if answers are coarse.
        patient: Look at so many points of every candidate, also where its case is clear; 0: only until it is.

    Raises:
        BudgetExhausted: The budget ended.
    """
    if not len(normals):
        none = np.zeros(0, dtype=np.int64)
        return Sightings(none, none)
    points = _telling_points(normals, offsets, witnesses, probe.calibration.scale, rng)
    points = _pulled_in(probe, points, witnesses)
    return looked_at(probe, normals, errors, points, witnesses=witnesses, jumps=jumps, patient=patient)


def looked_at(
    probe: Probe,
    normals: FloatArray,
    errors: FloatArray,
    points: FloatArray,
    *,
    witnesses: FloatArray | None = None,
    jumps: FloatArray | None = None,
    patient: int = 0,
) -> Sightings:
    """What is seen of hyperplanes at given points of them.

    Args:
        probe: Where queries go.
        normals: Unit normals, shape "m d".
        errors: Standard deviation of a normal's entry, shape "m".
        points: Where to look, the most telling first, shape "m t d" with `TRIES` points each.
        witnesses: Where each was seen, shape "m d"; needed with `jumps`.
        jumps: Output change per unit across each, shape "m k", if answers are coarse.
        patient: As for `look_for`.

    Raises:
        BudgetExhausted: The budget ended.
    """
    stopped, seen = (np.zeros(len(normals), dtype=np.int64) for _ in range(2))
    rows = np.arange(len(normals))
    if not len(rows):
        return Sightings(seen, stopped)
    for column, count in ((0, 2), *((c, 1) for c in range(2, patient or TRIES))):
        at = points[rows, column : column + count]
        across = offsets_across(probe, errors[rows], at)
        if jumps is not None and witnesses is not None:
            across = _coarse_offsets(probe, errors[rows], at, witnesses[rows], jumps[rows])
        here, moving = _sightings(probe, normals[rows], across, at)
        seen[rows] += here.sum(axis=1)
        stopped[rows] += (moving & ~here).sum(axis=1)
        tried = column + count
        # a member has been seen often enough; what was never seen in three looks is none
        open_case = (seen < SIGHTINGS) & ((tried < BLIND) | (seen > 0)) & (seen + TRIES - tried >= SIGHTINGS)
        rows = rows if patient else rows[open_case[rows]]
        if not len(rows):
            break
    return Sightings(seen, stopped)


def _telling_points(
    normals: FloatArray, offsets: FloatArray, witnesses: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    """Points on each candidate, together beyond as many other candidates as possible: "m t d"."""
    count, dim = normals.shape
    drawn = rng.standard_normal((POINTS_DRAWN, dim)) * scale / np.sqrt(dim)
    drawn *= rng.choice(np.array([0.5, 1.0, 3.0]), (POINTS_DRAWN, 1))
    chosen = np.empty((count, TRIES, dim))
    all_heights = drawn @ normals.T + offsets
    for m in range(count):
        # moving a point onto candidate m moves its heights over the others by the cosines of the normals
        heights = all_heights[:, m, np.newaxis]
        sides = (all_heights - heights * (normals @ normals[m])) * (normals @ witnesses[m] + offsets) < 0
        sides[:, m] = False
        picked = covering(sides)
        chosen[m] = drawn[picked] - heights[picked] * normals[m]
    return chosen


def _pulled_in(probe: Probe, points: FloatArray, witnesses: FloatArray) -> FloatArray:
    """Points outside the domain moved along their hyperplane towards its witness, which lies inside."""
    for _ in range(HALVINGS):
        outside = ~probe.domain.holds(points / 0.99)
        if not outside.any():
            break
        points = np.where(outside[:, :, np.newaxis], (points + witnesses[:, np.newaxis]) / 2, points)
    return points


def covering(sides: BoolArray) -> list[int]:
    """`TRIES` rows that together cover as many columns as possible, each new column first."""
    left = np.ones(sides.shape[1], dtype=np.bool_)
    picked: list[int] = []
    for _ in range(TRIES):
        worth = (sides & left).sum(axis=1) + 1e-3 * sides.sum(axis=1)
        worth[picked] = -1.0
        picked.append(int(np.argmax(worth)))
        left &= ~sides[picked[-1]]
        if not left.any() or not (sides & left).any():
            left = np.ones(sides.shape[1], dtype=np.bool_)
    return picked


def offsets_across(probe: Probe, errors: FloatArray, points: FloatArray) -> FloatArray:
    """How far to either side of each point ("m p d") to look: "m p"."""
    norms = np.linalg.norm(points, axis=2)
    # wide enough for the normal's error at that distance, narrow enough to meet no other bend
    return np.maximum(2e-6 * probe.calibration.scale, 30 * errors[:, np.newaxis] * norms)


def _coarse_offsets(
    probe: Probe, errors: FloatArray, points: FloatArray, witnesses: FloatArray, jumps: FloatArray
) -> FloatArray:
    """The same for coarse answers: the bend must rise above the noise, and the witness is a fixed point."""
    norms = np.linalg.norm(points, axis=2)
    lever = np.linalg.norm(points - witnesses[:, np.newaxis], axis=2)
    size = np.linalg.norm(jumps, axis=1)[:, np.newaxis]
    seen_from = FAINTEST_JUMP * VISIBLE_SIGMAS * probe.noise.at_norm(norms) / size
    return np.maximum(seen_from, COARSE_SIGMAS * errors[:, np.newaxis] * lever)


def _sightings(
    probe: Probe, normals: FloatArray, offset: FloatArray, points: FloatArray
) -> tuple[BoolArray, BoolArray]:
    """At which of its points ("m p d") each hyperplane shows within an offset, and answers change: "m p"."""
    norms = np.linalg.norm(points, axis=2)
    across = offset[:, :, np.newaxis] * normals[:, np.newaxis]
    asked = np.stack([points - across, points, points + across], axis=2)
    y = probe.ask(asked.reshape(-1, asked.shape[3])).reshape(*asked.shape[:3], -1)
    bend = np.abs(y[:, :, 0] + y[:, :, 2] - 2 * y[:, :, 1]).max(axis=2)
    change = np.abs(y[:, :, 2] - y[:, :, 0]).max(axis=2)
    least = VISIBLE_SIGMAS * probe.noise.at_norm(norms)
    return bend > least, change > least
