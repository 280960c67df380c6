"""Segments through places where what is not known of neurons matters.

A neuron is not wholly known because some neuron below it was off wherever it was met. Where that one is on,
all neurons over it bend with what is not known: a segment that stays there tells of several at once, where a
walk along one boundary may not find its way.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.probing.line import Line

DRAWN = 4000
"""Points among which such places are looked for."""
NEAREST, FARTHEST = -0.5, 1.5
"""Powers of ten of their distances from the origin, in typical input norms."""
MATTERS = 1e-3
"""Part of the channels along an untold direction at such a place."""
FEWEST = 40
"""Points there, below which others climb to them."""
CLIMB, STEP = 60, 0.05
"""Steps uphill, and the length of each, of scale + norm."""
CLIMBERS = 200
"""Points that climb to where a neuron is on."""
PARTNERS = 200
"""Second ends tried for each segment."""
INNER = 9
"""Points of a segment that are looked at."""


def segments_where_untold(
    known: KnownLayers,
    neurons: Sequence[PartialNeuron],
    scale: float,
    wanted: int,
    rng: np.random.Generator,
) -> list[Line]:
    """Long segments on which untold directions of as many neurons as possible matter.

    Args:
        known: The layers below the neurons.
        neurons: Of one layer, none of them wholly known.
        scale: Typical input norm.
        wanted: Segments.
        rng: Draws points.
    """
    if not known.layers or not neurons:
        return []
    points, at_stake = _drawn(known, neurons, scale, rng)
    found: list[Line] = []
    for _ in range(wanted):
        # begin where something matters that matters at few places
        weight = (at_stake / np.maximum(at_stake.sum(axis=0), 1)).sum(axis=1)
        if not weight.any():
            break
        start = int(rng.choice(len(points), p=weight / weight.sum()))
        line = _segment(known, neurons, points, at_stake, start, rng)
        found += [] if line is None else [line]
    return found


def points_where_untold(
    known: KnownLayers,
    neurons: Sequence[PartialNeuron],
    scale: float,
    wanted: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Points at which untold directions of neurons matter: up to `wanted` for each neuron, "p r".

    Of a neuron of the last layer an answer there tells as much as a bend does, for a single question.

    Args:
        known: The layers below the neurons.
        neurons: Of one layer, none of them wholly known.
        scale: Typical input norm.
        wanted: Points for each neuron.
        rng: Draws points.
    """
    points, at_stake = _drawn(known, neurons, scale, rng)
    # an answer tells nothing where the neuron is off: some are asked where it is on, as far as it is known
    pairs = zip(neurons, at_stake.T, strict=True)
    on = [_switched_on(known, one, points[there], scale, rng) for one, there in pairs]
    anywhere = wanted - wanted // 2
    chosen = [rng.permutation(np.nonzero(there)[0])[:anywhere] for there in at_stake.T]
    where_on = [places[: wanted // 2] for places in on]
    return np.concatenate([points[np.unique(np.concatenate(chosen))], *where_on])


def _switched_on(
    known: KnownLayers, neuron: PartialNeuron, points: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    """Points moved to where a neuron is on, to either side, while what is untold of it matters: "p r"."""
    if not len(points):
        return points
    points = points[rng.permutation(len(points))[:CLIMBERS]]
    side = np.where(np.arange(len(points)) % 2 == 0, 1.0, -1.0)[:, np.newaxis]
    steps = np.full(len(points), STEP)
    height, _ = _told_height(known, neuron, points, side)
    for _ in range(CLIMB):
        uphill = _told_height(known, neuron, points, side)[1]
        uphill /= np.maximum(np.linalg.norm(uphill, axis=1, keepdims=True), 1e-300)
        lengths = steps * (scale + np.linalg.norm(points, axis=1))
        moved = points + lengths[:, np.newaxis] * uphill
        now, _ = _told_height(known, neuron, moved, side)
        better = (now > height) & _at_stake(known, [neuron], moved)[:, 0]
        points = np.where(better[:, np.newaxis], moved, points)
        height = np.where(better, now, height)
        steps = np.where(better, 1.2 * steps, 0.5 * steps)
    return points[np.argsort(-height)]


def _told_height(
    known: KnownLayers, neuron: PartialNeuron, points: FloatArray, side: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The told part of a neuron's height, of what its channels are, and the way uphill: "p" and "p r"."""
    offered = known.offered(points)
    size = np.maximum(np.linalg.norm(offered, axis=1), 1e-300)
    height = side[:, 0] * (offered @ neuron.theta) / size
    return height, side * np.einsum("c,pcr->pr", neuron.theta[:-1], known.slopes(points))


def _drawn(
    known: KnownLayers, neurons: Sequence[PartialNeuron], scale: float, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """Points, and at which of them what is untold of which neuron matters; climbed to where that is rare."""
    points = rng.standard_normal((DRAWN, known.dim)) / known.dim**0.5
    points *= scale * 10 ** rng.uniform(NEAREST, FARTHEST, (DRAWN, 1))
    at_stake = _at_stake(known, neurons, points)
    rare = [index for index in range(len(neurons)) if at_stake[:, index].sum() < FEWEST]
    if rare:
        starts = points[rng.permutation(DRAWN)[: DRAWN // 10]]
        climbed = np.concatenate([_climbed(known, neurons[index], starts, scale) for index in rare[:4]])
        points = np.concatenate([points, climbed])
        at_stake = np.concatenate([at_stake, _at_stake(known, neurons, climbed)])
    return points, at_stake


def _at_stake(known: KnownLayers, neurons: Sequence[PartialNeuron], points: FloatArray) -> BoolArray:
    """At which points what is untold of which neuron matters: "p n"."""
    offered = known.offered(points)
    size = np.linalg.norm(offered, axis=1)
    parts = [np.linalg.norm(offered @ one.untold, axis=1) > MATTERS * size for one in neurons]
    return np.stack(parts, axis=1)


def _climbed(known: KnownLayers, neuron: PartialNeuron, points: FloatArray, scale: float) -> FloatArray:
    """Points moved towards where the untold channels of a neuron are on: "p r"."""
    below, layer = known.below(len(known.layers) - 1), known.layers[-1]
    share = np.linalg.norm(neuron.untold, axis=1)[: layer.width]
    channel = int(np.argmax(share))
    if share[channel] < MATTERS:
        return points[:0]
    for _ in range(CLIMB):
        z = below.offered(points)[:, :-1] @ layer.weights[channel] + layer.biases[channel]
        uphill = np.einsum("c,pcr->pr", layer.weights[channel], below.slopes(points))
        uphill /= np.maximum(np.linalg.norm(uphill, axis=1, keepdims=True), 1e-300)
        step = STEP * (scale + np.linalg.norm(points, axis=1, keepdims=True))
        points = points + np.where(z[:, np.newaxis] > 0, 0.2, 1.0) * step * uphill
    return points


def _segment(
    known: KnownLayers,
    neurons: Sequence[PartialNeuron],
    points: FloatArray,
    at_stake: BoolArray,
    start: int,
    rng: np.random.Generator,
) -> Line | None:
    """From one point to the other between which most matters for longest."""
    alike = np.nonzero((at_stake & at_stake[start]).any(axis=1))[0]
    partners = rng.permutation(alike[alike != start])[:PARTNERS]
    if not len(partners):
        return None
    ways = points[partners] - points[start]
    shares = np.linspace(0.0, 1.0, INNER)
    inner = points[start] + shares[:, np.newaxis, np.newaxis] * ways
    matters = _at_stake(known, neurons, inner.reshape(-1, known.dim)).reshape(INNER, len(partners), -1)
    lengths = np.linalg.norm(ways, axis=1)
    away = np.linalg.norm(points[start]) + np.linalg.norm(points[partners], axis=1)
    # the angle under which the segment is seen, and how much matters on it
    best = int(np.argmax(matters.mean(axis=0).sum(axis=1) * lengths / away))
    length = float(lengths[best])
    if length == 0:
        return None
    return Line(points[start], ways[best] / length, length / 2, 0.0, length, length / 2)
