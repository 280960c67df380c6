"""The point of a box nearest to a picture, among those that look like x through a known subspace.

    minimise |y - c|^2  subject to  V^T y = V^T x,  low <= y <= high

x itself is feasible if it lies in the box, so a solution always exists, and one multiplier per column of V
describes it: y(l) = clip(c + V l) with V^T y(l) = V^T x. That equation is the gradient of a convex function
of l, piecewise linear, and semismooth Newton solves it: the Hessian is V^T M V with M the mask of the pixels
that are strictly inside the box. It is applied by conjugate gradients, all rows at once, and formed only for
rows where they are slow.

Where few pixels are free the Hessian is singular; it is damped by a share of the residual, and each step is
shortened until the convex function falls. Near the end its fall drowns in rounding; there a smaller residual
counts as well.

Source: Qi and Sun 1993, a nonsmooth version of Newton's method; Boyd and Vandenberghe 2004, section 5.5,
for the multipliers. The use here is ours.
Cost: no queries; 5 to 10 steps of about 10 products with V and V^T (0.02 s for 100 images of 784 pixels and
k = 80); a hundred steps where k nears d and many pixels sit at the ends of the box. Memory: a few arrays
"n d" for `ROWS` rows at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray

RESIDUAL = 1e-12
"""Largest |V^T (y - x)| of a converged row, in box widths: a hundred roundings of such a sum."""
STEPS = 200
"""Newton steps before a row is given up; 5 to 10 are usual."""
PATIENCE = 25
"""Steps in which a small residual must halve once: where few pixels are free, rounding may stop it."""
ROWS = 256
"""Rows worked on at once: bounds the memory."""
# Damping per unit of residual: vanishes at the solution, so that the last steps are full Newton steps.
_DAMPING = 1e-2
_SMALLEST_DAMPING = 1e-14
# A linear system is solved to this share of its right side, and closer as the residual falls.
_FORCING = 0.1
# Armijo's share of the fall that the slope promises.
_FALL = 1e-4
# Residuals below this change the convex function by less than it is rounded by.
_SMALL = 1e-5
_SMALLER = 0.99
# Well-conditioned systems take 5 to 20 iterations.
_ITERATIONS = 50
# A step 1e-9 of a Newton step gains nothing.
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class BoxProjection:
    """Nearest points, and how well they look like x."""

    points: FloatArray
    """In the box, shape "n d", input units."""
    residuals: FloatArray
    """Largest |V^T (y - x)| of each row, shape "n", input units."""
    converged: BoolArray
    """Rows whose residual is within `RESIDUAL` box widths, shape "n"."""
    steps: int
    """Most Newton steps that a row took."""


def project_into_box(
    basis: FloatArray, x: FloatArray, pictures: FloatArray, box: tuple[float, float]
) -> BoxProjection:
    """The points of the box nearest to `pictures` whose seen part is that of `x`.

    Args:
        basis: Orthonormal columns V, shape "d k".
        x: Inputs in the box, shape "n d".
        pictures: What the result should look like, shape "n d"; what leaves the box is clipped first (nobody
            can look at it, and far outside the equations have corners without number).
        box: Smallest and largest coordinate.
    """
    low, width = box[0], box[1] - box[0]
    inside = np.clip(pictures, *box)
    parts = [
        _solved(basis, (x[i : i + ROWS] - low) / width, (inside[i : i + ROWS] - low) / width)
        for i in range(0, len(x), ROWS)
    ]
    # clipped once more: low + width * 1.0 may round to just above the upper end
    points = np.clip(low + width * np.concatenate([p for p, _ in parts]), *box)
    residuals = np.abs((points - x) @ basis).max(axis=1, initial=0.0)
    return BoxProjection(points, residuals, residuals <= RESIDUAL * width, max(s for _, s in parts))


def _solved(basis: FloatArray, x: FloatArray, pictures: FloatArray) -> tuple[FloatArray, int]:
    """The same within the unit box, and the steps taken."""
    work, steps = _Dual(basis, x, pictures), 0
    best, progress = work.largest, np.zeros(len(x), dtype=np.int64)
    for steps in range(STEPS):
        # a tenth of what counts as converged: the way back to input units rounds once more
        stuck = (steps - progress >= PATIENCE) & (best < _SMALL)
        open_rows = np.flatnonzero((best > 0.1 * RESIDUAL) & ~stuck)
        if not len(open_rows):
            break
        work.newton(open_rows)
        halved = work.largest < best / 2
        best, progress = np.where(halved, work.largest, best), np.where(halved, steps, progress)
    return work.points(np.arange(len(x)), work.multipliers), steps


class _Dual:
    """Multipliers of all rows, and the convex function they minimise."""

    def __init__(self, basis: FloatArray, x: FloatArray, pictures: FloatArray) -> None:
        self.basis, self.x, self.pictures = basis, x, pictures
        self.multipliers = np.zeros((len(x), basis.shape[1]))
        self.gradients = self._gradient(self.points(np.arange(len(x)), self.multipliers), np.arange(len(x)))

    @property
    def largest(self) -> FloatArray:
        """Largest violated equation of each row, "n"."""
        return np.abs(self.gradients).max(axis=1, initial=0.0)

    def raw(self, rows: IntArray, multipliers: FloatArray) -> FloatArray:
        """What is clipped, c + V l: "r d"."""
        return self.pictures[rows] + multipliers @ self.basis.T

    def points(self, rows: IntArray, multipliers: FloatArray) -> FloatArray:
        """y(l), "r d"."""
        return np.clip(self.raw(rows, multipliers), 0.0, 1.0)

    def _gradient(self, points: FloatArray, rows: IntArray) -> FloatArray:
        return (points - self.x[rows]) @ self.basis

    def newton(self, rows: IntArray) -> None:
        """One damped step for `rows`; those that no step improves stay."""
        before = self.raw(rows, self.multipliers[rows])
        gradient = self.gradients[rows]
        free = (before > 0.0) & (before < 1.0)
        size = np.linalg.norm(gradient, axis=1)
        damping = np.maximum(_DAMPING * size, _SMALLEST_DAMPING)
        steps = -_conjugate_gradients(self.basis, free, damping, gradient, np.minimum(_FORCING, size))
        slope = np.sum(gradient * steps, axis=1)
        pending, length = np.arange(len(rows)), np.ones(len(rows))
        for _ in range(_HALVINGS):
            chosen = rows[pending]
            trial = self.multipliers[chosen] + length[pending, np.newaxis] * steps[pending]
            after = self.raw(chosen, trial)
            moved = self._gradient(np.clip(after, 0.0, 1.0), chosen)
            fall = _change(before[pending], after, self.x[chosen])
            good = fall <= _FALL * length[pending] * slope[pending]
            # only there: elsewhere two points with small residuals could take turns for ever
            small = size[pending] < _SMALL
            good |= small & (np.linalg.norm(moved, axis=1) < _SMALLER * size[pending])
            self.multipliers[chosen[good]], self.gradients[chosen[good]] = trial[good], moved[good]
            pending = pending[~good]
            if not len(pending):
                break
            length[pending] /= 2


def _change(before: FloatArray, after: FloatArray, x: FloatArray) -> FloatArray:
    """How much the convex function sum(phi(c + V l)) - x.(V l) grew, phi' = clip: "r"."""
    # phi(u) = integral of clip; summed as differences per pixel, so that little cancels
    return np.sum(_potential(after) - _potential(before) - x * (after - before), axis=1)


def _potential(raw: FloatArray) -> FloatArray:
    """The integral of clip(u, 0, 1)."""
    inside = np.clip(raw, 0.0, 1.0)
    # u^2 / 2 within, u - 1/2 above
    return inside * (raw - 0.5 * inside)


def _conjugate_gradients(
    basis: FloatArray, free: BoolArray, damping: FloatArray, right: FloatArray, shares: FloatArray
) -> FloatArray:
    """Solve (V^T M V + damping) s = right for every row, down to a share of its right side: "r k"."""
    solution, rest = np.zeros_like(right), right.copy()
    direction, size = rest.copy(), np.sum(rest**2, axis=1)
    goal = shares**2 * size
    going = size > goal
    for _ in range(_ITERATIONS):
        if not going.any():
            break
        image = ((direction @ basis.T) * free) @ basis + damping[:, np.newaxis] * direction
        curvature = np.sum(direction * image, axis=1)
        length = np.where(going, size / np.where(curvature > 0, curvature, 1.0), 0.0)[:, np.newaxis]
        solution += length * direction
        rest -= length * image
        smaller = np.sum(rest**2, axis=1)
        share = np.where(going, smaller / np.where(size > 0, size, 1.0), 0.0)
        direction = np.where(going[:, np.newaxis], rest + share[:, np.newaxis] * direction, direction)
        size = np.where(going, smaller, size)
        going = size > goal
    for row in np.flatnonzero(going):
        # few free pixels: ill-conditioned, and small enough to be solved as it is
        inside = basis[free[row]]
        hessian = inside.T @ inside + damping[row] * np.eye(basis.shape[1])
        solution[row] = np.linalg.solve(hessian, right[row])
    return solution
