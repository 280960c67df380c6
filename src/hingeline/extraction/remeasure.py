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
from hingeline.extraction.standing_room import Room, Stands
from hingeline.numerics.rotation import random_basis
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

SMALLEST_RISE = 0.03
"""Least distance from hyperplanes that steered points keep, as a fraction of scale / sqrt(n)."""
DISTANT_RISE = 1.0
"""The same seen from far away, where offsets are hardly told and rows are what counts."""
GROUP_CONDITION = 25.0
"""Neurons share a region only if their output directions are this well conditioned."""
MOST_CHANGE = 0.3
"""An output jump that changes by more than this fraction when measured again is not the same one."""
BATCH_NUMBERS = 2**24
"""Coordinates of the points asked together: 128 MiB."""
DESIGNS = 12
"""Random sets of regions of which the best conditioned is taken, offline."""


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
    room = Room(layer, probe.calibration.scale, probe.domain, rng, rise)
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
    room: Room,
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
    probe: Probe, layer: SingleLayer, room: Room, which: IntArray, rng: np.random.Generator, free: bool
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


def _slopes(probe: Probe, stands: Stands, values: FloatArray, basis: FloatArray) -> FloatArray:
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
    layer: SingleLayer, room: Room, which: IntArray, basis: FloatArray, free: bool
) -> tuple[Stands, FloatArray]:
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


def _system(layer: SingleLayer, stands: Stands, which: IntArray, free: bool) -> FloatArray:
    on = (stands.centres @ layer.normals.T + layer.offsets > 0)[:, which]
    system = np.einsum("pn,nk->pkn", on, layer.jumps[which]).reshape(-1, len(which))
    outputs = layer.jumps.shape[1]
    return np.hstack([system, np.tile(np.eye(outputs), (len(on), 1))]) if free else system


def _quality(stands: Stands, system: FloatArray) -> float:
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
