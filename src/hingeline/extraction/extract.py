"""The verb: rebuild a network from its answers, and say honestly how far that went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from hingeline.core.errors import (
    BudgetExhausted,
    InvalidInput,
    RecoveryError,
    UnsupportedOracle,
)
from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.attempts import recover_in_range
from hingeline.extraction.convolution.image_shape import checked_image
from hingeline.extraction.coordinates import moved_back
from hingeline.extraction.depth.found_rows import found_in_words
from hingeline.extraction.digits import digits_of
from hingeline.extraction.distant import recover_from_afar
from hingeline.extraction.larger_unit import largest_unit
from hingeline.extraction.next_questions import advised, next_questions
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.saturation import saturates_by_itself
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.statuses import settle_statuses
from hingeline.extraction.steadiness import Markers
from hingeline.extraction.undecided_depth import with_depth_told
from hingeline.extraction.verify import TYPICAL_POINTS, fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.coordinates import centred
from hingeline.probing.doctor import calibration, examine
from hingeline.probing.domain import Domain
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Probe

MOST_BATCH_CHANGE = 1e-4
"""Change of an answer with its batch, as a fraction of what answers vary, above which nothing is tried."""
STILL = 1e-9
"""Rounded inputs leave errors above this fraction of what answers vary; if there are none, neurons step."""
NINETY_NINE_OF_100 = 2.33
"""Deviations of a normal number that 99 of 100 stay below."""
SYSTEMATIC = 1 / 3
"""Share of an answer's error that may be the same wherever the answer is."""
SOURCES = (
    "Carlini, Jagielski and Mironov, Cryptanalytic Extraction of Neural Network Models, CRYPTO 2020",
    "Rolnick and Körding, Reverse-Engineering Deep ReLU Networks, ICML 2020",
)


def extract(
    oracle: Oracle,
    *,
    budget: int | None = None,
    seed: int = 0,
    settings: ExtractSettings | Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[PiecewiseLinearNetwork]:
    """Rebuild the ReLU network behind an oracle from its answers; the architecture is not told.

    Args:
        oracle: The door; must answer scores or probabilities.
        budget: Most rows that may be asked; None for no limit.
        seed: Of all random choices.
        settings: What can be chosen, as `ExtractSettings` or as a mapping of its fields.
        journal: Where questions and answers are recorded, and replayed from.
        on_event: Where events go.

    Returns:
        The network (for probabilities: of the log-ratios), with an outcome that is ok only if every
        neuron was found and fresh queries agree. Widths and depth are found, neurons are in the order
        found, hidden rows have unit norm.

    Raises:
        InvalidInput: A budget or setting that cannot be meant.
        QueryFailed: The oracle gave no usable answer; with a journal nothing is lost.

    Cost: one hidden layer: about 1 query per parameter, and 1 more for the last digits; divided by the
        number of outputs if there are several. Two hidden layers: 2 to 4 per parameter; three
        and more: 6 to 14 with one output, 1 to 6 with ten, and not always to the end.
    Source: Carlini, Jagielski and Mironov 2020; Rolnick and Körding 2020; the modules of this package say
        what is whose.
    """
    chosen = _settings(settings)
    session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
    if chosen.image is not None:
        checked_image(chosen.image, session.input_dim)
    randomness = Randomness(seed)
    evidence: dict[str, Any] = {}
    result = _run(session, randomness, chosen, evidence)
    provenance = Provenance("extract", oracle.spec.name, seed, {"budget": budget, **asdict(chosen)}, SOURCES)
    return Finding(
        result.network, result.outcome, evidence, session.spending, provenance, result.lower_layers
    )


def _settings(settings: ExtractSettings | Mapping[str, Any] | None) -> ExtractSettings:
    if settings is None or isinstance(settings, ExtractSettings):
        return settings or ExtractSettings()
    try:
        return ExtractSettings(**settings)
    except TypeError as error:
        known = ", ".join(ExtractSettings.__dataclass_fields__)
        raise InvalidInput(f"unknown extract setting in {dict(settings)}; known are {known}") from error


def _run(
    session: QuerySession, randomness: Randomness, settings: ExtractSettings, evidence: dict[str, Any]
) -> Recovery:
    bench: Bench | None = None
    cut: BudgetExhausted | None = None
    try:
        card = examine(session, randomness)
        evidence["doctor"] = card.to_dict()
        refusal = _refusal(card)
        if refusal is not None:
            return Recovery(None, refusal)
        ground = Ground.of(session.input_dim, session.oracle.spec.bounds, None)
        probe = Probe(session, centred(calibration(card), ground))
        bench = Bench(probe, randomness, settings, evidence=evidence)
        markers = Markers.asked(probe, randomness.step("markers"))
        unit = largest_unit(probe, card.variation, randomness.step("far out"))
        result = recover_in_range(bench) if unit == 1.0 else recover_from_afar(bench, unit, card.variation)
        _note_digits(bench, result)
        result = _within_sight(bench, card, with_depth_told(result, bench.row_errors))
        result = _steady(bench.probe, markers, card, result)
        return _moved_back(bench, _settled(bench, result))
    except BudgetExhausted as spent:
        found = found_in_words(evidence)
        told = f"{spent}; found until then: {found}." if found else f"{spent}."
        outcome = Outcome(Status.BUDGET_SPENT, told, "Give more with --budget; nothing asked is lost.")
        cut = spent
    except UnsupportedOracle as refused:
        outcome = Outcome(Status.REFUSED, str(refused))
    except RecoveryError as problem:
        outcome = Outcome(Status.INCONCLUSIVE, f"{problem}.", "Try another --seed.")
    if bench is None:
        return Recovery(None, outcome)
    return _moved_back(bench, _settled(bench, Recovery(bench.best, outcome), cut))


def _settled(bench: Bench, result: Recovery, cut: BudgetExhausted | None = None) -> Recovery:
    """With the status of every neuron, and the cheapest next questions where something is open."""
    sights = settle_statuses(bench, result)
    questions = next_questions(bench, result, sights, cut)
    if questions:
        bench.evidence["next"] = [question.to_dict() for question in questions]
    return Recovery(result.network, advised(result.outcome, questions), result.evidence)


def _note_digits(bench: Bench, result: Recovery) -> None:
    """How exact the network is, in the evidence, where errors were claimed and not written down yet."""
    if result.network is None or "digits" in bench.evidence:
        return
    rng = np.random.default_rng(0)
    points = fresh_points(bench.probe, rng, TYPICAL_POINTS)
    stated = digits_of(result.network, bench.row_errors, points)
    if stated is not None:
        # rounding errs alike wherever answers are alike, and no averaging helps
        systematic = SYSTEMATIC * float(np.sqrt(np.mean(bench.probe.noise.at(points) ** 2)))
        stated["expected_gap"] = float(np.hypot(stated["expected_gap"], systematic))
        bench.evidence["digits"] = stated


def _within_sight(bench: Bench, card: DoctorCard, result: Recovery) -> Recovery:
    """Not complete if typical inputs lie outside what could be verified."""
    domain = bench.probe.domain
    typical = card.scale if card.bounds is None else _box_norm(domain, card.input_dim)
    radius = card.radius if card.bounds is None else domain.radius
    if result.outcome.status not in (Status.COMPLETE, Status.EQUIVALENT) or radius >= typical:
        return result
    if card.bounds is None and card.flat_beyond is not None and saturates_by_itself(bench, result):
        return result
    middle = "the origin" if card.bounds is None else "the middle of the box"
    where = f"typical inputs lie at {typical:.3g}"
    if card.bounds is not None:
        where = f"inputs within the bounds lie up to {typical:.3g} from it"
    reason = (
        f"Recovered and verified only within {radius:.3g} of {middle}, beyond which answers cannot be used "
        f"or stop changing; {where}."
    )
    advice = "If inputs are clipped, declare it with --bounds LO HI." if card.bounds is None else ""
    return Recovery(result.network, Outcome(Status.PARTIAL, reason, advice))


def _steady(probe: Probe, markers: Markers, card: DoctorCard, result: Recovery) -> Recovery:
    """Inconclusive where the door is not the one any more that it was at the start."""
    if result.outcome.status not in (Status.COMPLETE, Status.EQUIVALENT):
        return result
    complaint = markers.complaint(probe, batch_change=card.batch_change or 0.0)
    if not complaint:
        return result
    advice = "Ask a model that stands still while it is asked."
    return Recovery(result.network, Outcome(Status.INCONCLUSIVE, complaint, advice))


def _box_norm(domain: Domain, dim: int) -> float:
    """Distance from the middle of the box within which 99 of 100 points drawn from it lie.

    A squared coordinate of half width 1 has mean 1/3 and variance 4/45, and the sum of many is normal.
    """
    squared = dim / 3 + NINETY_NINE_OF_100 * np.sqrt(4 * dim / 45)
    return float(domain.half_width * np.sqrt(min(squared, dim)))


def _moved_back(bench: Bench, result: Recovery) -> Recovery:
    """The result on plain inputs; an attack within bounds works around their middle."""
    centre, lower = bench.probe.calibration.centre, bench.lower_layers
    if result.network is not None:
        return Recovery(moved_back(result.network, centre), result.outcome)
    return replace(result, lower_layers=None if lower is None else moved_back(lower, centre))


def _noise_of(card: DoctorCard) -> str:
    return "The answers move in steps: rounding of" if card.kind == "staircase" else "Noise of"


def _refusal(card: DoctorCard) -> Outcome | None:
    """Why this door cannot be extracted, if the doctor's card says so."""
    if card.answers == "labels":
        return Outcome(
            Status.REFUSED,
            "The oracle answers labels only; this method needs scores or probabilities.",
            "If the endpoint can return scores, ask for them with --output-name.",
        )
    if card.kind == "constant":
        return Outcome(
            Status.INCONCLUSIVE,
            f"All {card.queries} probe answers are identical: nothing can be learnt.",
            "Are inputs clipped on the server, or the probes out of range? Try --bounds LO HI.",
        )
    if card.straight is False:
        return Outcome(
            Status.REFUSED,
            "The answers are smooth between their bends: not piecewise linear, so not a ReLU network (tanh, "
            "sigmoid, GELU or SiLU neurons and softmax attention are smooth).",
            "For what it looks at and how easily it is flipped, try hingeline span or hingeline fragility.",
        )
    if card.variation == 0 or card.radius == 0:
        return Outcome(
            Status.INCONCLUSIVE,
            "The answers do not vary near typical inputs: nothing can be learnt there.",
            "Say where the network is interesting with --bounds LO HI.",
        )
    if card.batch_change is not None and card.batch_change > MOST_BATCH_CHANGE * card.variation:
        return Outcome(
            Status.INCONCLUSIVE,
            f"An answer changes by up to {card.batch_change:.1g} with the other rows of its batch.",
            "Try --batch-size 1.",
        )
    if card.inputs_rounded and card.noise_at_scale < STILL * card.variation:
        return Outcome(
            Status.REFUSED,
            "The answers stand still for short steps and jump over long ones, exactly: not piecewise linear "
            "(quantised neurons or inputs), so there are no ReLU neurons to find.",
            "Ask for the answers before they are quantised, if there are any.",
        )
    if card.noise_at_scale > 1e-2 * card.variation:
        return Outcome(
            Status.INCONCLUSIVE,
            f"{_noise_of(card)} {card.noise_at_scale:.1g} hides answers that vary by {card.variation:.1g}.",
        )
    return None
