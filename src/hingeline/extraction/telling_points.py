"""Points at which a neuron that nothing has shown yet would show: where the known ones stand apart.

A network of one layer more agrees with the recovered one as long as its extra neurons stay in one state.
A neuron above a layer changes state when its input A h + c changes sign; with h >= 0 its sign far out on
each axis (one neuron of the layer on, all others off) and where all are off decides that: if they agree, it
never switches. A first layer that can be steered reaches all axes, and the test is a proof; for others the
points that come nearest to the axes are chosen from a random pool, and with them those where an output is
most extreme, because a single neuron above is a threshold on the outputs. Last come points that show the
rarest pairs of states: neurons that are seldom on together may add up where one is on, and not where both.

Cost: one query per hidden neuron, four per output, at most 24 more; the choice is offline. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.peeled import Peeled
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.domain import Domain

POOL = 3000
"""Random points from which the nearest to each axis is taken."""
LARGEST_POOL = 3e6
"""Most numbers in the pool; it shrinks where inputs are many."""
LARGEST_CONDITION = 1e3
"""First layers with better-conditioned rows are steered."""
NEAR_SPREAD, FAR_SPREAD = -2.0, 4.0
"""Pool norms in typical input norms: natural logarithms of the least and the most."""
AXIS = 1e3
"""Height far out on an axis, in typical heights."""
TINY = float(np.finfo(np.float64).tiny)
PAIR_POINTS, PAIR_CANDIDATES = 24, 400
"""Most points that show rare pairs of states, and among how many of the pool they are chosen."""
NEAR = 3.0
"""Norm, in typical input norms, up to which plain output values are compared; beyond it their growth."""


def telling_points(
    network: PiecewiseLinearNetwork, scale: float, domain: Domain, rng: np.random.Generator
) -> FloatArray:
    """Where a network of more neurons or layers would most likely differ from this one: "p d".

    Args:
        network: What was recovered.
        scale: Typical input norm.
        domain: Where may be asked.
        rng: Draws the pool.
    """
    if not network.hidden_widths:
        return np.zeros((0, network.input_dim))
    axes = _on_axes(network, scale)
    pool = np.concatenate([domain.pulled_in(_random(network, scale, rng)), axes[domain.holds(axes)]])
    chosen = [_nearest_to_axes(z) for z in network.canonical().pre_activations(pool)]
    chosen.append(_extremes(network(pool), np.linalg.norm(pool, axis=1) / scale))
    chosen.append(_rarest_pairs(np.concatenate(network.activation_pattern(pool), axis=1)))
    return pool[np.unique(np.concatenate(chosen))]


def _random(network: PiecewiseLinearNetwork, scale: float, rng: np.random.Generator) -> FloatArray:
    dim = network.input_dim
    count = int(min(POOL, LARGEST_POOL / dim))
    points = rng.standard_normal((count, dim)) * scale / np.sqrt(dim)
    return points * np.exp(rng.uniform(NEAR_SPREAD, FAR_SPREAD, (count, 1)))


def _on_axes(network: PiecewiseLinearNetwork, scale: float) -> FloatArray:
    """Where one first-layer neuron is far on and all others are off, and where all are off."""
    rows, biases = network.canonical().weights[0], network.canonical().biases[0]
    single = _without_opposites(rows, biases)
    rows, biases = rows[single], biases[single]
    width, dim = rows.shape
    singular = np.linalg.svd(rows, compute_uv=False)
    if width > dim or singular[-1] * LARGEST_CONDITION < singular[0]:
        return np.zeros((0, dim))
    unit = scale / np.sqrt(dim)
    heights = np.full((width + 1, width), -unit)
    heights[np.arange(width), np.arange(width)] = AXIS * unit
    return Peeled.of(rows, biases, np.zeros(width)).steer(heights)


def _without_opposites(rows: FloatArray, biases: FloatArray) -> BoolArray:
    """The neurons less those that are an earlier one turned round, as in the two ReLUs of a leaky neuron."""
    planes = np.column_stack([rows, biases])
    seen: set[bytes] = set()
    single = np.ones(len(planes), dtype=np.bool_)
    for index, plane in enumerate(planes):
        single[index] = (-plane).tobytes() not in seen
        seen.add(plane.tobytes())
    return single


def _nearest_to_axes(pre_activations: FloatArray) -> IntArray:
    """For each neuron the point where it has the largest share of its layer, and the darkest point."""
    heights = np.maximum(pre_activations, 0.0)
    total = heights.sum(axis=1)
    share = heights / np.where(total > 0, total, 1.0)[:, np.newaxis]
    # far out where several points are on the axis
    score = share + 1e-6 * heights / max(float(heights.max(initial=0.0)), TINY)
    best = score.argmax(axis=0)[share.max(axis=0) > 0]
    return np.append(best, total.argmin())


def _rarest_pairs(patterns: BoolArray) -> IntArray:
    """Few points ("p n" states) at which together most pairs of states occur, the rare ones first."""
    states = np.concatenate([patterns, ~patterns], axis=1).astype(np.float32)
    counts = states.T @ states
    worth = np.where(counts > 0, 1 / np.maximum(counts, 1), 0).astype(np.float32)
    candidates = np.argsort(-((states @ worth) * states).sum(axis=1), kind="stable")[:PAIR_CANDIDATES]
    states, chosen = states[candidates], list[int]()
    for _ in range(PAIR_POINTS):
        gain = ((states @ worth) * states).sum(axis=1)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        chosen.append(best)
        shown = states[best] > 0
        worth[np.ix_(shown, shown)] = 0
    return candidates[chosen]


def _extremes(values: FloatArray, norms: FloatArray) -> IntArray:
    """Where each output is largest and smallest among near points, and grows and falls most far out."""
    near = np.nonzero(norms <= NEAR)[0]
    growth = (values - values.mean(axis=0)) / (1 + norms)[:, np.newaxis]
    found = [growth.argmax(axis=0), growth.argmin(axis=0)]
    if len(near):
        found += [near[values[near].argmax(axis=0)], near[values[near].argmin(axis=0)]]
    return np.concatenate(found)
