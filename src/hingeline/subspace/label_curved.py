"""Slopes where the boundary is curved (differentiable networks).

    1  turn     coarse slopes along all columns of V and of B tell the normal to a few per cent; the line
                across is laid along it. On a slanting line, curvature counts many times.
    2  step     random directions at delta and 2 delta tell curvature and error of third order; delta is
                chosen so that this error equals what rounding leaves
    3  measure  (t(+delta) - t(-delta)) / (2 delta): t(+delta) is known coarsely, t(-delta) up to curvature,
                so both searches start near their end
    4  check    along random directions with twice the step, where the error of third order is 4 times larger

Cost: for each column about 4 queries for the normal, log2(1 / error) + log2(curvature / error) for the rest.
Source: our own design; the promise for differentiable networks is that of Jayaram, Woodruff and Zhang,
ICLR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.label_beside import (
    UNIFORM,
    Precision,
    Slopes,
    Unusable,
    contradictions,
    offsets_beside,
    stands,
)
from hingeline.subspace.label_boundary import Crossings, narrowed
from hingeline.subspace.label_candidates import Candidates
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_scene import Scene

# Coarse slopes are told to a quarter of their spread, so the normal to a tenth.
_COARSE = 0.25
# Step of the coarse slopes, in steps of the scene: curvature may spoil a tenth of them.
_COARSE_STEPS = 10.0
# Random directions asked about curvature, and for the check.
_CHECKS = 3
# The step changes at most by so much from point to point's typical one.
_STEP_RANGE = (1 / 16, 4.0)
# A check that misses by so many times its expected error is looked into for wrong labels.
_SUSPICIOUS = 30.0
# Growth of the bracket about a point on a new line, and how often.
_GROW, _GROWTHS = 4.0, 5
_UNIFORM_WIDTH = float(np.sqrt(12.0))


@dataclass(frozen=True, eq=False)
class _Turned:
    """A boundary point with the line along its normal."""

    crossing: Crossings
    within: FloatArray
    """Coarse slopes along V on the new line, shape "r"."""
    slopes: FloatArray
    """The same along B, shape "m"."""
    error: float
    """Their standard deviation."""


def curved_slopes(
    door: LabelDoor,
    point: Candidates,
    bases: tuple[FloatArray, FloatArray],
    scene: Scene,
    rng: np.random.Generator,
) -> tuple[Slopes | Unusable, FloatArray]:
    """Slopes along all columns of B at a boundary point of a differentiable network.

    Args:
        door: Where to ask.
        point: One boundary point.
        bases: V and B.
        scene: Kind of the boundary.
        rng: Draws directions.

    Returns:
        The slopes, which are the parts of the unit normal, or that the point is of no use; and coarsely the
        parts along V, shape "r".
    """
    turned = _turned(door, point, bases, scene)
    if turned is None:
        return Unusable(), np.zeros(0)
    rest = bases[1]
    how, bend = _precision(door, turned, rest, scene, rng)
    if how is None:
        return Unusable(), np.zeros(0)
    return _central(door, turned, rest, how, bend, rng), turned.within


def _turned(
    door: LabelDoor, point: Candidates, bases: tuple[FloatArray, FloatArray], scene: Scene
) -> _Turned | None:
    """The same point with its line along the normal, from coarse slopes along V and B."""
    found, rest = bases
    step = _COARSE_STEPS * scene.step
    parts = [(found, float(point.within[0]) / np.sqrt(max(found.shape[1], 1))), (rest, float(point.slope[0]))]
    width = min(slope for basis, slope in parts if basis.shape[1] and slope > 0) * _COARSE * step / 4
    crossing = narrowed(door, point.crossings, width)
    slopes: list[FloatArray] = []
    for basis, slope in parts:
        if not basis.shape[1]:
            slopes.append(np.zeros(0))
            continue
        how = Precision(step, slope * step, _COARSE * slope * step, 0.0)
        offsets = offsets_beside(door, crossing, basis, step, how)
        if not offsets.known.all():
            return None
        slopes.append(offsets.at / step)
    # n = -(n.d) sum of slope_j u_j over an orthonormal basis of everything
    normal = -(found @ slopes[0] + rest @ slopes[1])
    length = float(np.linalg.norm(normal))
    across = (normal / length)[np.newaxis]
    line = _laid(door, narrowed(door, crossing, 0.0), across)
    error = _COARSE * float(point.slope[0]) * max(UNIFORM, 0.5) / length
    return None if line is None else _Turned(line, slopes[0] / length, slopes[1] / length, error)


def _laid(door: LabelDoor, crossing: Crossings, across: FloatArray) -> Crossings | None:
    """The boundary point on another line through it; None if labels do not differ there."""
    reach = 4 * float(crossing.width[0])
    for _ in range(_GROWTHS):
        ends = crossing.points + np.array([[-reach], [reach]]) * across
        if not door.holds(ends).all():
            return None
        labels = door.labels(ends)
        if labels[0] == crossing.inside[0] and labels[1] == crossing.outside[0]:
            zero = np.zeros(1)
            line = Crossings(ends[:1], across, zero, zero + 2 * reach, labels[:1], labels[1:])
            return narrowed(door, line, 0.0)
        reach *= _GROW
    return None


def _precision(
    door: LabelDoor, turned: _Turned, rest: FloatArray, scene: Scene, rng: np.random.Generator
) -> tuple[Precision | None, float]:
    """The step at which error of third order meets rounding, and the curvature there."""
    directions = _random_columns(rest, rng)
    columns = rest.shape[1]
    slope = float(np.linalg.norm(turned.slopes)) / np.sqrt(columns)
    expected = turned.slopes @ (rest.T @ directions)
    how = _at_step(scene.step, slope, turned.error, scene)
    near = _pair(door, turned.crossing, directions, how, expected)
    far = _pair(
        door, turned.crossing, directions, replace(how, step=2 * how.step, spread=2 * how.spread), expected
    )
    if near is None or far is None:
        return None, 0.0
    # odd parts differ by 3 times the error at the shorter step; even parts are curvature
    third = float(np.sqrt(np.mean((far[0] - near[0]) ** 2))) / 3
    bend = float(np.sqrt(np.mean(far[1] ** 2))) / 4
    left = float(np.hypot(how.cell, how.blur)) * UNIFORM / how.step
    # error of third order grows like step^2, rounding falls like 1 / step
    factor = float(np.clip((left / max(third, left / 64)) ** (1 / 3), *_STEP_RANGE))
    return _at_step(factor * scene.step, slope, turned.error, scene), bend * factor**2


def _at_step(step: float, slope: float, error: float, scene: Scene) -> Precision:
    """Precision at a step: the spread is the error of what is known coarsely."""
    cell = max(_UNIFORM_WIDTH * scene.wanted * step * slope, scene.blur / 2)
    return Precision(step, step * error, cell, scene.blur)


def _central(
    door: LabelDoor,
    turned: _Turned,
    rest: FloatArray,
    how: Precision,
    bend: float,
    rng: np.random.Generator,
) -> Slopes | Unusable:
    """Slopes by differences on both sides, checked with twice the step."""
    crossing, columns = turned.crossing, np.arange(rest.shape[1])
    ahead = offsets_beside(door, crossing, rest, how.step, how, how.step * turned.slopes)
    if not ahead.known.all():
        return Unusable()
    other = replace(how, spread=bend + 16 * how.cell + how.blur)
    behind = offsets_beside(door, crossing, rest, -how.step, other, -ahead.at)
    if not behind.known.all():
        return Unusable(contradictions(door, crossing, rest, how.step, how, ahead, columns))
    slopes = (ahead.at - behind.at) / (2 * how.step)
    own = float(np.hypot(how.cell, how.blur)) * UNIFORM / (np.sqrt(2.0) * how.step)
    directions = _random_columns(rest, rng)
    twice = replace(how, step=2 * how.step, spread=4 * bend + 16 * how.cell + how.blur)
    expected = slopes @ (rest.T @ directions)
    seen = _pair(door, crossing, directions, twice, expected)
    if seen is None:
        return Unusable(contradictions(door, crossing, rest, how.step, how, ahead, columns))
    residual = float(np.sqrt(np.mean((seen[0] - expected) ** 2)))
    wrong = 0
    if residual > _SUSPICIOUS * own:
        wrong = contradictions(door, crossing, rest, how.step, how, ahead, columns)
        wrong += contradictions(door, crossing, rest, -how.step, how, behind, columns)
    if wrong or not stands(door, crossing, rest, slopes, how):
        return Unusable(wrong)
    # at twice the step the error of third order is 3 times as far from that of the slopes; 2 to spare
    noise = max(own, 2 * residual / 3) * np.sqrt(len(columns))
    return Slopes(slopes, float(noise))


def _pair(
    door: LabelDoor, crossing: Crossings, directions: FloatArray, how: Precision, expected: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Slopes by differences on both sides, and sums of both sides: "s", "s"; None if not found."""
    ahead = offsets_beside(door, crossing, directions, how.step, how, how.step * expected)
    behind = offsets_beside(door, crossing, directions, -how.step, how, -how.step * expected)
    if not (ahead.known.all() and behind.known.all()):
        return None
    return (ahead.at - behind.at) / (2 * how.step), ahead.at + behind.at


def _random_columns(rest: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Random unit vectors in the span of B, "d s"; random signs of all columns."""
    columns = rest.shape[1]
    mix = rng.choice(np.array([-1.0, 1.0]), (columns, min(_CHECKS, columns)))
    return rest @ mix / np.sqrt(columns)
