"""Correct first-layer rows outside their own span, in one linear solve.

A first layer narrower than the input was measured inside an estimated row space, and what that estimate
missed stays in the rows' components along the other directions. Those components are nearly zero, so steps
along these directions change no activation, however long they are: the answers are exactly linear in the
components, with coefficients dF/dz that the recovered network knows.

Cost: (d - n) n / k queries for n first-layer neurons and k outputs. Source: ours.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe

SURPLUS = (1.05, 1.6)
"""Equations per unknown, for scalar and for vector outputs: more are better conditioned."""
CANDIDATES = 12
"""Random points per neuron among which the stands are chosen, offline."""
BATCH_NUMBERS = 2**24
"""Coordinates of the points asked together: 128 MiB."""
STEP = 3.0
"""Step along a null direction, in norms of the point it starts from; no activation changes on it."""


def straighten(
    probe: Probe, network: PiecewiseLinearNetwork, rng: np.random.Generator
) -> PiecewiseLinearNetwork:
    """The network with its first-layer rows corrected along all directions they do not span.

    Args:
        probe: Where queries go.
        network: Right but for small errors; more inputs than first-layer neurons.
        rng: Draws the stands.

    Raises:
        BudgetExhausted: The budget ended.
    """
    rows = network.weights[0]
    width, dim = rows.shape
    if width >= dim:
        return network
    spanned = np.linalg.svd(rows, full_matrices=True)[2]
    others = spanned[width:]
    points = probe.domain.pulled_in(_candidates(network, probe.calibration.scale, rng))
    gains = _gains(network, points)
    chosen = _chosen(gains, width)
    stands, system = points[chosen], gains[chosen].reshape(-1, width)
    values = probe.ask(stands)
    step = STEP * (probe.calibration.scale + np.linalg.norm(stands, axis=1))
    step = np.minimum(step, probe.domain.margin(stands))[:, np.newaxis, np.newaxis]
    slopes = _slopes(probe, stands, values, step, others)
    right = slopes.transpose(0, 2, 1).reshape(-1, len(others))
    missing = np.linalg.lstsq(system, right, rcond=None)[0]
    corrected = rows + (missing - rows @ others.T) @ others
    return PiecewiseLinearNetwork([corrected, *network.weights[1:]], network.biases)


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


def _gains(network: PiecewiseLinearNetwork, points: FloatArray) -> FloatArray:
    """dF/dz of the first layer's pre-activations at each point: "p k n"."""
    patterns = network.activation_pattern(points)
    gains = np.repeat(network.weights[-1][np.newaxis], len(points), axis=0)
    for weight, on in zip(reversed(network.weights[1:-1]), reversed(patterns[1:]), strict=True):
        gains = (gains * on[:, np.newaxis]) @ weight
    return gains * patterns[0][:, np.newaxis]


def _chosen(gains: FloatArray, width: int) -> IntArray:
    """Few points whose gains determine all components well (pivoted QR)."""
    outputs = gains.shape[1]
    rows = gains.reshape(-1, width)
    pivots = np.asarray(qr(rows.T, mode="r", pivoting=True)[-1], dtype=np.int64)
    needed = int(np.ceil(SURPLUS[outputs > 1] * width / outputs)) + (outputs > 1)
    order = pivots // outputs
    _, first = np.unique(order, return_index=True)
    return order[np.sort(first)][:needed]
