"""Corners of the box [0, 1]^n on a plane: find one, prove there is none, prove there is no other.

Idea: reflections alternate between box and plane; where the plane touches the box in one corner only, they
end there in milliseconds, and where it misses the box, their drift is the normal of a separating hyperplane.
That a corner is the only one has a certificate too, found by non-negative least squares and checked in one
line. What neither settles goes to HiGHS, which branches and bounds.

Sources: Douglas and Rachford 1956 (reflections); the alternatives of Gordan and Farkas (certificates); Donoho
and Tanner 2010, Counting the faces of randomly-projected hypercubes (when the box alone decides); Huangfu and
Hall 2018 (HiGHS).
Cost: 784 equations in 1,024 bits: 0.1 s to find the corner, 1 to 2 s to prove it the only one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import EPSILON

# HiGHS accepts violations of 1e-6; scaling equations up makes that 1e-9 of a bit.
ROW_SCALE = 1e3
REFLECTIONS = 4000
# Reflections use the directions that are known much better than a bit.
SHARP = 1e-3
# Candidates that HiGHS accepts within its own tolerance but that do not fit in float64.
FALSE_CANDIDATES = 5


@dataclass(frozen=True)
class Plane:
    """The points with |directions @ x - values| <= half_width."""

    directions: FloatArray
    """Orthonormal rows, "p n"."""
    values: FloatArray
    """Shape "p"."""
    half_width: FloatArray
    """Certain bound on the error of each value, "p"."""

    def sharp(self) -> Plane:
        """The same without the directions that are badly known."""
        kept = self.half_width < SHARP
        return Plane(self.directions[kept], self.values[kept], self.half_width[kept])


def by_projections(plane: Plane, fits: Callable[[FloatArray], bool]) -> tuple[FloatArray | None, bool]:
    """A corner that `fits`, if reflections lead to one, and whether the box surely misses the plane."""
    sharp = plane.sharp()
    directions, values = sharp.directions, sharp.values
    state = directions.T @ values
    for step in range(REFLECTIONS):
        inside = np.clip(state, 0.0, 1.0)
        mirrored = 2.0 * inside - state
        on_plane = mirrored - directions.T @ (directions @ mirrored - values)
        state = state + on_plane - inside
        if step % 20:
            continue
        nearest = np.round(np.clip(on_plane, 0.0, 1.0))
        if fits(nearest):
            return nearest, False
        if _separates(directions @ (on_plane - inside), sharp):
            return None, True
    return None, False


def is_only_corner(plane: Plane, corner: FloatArray) -> bool:
    """True if a certificate excludes every other corner; False if this test cannot tell.

    Another corner is `corner` with some bits t flipped: |V (c t)| <= 2 half_width, where c = 1 - 2 corner.
    A vector y with (V c)^T y > sum(2 half_width |y|) in every entry leaves no such t.
    """
    # Loaded here because importing hingeline must not load scipy.optimize.
    from scipy.optimize import nnls

    flips = plane.directions * (1.0 - 2.0 * corner)
    stacked = np.vstack([flips, np.ones(len(corner))])
    target = np.append(np.zeros(len(flips)), 1.0)
    try:
        weights, _ = nnls(stacked, target, maxiter=20 * len(corner))
    except RuntimeError:  # its iterations ended: no certificate, no verdict
        return False
    certificate = flips @ weights
    rounding = EPSILON * len(corner) * np.abs(certificate).sum()
    return bool((flips.T @ certificate).min() > 2.0 * plane.half_width @ np.abs(certificate) + rounding)


def by_integer_program(
    plane: Plane, fits: Callable[[FloatArray], bool], time_limit: float, excluded: FloatArray | None = None
) -> tuple[FloatArray | None, bool]:
    """A corner other than `excluded` that `fits`, and whether the answer (also "none") is settled.

    HiGHS looks at the clock between its steps only; a large dense system may overrun the limit by one step.
    """
    # Loaded here because importing hingeline must not load scipy.optimize.
    from scipy.optimize import Bounds, milp

    count = plane.directions.shape[1]
    cuts = [] if excluded is None else [_other_than(excluded)]
    # distance(x, d) = sum_j (1 - 2 d_j) x_j + sum_j d_j: looking far away settles soonest
    objective = np.zeros(count) if excluded is None else 2.0 * excluded - 1.0
    deadline = time.perf_counter() + time_limit
    for _ in range(FALSE_CANDIDATES):
        left = deadline - time.perf_counter()
        if left <= 0:
            return None, False
        with _without_chatter():
            result = milp(
                objective,
                integrality=np.ones(count),
                bounds=Bounds(0.0, 1.0),
                constraints=_constraints(plane, cuts),
                options={"time_limit": left},
            )
        if result.x is None:
            return None, result.status == 2
        candidate = np.round(np.asarray(result.x, dtype=np.float64))
        if fits(candidate):
            return candidate, True
        cuts.append(_other_than(candidate))
    return None, False


@contextmanager
def _without_chatter() -> Generator[None]:
    """Standard output leads nowhere meanwhile: HiGHS prints a line there that no option silences."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError):  # no standard output to protect
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _constraints(
    plane: Plane, cuts: list[tuple[FloatArray, float]]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Matrix, lower and upper bounds."""
    low, high = plane.values - plane.half_width, plane.values + plane.half_width
    rows = [plane.directions * ROW_SCALE, *(row[np.newaxis] for row, _ in cuts)]
    lower = np.append(low * ROW_SCALE, [bound for _, bound in cuts])
    upper = np.append(high * ROW_SCALE, np.full(len(cuts), np.inf))
    return np.vstack(rows), lower, upper


def _separates(normal: FloatArray, plane: Plane) -> bool:
    """True if the hyperplane with this normal has the box on one side and the plane on the other."""
    farthest = np.maximum(normal @ plane.directions, 0.0).sum()
    nearest = normal @ plane.values - np.abs(normal) @ plane.half_width
    scale = np.abs(normal) @ (np.abs(plane.directions).sum(axis=1) + np.abs(plane.values))
    return bool(nearest > farthest + EPSILON * plane.directions.shape[1] * scale)


def _other_than(corner: FloatArray) -> tuple[FloatArray, float]:
    """The cut `row @ x >= low` that removes one corner of the box and no other."""
    return 1.0 - 2.0 * corner, 1.0 - float(corner.sum())
