"""Correct first-layer rows outside their own span, in one linear solve.

A first layer narrower than the input was measured inside an estimated row space, and what that estimate
missed stays in the rows' components along the other directions. Those components are nearly zero, so steps
along these directions change no activation, however long they are: the answers are exactly linear in the
components, with coefficients dF/dz that the recovered network knows.

Gradients that were measured in all input directions tell of the same components, less sharply for their short
steps; only what they leave open is asked.

Cost: at most (d - n) n / k queries for n first-layer neurons and k outputs. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.full_gradients import Equations, FullGradients, gains_at, most_telling
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe

SURPLUS = (1.05, 1.6)
"""Equations per unknown, for scalar and for vector outputs: more are better conditioned."""
CANDIDATES = 12
"""Random points per neuron among which the stands are chosen, offline."""
BATCH_NUMBERS = 2**24
"""Coordinates of the points asked together: 128 MiB."""
PRECISE = 1e-12
"""Standard deviation of an entry of a unit row that is enough."""
STEP = 3.0
"""Step along a null direction, in norms of the point it starts from; no activation changes on it."""


@dataclass(frozen=True, eq=False)
class Straight:
    """A network whose first-layer rows are right outside their span."""

    network: PiecewiseLinearNetwork
    errors: FloatArray
    """Standard deviation of an entry of each unit row outside the span, shape "n"."""
    excess: float = 1.0
    """Errors are larger by this factor where a neuron is missing: its gains contradict what was asked."""

    def noise_at(self, points: FloatArray) -> FloatArray:
        """Standard deviation of answers at points ("p d") for those errors: none within the span."""
        rows = self.network.weights[0]
        if not self.errors.any():
            return np.zeros(len(points))
        basis = np.linalg.svd(rows, full_matrices=False)[2]
        outside = np.linalg.norm(points - points @ basis.T @ basis, axis=1)
        each = self.errors * np.linalg.norm(rows, axis=1)
        return outside * np.linalg.norm(gains_at(self.network, points) * each, axis=2).max(axis=1)


def straighten(
    probe: Probe,
    network: PiecewiseLinearNetwork,
    rng: np.random.Generator,
    seen: FullGradients | None = None,
) -> Straight:
    """The network with its first-layer rows corrected along all directions they do not span.

    Args:
        probe: Where queries go.
        network: Right but for small errors; more inputs than first-layer neurons.
        rng: Draws the stands.
        seen: Gradients measured in all input directions; only what they leave open is asked.

    Raises:
        BudgetExhausted: The budget ended.
    """
    rows = network.weights[0]
    width, dim = rows.shape
    if width >= dim:
        return Straight(network, np.zeros(width))
    spanned = np.linalg.svd(rows, full_matrices=True)[2]
    others = spanned[width:]
    known = Equations.none(width, len(others)) if seen is None else seen.equations(network, others)
    stands = _stands(probe, network, rng, known)
    asked = _asked(probe, network, stands, others)
    solved = known.with_others(asked).solved()
    corrected = rows + (solved.unknowns - rows @ others.T) @ others
    errors = solved.errors / np.linalg.norm(rows, axis=1)
    straight = PiecewiseLinearNetwork([corrected, *network.weights[1:]], network.biases)
    return Straight(straight, errors, solved.excess)


def _stands(
    probe: Probe, network: PiecewiseLinearNetwork, rng: np.random.Generator, known: Equations
) -> FloatArray:
    """Points at which to ask, so that with what is known all components are: "s d"."""
    width = network.weights[0].shape[0]
    points = probe.domain.pulled_in(_candidates(network, probe.calibration.scale, rng))
    gains = gains_at(network, points)
    every = _chosen(gains, width)
    if not known.count:
        return points[every]
    noise = _slope_errors(probe, points)
    few = most_telling(known, gains, noise, PRECISE * np.linalg.norm(network.weights[0], axis=1), len(every))
    return points[every if few is None else few]


def _asked(
    probe: Probe, network: PiecewiseLinearNetwork, stands: FloatArray, others: FloatArray
) -> Equations:
    """What long steps from some stands along the null directions tell."""
    width = network.weights[0].shape[0]
    if not len(stands):
        return Equations.none(width, len(others))
    values = probe.ask(stands)
    step = _steps(probe, stands)[:, np.newaxis, np.newaxis]
    slopes = _slopes(probe, stands, values, step, others)
    right = slopes.transpose(0, 2, 1).reshape(-1, len(others))
    errors = np.repeat(_slope_errors(probe, stands), values.shape[1])
    return Equations(gains_at(network, stands).reshape(-1, width), right, errors)


def _steps(probe: Probe, stands: FloatArray) -> FloatArray:
    step = STEP * (probe.calibration.scale + np.linalg.norm(stands, axis=1))
    return np.minimum(step, probe.domain.margin(stands))


def _slope_errors(probe: Probe, stands: FloatArray) -> FloatArray:
    """Standard deviation of a slope over such a step: "s"."""
    steps = _steps(probe, stands)
    return 2**0.5 * probe.noise.at(2 * stands) / np.maximum(steps, 1e-300)


def _slopes(
    probe: Probe, stands: FloatArray, values: FloatArray, steps: FloatArray, directions: FloatArray
) -> FloatArray:
    """(f(x + s n) - f(x)) / s = dF/dz (W_true - W) n for every stand and direction, "p m k".

    Asked some stands at a time, to bound the memory.
    """
    (many, dim), outputs = directions.shape, values.shape[1]
    together = max(1, BATCH_NUMBERS // max(1, many * dim))
    slopes = np.empty((len(stands), many, outputs))
    for start in range(0, len(stands), together):
        part = slice(start, start + together)
        moved = (stands[part, np.newaxis] + steps[part] * directions).reshape(-1, dim)
        answers = probe.ask(moved).reshape(-1, many, outputs)
        slopes[part] = (answers - values[part, np.newaxis]) / steps[part]
    return slopes


def _candidates(network: PiecewiseLinearNetwork, scale: float, rng: np.random.Generator) -> FloatArray:
    """Points with varied first-layer patterns."""
    rows, biases = network.weights[0], network.biases[0]
    width, dim = rows.shape
    unit = scale / np.sqrt(dim)
    count = CANDIDATES * width
    heights = unit * np.exp(rng.standard_normal((count, width)))
    heights *= np.where(rng.uniform(size=heights.shape) < rng.uniform(0.3, 1.0, (count, 1)), 1.0, -1.0)
    return (heights - biases) @ np.linalg.pinv(rows).T


def _chosen(gains: FloatArray, width: int) -> IntArray:
    """Few points whose gains determine all components well (pivoted QR)."""
    outputs = gains.shape[1]
    rows = gains.reshape(-1, width)
    pivots = np.asarray(qr(rows.T, mode="r", pivoting=True)[-1], dtype=np.int64)
    needed = int(np.ceil(SURPLUS[outputs > 1] * width / outputs)) + (outputs > 1)
    order = pivots // outputs
    _, first = np.unique(order, return_index=True)
    return order[np.sort(first)][:needed]
