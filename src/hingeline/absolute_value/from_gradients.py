"""Recovery of a'|Wx| where gradients can be had: one call per piece, once the kinks are located.

The function is proportional along rays, so f(x) = grad f(x) . x, and the search on the circle runs on
gradients alone; they are noted piece by piece. Cost: about 7 m calls to find m kinks, m + 1 for the gradients
(the last must be minus the first), 4 for the family, 4 for the check. Source: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hingeline.absolute_value.doors import GradientDoor
from hingeline.absolute_value.gradients import Frame, PieceGradients, piece_middles, rows_of
from hingeline.absolute_value.great_circle import find_kinks
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, InvalidInput, RecoveryError
from hingeline.core.events import EventSink, NeuronRecovered, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.networks.absolute_value import AbsoluteValueNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.oracles.session import QuerySession

SIGMAS = 40.0
"""Standard deviations within which two gradients are one."""
EXACT = 1e-6
"""Claimed relative error of the worst row above which a result is called partial."""
CHECKS = 4
"""Fresh gradients compared at the end."""


def recover_from_gradients(
    gradient: Callable[[FloatArray], Any],
    input_dim: int,
    *,
    budget: int | None = None,
    seed: int = 0,
    on_event: EventSink = ignore,
) -> Finding[AbsoluteValueNetwork]:
    """Recover a network of absolute values from its gradients.

    Args:
        gradient: "n d" to "n d"; at a kink anything between both sides.
        input_dim: d, at least 2.
        budget: Most gradients that may be asked; None for no limit.
        seed: Of all random choices.
        on_event: Where events go.

    Returns:
        The network in canonical form; complete only if fresh gradients agree.

    Raises:
        InvalidInput: Fewer than two inputs, or a budget or seed that cannot be meant.
        QueryFailed: What came is not gradients.

    Cost: m + 1 gradients in phase "gradients"; about 7 m + 10 in the others.
    """
    if input_dim < 2:
        raise InvalidInput(f"with {input_dim} inputs there are no circles; one gradient tells the function")
    session = QuerySession(GradientDoor(gradient, input_dim), budget=budget, on_event=on_event)
    evidence: dict[str, Any] = {}
    network: AbsoluteValueNetwork | None = None
    try:
        network, outcome = _recover(session, Randomness(seed), evidence)
    except BudgetExhausted as spent:
        outcome = Outcome(Status.BUDGET_SPENT, f"{spent}.")
    except RecoveryError as problem:
        outcome = Outcome(Status.INCONCLUSIVE, f"{problem}.", "Try another seed.")
    told = Provenance("recover_from_gradients", "gradients", seed, {"budget": budget})
    return Finding(network, outcome, evidence, session.spending, told)


def _recover(
    session: QuerySession, randomness: Randomness, evidence: dict[str, Any]
) -> tuple[AbsoluteValueNetwork | None, Outcome]:
    dim = session.input_dim
    frame = Frame.drawn(randomness.step("circle"), dim, float(np.sqrt(dim)), np.inf)
    with session.phase("family"):
        noise, refusal = _family(session, randomness.step("family"), frame.radius)
    evidence["gradient_noise"] = noise
    if refusal is not None:
        return None, refusal
    with session.phase("circle"):
        # f = grad . x has the rounding of d products
        sigma = 2 * noise * frame.radius
        circle = find_kinks(lambda angles: _values(session, frame.points(angles)), sigma)
    middles, _ = piece_middles(circle)
    with session.phase("gradients"):
        every = session.ask(frame.points(np.append(middles, middles[0] + np.pi)))
    session.emit(NeuronRecovered(1, len(middles)))
    errors = np.full(len(middles), noise)
    known = PieceGradients(every[:-1], errors, middles, np.zeros(len(middles)))
    network, row_errors = rows_of(known, circle)
    sizes = np.linalg.norm(network.generators, axis=1)
    relative = float((row_errors * np.sqrt(dim) / sizes).max())
    with session.phase("verify"):
        points = frame.radius * randomness.step("verify").standard_normal((CHECKS, dim)) / np.sqrt(dim)
        gap = float(np.abs(session.ask(points) - network.gradient(points)).max())
    gap = max(gap, float(np.abs(every[0] + every[-1]).max()))
    allowed = SIGMAS * noise * (1 + np.sqrt(len(middles)))
    evidence["recovery"] = {
        "neurons": len(middles), "largest_gap": gap, "allowed_gap": allowed,
        "claimed_relative_error": relative,
    }  # fmt: skip
    known_network = network.canonical()
    if gap > allowed:
        reason = f"Fresh gradients are missed by {gap:.2g}; allowed is {allowed:.2g}."
        return known_network, Outcome(Status.INCONCLUSIVE, reason, "Try another seed.")
    if max(relative, float(circle.blur.max())) > EXACT or circle.unresolved:
        reason = f"{len(middles)} rows found, the worst known to a relative {relative:.1g}."
        return known_network, Outcome(Status.PARTIAL, reason)
    return known_network, Outcome(Status.COMPLETE, f"All {len(middles)} rows recovered and verified.")


def _family(session: QuerySession, rng: np.random.Generator, radius: float) -> tuple[float, Outcome | None]:
    """Noise of one component, and a refusal unless gradients are odd and the same along a ray."""
    point = rng.standard_normal((1, session.input_dim))
    point *= radius / np.linalg.norm(point)
    there = session.ask(np.concatenate([point, point / 3, -point, 1.7 * point]))
    size = float(np.abs(there).max())
    if size == 0:
        return 0.0, Outcome(Status.INCONCLUSIVE, "The gradient is zero where it was asked.")
    differences = np.abs(there - there[0] * np.array([1.0, 1.0, -1.0, 1.0])[:, np.newaxis])
    if float(differences.max()) > 1e-3 * size:
        reason = "Gradients change along a ray or are not odd: not a sum of |w.x|."
        return 0.0, Outcome(Status.REFUSED, reason, "Use `extract`.")
    return max(float(np.sqrt(np.mean(differences[1:] ** 2))), EPSILON * size), None


def _values(session: QuerySession, points: FloatArray) -> FloatArray:
    """F = grad f . x, "n d" to "n"."""
    return np.einsum("nd,nd->n", session.ask(points), points)
