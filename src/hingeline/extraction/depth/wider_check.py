"""A wider look at a deep network before it is called complete: more lines, and points far from the origin.

A neuron of an inner layer may be off almost everywhere within typical inputs and on a little farther out;
one fresh line meets it by chance only. Every piece of several lines and points at many distances are
compared; the first that differs shows the way to what is missing.

Cost: about 2 queries per piece of each line, and the points. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.rare_points import rare_states
from hingeline.extraction.recovery import Bench
from hingeline.extraction.verify import (
    RowErrors,
    allowed_gap,
    bends_of,
    fresh_points,
    points_beside,
    random_line,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

LINES = 4
"""Fresh lines whose every piece is tried."""
POINTS_PER_SIZE = 24
"""Points at each distance."""
DRAWN = 6000
"""Points among which the most one-sided are chosen, offline."""
DIRECTIONS = 200
"""Random directions of a layer's activations in which the farthest point is tried."""
CLIMBS = 60
"""Steps uphill of each of those points, offline."""
POOL, EACH = 3000, 2
"""Points among which rare states are looked for, and those tried of each."""
SIZES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
"""Distances, in typical input norms."""


def contradicted(
    bench: Bench,
    network: PiecewiseLinearNetwork,
    claimed: RowErrors,
) -> FloatArray | None:
    """The point at which a network is most clearly wrong, shape "d"; None if it is nowhere.

    Args:
        bench: Where to work.
        network: The candidate, verified once.
        claimed: Errors that its rows are claimed to have.

    Raises:
        BudgetExhausted: The budget ended.
    """
    probe, asked = bench.probe, list[FloatArray]()
    rng = bench.randomness.step("wider check", probe.session.spent)
    for _ in range(LINES):
        line = random_line(probe, rng, bench.settings)
        asked.append(line.at(points_beside(line, bends_of(network, line))))
    within = min(SIZES[-1], 0.9 * probe.calibration.radius / probe.calibration.scale)
    sizes = tuple(size for size in SIZES if size <= within)
    if sizes:
        asked.append(fresh_points(probe, rng, POINTS_PER_SIZE * len(sizes), sizes))
    asked.append(_extreme(bench, network, rng))
    asked.append(_rarely_together(bench, network, rng))
    points = np.concatenate(asked)
    with probe.session.phase("verify"):
        gaps = np.abs(probe.ask(points) - network(points)).max(axis=1)
    ratios = gaps / allowed_gap(probe, network, claimed, points)
    worst = int(np.argmax(ratios))
    bench.evidence["wider_check"] = {"points": len(points), "worst_ratio": float(ratios[worst])}
    return points[worst] if ratios[worst] > 1 else None


def _rarely_together(bench: Bench, network: PiecewiseLinearNetwork, rng: np.random.Generator) -> FloatArray:
    """Points at which neurons are in a rare state, or on together with one below that rarely is: "n d".

    A fit may end with a neuron just off at all of the few points that tell a weight: that is a bound, not an
    equation. Where the network has both on, the answers tell.
    """
    scale = bench.probe.calibration.scale
    pool = _drawn(bench, network, rng)[:POOL]
    states = rare_states(network, pool, scale, rng)
    chosen = [state[rng.permutation(len(state))[:EACH]] for state in states]
    return bench.probe.domain.pulled_in(np.concatenate([np.zeros((0, network.input_dim)), *chosen]))


def _extreme(bench: Bench, network: PiecewiseLinearNetwork, rng: np.random.Generator) -> FloatArray:
    """Of many random points those at which a layer's activations are most one-sided: "n d".

    A neuron above with weights a is on where a h is large against |h|: of all points drawn the one farthest
    along a random direction is hundreds of times likelier to be there than a random one. A constant counts as
    one more activation: a neuron that only its bias turns on is on where the others are nearly all off.
    """
    drawn = _drawn(bench, network, rng)
    chosen: list[FloatArray] = []
    for layer in range(len(network.hidden_widths) - 1):
        size = network.hidden_widths[layer] + 1
        wishes = np.concatenate([np.eye(size), rng.standard_normal((DIRECTIONS, size))])
        wishes /= np.linalg.norm(wishes, axis=1, keepdims=True)
        on = np.maximum(network.pre_activations(drawn)[layer], 0.0)
        constant = float(np.median(np.linalg.norm(on, axis=1))) / (size - 1) ** 0.5
        best = np.argmax(_one_sided(network, layer, constant, drawn) @ wishes.T, axis=0)
        chosen.append(_climbed(bench, network, layer, constant, wishes, drawn[best]))
    return np.concatenate(chosen) if chosen else np.zeros((0, network.input_dim))


def _climbed(
    bench: Bench,
    network: PiecewiseLinearNetwork,
    layer: int,
    constant: float,
    wishes: FloatArray,
    points: FloatArray,
) -> FloatArray:
    """Points moved uphill until a layer's activations point along each wish as far as they can: "n d"."""
    reached = np.einsum("nw,nw->n", _one_sided(network, layer, constant, points), wishes)
    farthest = SIZES[-1] * bench.probe.calibration.scale
    steps = np.full(len(points), 0.5)
    for _ in range(CLIMBS):
        uphill = _uphill(network, layer, constant, points, wishes)
        size = np.maximum(np.linalg.norm(uphill, axis=1), 1e-300)
        lengths = steps * np.linalg.norm(points, axis=1) / size
        moved = points + lengths[:, np.newaxis] * uphill
        # not so far that rounding decides what is on
        size = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-300)
        moved = bench.probe.domain.pulled_in(moved * np.minimum(1.0, farthest / size))
        now = np.einsum("nw,nw->n", _one_sided(network, layer, constant, moved), wishes)
        better = now > reached
        points = np.where(better[:, np.newaxis], moved, points)
        reached = np.where(better, now, reached)
        steps = np.where(better, 1.2 * steps, 0.5 * steps)
    return points


def _uphill(
    network: PiecewiseLinearNetwork, layer: int, constant: float, points: FloatArray, wishes: FloatArray
) -> FloatArray:
    """Gradient of w h / |h| by the input, for a layer's activations h and a constant: "n d"."""
    heights = network.pre_activations(points)[: layer + 1]
    on = _with_constant(heights[-1], constant)
    size = np.maximum(np.linalg.norm(on, axis=1, keepdims=True), 1e-300)
    unit = on / size
    back = (wishes - unit * np.einsum("nw,nw->n", unit, wishes)[:, np.newaxis]) / size
    back = back[:, :-1]
    for weight, z in zip(network.weights[layer::-1], heights[::-1], strict=True):
        back = (back * (z > 0)) @ weight
    return back


def _with_constant(heights: FloatArray, constant: float) -> FloatArray:
    """Activations and a constant: "n w" to "n w+1"."""
    return np.concatenate([np.maximum(heights, 0.0), np.full((len(heights), 1), constant)], axis=1)


def _one_sided(
    network: PiecewiseLinearNetwork, layer: int, constant: float, points: FloatArray
) -> FloatArray:
    """A hidden layer's activations and a constant at length one: "n d" to "n w+1"."""
    on = _with_constant(network.pre_activations(points)[layer], constant)
    return on / np.maximum(np.linalg.norm(on, axis=1, keepdims=True), 1e-300)


def _drawn(bench: Bench, network: PiecewiseLinearNetwork, rng: np.random.Generator) -> FloatArray:
    probe = bench.probe
    rows = np.linalg.svd(network.weights[0], full_matrices=False)[2]
    within = 0.9 * probe.calibration.radius
    norms = np.minimum(probe.calibration.scale * 10 ** rng.uniform(-1.5, 2.5, (DRAWN, 1)), within)
    drawn = rng.standard_normal((DRAWN, len(rows))) @ rows
    return probe.domain.pulled_in(drawn / np.linalg.norm(drawn, axis=1, keepdims=True) * norms)
