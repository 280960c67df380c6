"""All numbers of an unsigned form fitted at once, with error bars: Gauss-Newton on recorded answers.

Every sign of a height and of a second-layer neuron is frozen at its present value, which makes the answers
polynomials of the numbers. The scale of each hyperplane and of each jump is held by one equation each. The
skip weights are sums of these numbers, so that their error bars come from the same inverse matrix.

Source: Levenberg 1944, Marquardt 1963. Cost: no queries; p k u^2 flops a step for p answers of k outputs and
u numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.skips.unsigned_form import UnsignedForm
from hingeline.extraction.unsigned import Planes
from hingeline.numerics.tolerances import EPSILON

STEPS = 8
"""Most Gauss-Newton steps; each squares the error."""
STALLED = 0.7
"""A step that leaves more of the residual than this has converged."""
RIDGE = 1e-15
"""Part of the diagonal added, so that rounding leaves the matrix positive."""
LENIENCE = 10.0
"""Error bars of the start may be exceeded so many times: they miss systematic errors."""
SMALLEST_PRIOR, JUMP_PRIOR = 1e-10, 1e-4
"""Error bars of the start are at least the one; output directions are known to the other."""
OUTLYING, MAJORITY = 12.0, 0.9
"""Answers that miss by so many times the usual are left out if so many are left; fresh ones judge the fit."""
LARGEST = 6000
"""Most numbers that are fitted: the matrix takes 0.3 GB."""
NEAR = 1e-7
"""Points so near to a boundary, as a fraction of their distance from the origin, are left out."""


@dataclass(frozen=True, eq=False)
class RefinedForm:
    """A fitted form and the standard deviations of its numbers."""

    form: UnsignedForm
    plane_errors: FloatArray
    """Of an entry of each unit normal, the worst of them, offset at unit input included; shape "n"."""
    theta_errors: FloatArray
    """Shape "m n+d+1"."""
    jump_errors: FloatArray
    """Shape "m k"."""
    rest_errors: FloatArray
    """Shape "k n+d+1"."""
    misfit: float
    """Root mean square of the residual, in deviations of the noise."""


def sure_of_sides(form: UnsignedForm, recorded: Recorded) -> Recorded:
    """The answers at points that are clearly on one side of everything: others have no frozen signs."""
    features = form.features(recorded.points)
    lengths = np.linalg.norm(form.theta[:, :-1], axis=1)
    nearest = np.minimum(
        np.abs(form.planes.heights(recorded.points)).min(axis=1),
        (np.abs(features @ form.theta.T) / lengths).min(axis=1, initial=np.inf),
    )
    return recorded.select(nearest > NEAR * recorded.sizes)


def refine(form: UnsignedForm, recorded: Recorded, planes: FloatArray, theta: FloatArray) -> RefinedForm:
    """The form that fits recorded answers best, starting from one that is right to some digits.

    Args:
        form: Where to start.
        recorded: What to fit.
        planes: Standard deviation of an entry of each plane as it is, shape "n"; no step goes much farther,
            and what the answers do not tell keeps it.
        theta: The same of the second layer's coefficients, in the shape of `form.theta`.
    """
    prior = np.concatenate(
        [
            np.repeat(planes, form.planes.normals.shape[1] + 1),
            theta.ravel(),
            np.full(form.jumps.size, JUMP_PRIOR),
            np.full(form.rest.size, np.inf),
        ]
    )
    prior = LENIENCE * np.maximum(prior, SMALLEST_PRIOR)
    for pair in form.unmet:
        # what holds a side is chosen, not measured
        before = form.planes.normals.size + form.planes.count
        prior[before + pair.neuron * form.theta.shape[1] + pair.plane] = EPSILON
    recorded = sure_of_sides(form, recorded)
    if unknowns(form) > LARGEST:
        return _as_given(form, prior)
    misfit = _misfit(form, recorded)
    for _ in range(STEPS):
        moved = _moved(form, _System.at(form, recorded, prior).step())
        fitted = _without_outliers(moved, recorded)
        after = _misfit(moved, fitted)
        if not after < misfit:
            break
        form, recorded, converged, misfit = moved, fitted, after > STALLED * misfit, after
        if converged:
            break
    variances = _System.at(form, recorded, prior).variances()
    return _with_errors(form, np.sqrt(variances) * max(1.0, misfit), misfit)


def _without_outliers(form: UnsignedForm, recorded: Recorded) -> Recorded:
    """The answers less those that miss by far more than most: ends of swept pieces are extrapolated."""
    missed = np.abs(recorded.values - form(recorded.points)).max(axis=1) / recorded.noise
    usual = max(1.0, float(np.median(missed)))
    kept = missed <= OUTLYING * usual
    return recorded.select(kept) if kept.mean() >= MAJORITY else recorded


def unknowns(form: UnsignedForm) -> int:
    """Numbers that are fitted, scales included."""
    return form.planes.normals.size + form.planes.count + form.theta.size + form.jumps.size + form.rest.size


def _misfit(form: UnsignedForm, recorded: Recorded) -> float:
    residual = (recorded.values - form(recorded.points)) / recorded.noise[:, np.newaxis]
    return float(np.sqrt(np.mean(residual**2)))


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of one step, columns at unit length."""

    matrix: FloatArray
    right: FloatArray
    lengths: FloatArray

    @staticmethod
    def at(form: UnsignedForm, recorded: Recorded, prior: FloatArray) -> _System:
        weights = 1 / recorded.noise[:, np.newaxis]
        residual = (recorded.values - form(recorded.points)) * weights
        count = unknowns(form)
        matrix, right = np.zeros((count, count)), np.zeros(count)
        for output in range(residual.shape[1]):
            rows, columns = _derivative(form, recorded.points, output)
            rows *= weights
            matrix[np.ix_(columns, columns)] += rows.T @ rows
            right[columns] += rows.T @ residual[:, output]
        matrix[np.diag_indices(count)] += prior**-2
        lengths = np.sqrt(np.diagonal(matrix)).copy()
        lengths[lengths == 0] = 1.0
        matrix /= np.outer(lengths, lengths)
        for columns, values in _gauges(form):
            # values @ step = 0, in scaled columns and with the weight of a typical equation
            scaled = values / lengths[columns]
            matrix[np.ix_(columns, columns)] += np.outer(scaled, scaled) / (scaled @ scaled)
        matrix[np.diag_indices(count)] += RIDGE
        return _System(matrix, right / lengths, lengths)

    def step(self) -> FloatArray:
        return np.linalg.solve(self.matrix, self.right) / self.lengths

    def variances(self) -> FloatArray:
        return np.abs(np.diagonal(np.linalg.inv(self.matrix))) / self.lengths**2


def _derivative(form: UnsignedForm, points: FloatArray, output: int) -> tuple[FloatArray, IntArray]:
    """Derivative of one output, "p u", by the numbers that touch it, and their places."""
    planes = form.planes
    features = form.features(points)
    z = features @ form.theta.T
    through = np.where(z > 0, 0.5, -0.5) * form.jumps[:, output]
    # d f / d zhat_i = (rate of its feature) (g_i + sum_k c_k sign(z_k) / 2 v_ki)
    heights = form.feature_rates(points) * (form.rest[output, : planes.count] + through @ form.inner)
    inputs = np.column_stack([points, np.ones(len(points))])
    first = np.einsum("pn,pd->pnd", heights, inputs).reshape(len(points), -1)
    second = np.einsum("pm,pq->pmq", through, features).reshape(len(points), -1)
    before = first.shape[1] + second.shape[1]
    outputs, neurons = form.rest.shape[0], len(form.theta)
    jumps = before + np.arange(neurons) * outputs + output
    rest = before + form.jumps.size + output * features.shape[1] + np.arange(features.shape[1])
    columns = np.concatenate([np.arange(before), jumps, rest])
    return np.column_stack([first, second, np.abs(z) / 2, features]), columns


def _gauges(form: UnsignedForm) -> list[tuple[IntArray, FloatArray]]:
    """Places and values of the directions that must not be moved along: scale of normals and of jumps."""
    dim = form.planes.normals.shape[1]
    start = form.planes.count * (dim + 1) + form.theta.size
    outputs = form.jumps.shape[1]
    found = [(i * (dim + 1) + np.arange(dim), normal) for i, normal in enumerate(form.planes.normals)]
    found += [(start + k * outputs + np.arange(outputs), jump) for k, jump in enumerate(form.jumps)]
    return found


def _split(form: UnsignedForm, vector: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    dim = form.planes.normals.shape[1]
    sizes = [form.planes.count * (dim + 1), form.theta.size, form.jumps.size]
    first, theta, jumps, rest = np.split(vector, np.cumsum(sizes))
    return (
        first.reshape(-1, dim + 1),
        theta.reshape(form.theta.shape),
        jumps.reshape(form.jumps.shape),
        rest.reshape(form.rest.shape),
    )


def _moved(form: UnsignedForm, step: FloatArray) -> UnsignedForm:
    first, theta, jumps, rest = _split(form, step)
    planes = np.column_stack([form.planes.normals, form.planes.offsets]) + first
    theta, jumps, rest = form.theta + theta, form.jumps + jumps, form.rest + rest
    lengths, sizes = np.linalg.norm(planes[:, :-1], axis=1), np.linalg.norm(jumps, axis=1)
    count = len(planes)
    # |zhat| grows by the length, so its coefficients shrink; z takes the size of its jump
    scale = np.concatenate([lengths, np.ones(theta.shape[1] - count)])
    planes /= lengths[:, np.newaxis]
    return UnsignedForm(
        Planes(planes[:, :-1], planes[:, -1]),
        theta * scale * sizes[:, np.newaxis],
        jumps / sizes[:, np.newaxis],
        rest * scale,
        form.signed,
        form.unmet,
    )


def _as_given(form: UnsignedForm, prior: FloatArray) -> RefinedForm:
    """The form as it is: what is linear was measured as what the neurons leave over and has their errors."""
    told = np.isfinite(prior)
    inherited = float(np.linalg.norm(prior[told][: -form.jumps.size or None]))
    return _with_errors(form, np.where(told, prior, inherited), np.nan)


def _with_errors(form: UnsignedForm, errors: FloatArray, misfit: float) -> RefinedForm:
    first, theta, jumps, rest = _split(form, errors)
    offsets = first[:, -1] / (1 + np.abs(form.planes.offsets))
    return _spelled_out(
        RefinedForm(
            form,
            np.maximum(np.maximum(first[:, :-1].max(axis=1), offsets), EPSILON),
            np.maximum(theta, EPSILON * np.abs(form.theta)),
            np.maximum(jumps, EPSILON),
            np.maximum(rest, EPSILON * np.abs(form.rest)),
            misfit,
        )
    )


def _spelled_out(refined: RefinedForm) -> RefinedForm:
    """With its form unsigned: linear parts are sums over planes, and so are the squares of their errors."""
    form = refined.form
    if not form.signed:
        return refined
    count, dim = form.planes.normals.shape
    affine = np.column_stack([form.planes.normals, form.planes.offsets]) / 2
    doubt = np.outer(refined.plane_errors, np.append(np.ones(dim), 1 + np.abs(form.planes.offsets).max())) / 2

    def beyond(rows: FloatArray, errors: FloatArray) -> FloatArray:
        squares = errors[:, :count] ** 2 @ affine**2 + rows[:, :count] ** 2 @ doubt**2
        squares[:, -1] += errors[:, -1] ** 2
        return np.column_stack([errors[:, :count], np.sqrt(squares)])

    theta, rest = beyond(form.theta, refined.theta_errors), beyond(form.rest, refined.rest_errors)
    return replace(refined, form=form.unsigned(), theta_errors=theta, rest_errors=rest)
