"""Which way along a Fisher direction, decided by asking: the eigenvector's sign means nothing.

Both signs are asked at a finite size, and the one that leaves the class the smaller lead is kept; so it flips
whenever one of the two does. Choosing the sign doubles to triples the share of inputs flipped. The way in
which the lead falls, which costs no question where gradients are to be had, stands beside it.

Cost: three answers per input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed
from hingeline.sensitivity.threat import Threat


@dataclass(frozen=True, eq=False)
class MostDangerous:
    """The top Fisher direction of each input with the sign that hurts.

    Attributes:
        size: Length of the steps asked, in the threat's norm; the box may have shortened some.
        steps: Direction with the sign chosen, size 1 in the threat's norm, shape "n d"; zero where F is.
        points: What was asked with that sign, shape "n d".
        signs: The sign chosen, against the eigenvector's own, shape "n".
        signs_by_slope: The sign by which the smallest lead falls to first order, shape "n"; 0 if neither.
        leads: Smallest lead of the class at the plus and the minus sign, shape "n 2"; below 0 if flipped.
        flipped: Whether the class changed at the plus and the minus sign, shape "n 2".
        unchanged: Whether the class was the same when the input was asked again, shape "n".
    """

    size: float
    steps: FloatArray
    points: FloatArray
    signs: FloatArray
    signs_by_slope: FloatArray
    leads: FloatArray
    flipped: BoolArray
    unchanged: BoolArray

    def summary(self) -> dict[str, Any]:
        """Shares flipped with and without choosing the sign, JSON-ready."""
        number = len(self.signs)
        chosen = int(self.flipped.any(axis=1).sum())
        return {
            "inputs": number,
            "size": self.size,
            "flipped": chosen / number if number else None,
            "flipped_interval": list(wilson(chosen, number)),
            "flipped_either_sign_alone": float(self.flipped.mean()) if number else None,
            "slope_agrees": float(np.mean(self.signs == self.signs_by_slope)) if number else None,
            "changed_when_asked_again": float(np.mean(~self.unchanged)) if number else None,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and arrays, JSON-ready."""
        names = ("steps", "points", "signs", "signs_by_slope", "leads", "flipped", "unchanged")
        return {"summary": self.summary(), **{name: listed(getattr(self, name)) for name in names}}


def most_dangerous(
    model: Model,
    decision: Decision,
    points: FloatArray,
    fisher: FisherDirections,
    *,
    size: float,
    threat: Threat | None = None,
) -> MostDangerous:
    """Ask both signs of the top Fisher direction at `size` and keep the one that leaves the smaller lead.

    Args:
        model: What is asked.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        fisher: What `fisher_directions` found at them.
        size: Length of the step, in the threat's norm.
        threat: Norm and box; l2 without a box if None. In l-infinity the step is the eigenvector's sign
            pattern, in l1 its largest coordinate: the steepest step for that gradient, not the largest u'Fu.

    Raises:
        InvalidInput: Points and directions do not belong together, or a size below 0.
    """
    threat = threat or Threat()
    rows = as_points(points, model.input_dim)
    if rows.shape != fisher.top.shape:
        raise InvalidInput(f"directions of shape {fisher.top.shape} do not belong to points {rows.shape}")
    if not (np.isfinite(size) and size >= 0):
        raise InvalidInput(f"a step wants a finite size of 0 or more; got {size}")
    steps = -threat.steepest(fisher.top)
    moved = [threat.inside(rows + sign * size * steps) for sign in (1.0, -1.0)]
    answers = [model.outputs(points) for points in moved]
    leads = np.stack([decision.leads(answer, fisher.classes).min(axis=1) for answer in answers], axis=1)
    flipped = np.stack([decision.flipped(answer, fisher.classes) for answer in answers], axis=1)
    signs = chosen_signs(leads, flipped)
    return MostDangerous(
        size=size,
        steps=signs[:, np.newaxis] * steps,
        points=np.where(signs[:, np.newaxis] > 0, *moved),
        signs=signs,
        signs_by_slope=slope_signs(steps, fisher.gradients),
        leads=leads,
        flipped=flipped,
        unchanged=~decision.flipped(model.outputs(rows), fisher.classes),
    )


def chosen_signs(leads: FloatArray, flipped: BoolArray) -> FloatArray:
    """The sign that flips, or else leaves the smaller lead: "n 2" to "n"; plus where both are alike."""
    # at a tie the lead is 0 and the number of the class decides, hence the flips first
    alike = flipped[:, 0] == flipped[:, 1]
    return np.where(np.where(alike, leads[:, 1] < leads[:, 0], flipped[:, 1]), -1.0, 1.0)


def slope_signs(steps: FloatArray, gradients: FloatArray) -> FloatArray:
    """The sign by which the lead with these gradients falls along `steps`: "n d" to "n"."""
    return -np.sign((steps * gradients).sum(axis=1))
