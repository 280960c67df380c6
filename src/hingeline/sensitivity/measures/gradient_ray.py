"""The straight line down the gradient, from every input: what several measurements walk along.

A coordinate that the mask holds, or that stands at the edge of the box and is pushed outwards, cannot move:
it is left out of the gradient, of its norm, and of the count d of free coordinates.

Cost: that of `linear_flips` and of `ray_crossings`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import MOST_RIVALS, LinearFlips, linear_flips
from hingeline.sensitivity.measures.theory import natural_unit
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.rays import GRID, Crossings, ray_crossings
from hingeline.sensitivity.results import over
from hingeline.sensitivity.threat import Threat

LINEAR_STEPS = 4.0
"""How far a ray is followed, in linear distances,"""
NATURAL_STEPS = 3.2
"""and at least, in natural units: beyond lie 0.14 % of a half-normal."""


@dataclass(frozen=True, eq=False)
class NearestLead:
    """The lead over the rival with the nearest linearised boundary: one function for each input."""

    decision: Decision
    rows: FloatArray
    """Combination of outputs, shape "n k"."""
    offsets: FloatArray
    """What is taken from it, shape "n"."""

    def values(self, model: Model, points: FloatArray) -> FloatArray:
        """The lead of input i at points[i]: "n d" to "n"."""
        return np.einsum("nk,nk->n", self.rows, model.outputs(points)) - self.offsets

    def gradients(self, model: Model, points: FloatArray) -> FloatArray:
        """Its gradient there: "n d" to "n d"."""
        return model.gradients(points, self.rows)


@dataclass(frozen=True, eq=False)
class GradientRays:
    """Steepest descent of the nearest lead, straight on, at "n" inputs."""

    flips: LinearFlips
    lead: NearestLead
    lengths: FloatArray
    """Norms |x|_2 of the inputs, shape "n"."""
    free: IntArray
    """Coordinates that can move, shape "n"."""
    units: FloatArray
    """|x|_2 / sqrt(free) in l2, its like in other norms: the scale of linear flips, shape "n"."""
    gradients: FloatArray
    """Gradient of the lead, zero where a coordinate cannot move, shape "n d"."""
    linear: FloatArray
    """Linear distances over what can move, shape "n"; infinite without gradient."""
    directions: FloatArray
    """Steps of size 1, shape "n d"."""
    reaches: FloatArray
    """How far the ray was followed, shape "n"."""
    crossings: Crossings
    """Where it first left the class."""

    @property
    def without_gradient(self) -> BoolArray:
        """Inputs whose gradient is zero before anything is masked, shape "n"."""
        return self.flips.without_gradient


def gradient_rays(
    model: Model,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    grid: int = GRID,
    most_rivals: int = MOST_RIVALS,
) -> GradientRays:
    """Follow the gradient from each of `points` up to 4 linear distances and at least 3.2 natural units.

    Args:
        model: What is asked and differentiated.
        decision: How outputs become classes.
        points: Inputs, shape "n d"; at least one, inside the box.
        threat: Norm, box and mask.
        grid: Points on each ray before bisection.
        most_rivals: Rivals to look at. The nearest is chosen without regard to the box.

    Raises:
        InvalidInput: No points, or points outside the box.
    """
    if not len(points):
        raise InvalidInput("a measurement wants at least one input; got none")
    if threat.box is not None and not np.array_equal(threat.inside(points), points):
        raise InvalidInput(f"inputs lie outside the box {threat.box}; clip them or give the box they live in")
    flips = linear_flips(model, decision, points, threat, most_rivals=most_rivals)
    free = can_move(threat, points, flips.gradients)
    gradients = np.where(free, flips.gradients, 0.0)
    directions = threat.steepest(gradients)
    steepness = threat.dual(gradients)
    linear = np.where(steepness > 0, over(flips.leads, steepness, np.inf), np.inf)
    lengths = np.linalg.norm(points, axis=1)
    counts = free.sum(axis=1).astype(np.int64)
    units = np.where(counts > 0, lengths * natural_unit(threat.norm, np.maximum(counts, 1)), np.inf)
    # a reach must be a number, also where there is nowhere to go
    reaches = np.maximum(
        LINEAR_STEPS * np.where(np.isfinite(linear), linear, 0.0),
        NATURAL_STEPS * np.where(np.isfinite(units), units, 0.0),
    )
    crossings = ray_crossings(model, decision, points, flips.classes, directions, reaches, threat, grid=grid)
    lead = nearest_lead(decision, flips)
    return GradientRays(
        flips, lead, lengths, counts, units, gradients, linear, directions, reaches, crossings
    )


def nearest_lead(decision: Decision, flips: LinearFlips) -> NearestLead:
    """The lead that `linear_flips` found nearest to being lost, at each input."""
    every = np.arange(len(flips.classes))
    places = np.zeros_like(every) if decision.outputs == 1 else flips.rivals - (flips.rivals > flips.classes)
    rows, offsets = decision.rows(flips.classes), decision.offsets(flips.classes)
    return NearestLead(decision, rows[every, places], offsets[every, places])


def can_move(threat: Threat, points: FloatArray, gradients: FloatArray) -> BoolArray:
    """Coordinates that descent along `gradients` can change: "n d" to "n d"."""
    free = np.ones(points.shape, dtype=np.bool_)
    if threat.free is not None:
        free &= threat.free
    if threat.box is not None:
        low, high = threat.box
        free &= ~(((points <= low) & (gradients > 0)) | ((points >= high) & (gradients < 0)))
    return free
