"""The last digits of a span that another method found.

The span is known well enough for steps three times as long as the input itself in every direction outside it
(`refinement`), so that what is left is the rounding of the door, relative to the whole input.

Cost: about 1.1 k (2 d + 1) queries over the number of outputs.
"""

from __future__ import annotations

from dataclasses import replace

from hingeline.subspace.choice import MOST_NOISE
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.refinement import refine
from hingeline.subspace.screening import best_distance
from hingeline.subspace.workbench import Bench, Gathered

# A span known worse than this is not polished: steps outside it would bend.
_KNOWN = 0.05
# Votes that differ after a fresh measurement take the word "exact" back.
_DIFFER = "The fresh gradients of the polish saw {missed} more directions than the span has."


def polished(bench: Bench, gathered: Gathered) -> Gathered:
    """The same span, measured once more with the longest steps that it allows.

    Args:
        bench: Its probe answers values; `bench.partial` is set to return `gathered` if the budget ends.
        gathered: What another method found.

    Returns:
        A more precise span, or `gathered` with a note that says why there is none.

    Raises:
        BudgetExhausted: The budget ended; `bench.partial` hands over what was there before.

    Cost: about 1.1 k (2 d + 1) queries over the number of outputs.
    """
    dim, rank = gathered.basis.shape
    if rank in (0, dim) or bench.settings.quantum is not None or not gathered.angle <= _KNOWN:
        return _noted(
            gathered, "Not polished: this needs a span that is known to 0.05 and leaves a null space."
        )
    bench.partial = lambda: gathered
    door, rng = NoisyDoor(bench), bench.randomness.step("polish")
    with bench.session.phase("polish"):
        # far out helps against noise that stays the same; rounding grows with the distance
        distance = best_distance(door, rng) if _is_noisy(bench) else 1.0
        again = refine(door, gathered.basis, gathered.angle, rng, distance)
    if again is None:
        return _noted(gathered, "Not polished: too few regions allowed long steps.")
    details = {
        **gathered.details,
        "angle_before_polish": gathered.angle,
        "polish_points": again.points,
        "polish_votes": list(again.votes.candidates),
    }
    forecast = gathered.forecast + again.points * (2 * dim + 1)
    missed = again.votes.edge - rank
    better = again.angle < gathered.angle
    result = replace(
        gathered,
        basis=again.basis if better else gathered.basis,
        angle=again.angle if better else gathered.angle,
        votes=replace(gathered.votes, remeasured=again.votes.remeasured),
        forecast=forecast,
        details=details,
    )
    if missed > 0 and gathered.standing == "exact":
        return replace(result, standing="ambiguous", reason=_DIFFER.format(missed=missed))
    if again.votes.remeasured != rank and gathered.standing == "exact":
        reason = f"Only {again.votes.remeasured} of {rank} directions answered again at fresh points."
        return replace(result, standing="ambiguous", reason=reason)
    return result


def _is_noisy(bench: Bench) -> bool:
    card = bench.card
    return card is not None and card.noise_at_scale > MOST_NOISE * card.variation


def _noted(gathered: Gathered, note: str) -> Gathered:
    return replace(gathered, notes=(*gathered.notes, note))
