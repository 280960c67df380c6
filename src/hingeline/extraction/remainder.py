"""Which recorded answers are not explained: the trace of neurons that no line has crossed yet.

Once every neuron's bends are subtracted, what remains of the answers is linear in the unsigned features.
A neuron that is still missing spoils that on one side of its boundary. A robust fit finds the majority side;
the answers on the other side are where to look for it, between them and their nearest neighbours that fit.

Source: residual test, specs on certificates; the robust fit (Lawson 1961, Schlossmacher 1973) is textbook.
Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.recorded import Recorded, typical_slope
from hingeline.extraction.unsigned import Planes, UnsignedNeuron

ROUNDS = 40
"""Rounds of reweighting."""
MISFIT = 1e-6
"""Answers that miss the fit by more than this fraction of a typical slope are unexplained."""
SIGMAS = 20.0
"""Standard deviations by which an answer may miss the fit."""
MAJORITY = 0.55
"""Fraction of the answers that must fit, or the majority side was not found."""
APART = 1e-7
"""Points nearer than this, relative to their distance from the origin, are one point asked twice."""


def unexplained(
    planes: Planes, neurons: Sequence[UnsignedNeuron], recorded: Recorded
) -> tuple[Recorded, BoolArray] | None:
    """Answers where every neuron's state is known, and which of them do not fit; None if no majority does."""
    readable = recorded.readable(neurons)
    inside = recorded.select(readable)
    features = planes.features(inside.points)
    if len(inside.points) < 2 * features.shape[1]:
        return None
    target = inside.without_bends(neurons) / inside.sizes[:, np.newaxis]
    allowed = MISFIT * typical_slope(neurons) + SIGMAS * inside.doubt(neurons) / inside.sizes
    bad = _robust_misfit(features / inside.sizes[:, np.newaxis], target, allowed) > allowed
    if bad.mean() > 1 - MAJORITY:
        return None
    return inside, bad


def nearest_fitting(recorded: Recorded, marked: BoolArray) -> tuple[FloatArray, FloatArray] | None:
    """An unexplained point and a fitting one close to it, relative to their distance from the origin.

    None if all fitting points are unexplained ones as well: noise tells them apart, and no neuron.
    """
    bad, good = recorded.select(marked), recorded.select(~marked)
    squares = (bad.points**2).sum(axis=1)[:, np.newaxis] + (good.points**2).sum(axis=1)
    apart = squares - 2 * bad.points @ good.points.T
    relative = apart / (bad.sizes[:, np.newaxis] * good.sizes)
    relative[relative < APART**2] = np.inf
    i, j = np.unravel_index(np.argmin(relative), relative.shape)
    if relative[i, j] == np.inf:
        return None
    return bad.points[i], good.points[j]


def _robust_misfit(features: FloatArray, target: FloatArray, allowed: FloatArray) -> FloatArray:
    """Distances from the linear fit that most answers share: least absolute values by reweighting."""
    basis = np.linalg.qr(features / np.maximum(np.linalg.norm(features, axis=0), 1e-300))[0]
    weights = np.ones((len(target), 1))
    misfit = np.zeros(len(target))
    for _ in range(ROUNDS):
        solution = np.linalg.lstsq(basis.T @ (weights * basis), basis.T @ (weights * target), rcond=None)[0]
        misfit = np.abs(target - basis @ solution).max(axis=1)
        if (misfit <= allowed).all():
            return misfit
        floor = max(1e-3 * float(np.median(misfit)), np.finfo(np.float64).tiny ** 0.5)
        weights = 1 / np.maximum(misfit, floor)[:, np.newaxis]
    fitting = misfit <= np.median(misfit)
    exact = np.linalg.lstsq(basis[fitting], target[fitting], rcond=None)[0]
    return np.abs(target - basis @ exact).max(axis=1)
