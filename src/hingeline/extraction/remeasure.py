"""Measure a known single layer again, where it can be measured to the last digit.

Once the hyperplanes are known to a few digits, we choose where to stand. Where the rows allow any
pre-activations, all neurons but a few are switched off, so that nothing else contributes value or
rounding error; regions there are far wider than the gaps of a random line. Inside a region the answers
are exactly linear in the products of output and input weights: large differences give every row by one
small linear solve, without iteration, at the noise of a single answer. With k outputs up to k neurons
share a region. Layers that cannot be steered (more neurons than inputs) are measured in roomy regions
found by an offline search.

Cost: d + 1 queries per region: one region per neuron for scalar outputs, one per about k - 1 neurons for
vector outputs, two per neuron if scalar and not steerable; 4 per neuron for offsets and output directions
(not for scalar neurons that have a region of their own). Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import IllConditioned
from hingeline.extraction.single_layer import SingleLayer
from hingeline.numerics.rotation import random_basis
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.domain import Domain
from hingeline.probing.probe import Probe

LARGEST_CONDITION = 300.0
"""Layers with better-conditioned rows are steered directly; others by searching roomy regions."""
SMALLEST_RISE = 0.03
"""Least distance from hyperplanes that steered points keep, as a fraction of scale / sqrt(n)."""
DISTANT_RISE = 1.0
"""The same seen from far away, where offsets are hardly told and rows are what counts."""
SEARCHED_POINTS = 4000
"""Random points among which roomy regions are chosen, offline."""
GROUP_CONDITION = 25.0
"""Neurons share a region only if their output directions are this well conditioned."""
MOST_CHANGE = 0.3
"""An output jump that changes by more than this fraction when measured again is not the same one."""
BATCH_NUMBERS = 2**24
"""Coordinates of the points asked together: 128 MiB."""
DESIGNS = 12
"""Random sets of regions of which the best conditioned is taken, offline."""


@dataclass(frozen=True, eq=False)
class _Stands:
    """Points to stand on, each with a step that stays inside its region in every basis direction."""

    centres: FloatArray
    steps: FloatArray


def remeasure(
    probe: Probe, layer: SingleLayer, goal: float, rng: np.random.Generator, *, free_linear: bool = False
) -> SingleLayer:
    """The layer with exact offsets and output weights, and with every row that needs it measured again.

    Args:
        probe: Where queries go.
        layer: All neurons, signs decided, rows right to about four digits.
        goal: Standard deviation that rows and offsets should reach; better ones are left alone.
        rng: Chooses regions and turns the basis.
        free_linear: Measure the bypass again too, in one more region; else its errors go into the rows.

    Raises:
        BudgetExhausted: The budget ended.
        IllConditioned: No region is roomy enough, or a planned region was not where it should be.
    """
    rise = SMALLEST_RISE if probe.calibration.unit == 1.0 else DISTANT_RISE
    room = _Room(layer, probe.calibration.scale, probe.domain, rng, rise)
    points, directions, reaches = room.crossings()
    # an offset inherits its row's error times the distance of its witness
    which = layer.errors * np.maximum(1.0, np.linalg.norm(points, axis=1)) > goal
    if room.steerable and layer.jumps.shape[1] == 1:
        return _scalar(probe, layer, room, which, (points, directions, reaches), free_linear)
    layer, witnesses = _recross(probe, layer, points, directions, reaches)
    if which.any():
        found = _rows(probe, layer, room, np.nonzero(which)[0], rng, free_linear)
        # a region shared with vague rows may tell less of a row than was known
        sharper = found.errors < layer.errors[which]
        which[which] = sharper
        layer = replace(layer, linear=found.linear)
        layer = _with_rows(layer, which, found.rows[sharper], found.errors[sharper], witnesses)
        return layer.with_constant_from(found.centres, found.values)
    return _with_constant(probe, layer, points + directions * reaches[:, np.newaxis])


def _scalar(
    probe: Probe,
    layer: SingleLayer,
    room: _Room,
    which: BoolArray,
    crossings: tuple[FloatArray, FloatArray, FloatArray],
    free_linear: bool,
) -> SingleLayer:
    """Scalar outputs: where one neuron alone is on, f = constant + jump (normal x + offset) exactly."""
    kept = np.nonzero(~which)[0]
    if len(kept):
        points, directions, reaches = (part[kept] for part in crossings)
        part = _Subset(layer.normals[kept], layer.jumps[kept])
        offsets, jumps, _ = _crossed(probe, part, points, directions, reaches)
        new_offsets, new_jumps = layer.offsets.copy(), layer.jumps.copy()
        new_offsets[kept], new_jumps[kept] = offsets, jumps
        layer = replace(layer, offsets=new_offsets, jumps=new_jumps)
    dark = room.steer(np.full((1, layer.width), -room.rise))
    all_off = probe.ask(dark)[0]
    if not which.any():
        return replace(layer, constant=all_off - dark[0] @ layer.linear.T)
    wanted = np.nonzero(which)[0]
    found = _rows(probe, layer, room, wanted, room.rng, free_linear)
    rows, errors = found.rows, found.errors
    # one region per neuron, and where the bypass is free one more
    asked, values = found.centres[: len(wanted)], found.values[: len(wanted)]
    constant = all_off - dark[0] @ found.linear.T
    layer = replace(layer, linear=found.linear, constant=constant)
    if not layer.jumps[wanted, 0].all():
        raise IllConditioned("a neuron has no effect on the output")
    # z = (f - constant - linear x) / jump, offset = z - row x
    heights = (values - constant - asked @ layer.linear.T)[:, 0] / layer.jumps[wanted, 0]
    sizes = np.einsum("nd,nd->n", rows, rows)
    if not sizes.all():
        raise IllConditioned("a row vanished when measured again; a neuron is missing or wrong")
    witnesses = asked - (heights / sizes)[:, np.newaxis] * rows
    all_witnesses = -layer.offsets[:, np.newaxis] * layer.normals
    all_witnesses[wanted] = witnesses
    return _with_rows(layer, which, rows, errors, all_witnesses)


@dataclass(frozen=True, eq=False)
class _Subset:
    """Some neurons of a layer."""

    normals: FloatArray
    jumps: FloatArray


def _with_constant(probe: Probe, layer: SingleLayer, points: FloatArray) -> SingleLayer:
    chosen = points[:5]
    return layer.with_constant_from(chosen, probe.ask(chosen))


class _Room:
    """Where to stand so that given neurons are the only ones near; offline."""

    def __init__(
        self, layer: SingleLayer, scale: float, domain: Domain, rng: np.random.Generator, smallest_rise: float
    ) -> None:
        self.layer, self.scale, self.domain, self.rng = layer, scale, domain, rng
        n, d = layer.normals.shape
        singular = np.linalg.svd(layer.normals, compute_uv=False)
        # steered points may lie anywhere
        self.steerable = domain.free and n <= d and singular[-1] * LARGEST_CONDITION > singular[0]
        self.inverse = np.linalg.pinv(layer.normals) if self.steerable else np.zeros((d, n))
        # Near the origin offsets come out best; but stay far enough out that offsets do not dominate.
        typical = 3 * float(np.median(np.abs(layer.offsets)))
        self.rise = float(np.clip(typical, smallest_rise * scale / np.sqrt(n), scale / np.sqrt(n)))
        """Distance from every hyperplane that steered points keep."""

    def steer(self, heights: FloatArray) -> FloatArray:
        """Points with the given pre-activations: "p n" to "p d"."""
        return (heights - self.layer.offsets) @ self.inverse.T

    def crossings(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For each neuron a point on its hyperplane, a unit direction across it, and how far to go."""
        n = self.layer.width
        if self.steerable:
            heights = -self.rise * self.rng.uniform(1, 2, (n, n))
            np.fill_diagonal(heights, 0.0)
            lengths = np.linalg.norm(self.inverse, axis=0)
            return self.steer(heights), (self.inverse / lengths).T, self.rise * lengths
        search = self._search()
        heights = search @ self.layer.normals.T + self.layer.offsets
        angles = self.layer.normals @ self.layer.normals.T
        sizes = 0.1 * self.scale + np.linalg.norm(search, axis=1)
        best, reaches = np.empty(n, dtype=np.int64), np.empty(n)
        for j in range(n):
            margins = self.domain.margin(search - heights[:, j, np.newaxis] * self.layer.normals[j])
            best[j], reaches[j] = _roomiest_on(j, heights, angles, sizes, np.minimum(self.scale, margins))
        if not (reaches > 0).all():
            raise IllConditioned("a hyperplane can only be met outside the usable domain")
        foot = heights[best, np.arange(n)][:, np.newaxis] * self.layer.normals
        return search[best] - foot, self.layer.normals, reaches

    def _search(self) -> FloatArray:
        d = self.layer.normals.shape[1]
        points = self.rng.standard_normal((SEARCHED_POINTS, d)) * self.scale / np.sqrt(d)
        return self.domain.pulled_in(points * np.exp(self.rng.uniform(-3.0, 1.0, (SEARCHED_POINTS, 1))))

    def solos(self, groups: list[IntArray], basis: FloatArray) -> _Stands:
        """One point per group, where its neurons are on and all others off."""
        heights = -self.rise * np.ones((len(groups), self.layer.width))
        for row, group in zip(heights, groups, strict=True):
            row[group] = self.rise
        return self._stands(self.steer(heights), basis)

    def pairs(self, points: FloatArray, reaches: FloatArray, which: IntArray, basis: FloatArray) -> _Stands:
        """Two points for each of `which`, one on either side of its hyperplane."""
        across = self.layer.normals[which] * (reaches[which] / 2)[:, np.newaxis]
        return self._stands(np.concatenate([points[which] - across, points[which] + across]), basis)

    def mixed(self, count: int, basis: FloatArray) -> _Stands:
        """`count` roomy regions with whatever patterns they have."""
        points = self._search()
        distance = np.abs(points @ self.layer.normals.T + self.layer.offsets).min(axis=1)
        quality = distance / (0.1 * self.scale + np.linalg.norm(points, axis=1))
        best = np.argsort(-quality)[: 4 * count]
        return self._stands(points[self.rng.choice(best, count, replace=False)], basis)

    def _stands(self, centres: FloatArray, basis: FloatArray) -> _Stands:
        speed = np.abs(self.layer.normals @ basis.T).max(axis=1)
        distance = np.abs(centres @ self.layer.normals.T + self.layer.offsets)
        room = np.minimum((distance / speed).min(axis=1), self.domain.margin(centres))
        return _Stands(centres, 0.6 * room)


def _roomiest_on(
    j: int, heights: FloatArray, angles: FloatArray, sizes: FloatArray, most: FloatArray
) -> tuple[int, float]:
    """Which searched point, once projected on hyperplane j, can go farthest across it alone; how far."""
    others = np.delete(np.arange(len(angles)), j)
    projected = heights[:, others] - np.outer(heights[:, j], angles[j, others])
    reach = np.abs(projected) / (np.abs(angles[j, others]) + 1e-12)
    reach = np.minimum(reach.min(axis=1, initial=np.inf), most)
    best = int(np.argmax(reach / sizes))
    return best, 0.8 * float(reach[best])


def _recross(
    probe: Probe, layer: SingleLayer, points: FloatArray, directions: FloatArray, reaches: FloatArray
) -> tuple[SingleLayer, FloatArray]:
    offsets, jumps, witnesses = _crossed(
        probe, _Subset(layer.normals, layer.jumps), points, directions, reaches
    )
    return replace(layer, offsets=offsets, jumps=jumps), witnesses


def _crossed(
    probe: Probe, part: _Subset, points: FloatArray, directions: FloatArray, reaches: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Offsets, output weights and witnesses from two answers on either side of every hyperplane."""
    places = np.array([-1.0, -0.5, 0.5, 1.0])
    steps = reaches[:, np.newaxis] * places
    asked = points[:, np.newaxis] + steps[:, :, np.newaxis] * directions[:, np.newaxis]
    y = probe.ask(asked.reshape(-1, asked.shape[2])).reshape(len(points), 4, -1)
    half = (reaches / 2)[:, np.newaxis]
    left, right = (y[:, 1] - y[:, 0]) / half, (y[:, 3] - y[:, 2]) / half
    jump = right - left
    best = np.abs(jump).argmax(axis=1)
    pick = np.arange(len(points)), best
    # the two lines meet at t = (y_l(0) - y_r(0)) / (right - left)
    at_zero = (y[:, 1] + left * half) - (y[:, 2] - right * half)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = at_zero[pick] / jump[pick]
    speed = np.einsum("nd,nd->n", part.normals, directions)
    expected = part.jumps * speed[:, np.newaxis]
    off = np.linalg.norm(jump - expected, axis=1) > MOST_CHANGE * np.linalg.norm(expected, axis=1)
    if off.any() or not (np.abs(t) < reaches / 2).all():
        raise IllConditioned("a hyperplane is not where it was found; a neuron is missing or wrong")
    witnesses = points + t[:, np.newaxis] * directions
    offsets = -np.einsum("nd,nd->n", part.normals, witnesses)
    return offsets, jump / speed[:, np.newaxis], witnesses


@dataclass(frozen=True, eq=False)
class _Measured:
    """Rows and their errors, the bypass, and the centres asked with their values."""

    rows: FloatArray
    errors: FloatArray
    linear: FloatArray
    centres: FloatArray
    values: FloatArray


def _rows(
    probe: Probe, layer: SingleLayer, room: _Room, which: IntArray, rng: np.random.Generator, free: bool
) -> _Measured:
    """Rows of `which`, and the bypass where it is `free`; it stays what it is where it is not."""
    d = layer.normals.shape[1]
    basis = random_basis(d, rng)
    stands, system = _design(layer, room, which, basis, free)
    values = probe.ask(stands.centres)
    outputs = values.shape[1]
    slopes = _slopes(probe, stands, values, basis)
    # what the other neurons and the bypass contribute is known; the rest is linear in the wanted rows
    pattern = (stands.centres @ layer.normals.T + layer.offsets > 0).astype(np.float64)
    pattern[:, which] = 0.0
    known = (pattern[:, np.newaxis] * layer.jumps.T) @ layer.normals
    if not free:
        known = known + layer.linear
    right = slopes.transpose(0, 2, 1) - known @ basis.T
    sigma = 1.5 * probe.noise.at(stands.centres).max() + EPSILON * np.abs(values).max()
    weight = np.repeat(stands.steps, outputs)
    solution = np.linalg.lstsq(
        system * weight[:, np.newaxis], right.reshape(-1, d) * weight[:, np.newaxis], rcond=None
    )[0]
    inverse = np.linalg.pinv(system * weight[:, np.newaxis])
    # rows that stay as they were are wrong by their errors, in all regions alike
    taken_as_known = (pattern[:, np.newaxis] * layer.jumps.T).reshape(len(system), -1) * layer.errors
    inherited = np.linalg.norm(inverse @ (taken_as_known * weight[:, np.newaxis]), axis=1)
    errors = np.hypot(sigma * np.linalg.norm(inverse, axis=1), inherited)
    count = len(which)
    linear = solution[count:] @ basis if free else layer.linear
    return _Measured(solution[:count] @ basis, errors[:count], linear, stands.centres, values)


def _slopes(probe: Probe, stands: _Stands, values: FloatArray, basis: FloatArray) -> FloatArray:
    """Slope of every output along every basis vector at every stand, "p d k"; asked some stands at a time."""
    count, dim = stands.centres.shape
    together = max(1, BATCH_NUMBERS // dim**2)
    slopes = np.empty((count, dim, values.shape[1]))
    for start in range(0, count, together):
        part = slice(start, start + together)
        steps = stands.steps[part, np.newaxis, np.newaxis]
        moved = stands.centres[part, np.newaxis] + steps * basis
        answers = probe.ask(moved.reshape(-1, dim)).reshape(-1, dim, values.shape[1])
        slopes[part] = (answers - values[part, np.newaxis]) / steps
    return slopes


def _design(
    layer: SingleLayer, room: _Room, which: IntArray, basis: FloatArray, free: bool
) -> tuple[_Stands, FloatArray]:
    """Regions to measure and the system matrix, rows (region, output), columns `which` and a free bypass."""
    outputs = layer.jumps.shape[1]
    if room.steerable:
        groups = _groups(layer.jumps, which, room.rng)
        # where all neurons are off the bypass is alone
        stands = room.solos([*groups, np.zeros(0, dtype=np.int64)] if free else groups, basis)
        return stands, _system(layer, stands, which, free)
    count = int(np.ceil(1.15 * len(which) / outputs)) + 1 + int(free)
    candidates = [room.mixed(count, basis) for _ in range(DESIGNS)] if outputs > 1 else []
    systems = [_system(layer, stands, which, free) for stands in candidates]
    quality = [_quality(s, m) for s, m in zip(candidates, systems, strict=True)]
    if quality and max(quality) > 1e-4:
        best = int(np.argmax(quality))
        return candidates[best], systems[best]
    points, _, reaches = room.crossings()
    stands = room.pairs(points, reaches, which, basis)
    return stands, _system(layer, stands, which, free)


def _groups(jumps: FloatArray, which: IntArray, rng: np.random.Generator) -> list[IntArray]:
    """Few groups of neurons whose output directions can be told apart; the best of some random orders."""
    outputs = jumps.shape[1]
    if outputs == 1:
        return [np.array([j]) for j in which]
    directions = jumps / np.linalg.norm(jumps, axis=1, keepdims=True)
    tries = [_grouped(directions, rng.permutation(which), outputs) for _ in range(DESIGNS)]
    return min(tries, key=len)


def _grouped(directions: FloatArray, order: IntArray, most: int) -> list[IntArray]:
    groups: list[list[int]] = []
    for j in order:
        for group in groups:
            if len(group) < most and np.linalg.cond(directions[[*group, j]]) < GROUP_CONDITION:
                group.append(int(j))
                break
        else:
            groups.append([int(j)])
    return [np.array(group) for group in groups]


def _system(layer: SingleLayer, stands: _Stands, which: IntArray, free: bool) -> FloatArray:
    on = (stands.centres @ layer.normals.T + layer.offsets > 0)[:, which]
    system = np.einsum("pn,nk->pkn", on, layer.jumps[which]).reshape(-1, len(which))
    outputs = layer.jumps.shape[1]
    return np.hstack([system, np.tile(np.eye(outputs), (len(on), 1))]) if free else system


def _quality(stands: _Stands, system: FloatArray) -> float:
    """Smallest relative singular value of the system, weighted by the steps; 0 if rank deficient."""
    weighted = system * np.repeat(stands.steps, len(system) // len(stands.steps))[:, np.newaxis]
    norms = np.linalg.norm(weighted, axis=0)
    if not (norms > 0).all() or len(system) < system.shape[1]:
        return 0.0
    singular = np.linalg.svd(weighted / norms, compute_uv=False)
    return float(singular[-1] / singular[0])


def _with_rows(
    layer: SingleLayer, which: BoolArray, rows: FloatArray, errors: FloatArray, witnesses: FloatArray
) -> SingleLayer:
    lengths = np.linalg.norm(rows, axis=1)
    if not (np.abs(lengths - 1) < 0.1).all():
        raise IllConditioned("a row changed when measured again; a neuron is missing or wrong")
    normals, jumps, all_errors = layer.normals.copy(), layer.jumps.copy(), layer.errors.copy()
    normals[which] = rows / lengths[:, np.newaxis]
    jumps[which] *= lengths[:, np.newaxis]
    all_errors[which] = errors / lengths + EPSILON
    offsets = layer.offsets.copy()
    offsets[which] = -np.einsum("nd,nd->n", normals[which], witnesses[which])
    return replace(layer, normals=normals, offsets=offsets, jumps=jumps, errors=all_errors)
