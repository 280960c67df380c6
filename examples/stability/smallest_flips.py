"""The smallest flip of each input: proved for networks where time allows, an upper bound for stacks.

A stack answers by sampling, so nothing is proved of it. It is searched along lines (Fisher direction,
gradient, nearest linearised boundary, random directions) and then by walks along the boundary of the class
law averaged over common random numbers; every flip found is verified with fresh numbers, and the smallest of
them once more with a fresh and larger sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.renormalisation.perturbations.line import flips_on_lines
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.boundary_descent import lead_normals
from hingeline.sensitivity.attacks.boundary_walk import Walk, walk_boundary
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import minimal_flips
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.threat import Threat

REACH = 4.0
"""Longest step along a line; half of the digits lie within 4 of a digit of another class."""
_OWN_SAMPLES = 160
"""Times those of one answer, by which the class of the input itself is decided: a few images nearly tie."""
WALKS = 2
"""Along the boundary, each with common numbers of its own."""
_LONGER = (1.0, 1.01, 1.02, 1.05, 1.1, 1.2, *(float(1.4 * 1.5**k) for k in range(36)))
"""By which a flip that fresh numbers do not confirm is lengthened in turn.

Where two classes nearly tie, the smallest of many searches is a step that changes nothing but the luck of the
draw; the way it points is followed on until the class does change.
"""


@dataclass(frozen=True, eq=False)
class SmallestFlips:
    """What is known of the smallest flip of each input.

    Attributes:
        classes: Decisions, shape "n".
        upper: Smallest change that was found, l2, shape "n"; infinite if none was.
        proved: Whether none is smaller, shape "n".
        from_walks: Whether a walk found it and not a line, shape "n"; all False for networks.
    """

    classes: IntArray
    upper: FloatArray
    proved: BoolArray
    from_walks: BoolArray


def of_network(network: PiecewiseLinearNetwork, points: FloatArray, seconds: float) -> SmallestFlips:
    """By exact search, `seconds` for all inputs together; the best change found where they do not suffice."""
    found = minimal_flips(network, points, seconds=seconds, workers=1)
    return SmallestFlips(found.classes, found.upper, found.proved, np.zeros(len(points), np.bool_))


def of_stack(
    model: StackModel,
    points: FloatArray,
    fisher: FisherDirections,
    rng: np.random.Generator,
    *,
    random_lines: int = 3,
) -> SmallestFlips:
    """Upper bounds by lines and walks; `model` says with how many samples."""
    decision = Decision(model.output_dim)
    own = decision.of(model.with_samples(_OWN_SAMPLES * model.samples).outputs(points))
    best, sizes = points.copy(), np.full(len(points), np.inf)
    walked = np.zeros(len(points), dtype=np.bool_)
    random = [rng.standard_normal(points.shape) for _ in range(random_lines)]
    for directions in (fisher.top, fisher.gradients, fisher.boundary_gradients, *random):
        _improve(model, decision, points, own, directions, best, sizes)
    for _ in range(WALKS):
        ends = _walked(model, decision, points, own, best, sizes)
        before = sizes.copy()
        _improve(model, decision, points, own, ends - points, best, sizes)
        walked |= sizes < before
    upper = _confirmed(model.stack, points, own, best, 30 * model.samples, rng)
    return SmallestFlips(own, upper, np.zeros(len(points), np.bool_), walked)


def _improve(
    model: StackModel,
    decision: Decision,
    points: FloatArray,
    own: IntArray,
    directions: FloatArray,
    best: FloatArray,
    sizes: FloatArray,
) -> None:
    """Search both ways of a line through each input; overwrite what is beaten in `best` and `sizes`."""
    lines = flips_on_lines(model, decision, points, directions, reach=REACH)
    # at an input whose own class wavers another search may have started from the other one
    nearer = (lines.distances < sizes) & (lines.classes == own)
    best[nearer], sizes[nearer] = lines.points[nearer], lines.distances[nearer]


def _walked(
    model: StackModel,
    decision: Decision,
    points: FloatArray,
    own: IntArray,
    best: FloatArray,
    sizes: FloatArray,
) -> FloatArray:
    """Ends of walks along the boundary that common random numbers draw; where none was known, `best`."""
    common = model.with_common_numbers()
    known = np.isfinite(sizes)
    scene = Scene(common, decision, points[known], own[known], Threat())
    out = scene.flipped(best[known])
    rows = np.flatnonzero(known)[out]
    ends = best.copy()
    ends[rows] = walk_boundary(scene.at(out), best[rows], lead_normals, Walk(steps=12))
    return ends


def _confirmed(
    stack: StochasticStack,
    points: FloatArray,
    own: IntArray,
    ends: FloatArray,
    samples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Sizes of the changes, lengthened until fresh numbers say that the class is another: "n"."""
    sizes = np.full(len(points), np.inf)
    steps = ends - points
    open_rows = np.flatnonzero(steps.any(axis=1))
    for longer in _LONGER:
        open_rows = open_rows[longer * np.linalg.norm(steps[open_rows], axis=1) <= REACH]
        moved = points[open_rows] + longer * steps[open_rows]
        law = stack.class_probabilities(moved, samples, rng, common=False)
        flipped = law.argmax(axis=1) != own[open_rows]
        sizes[open_rows[flipped]] = longer * np.linalg.norm(steps[open_rows[flipped]], axis=1)
        open_rows = open_rows[~flipped]
    return sizes
