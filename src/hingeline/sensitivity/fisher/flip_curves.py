"""How many inputs flip at each size of step, along Fisher, gradient, boundary and random directions.

A direction is judged only beside controls of equal size: random directions at the same inputs, the Fisher
direction without its sign chosen, and size zero, which flips nothing unless the door itself wavers. A
first-order local analysis: who resists these steps may still fall to attacks of many steps.

Of one input's random directions each is a trial, but not an independent one; intervals count effective trials
(`clustered_wilson`). Where the boundary is flat at distance r, a random step of length eps crosses it with
probability Phi(-r sqrt(d) / eps); the sqrt(d) is Fawzi et al. 2016. The measurement is ours.

Cost: n (3 + s (5 + m)) answers and one Jacobian per input, for n inputs, s sizes and m random directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtr

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.fisher.flip_curve import FlipCurve, FlipCurves
from hingeline.sensitivity.fisher.most_dangerous import slope_signs
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

RANDOM_DIRECTIONS = 20
"""At each input and size; beyond, the spread between inputs decides the interval."""

Flips = Callable[[FloatArray], BoolArray]


def flip_curves(
    model: Model,
    decision: Decision,
    points: FloatArray,
    sizes: Sequence[float],
    *,
    rng: np.random.Generator,
    threat: Threat | None = None,
    fisher: FisherDirections | None = None,
    random_directions: int = RANDOM_DIRECTIONS,
) -> FlipCurves:
    """Share of `points` whose class changes at each of `sizes`, along directions and controls.

    Args:
        model: What is asked and differentiated; its outputs are logits, or log-probabilities.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        sizes: Lengths of the steps in the threat's norm, above 0.
        rng: Draws the random directions.
        threat: Norm, box and free coordinates; l2, none and all if None. In l-infinity a step is a sign
            pattern, that of the eigenvector for Fisher and a random one for chance. The box may shorten
            steps.
        fisher: What `fisher_directions` found at `points`; found here if None.
        random_directions: Directions drawn at each input, the same for all sizes.

    Raises:
        InvalidInput: No inputs, sizes that are not above 0, or directions of other points.
    """
    threat = threat or Threat()
    rows = as_points(points, model.input_dim)
    lengths = _sizes(sizes)
    if not len(rows) or random_directions < 1:
        raise InvalidInput(f"{len(rows)} inputs and {random_directions} random directions; want 1 or more")
    fisher = fisher or fisher_directions(model, decision, rows, threat=threat, directions=1)
    if fisher.top.shape != rows.shape:
        raise InvalidInput(f"directions of shape {fisher.top.shape} do not belong to points {rows.shape}")

    def flips(moved: FloatArray) -> BoolArray:
        return decision.flipped(model.outputs(threat.inside(moved)), fisher.classes)

    step = -threat.steepest(fisher.top)
    by_slope = slope_signs(step, fisher.gradients)[:, np.newaxis] * step
    control = np.stack([_unchanged(model, decision, rows, fisher), _unchanged(model, decision, rows, fisher)])
    both = np.stack([_along(flips, rows, sign * step, lengths) for sign in (1.0, -1.0)])
    curves = (
        _curve("fisher", "Fisher, sign chosen by asking", both.max(axis=0), 1),
        _curve("fisher_by_slope", "Fisher, sign by the slope", _along(flips, rows, by_slope, lengths), 1),
        _curve("fisher_unsigned", "Fisher, either sign alike", both.sum(axis=0), 2),
        _curve("gradient", "gradient", _along(flips, rows, threat.steepest(fisher.gradients), lengths), 1),
        _curve(
            "boundary",
            "nearest linearised boundary",
            _along(flips, rows, threat.steepest(fisher.boundary_gradients), lengths),
            1,
        ),
        _curve(
            "random",
            "random",
            _random(flips, rows, lengths, threat, rng, random_directions),
            random_directions,
        ),
    )
    return FlipCurves(
        sizes=lengths,
        curves=curves,
        control=_curve("control", "size zero", control.sum(axis=0)[np.newaxis], 2),
        control_of_two=_curve("control_of_two", "size zero, best of two", control.max(axis=0)[np.newaxis], 1),
        theory=linear_theory(fisher, lengths, threat),
        linear_distances=fisher.linear_distances,
        cosines=fisher.cosines,
        norm=threat.norm,
        boxed=threat.box is not None,
    )


def linear_theory(fisher: FisherDirections, sizes: FloatArray, threat: Threat) -> FloatArray:
    """Chance that a random step crosses the nearest boundary, were it flat and alone; mean over inputs, "s".

    In l2 Phi(-r sqrt(d) / eps) with d the coordinates that may change; in l-infinity, with random signs, the
    lead falls by eps |g|_2 times a normal number, as if d were 1 and r the l2 distance. NaN in l1.
    """
    if threat.norm == "l1":
        return np.full(len(sizes), np.nan)
    free = fisher.top.shape[1] if threat.free is None else int(threat.free.sum())
    reach = np.sqrt(free) if threat.norm == "l2" else 1.0
    steepness = np.linalg.norm(fisher.boundary_gradients, axis=1)
    own = fisher.linear_distances
    # leads over l2 steepness, from distances in the threat's norm
    with np.errstate(invalid="ignore", divide="ignore"):
        distances = np.where(
            np.isfinite(own), own * threat.dual(fisher.boundary_gradients) / steepness, np.inf
        )
    return ndtr(-distances * reach / sizes[:, np.newaxis]).mean(axis=1)


def _unchanged(model: Model, decision: Decision, points: FloatArray, fisher: FisherDirections) -> BoolArray:
    """Whether inputs flip by themselves; a door is really asked again, and does not answer from memory."""
    outputs = model.outputs(points, fresh=True) if isinstance(model, AskedModel) else model.outputs(points)
    return decision.flipped(outputs, fisher.classes)


def _along(flips: Flips, points: FloatArray, steps: FloatArray, sizes: FloatArray) -> BoolArray:
    """Whether each input flips at each size: "s n"."""
    return np.stack([flips(points + size * steps) for size in sizes])


def _random(
    flips: Flips, points: FloatArray, sizes: FloatArray, threat: Threat, rng: np.random.Generator, count: int
) -> FloatArray:
    """How many of `count` random steps flip each input at each size: "s n"."""
    found = np.zeros((len(sizes), len(points)))
    for _ in range(count):
        found += _along(flips, points, random_steps(points.shape, threat, rng), sizes)
    return found


def random_steps(shape: tuple[int, ...], threat: Threat, rng: np.random.Generator) -> FloatArray:
    """Directions of size 1: uniform on the sphere in l2, random signs in l-infinity; "n d"."""
    drawn = threat.masked(rng.standard_normal(shape))
    if threat.norm == "linf":
        return np.sign(drawn)
    lengths = threat.size(drawn)[..., np.newaxis]
    return drawn / np.where(lengths > 0, lengths, 1.0)


def _curve(name: str, words: str, flipped: FloatArray | BoolArray, trials: int) -> FlipCurve:
    return FlipCurve.of(name, words, np.asarray(flipped, dtype=np.float64), trials)


def _sizes(sizes: Sequence[float]) -> FloatArray:
    lengths = np.asarray(sizes, dtype=np.float64)
    if lengths.ndim != 1 or not lengths.size or not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InvalidInput(f"sizes are finite numbers above 0; got {sizes}. Size 0 is asked in any case")
    return lengths
