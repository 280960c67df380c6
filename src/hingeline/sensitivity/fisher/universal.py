"""One direction for many inputs: top eigenvectors of the mean Fisher information, and what they flip.

The mean of F over a set is the Gram matrix of all roots G stacked; its top eigenvector is the one step that,
taken at every input, moves the class probabilities most on the average, to second order. Both signs are
measured; the sign is chosen on the inputs the direction was made from, and it is scored on others.

Source: the same idea as the singular vectors of stacked hidden Jacobians of Khrulkov and Oseledets 2018
(abstract); that it is Fisher information which is stacked, and the scoring, are ours.
Cost: two answers and two Jacobians per input, then two answers per input, size and direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves, Figure
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.fisher_figures import direction_images
from hingeline.sensitivity.fisher.fisher_root import lead_gradients
from hingeline.sensitivity.fisher.flip_curve import FlipCurve
from hingeline.sensitivity.fisher.gram import RunningGram
from hingeline.sensitivity.fisher.set_flips import SetFlips
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, number
from hingeline.sensitivity.threat import Threat


@dataclass(frozen=True, eq=False)
class UniversalDirections:
    """Directions that serve for a whole set of inputs, and the flips they cause.

    Attributes:
        directions: Eigenvectors of the mean Fisher information, length 1, largest eigenvalue first, shape
            "q d"; the sign is the one that flipped more of the inputs they were made from, over all sizes.
        eigenvalues: Their eigenvalues, shape "q", per squared input unit.
        shares: Eigenvalues over the trace, shape "q": what one direction tells of all.
        eigenvalue_error: Bound on the error of every eigenvalue; above 0 only if inputs were too long to keep
            d^2 numbers.
        classes: Classes with a direction of their own: those decided for some input, shape "c".
        class_directions: Top eigenvector of the mean over the inputs of each class, signed alike, shape
            "c d"; the direction of all for a class without any gradient.
        class_eigenvalues: Its eigenvalue, shape "c".
        inputs_that_count: How many inputs would weigh as much alike; few if most are saturated.
        sizes: Lengths of the steps in the threat's norm, shape "s".
        made_from: Inputs the directions were made from.
        held_out: Inputs they were scored on; 0 if all served to make them.
        curves: Inputs flipped: "made_from" (first direction, chosen sign) and "made_from_other_sign"; the
            same for "held_out"; "held_out_by_class" (each input along the direction of its class); and
            "held_out_random" (random directions, the better sign of each). Only the first two if none
            were held out.
    """

    directions: FloatArray
    eigenvalues: FloatArray
    shares: FloatArray
    eigenvalue_error: float
    classes: IntArray
    class_directions: FloatArray
    class_eigenvalues: FloatArray
    inputs_that_count: float
    sizes: FloatArray
    made_from: int
    held_out: int
    curves: tuple[FlipCurve, ...]

    def __getitem__(self, name: str) -> FlipCurve:
        """The curve of that name."""
        return {curve.name: curve for curve in self.curves}[name]

    def summary(self) -> dict[str, Any]:
        """Shares flipped and how much the first direction tells, JSON-ready."""
        return {
            "made_from": self.made_from,
            "held_out": self.held_out,
            "sizes": listed(self.sizes),
            "top_eigenvalue": float(self.eigenvalues[0]),
            "top_share_of_trace": float(self.shares[0]),
            "inputs_that_count": number(self.inputs_that_count),
            "eigenvalue_error": self.eigenvalue_error,
            "classes": len(self.classes),
            "flipped": {curve.name: listed(curve.shares) for curve in self.curves},
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary, curves with intervals, and arrays, JSON-ready."""
        names = ("directions", "eigenvalues", "shares", "classes", "class_directions", "class_eigenvalues")
        curves = [curve.to_dict() for curve in self.curves]
        return {
            "summary": self.summary(),
            "curves": curves,
            **{name: listed(getattr(self, name)) for name in names},
        }

    def figures(self, input_shape: tuple[int, int] | None = None) -> tuple[Figure, ...]:
        """Flips against size; and with the shape of an image the directions as images."""
        sizes = tuple(map(float, self.sizes))
        flips = Curves(
            "fisher-universal",
            "Share of inputs flipped by one direction for all, against the length of the step: inputs the "
            "direction was made from, inputs held out, and random directions.",
            Axis("length of the step", log=True),
            Axis("share of inputs flipped", from_zero=True),
            tuple(
                Curve(curve.words, sizes, tuple(map(float, curve.shares)))
                for curve in self.curves
                if "other" not in curve.name
            ),
        )
        if input_shape is None:
            return (flips,)
        rows = np.concatenate([self.directions[:1], self.class_directions])[np.newaxis]
        images = direction_images(
            rows,
            input_shape,
            name="fisher-universal-directions",
            titles=("all", *(f"class {number}" for number in self.classes)),
            caption="The one direction to which the class probabilities of all inputs, or of all of a class, "
            "are most sensitive on the average; grey is no change.",
        )
        return (flips, images)


def universal_directions(
    model: Model,
    decision: Decision,
    points: FloatArray,
    sizes: Sequence[float],
    *,
    rng: np.random.Generator,
    held_out: FloatArray | None = None,
    threat: Threat | None = None,
    directions: int = 3,
) -> UniversalDirections:
    """Make universal directions from `points` and score them on `held_out`.

    Args:
        model: What is asked and differentiated; its outputs are logits, or log-probabilities.
        decision: How outputs become classes.
        points: Inputs to make the directions from, shape "n d".
        sizes: Lengths of the steps in the threat's norm, above 0.
        rng: Draws the random directions.
        held_out: Other inputs to score them on, shape "m d".
        threat: Norm, box and free coordinates; l2, none and all if None.
        directions: Eigenvectors to keep.

    Raises:
        InvalidInput: No inputs, no sizes above 0, or no gradient anywhere.
    """
    threat = threat or Threat()
    rows = as_points(points, model.input_dim)
    others = np.zeros((0, model.input_dim)) if held_out is None else as_points(held_out, model.input_dim)
    lengths = np.asarray(sizes, dtype=np.float64)
    if not (len(rows) and directions > 0 and lengths.size and (np.isfinite(lengths) & (lengths > 0)).all()):
        raise InvalidInput(
            f"want inputs, directions and finite sizes above 0; got {len(rows)}, {directions} and {sizes}"
        )
    own, whole = _mean_fisher(model, decision, rows, threat)
    values, vectors = whole.top(min(directions, model.input_dim))
    if not values[0] > 0:
        raise InvalidInput("no input has a gradient: there is no Fisher information to average")
    asked = SetFlips(model, decision, threat, lengths)
    signed, _ = asked.signed(rows, own, vectors)
    classes, found, strengths = np.unique(own), list[FloatArray](), list[float]()
    for c in classes:
        # its Jacobians once more: the Gram matrices of all classes together would have no bound
        mine, its = rows[own == c], own[own == c]
        strength, top = _mean_fisher(model, decision, mine, threat)[1].top(1)
        strengths.append(float(strength[0]))
        # a class without any gradient has the direction of all
        found.append(asked.signed(mine, its, top if strength[0] > 0 else vectors[:1])[0])
    class_directions = np.concatenate(found)
    curves = asked.both_signs("made_from", "inputs it was made from", rows, own, signed[0])
    if len(others):
        curves += asked.scored(others, signed[0], classes, class_directions, rng)
    return UniversalDirections(
        directions=signed,
        eigenvalues=values,
        shares=values / whole.trace,
        eigenvalue_error=whole.error,
        classes=classes,
        class_directions=class_directions,
        class_eigenvalues=np.array(strengths),
        inputs_that_count=whole.inputs_that_count,
        sizes=lengths,
        made_from=len(rows),
        held_out=len(others),
        curves=tuple(curves),
    )


def _mean_fisher(
    model: Model, decision: Decision, points: FloatArray, threat: Threat
) -> tuple[IntArray, RunningGram]:
    """Decisions, and the mean of F over the inputs."""
    own, mean = np.zeros(len(points), np.int64), RunningGram(model.input_dim)
    for part, batch in lead_gradients(model, decision, points, threat):
        own[part] = batch.classes
        mean.add(np.exp(0.5 * batch.log_scale)[:, np.newaxis, np.newaxis] * batch.root())
    return own, mean
