"""How far the decision boundary lies if the network were linear: lead over dual norm of its gradient.

distance_c = lead_c / |gradient of lead_c|_*, the smallest over rivals c; for one output this is
|f - threshold| / |gradient|_*, which of a network without biases, relative to |x|, is |cos(x, gradient)|.

Cost: one answer and one gradient per rival for each input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

MOST_RIVALS = 16
"""Rivals whose gradient is taken, those with the smallest leads; beyond, one backward pass each is dear."""


@dataclass(frozen=True, eq=False)
class LinearFlips:
    """The nearest linearised boundary of each input.

    Attributes:
        classes: Decisions at the inputs, shape "n".
        rivals: Class behind the nearest linearised boundary, shape "n".
        leads: Lead over that rival, in output units, shape "n".
        gradients: Gradient of that lead, shape "n d".
        distances: Distance to that boundary in the threat's norm, shape "n"; infinite where the gradient of
            every lead is zero.
        directions: Step of size 1 towards it, shape "n d"; zero where the gradient is.
        rivals_seen: Rivals whose gradient was taken; fewer than there are if there are many.
    """

    classes: IntArray
    rivals: IntArray
    leads: FloatArray
    gradients: FloatArray
    distances: FloatArray
    directions: FloatArray
    rivals_seen: int

    @property
    def without_gradient(self) -> BoolArray:
        """Inputs at which every lead that was looked at has gradient zero, shape "n"."""
        return ~np.any(self.gradients, axis=1).astype(np.bool_)


def linear_flips(
    model: Model,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    most_rivals: int = MOST_RIVALS,
) -> LinearFlips:
    """The nearest linearised boundary of each of `points` ("n d").

    Args:
        model: What is asked and differentiated.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: How distance is measured; the box plays no part here.
        most_rivals: Rivals to look at, nearest in lead first.
    """
    outputs = model.outputs(points)
    classes = decision.of(outputs)
    leads = decision.leads(outputs, classes)
    count = min(most_rivals, decision.rivals)
    best = LinearFlips(
        classes=classes,
        rivals=classes.copy(),
        leads=np.full(len(points), np.inf),
        gradients=np.zeros_like(points),
        distances=np.full(len(points), np.inf),
        directions=np.zeros_like(points),
        rivals_seen=count,
    )
    for places, gradients in _lead_gradients(model, decision, points, classes, leads, count):
        _keep_nearer(best, decision, leads, places, gradients, threat)
    return best


def _lead_gradients(
    model: Model,
    decision: Decision,
    points: FloatArray,
    classes: IntArray,
    leads: FloatArray,
    count: int,
) -> Iterator[tuple[IntArray, FloatArray]]:
    """For the nearest rival, the second nearest and so on: its place in the row, and the lead's gradient."""
    rows, nearest = decision.rows(classes), np.argsort(leads, axis=1)
    every = np.arange(len(points))
    for rank in range(count):
        places = nearest[:, rank]
        yield places, model.gradients(points, rows[every, places])


def _keep_nearer(
    best: LinearFlips,
    decision: Decision,
    leads: FloatArray,
    places: IntArray,
    gradients: FloatArray,
    threat: Threat,
) -> None:
    """Overwrite in `best`, which is still being built, the inputs for which this rival is nearer."""
    every = np.arange(len(places))
    lead, steepness = leads[every, places], threat.dual(gradients)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(steepness > 0, lead / steepness, np.inf)
    # the first rival is kept without a gradient too, so that its lead is told
    nearer = (distance < best.distances) | ~np.isfinite(best.leads)
    best.rivals[nearer] = decision.rivals_of(best.classes)[every, places][nearer]
    best.leads[nearer] = lead[nearer]
    best.gradients[nearer] = gradients[nearer]
    best.distances[nearer] = distance[nearer]
    best.directions[nearer] = threat.steepest(gradients[nearer])
