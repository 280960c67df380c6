"""Look for a meeting of a boundary and a first-layer hyperplane that walkers did not reach.

The part of the hyperplane that borders the neuron's known region is convex. A linear program finds its
roomiest point, and random chains spread from there inside it; half of them climb z, half descend it. Where z
gets both signs, the segment between two such points stays inside, and bisection finds where it crosses the
boundary. Where z got one sign only, branch and bound decides whether it has the other one somewhere.

Source: hit-and-run sampling, Smith 1984; its use here is ours. Cost: no queries, some milliseconds.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.facet_program import find_sign
from hingeline.extraction.unsigned import UnsignedNeuron

CHAINS = 96
"""Random chains."""
STEPS = 75
"""Steps of each."""
HALVINGS = 60
"""Bisections of a segment: down to rounding."""
SMALLEST_ROOM = 1e-7
"""A border with less room, as a fraction of the box, is none."""


def meeting_points(
    neuron: UnsignedNeuron, plane: int, start: FloatArray, box: float, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Points where the neuron's boundary meets hyperplane `plane`, and the sign of z on it if there are none.

    Args:
        neuron: Whose boundary; only its known region is searched.
        plane: Index of a hyperplane whose coefficient is unknown.
        start: A point of the hyperplane that borders the known region, shape "d".
        box: Half the side of the box searched, input units.
        rng: Draws the chains.

    Returns:
        Points, shape "p d" (p may be 0), and the sign: 1, -1, or NaN with points or if not settled.
    """
    samples = _spread(neuron, plane, start, box, rng)
    z = neuron.values(samples)
    above, below = samples[z > 0], samples[z <= 0]
    if not len(above) or not len(below):
        sign = 1.0 if len(above) else -1.0
        reach = find_sign(neuron, plane, box, -sign)
        if reach.point is None:
            return np.zeros((0, samples.shape[1])), sign if reach.settled else np.nan
        other = reach.point[np.newaxis]
        above, below = (above, other) if sign > 0 else (other, below)
    high = above[rng.integers(len(above), size=CHAINS)]
    low = below[rng.integers(len(below), size=CHAINS)]
    for _ in range(HALVINGS):
        middle = (high + low) / 2
        positive = (neuron.values(middle) > 0)[:, np.newaxis]
        high, low = np.where(positive, middle, high), np.where(positive, low, middle)
    return (high + low) / 2, np.nan


def border_point(neuron: UnsignedNeuron, plane: int, box: float) -> FloatArray | None:
    """The roomiest point of hyperplane `plane` that borders the neuron's known region; None if there is none.

    Args:
        neuron: Whose known region.
        plane: Index of a hyperplane whose coefficient is unknown.
        box: Half the side of the box searched, input units.
    """
    # Loaded here because importing hingeline must not load scipy.optimize.
    from scipy.optimize import linprog

    planes, dim = neuron.planes, neuron.planes.normals.shape[1]
    hidden = _others(neuron, plane)
    side = neuron.home[hidden]
    # maximise room with side * zhat >= room for the other unknown hyperplanes, lengths in units of the box
    rows = np.column_stack([-side[:, np.newaxis] * planes.normals[hidden], np.ones(len(side))])
    result = linprog(
        np.append(np.zeros(dim), -1.0),
        A_ub=rows if len(rows) else None,
        b_ub=side * planes.offsets[hidden] / box if len(rows) else None,
        A_eq=np.append(planes.normals[plane], 0.0)[np.newaxis],
        b_eq=np.array([-planes.offsets[plane] / box]),
        bounds=[(-1.0, 1.0)] * dim + [(0.0, 1.0)],
    )
    if result.x is None or result.x[-1] < SMALLEST_ROOM:
        return None
    point = box * np.asarray(result.x[:dim], dtype=np.float64)
    height = planes.heights(point[np.newaxis])[0, plane]
    return point - height * planes.normals[plane]


def _others(neuron: UnsignedNeuron, plane: int) -> BoolArray:
    """Unknown hyperplanes but this one: they bound the known region."""
    hidden = ~neuron.known
    hidden[plane] = False
    return hidden


def _spread(
    neuron: UnsignedNeuron, plane: int, start: FloatArray, box: float, rng: np.random.Generator
) -> FloatArray:
    """Points of the border by random chains: "s d"."""
    hidden = _others(neuron, plane)
    normals = neuron.home[hidden, np.newaxis] * neuron.planes.normals[hidden]
    offsets = neuron.home[hidden] * neuron.planes.offsets[hidden]
    across = neuron.planes.normals[plane]
    x = np.repeat(start[np.newaxis], CHAINS, axis=0)
    uphill = np.where(np.arange(CHAINS) % 2 == 0, 1.0, -1.0)
    z, visited = neuron.values(x), [x]
    for step in range(STEPS):
        ways = rng.standard_normal(x.shape)
        if step % 2:
            slopes = neuron.gradients(neuron.planes.patterns(x))
            lengths = np.maximum(np.linalg.norm(slopes, axis=1), 1e-300)
            ways = 0.3 * ways + np.sqrt(x.shape[1]) * (uphill / lengths)[:, np.newaxis] * slopes
        ways -= (ways @ across)[:, np.newaxis] * across
        ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-300)
        low, high = _chord(x, ways, normals, offsets, box)
        # small shares reach the near parts of an unbounded border too
        share = rng.uniform(size=len(x)) ** 3
        ends = np.where((rng.uniform(size=len(x)) < 0.5) & (step % 2 == 0), low, high)
        tried = x + (share * ends)[:, np.newaxis] * ways
        value = neuron.values(tried)
        # roaming for the first third, then only for the better
        better = (uphill * (value - z) > 0) | (step < STEPS // 3)
        x, z = np.where(better[:, np.newaxis], tried, x), np.where(better, value, z)
        visited.append(x)
    return np.concatenate(visited)


def _chord(
    x: FloatArray, ways: FloatArray, normals: FloatArray, offsets: FloatArray, box: float
) -> tuple[FloatArray, FloatArray]:
    """How far each point can move back and forth along its way inside the border and the box."""
    rates = np.concatenate([ways @ normals.T, ways, -ways], axis=1)
    slack = np.concatenate([x @ normals.T + offsets, box + x, box - x], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = -np.maximum(slack, 0.0) / rates
    high = np.where(rates < 0, times, np.inf).min(axis=1)
    low = np.where(rates > 0, times, -np.inf).max(axis=1)
    return np.maximum(low, -2 * box), np.minimum(high, 2 * box)
