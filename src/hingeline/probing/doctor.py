"""The doctor: what a door reveals in about 40 queries, and the calibration all tolerances derive from.

From the answers to a few points, rays and short lines (`questions.py`) it reads what they are (logits,
probabilities, labels), how finely they arrive, whether they repeat, whether inputs are clipped, whether
values are piecewise linear, and how noisy they are as a function of |x|. Noise is measured, never assumed.

Cost: 42 queries for a door without surprises, never more than 48; 5 to 8 batches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, OracleError, UnsupportedOracle
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import AnswerKind, DoctorCard, Kind
from hingeline.probing.diagnosis import (
    inputs_rounded,
    measure_noise,
    read_ladders,
    settle_head,
    straightness,
)
from hingeline.probing.evidence import Evidence
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Calibration
from hingeline.probing.questions import MOST_QUERIES, ask_everything
from hingeline.probing.reading import Reading, measured_radius, read
from hingeline.probing.resolution import Resolution
from hingeline.probing.verdicts import notes, verdicts

# A spread of repeats above this many roundings is randomness, not the order of additions.
_RANDOM_ROUNDINGS = 32
# An error so many times what rounding makes has another cause; measured errors may be twice the true ones.
_MORE_THAN_ROUNDING = 3.0
_SOURCES = (
    "Rolnick and Körding, Reverse-Engineering Deep ReLU Networks, ICML 2020",
    "Carlini, Jagielski and Mironov, Cryptanalytic Extraction of Neural Network Models, CRYPTO 2020",
)


def doctor(
    oracle: Oracle,
    *,
    seed: int = 0,
    budget: int | None = None,
    scale: float | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[DoctorCard]:
    """Measure what a door reveals.

    Args:
        oracle: The door.
        seed: Of the random probes.
        budget: Most rows that may be asked; the examination needs up to 48.
        scale: Norm of a typical input; by default from the bounds, or sqrt(d).
        journal: Where questions and answers are recorded and replayed from.
        on_event: Where events go.

    Returns:
        The card. The outcome is complete also for a door that gives only labels; it is inconclusive where
        answers do not depend on the input, "budget spent" where the budget ended first (the card then
        holds what was seen), and refused where no usable answer came.

    Raises:
        InvalidInput: A budget or scale that cannot be meant.
    """
    session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
    card: DoctorCard | None = None
    try:
        card = examine(session, Randomness(seed), scale=scale)
        outcome = _outcome(card)
    except BudgetExhausted as spent:
        card = spent.partial
        outcome = Outcome(Status.BUDGET_SPENT, f"{spent}.", f"The doctor asks up to {MOST_QUERIES}.")
    except OracleError as failure:
        outcome = Outcome(Status.REFUSED, f"The door gave no usable answers: {failure}")
    settings = {"budget": budget, "scale": scale}
    provenance = Provenance("doctor", oracle.spec.name, seed, settings, _SOURCES)
    evidence = {} if card is None else {"card": card.to_dict()}
    return Finding(card, outcome, evidence, session.spending, provenance)


def examine(session: QuerySession, randomness: Randomness, *, scale: float | None = None) -> DoctorCard:
    """Ask about 40 rows through `session`, in a phase named "doctor", and read the card off the answers.

    Args:
        session: Where queries go.
        randomness: The verb's randomness; the step is named "doctor".
        scale: Norm of a typical input; by default from the bounds, or sqrt(d).

    Raises:
        BudgetExhausted: The card of what was seen is in its `partial` (None if that is nothing).
        OracleError: No usable answer came from the heart of the domain.
    """
    ground = Ground.of(session.input_dim, session.oracle.spec.bounds, scale)
    evidence = Evidence(session, ground)
    try:
        with session.phase("doctor"):
            ask_everything(evidence, randomness.step("doctor"))
    except BudgetExhausted as spent:
        spent.partial = _write(evidence) if len(evidence.survey) else None
        raise
    card = _write(evidence)
    for note in (card.headline, *card.notes):
        session.emit(Note(note))
    return card


def calibration(card: DoctorCard) -> Calibration:
    """What attacks need of a card: noise, scale, radius, and how answers become values.

    Raises:
        UnsupportedOracle: The door gives labels only, or probabilities that give no log-ratios.
    """
    if card.answers == "labels":
        raise UnsupportedOracle(f"{card.target} answers labels only; this needs scores or probabilities.")
    if card.radius <= 0:
        raise UnsupportedOracle(
            f"The probabilities of {card.target} are saturated or too coarse for log-ratios."
        )
    convert = None if card.head.kind == "none" else card.head.values
    measured = Calibration(card.noise, card.scale, card.radius, convert)
    by_rounding = 0.0 if convert or card.rounding is None else card.rounding / np.sqrt(12.0)
    if card.noise.absolute > _MORE_THAN_ROUNDING * by_rounding:
        return measured
    return replace(measured, rounding=card.rounding)


def _write(evidence: Evidence) -> DoctorCard:
    """The card of what is in the notebook."""
    spec = evidence.session.oracle.spec
    reading = settle_head(evidence, read(evidence, spec.answers), spec.answers)
    ladders = read_ladders(evidence, reading)
    straight = None if reading.labels else straightness(evidence, reading)
    rounded_inputs = inputs_rounded(ladders)
    every = evidence.all_answers()
    still = np.flatnonzero(np.ptp(every, axis=0) == 0)
    repeats = evidence.repeats
    card = DoctorCard(
        target=spec.name,
        input_dim=spec.input_dim,
        output_dim=every.shape[1],
        answers=_answer_kind(reading),
        kind=_kind(evidence, reading, straight, rounded_inputs=rounded_inputs),
        straight=straight,
        head=reading.head,
        resolution=Resolution("unknown", 53) if reading.labels else reading.resolution,
        noise=measure_noise(ladders, reading, curved=straight is False),
        variation=reading.variation,
        deterministic=None if repeats is None else repeats.same,
        spread=0.0 if repeats is None else repeats.spread(reading.head),
        batch_change=None if repeats is None else repeats.batch_change(reading.head),
        scale=evidence.ground.scale,
        radius=measured_radius(evidence, reading),
        bounds=spec.bounds,
        inputs_rounded=rounded_inputs,
        flat_beyond=evidence.flat_beyond,
        far_failure=evidence.far_failure,
        constant_outputs=() if reading.constant else tuple(map(int, still)),
        classes=_classes(every) if reading.labels else (),
        complete=evidence.complete,
        queries=evidence.rows,
    )
    return replace(card, verdicts=verdicts(card) if card.complete else (), notes=notes(card))


def _answer_kind(reading: Reading) -> AnswerKind:
    if reading.constant:
        return "unknown"
    if reading.labels:
        return "labels"
    kinds: dict[str, AnswerKind] = {
        "none": "logits",
        "softmax": "probabilities",
        "sigmoid": "probabilities",
        "log-softmax": "log-probabilities",
    }
    return kinds[reading.head.kind]


def _kind(evidence: Evidence, reading: Reading, straight: bool | None, *, rounded_inputs: bool) -> Kind:
    if reading.constant:
        return "constant"
    if _is_random(evidence, reading):
        return "stochastic"
    if reading.labels:
        return "staircase"
    if straight is False:
        return "smooth"
    if reading.resolution.coarse or rounded_inputs:
        return "staircase"
    return "piecewise linear" if straight else "undecided"


def _is_random(evidence: Evidence, reading: Reading) -> bool:
    """Whether repeats differ by more than the order of additions can explain."""
    if evidence.repeats is None or evidence.repeats.same:
        return False
    usable = evidence.survey_answers[reading.head.usable(evidence.survey_answers)]
    largest = np.abs(reading.head.values(usable)).max(initial=0.0)
    return evidence.repeats.spread(reading.head) > _RANDOM_ROUNDINGS * reading.resolution.unit * largest


def _classes(answers: FloatArray) -> tuple[int, ...]:
    labels = answers[:, 0] if answers.shape[1] == 1 else answers.argmax(axis=1)
    return tuple(int(label) for label in np.unique(labels))


def _outcome(card: DoctorCard) -> Outcome:
    if card.kind == "constant":
        return Outcome(Status.INCONCLUSIVE, card.notes[0])
    if card.kind == "undecided":
        return Outcome(Status.INCONCLUSIVE, f"{card.headline}.", " ".join(card.notes))
    return Outcome(Status.COMPLETE, f"{card.headline}.")
