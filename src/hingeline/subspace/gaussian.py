"""The non-adaptive scheme: gradients by differences of one fixed step at points drawn beforehand.

Every query is fixed before the first answer comes: N points, and one step along each axis from every point
(the coordinate axes, mirrored at random for each point). Nothing certifies that a step stayed in one linear
region, so the gradients themselves must tell:

    a gradient that no other gradients can replace is a spoiled one, or the only one of its kind;
    a rank that grew up to the last few points would have grown further;
    points where nothing moves show how much of the input space such points cannot see.

Each of these forbids "exact".

Source: Jayaram, Woodruff and Zhang, ICLR 2020 (non-adaptive queries at Gaussian points; its constants are not
used here). Cost: exactly N (d + 1) queries; no doctor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.subspace.recovered import Standing, Unseen
from hingeline.subspace.votes import CLEAR_GAP, RankReading, fixed_rule, read_rank, stalled
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

# Step in units of a typical coordinate: on 784-80-40-20-1 the widest that met no kink in 100 points.
_STEP = 1e-4
# Error of a value in machine epsilons of the largest value: 3 to 6 were measured for 784 inputs.
_ROUNDINGS = 8.0
# Live points without news, in drawing order, before the rank is believed.
STALL = 10
# Share of dead points beyond which Gaussian points are known to miss directions.
DEAD_SHARE = 0.01
# First number of points where none is given; doubled until the rank stalls.
_FIRST = 16
# Numbers in the axes of the points measured at once: 64 MB.
_CHUNK = 8_000_000
# Share of the points up to which gradients that nothing confirms are left out.
_FEW_LONELY = 0.03


def recover_gaussian(bench: Bench) -> Gathered:
    """Recover the span from fixed differences at random points.

    Args:
        bench: Settings give the number of points and the step; probe and card may be missing.

    Raises:
        BudgetExhausted: The points so far are read by `bench.partial`.

    Cost: N (d + 1) queries; where N is not given, less than 4 times what the rank needs.
    """
    work = _Scheme(bench)
    bench.partial = work.gathered
    with bench.session.phase("gradients"):
        if bench.settings.points is not None:
            work.measure(bench.settings.points)
            return work.gathered()
        count = _FIRST
        while True:
            work.measure(count)
            if work.settled() or work.points >= 4 * bench.session.input_dim:
                return work.gathered()
            count = work.points


class _Scheme:
    """Gradients so far, in drawing order."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.dim = bench, bench.session.input_dim
        self.step = bench.settings.step or _STEP * bench.law.unit
        self.rng = bench.randomness.step("gaussian points")
        self.points = 0
        self.largest = 0.0
        self._jacobians: list[FloatArray] = []

    def measure(self, count: int) -> None:
        """Draw so many more points and ask everything around them, a few points at a time."""
        centres = self.bench.law.points(self.rng, count)
        at_once = max(1, _CHUNK // self.dim**2)
        for start in range(0, count, at_once):
            self._measure(centres[start : start + at_once])
            self.points += len(centres[start : start + at_once])
            self.bench.session.emit(DirectionsFound(min(self.reading().rank, self.dim)))

    def _measure(self, centres: FloatArray) -> None:
        # axes mirrored anew for each point: two spoiled differences never agree on a false direction
        mirrors = self.rng.standard_normal(centres.shape)
        mirrors /= np.linalg.norm(mirrors, axis=1, keepdims=True)
        axes = np.eye(self.dim) - 2 * mirrors[:, :, np.newaxis] * mirrors[:, np.newaxis]
        rows = np.concatenate([centres[:, np.newaxis], centres[:, np.newaxis] + self.step * axes], axis=1)
        answers = self._ask(rows.reshape(-1, self.dim)).reshape(len(centres), self.dim + 1, -1)
        self.largest = max(self.largest, float(np.abs(answers).max()))
        slopes = (answers[:, 1:] - answers[:, :1]) / self.step
        self._jacobians.extend(np.einsum("pjo,pjd->pod", slopes, axes, optimize=True))

    def _ask(self, rows: FloatArray) -> FloatArray:
        probe = self.bench.probe
        return self.bench.session.ask(rows) if probe is None else probe.ask(rows)

    @property
    def noise(self) -> float:
        """Deviation of one entry, from rounding and from what the doctor measured, if it was asked."""
        error = _ROUNDINGS * EPSILON * self.largest
        if self.bench.probe is not None:
            error = max(error, float(np.sqrt(2.0) * self.bench.probe.noise.at_norm(np.array(self.scale))))
        return error / self.step

    @property
    def scale(self) -> float:
        """Typical |x|."""
        return self.bench.law.unit * float(np.sqrt(self.dim))

    def reading(self) -> RankReading:
        """The votes on what was measured."""
        outputs = len(self._jacobians[0])
        return read_rank(np.concatenate(self._jacobians), self.noise, outputs=outputs)

    def settled(self) -> bool:
        """Whether the last live points brought nothing new."""
        reading = self.reading()
        return reading.rank == self.dim or self._stall(reading) >= max(STALL, 0.1 * reading.rank)

    def _alive(self, reading: RankReading) -> BoolArray:
        sizes = np.array([np.linalg.norm(jacobian) for jacobian in self._jacobians])
        alive: BoolArray = sizes > reading.votes.noise_edge
        return alive

    def _stall(self, reading: RankReading) -> int:
        return stalled(np.concatenate(self._jacobians), reading, len(self._jacobians[0]))

    def gathered(self) -> Gathered:
        """What the gradients say, with everything that speaks against it."""
        if not self._jacobians:
            self._jacobians.append(np.zeros((1, self.dim)))
        reading, law = self.reading(), f"gradients at {self._law}"
        alive, stall = self._alive(reading), self._stall(reading)
        dead = 1.0 - float(np.mean(alive))
        standing, reason = _judged(reading, self.dim, dead, stall, self.points)
        lonely = int(np.sum(reading.essential))
        if 0 < lonely <= _FEW_LONELY * self.points:
            # each brings one direction that nothing else confirms; the others are better off without it
            kept = [j for j, alone in zip(self._jacobians, reading.essential, strict=True) if not alone]
            reading = read_rank(np.concatenate(kept), self.noise, outputs=len(kept[0]))
        details: dict[str, Any] = {
            "points": self.points,
            "step": self.step,
            "dead_share": dead,
            "stall": stall,
            "essential": lonely,
            "rule_1e-5": fixed_rule(np.concatenate(self._jacobians)),
        }
        return Gathered(
            basis=reading.basis,
            rank=reading.rank,
            standing=standing,
            reason=reason,
            strengths=reading.strengths,
            votes=reading.votes,
            angle=self._angle(reading),
            unseen=Unseen(stall, law),
            forecast=self.points * (self.dim + 1),
            advice="" if standing == "exact" else "The method auto certifies each gradient and costs less.",
            details=details,
        )

    def _angle(self, reading: RankReading) -> float:
        """The error by the votes; unknown where a spoiled gradient or unmeasured noise may be in it."""
        clear = reading.votes.gap_ratio >= CLEAR_GAP and reading.rank < self.dim
        return reading.angle if clear and not reading.essential.any() else float("nan")

    @property
    def _law(self) -> str:
        where = "N(0, s^2)" if self.bench.law.where == "free" else "points of the box"
        return f"{where}, s = {self.bench.law.unit:.3g}"


def _judged(reading: RankReading, dim: int, dead: float, stall: int, points: int) -> tuple[Standing, str]:
    """The standing by the votes, lowered by what the uncertified gradients tell about themselves."""
    if reading.rank == 0:
        return "partial", f"Constant as far as seen: none of {points} points showed a slope."
    if reading.standing == "partial":
        return reading.standing, reading.reason
    if dead > DEAD_SHARE:
        return "partial", (
            f"{100 * dead:.0f} % of the points are dead: directions that they do not see may be missing."
        )
    if reading.rank == dim:
        # noise and spoiled steps fill the whole space as well, and this scheme measures neither
        return "partial", f"All {dim} directions show: there is no null space, or noise or kinks hide it."
    lonely = int(np.sum(reading.essential))
    if lonely:
        return "partial", (
            f"{lonely} of {points} gradients hold a direction that no others hold: spoiled by a kink within "
            "the step, or the first of more to come. Few of them are left out."
        )
    if stall < STALL:
        return "partial", f"Only {stall} points since the last new direction: there may be more."
    return reading.standing, reading.reason
