"""Linear equations whose unknowns are 0 or 1, solved exactly or not at all.

Idea: a layer written with unsigned rows differs from the truth by a linear term whose coefficients are
d_j = 1 where row j points the wrong way and 0 where it does not. Measured Jacobians give M d = r with noise.
Unknowns that real numbers pin are rounded. The others are a real-valued subset sum: up to 44 of them all
solutions are listed, beyond that `box_search` looks for one and for a proof that it is the only one. A
solution counts only if it fits in float64 in the original equations.

Source: relu(-z) = relu(z) - z makes signs linear; the full-rank case is SOE of Canales-Martinez et al. 2024.
Cost: one SVD; then milliseconds to `time_limit` seconds. No queries.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import BoolArray, FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.numerics.box_search import Plane, by_integer_program, by_projections, is_only_corner
from hingeline.numerics.subset_sum import corners_near
from hingeline.numerics.tolerances import EPSILON

# Rows are given with a standard deviation, largest of thousands of rows stay below this many of them.
SLACK = 10.0
# A bit is pinned by real numbers alone if its error bar is below this; rounding needs less than 0.5.
PINNED = 0.25


class BinaryStatus(StrEnum):
    """What is known about the 0/1 solutions."""

    EXACT = "exact"
    """One was found and verified; `unique` says whether another one is excluded."""
    AMBIGUOUS = "ambiguous"
    """At least two fit; both are exactly as good as the tolerance allows."""
    NONE = "none"
    """None fits: a neuron is missing, or a linear bypass exists."""
    UNDECIDED = "undecided"
    """The time ended first."""


@dataclass(frozen=True)
class BinarySolution:
    """The outcome of one 0/1 system."""

    status: BinaryStatus
    bits: BoolArray | None
    """A verified solution, "n"; None unless exact or ambiguous."""
    unique: bool | None
    """True if no other solution fits, False if one does, None if the time ended before that was settled."""
    differing: tuple[int, ...]
    """Unknowns that are not the same in all solutions found; empty unless ambiguous. All of them where the
    method is "listing", at least these where it is not."""
    relaxed: FloatArray
    """Real least-squares solution of smallest norm, "n": evidence, not an answer."""
    deviation: float
    """Largest distance of `relaxed` from {0, 1}; small only where the rank is full."""
    residual: float
    """Largest |M d - r| / tolerance over the rows: of `bits`, or of `relaxed` where there are none."""
    rank: int
    """Directions that the tolerance pins to better than half a bit."""
    free_bits: int
    """Unknowns less rank."""
    method: str
    """What decided: least squares, listing, projections, integer program."""
    seconds: float


@dataclass(frozen=True)
class _System:
    """Equations in units of their tolerance, and the same in orthonormal coordinates."""

    matrix: FloatArray
    """Rows divided by their tolerance, "m n"."""
    right_side: FloatArray
    """Divided likewise, "m"."""
    plane: Plane
    """The directions V^T that the equations see, V^T d as measured, and its certain error."""
    error_bar: FloatArray
    """Largest error of each unknown of the real solution, "n"; large where the equations do not see it."""
    rank: int
    """Directions pinned to better than half a bit."""
    unreachable: float
    """Largest violation that no real numbers can remove, in tolerances."""

    @property
    def relaxed(self) -> FloatArray:
        """Real least-squares solution of smallest norm."""
        seen = self.plane.half_width < 0.5
        return self.plane.directions[seen].T @ self.plane.values[seen]

    def residual(self, unknowns: FloatArray) -> float:
        """Largest violation, in tolerances."""
        return float(np.max(np.abs(self.matrix @ unknowns - self.right_side), initial=0.0))

    def fits(self, unknowns: FloatArray) -> bool:
        """True if every row holds within its tolerance."""
        return self.residual(unknowns) <= SLACK


def solve_binary(
    matrix: npt.ArrayLike,
    right_side: npt.ArrayLike,
    tolerance: npt.ArrayLike,
    *,
    time_limit: float = 60.0,
    prove_unique: bool = True,
) -> BinarySolution:
    """Find d in {0, 1}^n with matrix @ d = right_side.

    Args:
        matrix: Coefficients, "m n".
        right_side: Measured values, "m".
        tolerance: Standard deviation of each row's error (matrix errors included), "m" or one number.
            Raised to the rounding error of float64 where it is smaller.
        time_limit: Seconds for all integer programs together.
        prove_unique: Whether to look for a second solution where real numbers alone do not exclude one.

    Raises:
        InvalidInput: Shapes that do not fit, or numbers that are not finite.
    """
    began = time.perf_counter()
    rows = _checked(matrix, right_side, tolerance)
    system = _whiten(*rows)
    if system.unreachable > SLACK:
        return _verdict(system, began, BinaryStatus.NONE, method="least squares")
    pinned = system.error_bar < PINNED
    if pinned.any():
        return _rest_after_rounding(system, began, rows, pinned, time_limit, prove_unique)
    plane = system.plane
    if not plane.values.size:
        return _blind(system, began)
    listed = corners_near(plane.directions, plane.values, plane.half_width)
    if listed is not None:
        return _from_list(system, began, [corner for corner in listed if system.fits(corner)])
    return _searched(system, began, time_limit, prove_unique)


def _checked(
    matrix: npt.ArrayLike, right_side: npt.ArrayLike, tolerance: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    m, r = np.asarray(matrix, dtype=np.float64), np.asarray(right_side, dtype=np.float64)
    if m.ndim != 2 or r.shape != (m.shape[0],):
        raise InvalidInput(f"matrix {m.shape} and right side {r.shape} do not fit; want (m, n) and (m,)")
    t = np.asarray(tolerance, dtype=np.float64)
    if t.ndim > 1 or (t.ndim == 1 and t.shape != r.shape):
        raise InvalidInput(f"tolerance of shape {t.shape} for {len(r)} rows; want one number or one per row")
    if not (np.isfinite(m).all() and np.isfinite(r).all() and np.isfinite(t).all() and (t >= 0).all()):
        raise InvalidInput("matrix, right side and tolerance must be finite, and the tolerance not negative")
    rounding = EPSILON * (np.abs(m).sum(axis=1) + np.abs(r))
    # A row of zeros has no rounding error; a tiny number keeps the division defined.
    return m, r, np.maximum(np.broadcast_to(t, r.shape), np.maximum(rounding, np.finfo(np.float64).tiny))


def _whiten(matrix: FloatArray, right_side: FloatArray, tolerance: FloatArray) -> _System:
    scaled, target = matrix / tolerance[:, np.newaxis], right_side / tolerance
    left, singular, directions = np.linalg.svd(scaled, full_matrices=False)
    # |U^T e| <= |e| <= SLACK sqrt(m): the bound holds for systematic errors too
    bound = SLACK * np.sqrt(len(target))
    cutoff = EPSILON * max(scaled.shape) * singular.max(initial=0.0)
    # A direction in which n bits cannot leave the bound says nothing.
    kept = (singular * np.sqrt(matrix.shape[1]) > bound) & (singular > cutoff)
    rank = int((kept & (singular > 2.0 * SLACK)).sum())
    reachable = left[:, singular > cutoff]
    spread = np.sqrt(((directions[kept] / singular[kept, np.newaxis]) ** 2).sum(axis=0))
    # the part of each unit vector outside the kept directions, along which n bits move at most sqrt(n)
    unseen = np.sqrt(np.maximum(1.0 - (directions[kept] ** 2).sum(axis=0), 0.0))
    return _System(
        matrix=scaled,
        right_side=target,
        plane=Plane(
            directions=directions[kept],
            values=(left[:, kept].T @ target) / singular[kept],
            half_width=bound / singular[kept],
        ),
        error_bar=SLACK * spread + unseen * np.sqrt(matrix.shape[1]),
        rank=rank,
        unreachable=float(np.max(np.abs(target - reachable @ (reachable.T @ target)), initial=0.0)),
    )


def _rest_after_rounding(
    system: _System,
    began: float,
    rows: tuple[FloatArray, FloatArray, FloatArray],
    pinned: BoolArray,
    time_limit: float,
    prove_unique: bool,
) -> BinarySolution:
    """Round the unknowns that real numbers pin; solve for the others."""
    matrix, right_side, tolerance = rows
    corner = np.clip(np.round(system.relaxed), 0.0, 1.0)
    if pinned.all():
        status = BinaryStatus.EXACT if system.fits(corner) else BinaryStatus.NONE
        found = [corner] if status is BinaryStatus.EXACT else []
        return _verdict(system, began, status, *found, unique=True if found else None, method="least squares")
    rest = solve_binary(
        matrix[:, ~pinned],
        right_side - matrix[:, pinned] @ corner[pinned],
        tolerance,
        time_limit=time_limit,
        prove_unique=prove_unique,
    )
    if rest.bits is None:
        return _verdict(system, began, rest.status, method=rest.method)
    corner[~pinned] = rest.bits
    solution = _verdict(system, began, rest.status, corner, unique=rest.unique, method=rest.method)
    columns = np.flatnonzero(~pinned)
    return replace(solution, differing=tuple(int(columns[j]) for j in rest.differing))


def _from_list(system: _System, began: float, solutions: list[FloatArray]) -> BinarySolution:
    if not solutions:
        return _verdict(system, began, BinaryStatus.NONE, method="listing")
    if len(solutions) == 1:
        return _verdict(system, began, BinaryStatus.EXACT, solutions[0], unique=True, method="listing")
    return _verdict(system, began, BinaryStatus.AMBIGUOUS, *solutions, unique=False, method="listing")


def _searched(system: _System, began: float, time_limit: float, prove_unique: bool) -> BinarySolution:
    method = "projections"
    found, missed = by_projections(system.plane, system.fits)
    if missed:
        return _verdict(system, began, BinaryStatus.NONE, method=method)
    if found is None:
        method = "integer program"
        found, settled = by_integer_program(system.plane, system.fits, time_limit)
        if found is None:
            status = BinaryStatus.NONE if settled else BinaryStatus.UNDECIDED
            return _verdict(system, began, status, method=method)
    if not prove_unique:
        return _verdict(system, began, BinaryStatus.EXACT, found, method=method)
    if is_only_corner(system.plane, found):
        return _verdict(system, began, BinaryStatus.EXACT, found, unique=True, method=method)
    left = max(1.0, time_limit - (time.perf_counter() - began))
    other, settled = by_integer_program(system.plane, system.fits, left, excluded=found)
    if other is not None:
        return _verdict(system, began, BinaryStatus.AMBIGUOUS, found, other, unique=False, method=method)
    return _verdict(system, began, BinaryStatus.EXACT, found, unique=True if settled else None, method=method)


def _blind(system: _System, began: float) -> BinarySolution:
    """No direction says anything: all corners fit alike, or the only one of no unknowns."""
    count = system.matrix.shape[1]
    corners = [np.zeros(count), np.ones(count)] if count else [np.zeros(0)]
    return _from_list(system, began, [corner for corner in corners if system.fits(corner)])


def _verdict(
    system: _System,
    began: float,
    status: BinaryStatus,
    *solutions: FloatArray,
    unique: bool | None = None,
    method: str,
) -> BinarySolution:
    relaxed = system.relaxed
    nearest = np.clip(np.round(relaxed), 0.0, 1.0)
    stacked = np.array(solutions).reshape(len(solutions), system.matrix.shape[1])
    differing = np.flatnonzero(np.ptp(stacked, axis=0)) if len(solutions) > 1 else []
    return BinarySolution(
        status=status,
        bits=solutions[0].astype(np.bool_) if solutions else None,
        unique=unique,
        differing=tuple(int(j) for j in differing),
        relaxed=frozen(relaxed),
        deviation=float(np.max(np.abs(relaxed - nearest), initial=0.0)),
        residual=system.residual(solutions[0] if solutions else relaxed),
        rank=system.rank,
        free_bits=system.matrix.shape[1] - system.rank,
        method=method,
        seconds=time.perf_counter() - began,
    )
