"""Make inputs that the oracle cannot tell from the originals, and ask it whether that is so.

The constructions are those of `obfuscation`; here they are chosen, asked, and compared with the control: a
move of the same length inside the span, always. Nothing is called complete that was not asked.

Source: Jayaram, Woodruff and Zhang, Span Recovery for Deep Neural Networks with Applications to Input
Obfuscation, ICLR 2020, for the aim; constructions and control are ours.
Cost: 3 queries per input, one more for each control deviation, and one more for 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, frozen
from hingeline.core.errors import BudgetExhausted
from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.subspace.answer_reading import read_answers
from hingeline.subspace.box_projection import project_into_box
from hingeline.subspace.obfuscated import Construction, Control, Obfuscation, change_bounds
from hingeline.subspace.obfuscation import (
    clipped_moves,
    correlations,
    in_span_noise,
    null_noise,
    reads_as,
    seen_part,
    to_eight_bits,
)
from hingeline.subspace.obfuscation_outcome import obfuscation_outcome
from hingeline.subspace.obfuscation_request import ObfuscationRequest, known_span
from hingeline.subspace.recovered import RecoveredSpan

SOURCES = (
    "Jayaram, Woodruff and Zhang, Span Recovery for Deep Neural Networks with Applications to Input "
    "Obfuscation, ICLR 2020",
)


def obfuscate(
    oracle: Oracle,
    span: RecoveredSpan | Finding[RecoveredSpan],
    x: Any,
    *,
    target: Any = None,
    box: tuple[float, float] | None = None,
    sigma: float | None = None,
    control_sigmas: Sequence[float] = (0.1, 1.0, 10.0),
    eight_bit: bool = False,
    budget: int | None = None,
    seed: int = 0,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[Obfuscation]:
    """Replace all that an oracle does not see of some inputs, and ask it whether it noticed.

    Args:
        oracle: The door.
        span: What it looks at, as `span` returns it.
        x: Inputs, shape "n d" or "d".
        target: What they should look like, shape "n d" or "d"; None: noise.
        box: Smallest and largest coordinate allowed; None: the bounds of the oracle, if it has any.
        sigma: Deviation of the noise, input units. None: 1, and in a box uniform noise all over it.
        control_sigmas: Further moves inside the span, as long as null noise of these deviations.
        eight_bit: Round to multiples of 1/255 of the box at the end.
        budget: Most rows that may be asked.
        seed: Of noise and controls.
        journal: Where questions and answers are recorded and replayed from.
        on_event: Where events go.

    Returns:
        The inputs and what became of labels and values. The outcome is complete only if every label was kept
        and the control shows that as long a move does matter where it is seen; refused, without a query, if
        the oracle sees everything.

    Raises:
        InvalidInput: Inputs outside the box or of wrong shape; a span of which only the rank is known; a
            deviation that is not positive; a box without width; eight bits without a box.
        QueryFailed: The oracle gave no usable answer.

    Cost: 3 queries per input, one more for each control deviation, and one more for 8 bits.
    """
    card = span.evidence.get("doctor") if isinstance(span, Finding) else None
    known = known_span(span, oracle.spec.input_dim)
    chosen = (x, target, box, sigma, control_sigmas)
    wish = ObfuscationRequest.of(oracle.spec, known, *chosen, eight_bit=eight_bit)
    session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
    value: Obfuscation | None = None
    if known.null_dim == 0:
        reason = f"The oracle looks at all {known.input_dim} dimensions of its input: nothing can be hidden."
        outcome = Outcome(Status.REFUSED, reason)
    else:
        try:
            value, spent = _made_and_asked(session, known, wish, Randomness(seed), card)
            outcome = obfuscation_outcome(value, spent)
        except BudgetExhausted as short:
            needed = 3 * len(wish.x)
            outcome = Outcome(Status.BUDGET_SPENT, f"{short}.", f"At least {needed} queries are needed.")
    settings = {
        "budget": budget,
        "box": wish.box,
        "sigma": sigma,
        "control_sigmas": list(wish.control_sigmas),
        "eight_bit": eight_bit,
        "target": target is not None,
    }
    provenance = Provenance("obfuscate", oracle.spec.name, seed, settings, SOURCES)
    evidence = {} if value is None else value.to_dict()
    return Finding(value, outcome, evidence, session.spending, provenance)


@dataclass(frozen=True, eq=False)
class _Made:
    """The inputs, before anything is asked."""

    construction: Construction
    points: FloatArray
    picture: FloatArray | None
    residuals: FloatArray
    converged: BoolArray


def _made(basis: FloatArray, wish: ObfuscationRequest, rng: np.random.Generator) -> _Made:
    x, picture = wish.x, wish.target
    certain = np.ones(len(x), dtype=np.bool_)
    if wish.box is not None:
        if picture is None and wish.sigma is None:
            picture = rng.uniform(*wish.box, x.shape)
        elif picture is None:
            picture = x + (wish.sigma or 1.0) * rng.standard_normal(x.shape)
        nearest = project_into_box(basis, x, picture, wish.box)
        return _Made("boxed", nearest.points, picture, nearest.residuals, nearest.converged)
    construction: Construction = "null noise" if picture is None else "reads as target"
    noise = picture is None
    points = null_noise(basis, x, wish.sigma or 1.0, rng) if noise else reads_as(basis, x, picture)
    residuals = np.abs((points - x) @ basis).max(axis=1, initial=0.0)
    return _Made(construction, points, picture, residuals, certain)


def _made_and_asked(
    session: QuerySession,
    span: RecoveredSpan,
    wish: ObfuscationRequest,
    randomness: Randomness,
    card: Mapping[str, Any] | None,
) -> tuple[Obfuscation, BudgetExhausted | None]:
    """The obfuscation; with it what ended the further controls early, if something did."""
    basis, x = span.basis, wish.x
    made = _made(basis, wish, randomness.step("obfuscation"))
    final = to_eight_bits(made.points, wish.box) if wish.eight_bit and wish.box else made.points
    lengths = np.linalg.norm(final - x, axis=1)
    rng = randomness.step("control")
    asked = {"original": x, "obfuscated": final}
    if span.rank:
        asked["control"] = _controls(basis, x, lengths, wish.box, rng)
    if wish.eight_bit:
        asked["unrounded"] = made.points
    with session.phase("obfuscation"):
        # in one call: without its control no obfuscation is reported
        rows = session.ask(np.concatenate(list(asked.values())))
    answers = dict(zip(asked, np.split(rows, len(asked)), strict=True))
    further, short = _further_controls(session, span, wish, rng) if span.rank else ([], None)
    every = np.concatenate([rows, *(replies for _, _, replies in further)])
    reading = read_answers(every, session.oracle.spec.answers, card)
    before, after = answers["original"], answers["obfuscated"]
    control = None
    if span.rank:
        control = Control.of(reading, x, before, None, asked["control"], answers["control"])
    controls = tuple(Control.of(reading, x, before, *one) for one in further)
    rounding = reading.changes(answers["unrounded"], after) if wish.eight_bit else None
    result = Obfuscation(
        construction=made.construction,
        original=x,
        seen=frozen(seen_part(basis, x)),
        unseen=frozen(x - seen_part(basis, x)),
        obfuscated=frozen(final),
        box=wish.box,
        labels=reading.labels(before),
        obfuscated_labels=reading.labels(after),
        value_kind=reading.value_kind,
        changes=reading.changes(before, after),
        answer_changes=np.abs(after - before).max(axis=1),
        variation=reading.variation(rows if len(x) == 1 else before),
        control=control,
        controls=controls,
        correlation_original=correlations(final, x),
        correlation_target=None if made.picture is None else correlations(final, made.picture),
        rms=lengths / np.sqrt(span.input_dim),
        unseen_energy=span.unseen_energy(x),
        residuals=made.residuals,
        converged=made.converged,
        rounding_changes=rounding,
        bounds=change_bounds((control, *controls), lengths, span.angle),
        standing=span.standing,
        where=span.where,
    )
    return result, short


def _further_controls(
    session: QuerySession, span: RecoveredSpan, wish: ObfuscationRequest, rng: np.random.Generator
) -> tuple[list[tuple[float, FloatArray, FloatArray]], BudgetExhausted | None]:
    """Deviation, points and answers of each further control, and what ended them early."""
    found: list[tuple[float, FloatArray, FloatArray]] = []
    try:
        with session.phase("controls"):
            for sigma in wish.control_sigmas:
                # the expected length of null noise of this deviation
                wanted = np.full(len(wish.x), sigma * np.sqrt(span.null_dim))
                points = _controls(span.basis, wish.x, wanted, wish.box, rng)
                found.append((sigma, points, session.ask(points)))
    except BudgetExhausted as short:
        return found, short
    return found, None


def _controls(
    basis: FloatArray,
    x: FloatArray,
    lengths: FloatArray,
    box: tuple[float, float] | None,
    rng: np.random.Generator,
) -> FloatArray:
    moves = in_span_noise(basis, lengths, rng)
    return x + moves if box is None else clipped_moves(x, moves, lengths, box)
