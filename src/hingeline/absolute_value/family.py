"""Is the function of the family a'|Wx| at all? Zero at zero, even, and proportional along every ray.

Six queries tell a bias, a linear part or a ReLU network from it. A deeper network of absolute values without
biases passes (it is even and proportional too); for it the rows differ from place to place, which the
verification on fresh points sees.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.probing.card import DoctorCard
from hingeline.probing.probe import Probe

SIGMAS = 25.0
"""Standard deviations by which an answer may miss what the family demands."""
_EXTRACT = "Use `extract`, which knows biases, ReLUs and linear parts."
_SHRUNK = 3.0
"""Factor by which one of them is brought nearer to the origin."""


def door_refusal(card: DoctorCard) -> Outcome | None:
    """Why this door cannot be treated, if the doctor's card says so."""
    if card.answers == "labels":
        return Outcome(
            Status.REFUSED, "The oracle answers labels only; kinks of a sum of |w.x| show in scores only."
        )
    if card.output_dim > 1:
        return Outcome(
            Status.REFUSED,
            f"The oracle answers {card.output_dim} numbers; this method takes one.",
            "Recover each output by itself: hl.oracle(lambda x: f(x)[:, [0]], input_dim=d), then [1], ...",
        )
    if card.input_dim < 2:
        return Outcome(Status.REFUSED, "One input: every sum of |w x| is f(1) |x|, and f(1) is all there is.")
    if card.kind == "constant" or card.variation == 0 or card.radius == 0:
        return Outcome(Status.INCONCLUSIVE, "The answers do not vary: nothing can be learnt.")
    if card.straight is False:
        return Outcome(Status.REFUSED, "The answers are smooth between their kinks: not a sum of |w.x|.")
    if card.depends_on_batch:
        return Outcome(
            Status.INCONCLUSIVE, "Answers change with the other rows of their batch.", "Try --batch-size 1."
        )
    if card.bounds is not None and not card.bounds[0] < 0 < card.bounds[1]:
        return Outcome(
            Status.REFUSED,
            f"The bounds {card.bounds} do not hold a ball about the origin, where the circles lie.",
            _EXTRACT,
        )
    if card.noise_at_scale > 3e-2 * card.variation:
        noise, range_ = card.noise_at_scale, card.variation
        return Outcome(Status.INCONCLUSIVE, f"Noise of {noise:.1g} hides answers that vary by {range_:.1g}.")
    return None


def family_refusal(probe: Probe, rng: np.random.Generator, radius: float) -> tuple[Outcome | None, float]:
    """Why the function is not of the family, if six answers say so; with the largest deviation seen.

    Args:
        probe: Where queries go.
        rng: Draws the test points.
        radius: Norm at which the function is looked at, input units.

    Returns:
        The refusal or None, and the largest deviation in standard deviations of an answer.
    """
    directions = rng.standard_normal((2, probe.input_dim))
    points = radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    asked = np.concatenate([np.zeros((1, probe.input_dim)), points, -points, points[1:] / _SHRUNK])
    values = probe.ask(asked)[:, 0]
    noise = float(probe.noise.at_norm(np.array([radius]))[0])
    at_zero, ahead, behind, nearer = values[0], values[1:3], values[3:5], values[5]
    noise += float(np.finfo(np.float64).eps) * float(np.abs(values).max())
    odd = float(np.abs(ahead - behind).max())
    bent = abs(float(nearer) - float(ahead[1]) / _SHRUNK)
    worst = max(abs(float(at_zero)), odd, bent) / noise
    if abs(float(at_zero)) > SIGMAS * noise:
        return Outcome(Status.REFUSED, f"f(0) is {at_zero:.3g}, not 0: there are biases.", _EXTRACT), worst
    if bent > SIGMAS * noise:
        reason = f"f(x / 3) misses f(x) / 3 by {bent:.3g}: not proportional along rays, so there are biases."
        return Outcome(Status.REFUSED, reason, _EXTRACT), worst
    if odd > SIGMAS * noise:
        reason = (
            f"f(x) and f(-x) differ by up to {odd:.3g}: proportional but not even (a linear part, or ReLUs "
            "without biases), so it is not of this family."
        )
        return Outcome(Status.REFUSED, reason, _EXTRACT), worst
    return None, worst
