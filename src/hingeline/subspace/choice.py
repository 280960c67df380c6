"""Which method suits a door, from the doctor's card, and why.

    labels only                         labels
    coarse probabilities that vanish    pairs (log-ratios of the two leading classes, where they meet)
    inputs on a grid                    central (steps are multiples of the grid)
    noise above 1e-9 of the variation   central (differences over long steps, singular values against noise)
    smooth                              complement, with extrapolated central differences
    else                                complement, with differences certified inside one region

Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

from hingeline.core.outcome import Outcome, Status
from hingeline.probing.card import DoctorCard
from hingeline.subspace.settings import Method, SpanSettings

MOST_NOISE = 1e-9
"""Noise over variation up to which differences in small regions keep enough digits."""
_HOPELESS_NOISE = 0.1
"""Noise over variation above which no difference says anything."""
MOST_BATCH_CHANGE = 1e-4
"""Change of an answer with its batch, over the variation, above which answers cannot be compared."""
_PAIRS = (
    "typical inputs lie where many probabilities may vanish behind rounding or noise; two can be told "
    "where two classes meet"
)


@dataclass(frozen=True)
class Choice:
    """A method and the reason for it."""

    method: Method
    why: str


def choose_method(card: DoctorCard, settings: SpanSettings) -> Choice:
    """The method for the door that `card` describes; what the user asked for goes first."""
    if card.answers == "labels":
        return Choice("labels", "the door answers labels only")
    if settings.method != "auto":
        return Choice(settings.method, "it was asked for")
    if _probabilities_vanish(card):
        return Choice("pairs", _PAIRS)
    if settings.quantum is not None:
        return Choice("central", f"inputs are multiples of {settings.quantum:g}, so steps must be too")
    if card.variation == 0:
        return Choice("complement", "nothing varies near typical inputs: long moves must find what does")
    noise = card.noise_at_scale / card.variation
    if noise > MOST_NOISE:
        return Choice("central", f"noise is {noise:.0e} of what the answers vary: long steps are needed")
    if card.straight is False:
        return Choice("complement", "the answers are smooth and precise")
    return Choice("complement", "the answers are piecewise linear and precise")


def refusal(card: DoctorCard, settings: SpanSettings) -> Outcome | None:
    """Why no span can be had at this door, if the card says so."""
    if card.answers == "labels":
        return _label_refusal(settings)
    if card.kind == "constant" or card.variation == 0 or _by_pairs(card, settings):
        return None  # long moves are the better judges of that
    if card.radius == 0:
        return Outcome(
            Status.INCONCLUSIVE,
            "The answers hold no numbers near typical inputs.",
            "Say where the network is interesting with --box LO HI or --bounds LO HI.",
        )
    if card.depends_on_batch or (card.batch_change or 0.0) > MOST_BATCH_CHANGE * card.variation:
        return Outcome(
            Status.INCONCLUSIVE,
            f"An answer changes by up to {card.batch_change or 0.0:.1g} with the other rows of its batch.",
            "Try --batch-size 1.",
        )
    if card.inputs_rounded and settings.quantum is None:
        return Outcome(
            Status.INCONCLUSIVE,
            "The door rounds its inputs: small changes change nothing, and differences would mislead.",
            "Say what inputs are multiples of, for 8-bit images --quantum 0.00392156862745098 (1/255).",
        )
    if card.noise_at_scale > _HOPELESS_NOISE * card.variation:
        return Outcome(
            Status.INCONCLUSIVE,
            f"Noise of {card.noise_at_scale:.1g} hides answers that vary by {card.variation:.1g}.",
        )
    return None


def _probabilities_vanish(card: DoctorCard) -> bool:
    """Whether coarse log-ratios of all outputs are promised only near the origin; two reach farther out."""
    pair = card.head.kind == "softmax" or (card.head.kind == "sigmoid" and card.output_dim == 1)
    coarse = card.rounding is not None or card.noise_at_scale > MOST_NOISE * card.variation
    return pair and coarse and card.radius < card.scale


def _by_pairs(card: DoctorCard, settings: SpanSettings) -> bool:
    return settings.method == "pairs" or (settings.method == "auto" and _probabilities_vanish(card))


def _label_refusal(settings: SpanSettings) -> Outcome | None:
    if settings.quantum is not None:
        return Outcome(
            Status.REFUSED,
            "A boundary of labels is found by steps of any length; inputs that are multiples of "
            f"{settings.quantum:g} allow none.",
            "Ask the door for scores, or leave --quantum out if it takes other inputs.",
        )
    if settings.method in ("auto", "labels"):
        return None
    return Outcome(
        Status.REFUSED,
        f"The method '{settings.method}' needs scores or probabilities; this door answers labels only.",
        "Leave --method out, or ask the door for scores.",
    )
