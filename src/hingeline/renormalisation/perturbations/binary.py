"""How many inputs of two values change class when k of their coordinates are flipped, beside random flips.

Sets are chosen by the Fisher information at the unchanged input, both signs of its top direction are asked,
and the one that changes the class (or else leaves it the smaller lead) counts. Beside it stand each sign
alone, the k coordinates that the gradient of the smallest lead names, random sets of the same size, and the
same input asked again, which flips nothing unless the model wavers.

Flipping a coordinate is no small step, so that F, which is local, only suggests; whether a class changes is
always asked. Cost: n (3 + c (3 + m)) answers and one Jacobian per input, for n inputs, c sizes and m random
sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.perturbations.binary_curves import BinaryFlips
from hingeline.renormalisation.perturbations.binary_sets import CoordinateSets, best_sets
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.fisher.flip_curve import FlipCurve
from hingeline.sensitivity.fisher.most_dangerous import chosen_signs
from hingeline.sensitivity.models.model import Model

RANDOM_SETS = 20
"""Random sets at each input and size."""
_OFF = 1e-9
"""A coordinate this near to one of the two values, in units of their distance, has it."""


def binary_flips(
    model: Model,
    decision: Decision,
    points: FloatArray,
    counts: Sequence[int] = (1, 2, 4),
    *,
    rng: np.random.Generator,
    values: tuple[float, float] = (0.0, 1.0),
    free: BoolArray | None = None,
    fisher: FisherDirections | None = None,
    random_sets: int = RANDOM_SETS,
) -> BinaryFlips:
    """Flip k coordinates of each input and count changes of class.

    Args:
        model: What is asked and differentiated; its outputs are logits, or log-probabilities.
        decision: How outputs become classes.
        points: Inputs of two values, shape "n d".
        counts: How many coordinates to flip.
        rng: Draws the random sets.
        values: The two values.
        free: Which coordinates may be flipped, shape "d"; all if None.
        fisher: What `fisher_directions` found at `points`, all directions kept; found here if None.
        random_sets: Drawn for each input and number of coordinates.

    Raises:
        InvalidInput: No inputs, other values, more coordinates than may be flipped, or directions of other
            points.
    """
    rows = as_points(points, model.input_dim)
    changes = _changes(rows, values, free)
    wanted = _counts(counts, int((changes != 0).sum(axis=1).min(initial=rows.shape[1])))
    if not len(rows) or random_sets < 1:
        raise InvalidInput(f"{len(rows)} inputs and {random_sets} random sets; want 1 or more")
    fisher = fisher or fisher_directions(model, decision, rows, directions=max(1, decision.rivals))
    if fisher.top.shape != rows.shape:
        raise InvalidInput(f"directions of shape {fisher.top.shape} do not belong to points {rows.shape}")
    ask = _Asking(model, decision, rows, changes, fisher.classes)
    root = np.sqrt(fisher.eigenvalues[:, : fisher.directions.shape[1], np.newaxis]) * fisher.directions
    both = [best_sets(root, changes, sign, int(wanted.max())) for sign in (1.0, -1.0)]
    # the lead falls to first order by -g delta; those of largest fall come first
    by_gradient = np.argsort(
        np.where(changes != 0, fisher.gradients * changes, np.inf), axis=1, kind="stable"
    )
    signed, alone, gradient = _asked(ask, wanted, both, by_gradient)
    again = np.stack([decision.flipped(model.outputs(rows), fisher.classes) for _ in range(2)])
    return BinaryFlips(
        counts=wanted,
        sets=tuple(
            np.where(signs[:, np.newaxis] > 0, both[0].coordinates[:, :k], both[1].coordinates[:, :k])
            for k, signs in zip(wanted, signed, strict=True)
        ),
        signs=signed,
        tied=np.stack(
            [
                np.where(signs > 0, *(sets.tied[:, :k].any(axis=1) for sets in both))
                for k, signs in zip(wanted, signed, strict=True)
            ]
        ),
        curves=(
            FlipCurve.of("fisher", "Fisher, sign chosen by asking", alone.max(axis=2), 1),
            FlipCurve.of("fisher_unsigned", "Fisher, either sign alike", alone.sum(axis=2), 2),
            FlipCurve.of("gradient", "gradient", gradient, 1),
            FlipCurve.of("random", "random", _random(ask, wanted, rng, random_sets), random_sets),
        ),
        control=_control("control", "asked again", again.sum(axis=0), 2),
        control_of_two=_control("control_of_two", "asked again, best of two", again.max(axis=0), 1),
    )


@dataclass(frozen=True, eq=False)
class _Asking:
    """A model, and inputs with what flipping a coordinate adds."""

    model: Model
    decision: Decision
    points: FloatArray
    changes: FloatArray
    own: IntArray

    def answers(self, chosen: IntArray) -> FloatArray:
        """Answers with the coordinates `chosen`, "n k", flipped."""
        moved = self.points.copy()
        there = np.take_along_axis(self.points, chosen, axis=1)
        np.put_along_axis(moved, chosen, there + np.take_along_axis(self.changes, chosen, axis=1), axis=1)
        return self.model.outputs(moved)

    def flips(self, chosen: IntArray) -> FloatArray:
        """1 where the class changes: "n"."""
        return self.decision.flipped(self.answers(chosen), self.own).astype(np.float64)


def _asked(
    ask: _Asking, counts: IntArray, both: list[CoordinateSets], by_gradient: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Signs chosen "c n", flips of each sign "c n 2", and flips of the gradient's sets "c n"."""
    signs, alone, gradient = [], [], []
    for k in counts:
        answers = [ask.answers(sets.coordinates[:, :k]) for sets in both]
        flipped = np.stack([ask.decision.flipped(a, ask.own) for a in answers], axis=1)
        leads = np.stack([ask.decision.leads(a, ask.own).min(axis=1) for a in answers], axis=1)
        signs.append(chosen_signs(leads, flipped))
        alone.append(flipped.astype(np.float64))
        gradient.append(ask.flips(by_gradient[:, :k]))
    return np.stack(signs), np.stack(alone), np.stack(gradient)


def _random(ask: _Asking, counts: IntArray, rng: np.random.Generator, sets: int) -> FloatArray:
    """How many of `sets` random sets change the class of each input: "c n"."""
    found = np.zeros((len(counts), len(ask.points)))
    for _ in range(sets):
        drawn = np.where(ask.changes != 0, rng.random(ask.changes.shape), np.inf)
        order = drawn.argsort(axis=1)
        found += np.stack([ask.flips(order[:, :k]) for k in counts])
    return found


def _changes(rows: FloatArray, values: tuple[float, float], free: BoolArray | None) -> FloatArray:
    """What flipping each coordinate adds to it, 0 where it may not be flipped: "n d"."""
    one, other = (float(value) for value in values)
    if not (np.isfinite([one, other]).all() and one != other):
        raise InvalidInput(f"two different finite values are wanted; got {values}")
    near = _OFF * abs(other - one)
    is_one, is_other = np.abs(rows - one) <= near, np.abs(rows - other) <= near
    if not (is_one | is_other).all():
        strange = rows[~(is_one | is_other)][0]
        raise InvalidInput(
            f"inputs want to have the values {one:g} and {other:g} only; found {strange:g}. Pass values=, or "
            "binarise the inputs first"
        )
    changes = np.where(is_one, other - one, one - other)
    if free is None:
        return changes
    if np.shape(free) != rows.shape[1:]:
        raise InvalidInput(f"free wants shape {rows.shape[1:]}; got {np.shape(free)}")
    return np.where(np.asarray(free, dtype=np.bool_), changes, 0.0)


def _counts(counts: Sequence[int], most: int) -> IntArray:
    wanted = np.asarray(counts)
    if wanted.ndim != 1 or wanted.dtype.kind not in "iu" or not wanted.size or wanted.min() < 1:
        raise InvalidInput(f"counts are whole numbers above 0; got {counts}. None is asked in any case")
    if wanted.max() > most:
        raise InvalidInput(f"{wanted.max()} coordinates are to be flipped, and {most} may be")
    return wanted.astype(np.int64)


def _control(name: str, words: str, flips: Any, trials: int) -> FlipCurve:
    return FlipCurve.of(name, words, np.asarray(flips, dtype=np.float64)[np.newaxis], trials)
