"""The rank of the span for a fraction of its price: a small table of slopes instead of whole gradients.

s random points by s random orthonormal directions: the table of slopes has the rank of the gradients as long
as that is below s. The table grows by a few tenths until it has rows and columns to spare; nothing that was
asked is asked again. Slopes are one-sided, certified by one interior point for each row: at weights w that
sum to about a half, f(x + sum w_j h u_j) must be what the slopes predict, or the row is asked with a
shorter step. Doors with more noise than float64 are asked on both sides (`central_jacobian`).

Cost: about 1.5 to 2 k^2 queries over the number of outputs, where the span costs k d.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.subspace.central_jacobian import central_jacobian
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.quiet_moves import quiet_moves
from hingeline.subspace.recovered import Standing, Unseen
from hingeline.subspace.screening import SIGMAS
from hingeline.subspace.votes import MARGIN, RankReading, read_rank, stalled
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

# First size of the table, and how it grows.
_FIRST = 8
_GROWTH = 1.4
# Step in typical coordinates, its factor after a kink, and how often.
_STEP = 0.02
_SHRINK = 0.2
_TRIES = 3
# Rays that a point must pass on both sides, in steps; they are long because directions are many.
_RAYS = 2
_RAY = 4.0
# Relative noise of a value from which slopes are taken on both sides, with longer steps.
_NOISY = 1e-11
_NOISY_STEP = 0.1
# Standard deviations within which the interior point must agree: its prediction sums many errors.
_AGREE = 12.0
# Dead candidates in a row before long moves must decide; share that makes the rank a lower bound.
_ALL_DEAD = 200
_DEAD_SHARE = 0.01


def measure_rank(bench: Bench) -> Gathered:
    """Count the directions that answers depend on, without finding them.

    Args:
        bench: Its probe answers values.

    Returns:
        The rank, with a basis of shape "d 0" and no angle.

    Raises:
        InvalidInput: The bench has no probe.
        BudgetExhausted: The table so far is read by `bench.partial`.

    Cost: about 1.5 to 2 k^2 queries over the number of outputs.
    """
    work = _Table(NoisyDoor(bench))
    bench.partial = work.gathered
    with bench.session.phase("rank"):
        work.begin()
        rows, columns = _FIRST, min(_FIRST, work.dim)
        while work.grow(rows, columns):
            more_rows, more_columns = work.wanting()
            if not more_rows and not more_columns:
                break
            rows = int(np.ceil(_GROWTH * rows)) if more_rows else rows
            columns = min(int(np.ceil(_GROWTH * columns)), work.dim) if more_columns else columns
    if not work.points:
        with bench.session.phase("check"):
            work.search()
    return work.gathered()


class _Table:
    """Slopes at points along directions, as they come in."""

    def __init__(self, door: NoisyDoor) -> None:
        self.door, self.bench, self.dim = door, door.bench, door.dim
        self.rng = self.bench.randomness.step("rank points")
        self.axes = np.linalg.qr(self.rng.standard_normal((self.dim, self.dim)))[0].T
        self.points: list[FloatArray] = []
        self.seen = self.dead = self.dropped = 0
        self.quiet = self.loud = 0
        self.step, self.noisy = _STEP * self.bench.law.unit, False
        self._slopes: list[FloatArray] = []
        self._noise: list[FloatArray] = []

    def begin(self) -> None:
        """Measure the noise and choose the step."""
        law = self.bench.law
        points = law.points(self.rng, _FIRST)
        self.door.calibrate(points[:4], law.unit, self.rng)
        values, sigma = self.door.ask(points)
        size = float(np.nanmax(np.abs(values), initial=0.0))
        self.noisy = not float(sigma.max()) <= _NOISY * size
        self.step = (_NOISY_STEP if self.noisy else _STEP) * law.unit

    def grow(self, size: int, columns: int) -> bool:
        """Bring the table to `size` rows and so many columns; False if no more can be had."""
        keep = [self._extend(index, columns) for index in range(len(self.points))]
        self._drop(np.array(keep, dtype=np.bool_))
        barren = 0
        while len(self.points) * self.outputs < size and barren < _ALL_DEAD:
            wanted = -(-size // self.outputs) - len(self.points)
            fresh = self._fresh(wanted if self.points else 1)
            for point in fresh:
                self.points.append(point)
                self._slopes.append(np.zeros((self.outputs, 0)))
                self._noise.append(np.zeros((self.outputs, 0)))
                if not self._extend(len(self.points) - 1, columns):
                    self._drop(np.arange(len(self.points)) < len(self.points) - 1)
            barren = 0 if len(fresh) else barren + max(wanted, 1)
        if self.points:
            self.bench.session.emit(DirectionsFound(self.reading().rank))
        return len(self.points) * self.outputs >= size

    @property
    def outputs(self) -> int:
        """Rows of one point."""
        return len(self._slopes[0]) if self._slopes and self._slopes[0].shape[1] else 1

    def reading(self) -> RankReading:
        """The votes on the table."""
        return read_rank(*self._filled(), outputs=self.outputs)

    def _filled(self) -> tuple[FloatArray, FloatArray]:
        """Slopes and noise of the part of the table that is full; a budget may end between two rows."""
        width = min((slopes.shape[1] for slopes in self._slopes if slopes.shape[1]), default=0)
        if not width:
            return np.zeros((1, 1)), np.zeros((1, 1))
        full = [i for i, slopes in enumerate(self._slopes) if slopes.shape[1]]
        slopes, noise = ([table[i][:, :width] for i in full] for table in (self._slopes, self._noise))
        return np.concatenate(slopes), np.concatenate(noise)

    def wanting(self) -> tuple[bool, bool]:
        """Whether the table lacks rows (to spare, or to replace each point) and columns."""
        reading, (rows, columns) = self.reading(), self._filled()[0].shape
        highest = max(reading.votes.edge, reading.votes.gap)
        if columns < self.dim and highest > columns - MARGIN:
            return True, True
        whole = columns == self.dim == highest
        few = stalled(self._filled()[0], reading, self.outputs) < MARGIN
        return rows - highest < MARGIN or (not whole and (few or bool(reading.essential.any()))), False

    def _fresh(self, count: int) -> FloatArray:
        """Points whose rays are straight and alive, out of `count` candidates."""
        law, domain = self.bench.law, self.door.probe.domain
        points = self.door.snapped(law.points(self.rng, count))
        rays = self.rng.standard_normal((count, _RAYS, self.dim))
        length = _RAY * self.step
        rays *= length / np.linalg.norm(rays, axis=2, keepdims=True)
        points = points[domain.margin(points) > length]
        if not len(points):
            return points
        rays = rays[: len(points)]
        self.seen += len(points)
        around = np.concatenate([points[:, np.newaxis] + rays, points[:, np.newaxis] - rays], axis=1)
        values, sigma = self.door.ask(np.concatenate([points, around.reshape(-1, self.dim)]))
        centre, spread = values[: len(points), np.newaxis], sigma[: len(points), np.newaxis]
        shape = (len(points), 2, _RAYS, -1)
        ahead, behind = np.moveaxis(values[len(points) :].reshape(shape), 1, 0)
        straight = (np.abs(ahead + behind - 2 * centre) <= SIGMAS * 6**0.5 * spread).all(axis=(1, 2))
        alive = (np.abs(ahead - behind) > SIGMAS * 2**0.5 * spread).any(axis=(1, 2))
        self.dead += int(np.sum(straight & ~alive))
        return points[straight & alive]

    def _extend(self, index: int, columns: int) -> bool:
        """Fill the row of a point up to so many columns; False if every step met a kink."""
        have = self._slopes[index].shape[1]
        axes = self.axes[have:columns]
        if not len(axes):
            return True
        measured = self._both_sides(index, axes) if self.noisy else self._one_side(index, axes)
        if measured is None:
            self.dropped += 1
            return False
        slopes, noise = measured
        if not have:
            self._slopes[index] = self._noise[index] = np.zeros((len(slopes), 0))
        self._slopes[index] = np.hstack([self._slopes[index], slopes])
        self._noise[index] = np.hstack([self._noise[index], noise])
        return True

    def _both_sides(self, index: int, axes: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        jacobian = central_jacobian(self.door, self.points[index], axes, self.step)
        return None if jacobian is None else (jacobian.rows, jacobian.noise)

    def _one_side(self, index: int, axes: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Forward differences and their certificate."""
        point, step = self.points[index], self.step
        centre, spread = (a[0] for a in self.door.ask(point[np.newaxis]))
        for _ in range(_TRIES):
            weights = self.rng.uniform(0.5, 1.5, len(axes))
            weights *= self.rng.uniform(0.35, 0.65) / weights.sum()
            inside = point + step * (weights @ axes)
            values, _ = self.door.ask(np.vstack([point + step * axes, inside]))
            changes = values[:-1] - centre
            if np.all(np.abs(values[-1] - centre - weights @ changes) <= _AGREE * spread):
                noise = np.broadcast_to(2**0.5 * spread[:, np.newaxis] / step, changes.T.shape)
                return changes.T / step, noise
            step *= _SHRINK
        return None

    def _drop(self, keep: BoolArray) -> None:
        self.points = [p for p, kept in zip(self.points, keep, strict=True) if kept]
        self._slopes = [s for s, kept in zip(self._slopes, keep, strict=True) if kept]
        self._noise = [n for n, kept in zip(self._noise, keep, strict=True) if kept]

    def search(self) -> None:
        """Where no point was alive: long moves tell a constant from a network that is mostly dead."""
        moves = quiet_moves(self.door, np.zeros((self.dim, 0)), 0.0, 0.0, self.rng)
        self.quiet, self.loud = moves.quiet, moves.loud

    def gathered(self) -> Gathered:
        """The rank, with a basis of no columns."""
        reading = self.reading()
        standing, reason = self._judged(reading)
        rows, _ = self._filled()
        news = stalled(rows, reading, self.outputs) if self.points else self.quiet
        law = f"gradients at random points; {self.bench.law.words}" if self.points else self.bench.law.words
        details: dict[str, Any] = {
            "table": list(rows.shape),
            "dead_share": self.dead / max(self.seen, 1),
            "dropped": self.dropped,
            "essential": int(np.sum(reading.essential)),
        }
        return Gathered(
            basis=np.zeros((self.dim, 0)),
            rank=reading.rank,
            standing=standing,
            reason=reason,
            strengths=reading.strengths,
            votes=reading.votes,
            angle=float("nan"),
            unseen=Unseen(news, law),
            forecast=int(np.ceil((reading.rank + MARGIN) ** 2 * _GROWTH / self.outputs)),
            advice="" if standing == "exact" else "The method auto looks for what random points do not see.",
            details=details,
        )

    def _judged(self, reading: RankReading) -> tuple[Standing, str]:
        if not self.points:
            if self.loud:
                return "partial", "All points looked at are dead, but long moves change the answer."
            return (
                "partial",
                "Constant as far as seen: no point has a slope and no long move changes the answer.",
            )
        if reading.rank == self.dim and reading.standing == "exact":
            return "exact", f"No null space: all {self.dim} directions change the answer."
        if reading.standing == "partial" or any(self.wanting()):
            return "partial", f"At least {reading.rank}: the table was still growing."
        if self.door.narrowed:
            return "partial", f"At least {reading.rank}. {self.door.narrowed}"
        if self.dead > _DEAD_SHARE * self.seen:
            share = 100 * self.dead / self.seen
            return "partial", f"At least {reading.rank}: {share:.0f} % of the points are dead."
        return reading.standing, reading.reason
