"""Jacobians of the pieces of a swept line, in as few directions as suffice.

The widest pieces are measured first in all input directions until their gradients stop adding dimensions: a
first layer narrower than the input is seen through its row space, and every later Jacobian costs only that
many queries. A piece whose gradient leaves those directions fails its certificate, and the basis is widened.

Source: ours; that gradients of a narrow network share a row space is also used by Carlini, Jagielski and
Mironov 2020. Cost: the row space costs its rank + 2 full gradients, every other piece its rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.numerics.span import GrowingSpan
from hingeline.probing.central_differences import central_jacobians
from hingeline.probing.jacobian import RegionJacobians, region_jacobians, turned_basis
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe, is_coarse

NOISE_RANK = 1.5
"""Directions count if gradients show them so many times as strongly as noise does at most."""
SPARE_ROWS = 3
"""Gradients beyond the rank that must lie in the same span before it is believed."""
LONELY = 0.95
"""A direction is shown by one gradient alone if so much of it, of 1, is that gradient's."""
AGAIN = 0.5
"""Cosine of two measurements of a direction from which they are one direction."""
MANY_FAILED = 4
"""Pieces of a line that may be asked again in all directions at once."""
FIRST_BATCH = 3
"""Pieces asked in all directions first; if they show nothing outside the basis, the others are just too
narrow."""
FEWEST_FAILED = 2
"""Pieces that must contradict a basis before it is thought too narrow."""
BASIS_ERROR = 1e-13
"""Error of an entry of a basis that gradients of other lines span."""
LONGEST = 4.0
"""An answer between two others is as exact as one asked if they are not farther apart than so many times
scale and distance: their rounding is no worse then."""
NARROW_ENOUGH = 0.7
"""Share of the basis's directions above which a piece is asked in the basis at once."""


class PieceJacobians:
    """Jacobians of a line's pieces as they are measured.

    Args:
        probe: Where queries go.
        sweep: The line's bends and slopes.
        rng: Turns bases and draws rays.
        basis: Orthonormal rows that are known to span all gradients; None to find out.
        room: Distance from each point to other known hyperplanes; None if there are none.
        doubtful: Whether `basis` may be too narrow.

    Attributes:
        centres: Where each piece is asked, shape "p d".
        jacobians: Shape "p k d"; zeros where not measured.
        values: Answers at the centres, shape "p k".
        errors: Of an entry of each Jacobian, shape "p"; infinite where not measured.
        in_all: Whether each was measured in all input directions, shape "p".
        basis: Orthonormal rows in which pieces are asked now, shape "r d".
    """

    def __init__(
        self,
        probe: Probe,
        sweep: LineSweep,
        rng: np.random.Generator,
        basis: FloatArray | None,
        room: Callable[[FloatArray], FloatArray] | None,
        doubtful: bool,
    ) -> None:
        self.doubtful = doubtful
        self.probe, self.sweep, self.rng, self.given = probe, sweep, rng, basis
        pieces, outputs, dim = len(sweep.slopes), sweep.slopes.shape[1], probe.input_dim
        t, self.reaches = piece_centres(sweep)
        self.centres = sweep.line.at(t)
        self.reaches = np.minimum(self.reaches, probe.domain.margin(self.centres))
        if room is not None:
            self.reaches = np.minimum(self.reaches, room(self.centres))
        self.jacobians = np.zeros((pieces, outputs, dim))
        self.values = np.zeros((pieces, outputs))
        self.errors = np.full(pieces, np.inf)
        self.in_all = np.zeros(pieces, dtype=np.bool_)
        self.span = GrowingSpan(dim)
        self.basis = np.eye(dim) if basis is None else basis

    def measure_narrowly(self, cells: IntArray, narrow: Callable[[FloatArray], list[FloatArray]]) -> IntArray:
        """Measure pieces each in its own directions; gives those whose gradients are not in them."""
        for cell, rows in zip(cells, narrow(self.centres[cells]), strict=True):
            if 0 < len(rows) < NARROW_ENOUGH * len(self.basis):
                self._ask(cell[np.newaxis], turned_basis(rows, self.sweep.line.direction, self.rng), True)
        return cells[np.isinf(self.errors[cells])]

    def measure(self, cells: IntArray) -> None:
        """Measure the given pieces, widest first, in as few directions as suffice."""
        norms = np.linalg.norm(self.centres, axis=1) + self.sweep.line.scale
        order = cells[np.argsort(-(self.reaches / norms)[cells])]
        done = 0
        if is_coarse(self.probe):
            self._measure_coarse(order)
            return
        if self.given is None:
            turned = turned_basis(self.basis, self.sweep.line.direction, self.rng)
            while done < len(order) and not self.span.full:
                pair = order[done : done + 2]
                done += len(pair)
                self._ask(pair, turned)
                measured = pair[np.isfinite(self.errors[pair])]
                if not self._extend(pair) and len(measured) and self.span.rank:
                    break
            self.basis = self.span.refined() if self.span.rank else self.basis
        self._finish(order[done:])

    def _measure_coarse(self, cells: IntArray) -> None:
        """From coarse answers: in the directions known to matter, else in all, and then see which matter."""
        direction, full = self.sweep.line.direction, np.eye(self.probe.input_dim)
        if self.given is not None:
            self._ask(cells, turned_basis(self.basis, direction, self.rng))
            return
        self._ask(cells, turned_basis(full, direction, self.rng))
        good = cells[np.isfinite(self.errors[cells])]
        if not len(good):
            return
        left, rank, right = self._strong_directions(good)
        usable = 0 < rank < len(full) and rank + SPARE_ROWS <= len(left)
        lonely = int(np.argmax(np.abs(left[:, rank - 1]))) if usable else 0
        if usable and np.abs(left[lonely, rank - 1]) > LONELY:
            # one region alone shows this direction: a neuron that is on nowhere else, or a wrong Jacobian
            cell = good[lonely // self.jacobians.shape[1]]
            if not self._shown_again(int(cell), right[: rank - 1]):
                self.errors[cell] = np.inf
                good = good[good != cell]
                _, rank, right = self._strong_directions(good)
        rows = self.jacobians[good].reshape(-1, len(full))
        if 0 < rank < len(full) and rank + SPARE_ROWS <= len(rows):
            self.basis = right[:rank]
            self.jacobians[good] = self.jacobians[good] @ self.basis.T @ self.basis
            self.errors[good] *= (rank / len(full)) ** 0.5

    def _strong_directions(self, good: IntArray) -> tuple[FloatArray, int, FloatArray]:
        """Left vectors, number of directions that noise cannot make, and directions, of the gradients."""
        dim = self.probe.input_dim
        rows = (self.jacobians[good] / self.errors[good, np.newaxis, np.newaxis]).reshape(-1, dim)
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        # the largest singular value of pure noise of unit variance, "m d", is sqrt(m) + sqrt(d)
        rank = int((singular > NOISE_RANK * (len(rows) ** 0.5 + dim**0.5)).sum())
        return left, rank, right

    def _shown_again(self, cell: int, others: FloatArray) -> bool:
        """Ask one piece again in other directions: whether its gradient leaves the others' span as before."""
        before = self.jacobians[cell].copy(), self.errors[cell]
        first = before[0] - before[0] @ others.T @ others
        full = np.eye(self.probe.input_dim)
        self._ask(np.array([cell]), turned_basis(full, self.sweep.line.direction, self.rng))
        again = self.jacobians[cell] - self.jacobians[cell] @ others.T @ others
        agreement = float((first * again).sum())
        self.jacobians[cell], self.errors[cell] = before
        return agreement > AGAIN * float(np.linalg.norm(first) * np.linalg.norm(again))

    def _finish(self, cells: IntArray) -> None:
        direction = self.sweep.line.direction
        if len(cells):
            self._ask(cells, turned_basis(self.basis, direction, self.rng))
        # A failed certificate may mean a gradient outside the basis: look once in all directions.
        failed = cells[np.isinf(self.errors[cells])]
        if len(self.basis) == self.probe.input_dim or not self._too_narrow(cells, failed):
            return
        if 0 < len(failed) <= MANY_FAILED:
            self._ask(failed, turned_basis(np.eye(self.probe.input_dim), direction, self.rng))
            if self._extend(failed):
                self.basis = self.span.refined()
            return
        self._widen(failed)

    def _too_narrow(self, cells: IntArray, failed: IntArray) -> bool:
        """Whether pieces that failed are to be asked in all directions."""
        if self.given is None:
            return True
        if not self.doubtful or len(failed) < FEWEST_FAILED or 2 * len(failed) <= len(cells):
            return False
        # as exact as gradients of unit length measured on the lines before
        for row in self.given:
            self.span.add(row, BASIS_ERROR)
        return True

    def _widen(self, failed: IntArray) -> None:
        """Many pieces failed: ask a few in all directions, then twice as many, until that adds little.

        The others are asked in the basis once a batch adds less than one direction for each of its pieces;
        before that it is too narrow for most of them.
        """
        direction, full, count = self.sweep.line.direction, np.eye(self.probe.input_dim), FIRST_BATCH
        while len(failed) and len(self.basis) < self.probe.input_dim:
            batch, failed = failed[:count], failed[count:]
            before = len(self.basis)
            self._ask(batch, turned_basis(full, direction, self.rng))
            if not self._extend(batch):
                return
            self.basis = self.span.refined()
            count *= 2
            if len(self.basis) - before < len(batch) and len(failed):
                self._ask(failed, turned_basis(self.basis, direction, self.rng))
                failed = failed[np.isinf(self.errors[failed])]

    def _ask(self, cells: IntArray, turned: FloatArray, between: bool = False) -> None:
        found = self._jacobians(cells, turned, between)
        good = cells[found.certified]
        self.jacobians[good] = found.matrices[found.certified]
        self.values[good] = found.values[found.certified]
        self.errors[good] = found.errors[found.certified]
        self.in_all[good] = len(turned) == self.probe.input_dim

    def _jacobians(self, cells: IntArray, turned: FloatArray, between: bool) -> RegionJacobians:
        sweep = self.sweep
        if is_coarse(self.probe):
            return central_jacobians(
                self.probe, self.centres[cells], self.reaches[cells], sweep.line.direction,
                sweep.slopes[cells], sweep.slope_errors[cells], turned, self.rng,
            )  # fmt: skip
        return region_jacobians(
            self.probe, self.centres[cells], self.reaches[cells], sweep.line.direction,
            sweep.slopes[cells], turned, self.rng, values=self._between(cells) if between else None,
        )  # fmt: skip

    def _between(self, cells: IntArray) -> FloatArray | None:
        """Answers at centres between two that were asked; None if some centre is not."""
        sweep = self.sweep
        away = np.einsum("pd,d->p", self.centres[cells] - sweep.line.origin, sweep.line.direction)
        inside = (away >= sweep.lows[cells]) & (away <= sweep.highs[cells])
        ends = (sweep.highs - sweep.lows)[cells] < LONGEST * (sweep.line.scale + np.abs(away))
        if not (inside & ends).all():
            return None
        return sweep.values[cells] + (away - sweep.lows[cells])[:, np.newaxis] * sweep.slopes[cells]

    def _extend(self, cells: IntArray) -> bool:
        """Add the gradients of measured pieces to the span; True if it grew."""
        grew = False
        for cell in cells[np.isfinite(self.errors[cells])]:
            for row in self.jacobians[cell]:
                grew |= self.span.add(row, float(self.errors[cell]))
        return grew


def piece_centres(sweep: LineSweep) -> tuple[FloatArray, FloatArray]:
    """Parameter of a centre of each piece, and its distance to the nearest end."""
    extents = sweep.extents()
    if len(sweep.bends):
        reach = np.maximum(sweep.line.scale, np.abs(sweep.bends[[0, -1]]) / 2)
        extents[0, 0] = max(extents[0, 0], sweep.bends[0] - 2 * reach[0])
        extents[-1, 1] = min(extents[-1, 1], sweep.bends[-1] + 2 * reach[1])
    else:
        extents = np.clip(extents, -sweep.line.scale, sweep.line.scale)
    return extents.mean(axis=1), (extents[:, 1] - extents[:, 0]) / 2
