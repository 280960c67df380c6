"""Does a neuron's boundary meet a first-layer hyperplane at all? An integer program decides.

Walkers find most meetings; where they fail, the question is settled inside a box by a mixed integer program:
one bit per hyperplane for its side, |zhat| written with these bits, z = 0 and zhat_i = 0, and the room to
all other hyperplanes maximised. It yields the roomiest meeting point, or that there is none in the box.
Hyperplanes that are still unknown keep their home side, because z is not known beyond.

Source: mixed integer form of rectifiers as in verification of networks; its use here is ours.
Cost: no queries; milliseconds to seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import UnsignedNeuron

SMALLEST_ROOM = 1e-6
"""Meetings with less room, as a fraction of the box, are within the solver's own tolerance."""


class Meeting(StrEnum):
    """What is known about a meeting of boundary and hyperplane."""

    FOUND = "found"
    """There is one; a point is given."""
    NONE = "none"
    """There is none in the box."""
    UNDECIDED = "undecided"
    """The search ended first, or the only meeting has no room."""


@dataclass(frozen=True, eq=False)
class MeetingPoint:
    """Answer of the program."""

    meeting: Meeting
    point: FloatArray | None
    """Shape "d"; None unless found."""


def find_meeting(neuron: UnsignedNeuron, plane: int, box: float, nodes: int) -> MeetingPoint:
    """The roomiest point with |x_j| <= box where the neuron's boundary meets hyperplane `plane`.

    Args:
        neuron: Whose boundary; only its known region is searched.
        plane: Index of a hyperplane whose coefficient is unknown.
        box: Half the side of the box, input units.
        nodes: Most nodes of the search tree; a count, so that the answer does not depend on the machine.
    """
    # Loaded here because importing hingeline must not load scipy.optimize.
    from scipy.optimize import Bounds, LinearConstraint, milp

    count, dim = neuron.planes.normals.shape
    rows, low, high = _constraints(neuron, plane, box)
    limits: tuple[Any, Any] = low, high  # the stubs know bounds as single numbers only
    # variables: x / box (d), |zhat| / box (n), side bits (n), room / box
    largest = np.abs(neuron.planes.normals).sum(axis=1) + np.abs(neuron.planes.offsets) / box
    lower: Any = np.concatenate([-np.ones(dim), np.zeros(2 * count), [0.0]])
    upper: Any = np.concatenate([np.ones(dim), largest, np.ones(count), [1.0]])
    bits = np.concatenate([np.zeros(dim + count), np.ones(count), [0.0]])
    objective = np.zeros(len(bits))
    objective[-1] = -1.0
    result = milp(
        objective,
        constraints=LinearConstraint(rows, *limits),
        bounds=Bounds(lower, upper),
        integrality=bits,
        # mapping solutions back from a presolved program, HiGHS may print to standard output
        options={"node_limit": nodes, "mip_rel_gap": 0.5, "presolve": False},
    )
    if result.x is None:
        return MeetingPoint(Meeting.NONE if result.status == 2 else Meeting.UNDECIDED, None)
    if result.x[-1] < SMALLEST_ROOM:
        return MeetingPoint(Meeting.UNDECIDED, None)
    return MeetingPoint(Meeting.FOUND, _onto_both(neuron, plane, box * np.asarray(result.x[:dim])))


def point_on(neuron: UnsignedNeuron, plane: int, box: float) -> FloatArray | None:
    """A roomy point of hyperplane `plane` that borders the neuron's known region; None if there is none.

    Args:
        neuron: Whose known region.
        plane: Index of a hyperplane whose coefficient is unknown.
        box: Half the side of the box searched, input units.
    """
    # Loaded here because importing hingeline must not load scipy.optimize.
    from scipy.optimize import linprog

    planes, dim = neuron.planes, neuron.planes.normals.shape[1]
    hidden = ~neuron.known
    hidden[plane] = False
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
    return box * np.asarray(result.x[:dim], dtype=np.float64)


def _constraints(neuron: UnsignedNeuron, plane: int, box: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows and their bounds, all lengths in units of the box."""
    count, dim = neuron.planes.normals.shape
    normals, offsets = neuron.planes.normals, neuron.planes.offsets / box
    big = 2 * (np.abs(normals).sum(axis=1) + np.abs(offsets)) + 1.0
    eye, none, column = np.eye(count), np.zeros((count, count)), np.ones((count, 1))
    free = np.arange(count) != plane
    room = column * free[:, np.newaxis]
    infinite = np.full(count, np.inf)
    blocks = [
        # |zhat| >= zhat, |zhat| >= -zhat
        (np.hstack([-normals, eye, none, 0 * column]), offsets, infinite),
        (np.hstack([normals, eye, none, 0 * column]), -offsets, infinite),
        # |zhat| <= zhat + big (1 - bit), |zhat| <= -zhat + big bit
        (np.hstack([-normals, eye, np.diag(big), 0 * column]), -infinite, offsets + big),
        (np.hstack([normals, eye, -np.diag(big), 0 * column]), -infinite, -offsets),
        # room to every other hyperplane
        (np.hstack([np.zeros((count, dim)), eye, none, -room]), np.zeros(count), infinite),
    ]
    hidden = ~neuron.known & free
    side = np.diag(neuron.home)[hidden]
    kept = np.hstack([side @ normals, np.zeros((len(side), 2 * count)), -np.ones((len(side), 1))])
    blocks.append((kept, -side @ offsets, np.full(len(side), np.inf)))
    on_plane = np.concatenate([normals[plane], np.zeros(2 * count + 1)])
    on_boundary = np.concatenate([neuron.affine[:-1], neuron.row / 2, np.zeros(count + 1)]) / neuron.size
    both = np.array([-offsets[plane], -neuron.affine[-1] / box / neuron.size])
    blocks.append((np.stack([on_plane, on_boundary]), both, both))
    rows, low, high = zip(*blocks, strict=True)
    return np.concatenate(rows), np.concatenate(low), np.concatenate(high)


def _onto_both(neuron: UnsignedNeuron, plane: int, point: FloatArray) -> FloatArray:
    """The nearest point on both hyperplanes: the solver's tolerance is not ours."""
    pattern = neuron.planes.patterns(point[np.newaxis])
    pattern[0, plane] = neuron.home[plane]
    normals = np.stack([neuron.gradients(pattern)[0], neuron.planes.normals[plane]])
    for _ in range(2):
        height = neuron.planes.heights(point[np.newaxis])[0, plane]
        # on the hyperplane z is the same from both sides
        value = neuron.values(point[np.newaxis])[0]
        point = point - np.linalg.lstsq(normals, np.array([value, height]), rcond=None)[0]
    return point
