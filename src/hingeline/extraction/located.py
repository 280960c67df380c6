"""Hyperplanes from coarse answers: find the place of each again and again, and fit it to the places.

From coarse answers a gradient has three digits, but the place of a bend on a short line has five. So a
candidate is met at many points, the next of them always where its place is foretold well enough to look
closely, and is fitted to all places seen. A first-layer neuron's hyperplane goes on for ever and ends up
known to the places' digits; a deeper neuron's boundary bends away, and is soon not where it is foretold.

Source: ours; test by extension as in Rolnick and Körding 2020. Cost: about 15 queries per place, r + 5 places
for a member of a layer of rank r, half a dozen for others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.probing.line import Line, sweep_line
from hingeline.probing.probe import Probe

EXTRA_PLACES = 5
"""Places beyond the rank: enough to see a bad fit."""
SIGMAS = 7.0
"""Deviations of the foretold place within which the bend must lie."""
WIDEST = 0.15
"""Half the longest line on which a place is looked for, in typical distances from a hyperplane."""
MISSES = 4
"""Misses beyond one in two places seen after which a candidate is none."""
MOST_CROWDED = 3
"""Places where bends lie too close together to tell, per place wanted, after which a candidate is left."""
FARTHER = 0.5
"""A foretold point that is too uncertain is moved so far back towards the witness."""
APPROACHES = 8
"""Times it is moved."""
WORST_CHI = 4.0
"""Root mean square misfit of the places, in deviations, that a hyperplane may show."""
REDRAWS = 100
"""Times that a place is drawn again that lies where the hyperplane is not whole."""
SAMPLES = 9
"""Of the first round on a short line."""


def located_members(
    probe: Probe,
    planes: Hyperplanes,
    basis: FloatArray,
    rng: np.random.Generator,
    *,
    draw: Callable[[np.random.Generator, FloatArray], FloatArray] | None = None,
    holds: Callable[[FloatArray], bool] | None = None,
) -> Hyperplanes:
    """The candidates that are first-layer hyperplanes, each fitted to the places where it was met.

    Args:
        probe: Where queries go.
        planes: Candidates; their errors need only be right to a factor of a few.
        basis: Orthonormal rows that span all gradients, "r d".
        rng: Draws points.
        draw: Draws a point, "r" in coordinates of the basis, towards which to look, given a witness, "d"; by
            default a typical one.
        holds: Whether the hyperplanes are whole at a point ("r"); everywhere by default.

    Raises:
        BudgetExhausted: The budget ended.
    """
    unit = probe.calibration.scale / np.sqrt(basis.shape[1])
    probe = probe.inside_span(len(basis))

    def towards(index: int) -> FloatArray:
        if draw is not None:
            return draw(rng, planes.witnesses[index])
        return rng.standard_normal(len(basis)) * unit * rng.choice(np.array([1.0, 2.0]))

    kept: list[int] = []
    normals, offsets, errors = planes.normals.copy(), planes.offsets.copy(), planes.errors.copy()
    for index in range(planes.count):
        fit = _Fit.of(planes, index, basis)
        if _followed(probe, planes, index, fit, basis, partial(towards, index), holds):
            kept.append(index)
            normals[index], offsets[index], errors[index] = fit.plane(basis)
    chosen = np.zeros(planes.count, dtype=np.bool_)
    chosen[kept] = True
    witnesses = planes.witnesses - (
        (np.einsum("nd,nd->n", planes.witnesses, normals) + offsets)[:, np.newaxis] * normals
    )
    found = Hyperplanes(normals, offsets, planes.jumps, errors, witnesses).select(chosen)
    return found.select(_first_of_each(found))


def _first_of_each(planes: Hyperplanes) -> BoolArray:
    """One of each set of equal hyperplanes, the most precise."""
    keep = np.ones(planes.count, dtype=np.bool_)
    order = np.argsort(planes.errors)
    cosine = np.abs(planes.normals @ planes.normals.T)
    for rank, j in enumerate(order):
        for i in order[:rank]:
            if keep[i] and keep[j] and cosine[i, j] > 1 - 0.5 * DUPLICATE**2:
                shift = planes.witnesses[j] @ planes.normals[i] + planes.offsets[i]
                reach = 1 + np.linalg.norm(planes.witnesses[j])
                keep[j] = abs(shift) > DUPLICATE * reach
    return keep


DUPLICATE = 3e-3
"""Unit normals nearer than this, through the same point, are one hyperplane."""


@dataclass(eq=False)
class _Fit:
    """A hyperplane n x + o = 0 in coordinates of the row space, with what is known of it."""

    start: FloatArray
    """First estimate (n, o), "r+1"."""
    information: FloatArray
    """Inverse covariance of the correction, "r+1 r+1"."""
    right: FloatArray
    """Information times correction, "r+1"."""
    rows: list[FloatArray]
    weights: list[float]

    @staticmethod
    def of(planes: Hyperplanes, index: int, basis: FloatArray) -> _Fit:
        """From a candidate: its normal as measured, and its witness, which lies on it."""
        normal = basis @ planes.normals[index]
        witness = basis @ planes.witnesses[index]
        start = np.append(normal, -normal @ witness)
        # an error of the place of the witness, and of the normal about it
        error = 2 * float(planes.errors[index])
        information = np.zeros((len(start), len(start)))
        information[:-1, :-1] = np.eye(len(normal)) / error**2
        place = np.append(witness, 1.0)
        certain = 1e-4 * (1 + float(np.linalg.norm(witness))) / np.sqrt(planes.normals.shape[1])
        information += np.outer(place, place) / max(certain, 0.1 * error) ** 2
        return _Fit(start, information, np.zeros(len(start)), [], [])

    @property
    def estimate(self) -> FloatArray:
        """(n, o) as known now."""
        return self.start + np.linalg.solve(self.information, self.right)

    def doubt(self, point: FloatArray) -> float:
        """Deviation of the height foretold at a point of the row space."""
        place = np.append(point, 1.0)
        return float(np.sqrt(max(place @ np.linalg.solve(self.information, place), 0.0)))

    def add(self, point: FloatArray, error: float) -> None:
        """Take in a place where the hyperplane was met."""
        place = np.append(point, 1.0)
        weight = 1 / error**2
        self.information += weight * np.outer(place, place)
        self.right -= weight * (place @ self.start) * place
        self.rows.append(place)
        self.weights.append(1 / error)

    @property
    def misfit(self) -> float:
        """Root mean square of the places' heights, in deviations."""
        if not self.rows:
            return 0.0
        heights = np.array(self.rows) @ self.estimate * np.array(self.weights)
        return float(np.sqrt(np.mean(heights**2)))

    def plane(self, basis: FloatArray) -> tuple[FloatArray, float, float]:
        """Unit normal in input coordinates, offset, error of a normal's entry."""
        estimate = self.estimate
        length = float(np.linalg.norm(estimate[:-1]))
        covariance = np.linalg.inv(self.information)
        error = float(np.sqrt(np.trace(covariance[:-1, :-1]) / basis.shape[1])) * max(1.0, self.misfit)
        return estimate[:-1] @ basis / length, float(estimate[-1]) / length, error / length


def _followed(
    probe: Probe,
    planes: Hyperplanes,
    index: int,
    fit: _Fit,
    basis: FloatArray,
    towards: Callable[[], FloatArray],
    holds: Callable[[FloatArray], bool] | None,
) -> bool:
    """Meet one candidate at place after place; whether it is a first-layer hyperplane."""
    rank, dim = basis.shape
    unit = probe.calibration.scale / np.sqrt(dim)
    witness = basis @ planes.witnesses[index]
    jump = float(np.abs(planes.jumps[index]).max())
    seen = missed = crowded = far = 0
    while seen < rank + EXTRA_PLACES:
        point, whole = _foretold(fit, towards(), witness, WIDEST * unit)
        for _ in range(REDRAWS):
            if holds is None or holds(point):
                break
            point, whole = _foretold(fit, towards(), witness, WIDEST * unit)
        else:
            # nowhere else to look: what was measured stands
            return seen == 0 or fit.misfit <= WORST_CHI
        found = _met(probe, fit, point, basis, jump)
        if isinstance(found, int):
            # several bends, or a vague one, contradict nothing: the place is of no use
            crowded += found > 0
            missed += found == 0
            if crowded > MOST_CROWDED * (rank + EXTRA_PLACES):
                return False
            # inside an orthant other bends are close, and a miss says less
            if missed > (MISSES + seen // 2 if holds is None else 3 * MISSES + 2 * seen):
                return False
            continue
        fit.add(*found)
        seen += 1
        far += whole
        if seen > 3 and fit.misfit > WORST_CHI:
            return False
    return far >= 3 or holds is not None


def _foretold(fit: _Fit, target: FloatArray, witness: FloatArray, widest: float) -> tuple[FloatArray, bool]:
    """The foot of a target on the hyperplane, or as far towards it as is foretold; whether all the way."""
    estimate = fit.estimate
    normal = estimate[:-1]
    point = target
    for attempt in range(APPROACHES):
        point = target - (target @ normal + estimate[-1]) / (normal @ normal) * normal
        if SIGMAS * fit.doubt(point) < widest:
            return point, attempt == 0
        target = witness + FARTHER * (point - witness)
    return point, False


def _met(
    probe: Probe, fit: _Fit, point: FloatArray, basis: FloatArray, jump: float
) -> tuple[FloatArray, float] | int:
    """Where a short line across the foretold point bends, and the error of that; else how many bends."""
    normal = fit.estimate[:-1]
    normal = normal / np.linalg.norm(normal)
    start = point @ basis
    noise = float(probe.noise.at(start[np.newaxis])[0])
    reach = max(SIGMAS * fit.doubt(point), 300 * noise / jump)
    line = Line(start, normal @ basis, reach, -3 * reach, 3 * reach)
    sweep = sweep_line(probe, line, samples=SAMPLES)
    near = np.nonzero(np.abs(sweep.bends) <= reach)[0]
    if len(near) != 1 or not sweep.bend_errors[near[0]] < 0.5 * reach:
        return len(near)
    # a bend that falls on a sample is not more exact than its answer
    error = max(2 * float(sweep.bend_errors[near[0]]), noise / jump)
    return point + float(sweep.bends[near[0]]) * normal, error
