"""What a card means for each attack, and sentences that say what was seen, why it matters, what to type."""

from __future__ import annotations

import math

import numpy as np

from hingeline.probing.card import DoctorCard, Verdict

# Share of the scale that a linear cell typically spans; sets how precise a normal can be.
_CELL = 0.05
# Recovery below this many digits is not worth the name.
_FEWEST_DIGITS = 1
_MANY_DIGITS = 6
_STILL = "Where was asked the values vary by no more than rounding and noise: no neuron is seen to act there."
# Deviations of the noise within which some dozens of answers lie if nothing but noise moves them.
_ONLY_NOISE = 8.0


def weight_digits(card: DoctorCard) -> int:
    """Decimal digits to expect of a first-layer direction, before any polish: a rough estimate.

    A normal measured with d differences over a cell of size r has the relative error
    sqrt(2 d) * noise / (r * slope); slope * scale is how much the values vary.
    """
    if card.variation <= 0 or card.noise_at_scale <= 0:
        return 0
    error = np.sqrt(2.0 * card.input_dim) * card.noise_at_scale / (_CELL * card.variation)
    return max(0, math.floor(-np.log10(error)))


def verdicts(card: DoctorCard) -> tuple[Verdict, ...]:
    """What the attacks can hope for at this door."""
    return (_weights(card), _subspace(card), _boundary(card))


def notes(card: DoctorCard) -> tuple[str, ...]:
    """Sentences for people, the most important first."""
    candidates = (
        _constant_note(card),
        _head_note(card),
        _rounding_note(card),
        _repeat_note(card),
        _shape_note(card),
        _domain_note(card),
        _dead_note(card),
    )
    return tuple(note for note in candidates if note)


def _weights(card: DoctorCard) -> Verdict:
    obstacle = _obstacle(card)
    if obstacle:
        return Verdict("weights", "no", obstacle)
    digits = weight_digits(card)
    if _stands_still(card):
        return Verdict("weights", "no", _STILL, 0)
    if digits < _FEWEST_DIGITS:
        return Verdict("weights", "no", "Noise and rounding drown the bends of single neurons.", 0)
    if card.flat_beyond is not None:
        return Verdict("weights", "limited", "Inputs seem to be clipped: give the bounds first.", digits)
    if card.inputs_rounded:
        why = "The door rounds its inputs: only points on its own grid show what the network does."
        return Verdict("weights", "limited", why, digits)
    if card.straight is None:
        why = "Too coarse to tell piecewise linear from smooth; try, and trust the verification."
        return Verdict("weights", "limited", why, digits)
    if digits < _MANY_DIGITS:
        why = f"Piecewise linear, but noise leaves first-layer directions about {_digits(digits)}."
        return Verdict("weights", "limited", why, digits)
    why = f"Piecewise linear: about {_digits(digits)} of each, more after the final fit."
    return Verdict("weights", "yes", why, digits)


def _obstacle(card: DoctorCard) -> str:
    """Why weights cannot be rebuilt at all; empty if they can."""
    if card.kind == "constant":
        return "The answers do not depend on the input, as far as was asked."
    if card.answers == "labels":
        return "Labels alone: bends of the scores are not visible."
    if card.radius <= 0:
        return "The probabilities are saturated everywhere that was asked: no log-ratio exists."
    if card.straight is False:
        return "The values are curved (tanh, GELU, sigmoid or the like inside): there are no bends to find."
    if card.depends_on_batch:
        return "An answer depends on the other rows of its batch, so rows cannot be compared."
    return ""


def _stands_still(card: DoctorCard) -> bool:
    """Whether values vary by no more than their noise where was asked, as where every neuron is off."""
    return card.answers != "labels" and card.variation <= _ONLY_NOISE * card.noise_at_scale


def _subspace(card: DoctorCard) -> Verdict:
    if card.kind == "constant":
        return Verdict("input subspace", "no", "The answers do not depend on the input, as far as was asked.")
    if card.answers == "labels":
        return Verdict("input subspace", "yes", "From labels alone, at a higher price, along the boundary.")
    if _stands_still(card) and card.radius > 0:
        return Verdict("input subspace", "limited", f"{_STILL} Labels remain.")
    if card.radius <= 0 or weight_digits(card) < _FEWEST_DIGITS:
        return Verdict(
            "input subspace", "limited", "Slopes are drowned by noise or saturation: labels remain."
        )
    return Verdict("input subspace", "yes", "What it looks at shows in its slopes, whatever is inside.")


def _boundary(card: DoctorCard) -> Verdict:
    if card.kind == "constant":
        return Verdict(
            "decision boundary", "no", "The answers do not depend on the input, as far as was asked."
        )
    if card.kind == "stochastic":
        return Verdict(
            "decision boundary", "limited", "Answers are random: expect repeats near the boundary."
        )
    if card.output_dim == 1 and card.answers == "logits":
        return Verdict("decision boundary", "yes", "One score: the boundary is where you put the threshold.")
    return Verdict("decision boundary", "yes", "By bisection between two labels.")


def _digits(count: int) -> str:
    return "1 digit" if count == 1 else f"{count} digits"


def _constant_note(card: DoctorCard) -> str:
    if card.kind != "constant":
        return ""
    return (
        f"All {card.queries} probe answers are identical. Either inputs are clipped on the server, or the "
        "probes are out of range, or the network is dead. Try --bounds 0 1 (the range of your inputs)."
    )


def _head_note(card: DoctorCard) -> str:
    limit = "" if math.isinf(card.radius) else f" Log-ratios are usable up to |x| = {card.radius:.3g}."
    if card.head.kind == "softmax":
        return (
            "Answers are positive and sum to 1: probabilities. Working with log-ratios; expect about 2x the "
            f"queries.{limit} If the endpoint can return logits, use --output-name."
        )
    if card.head.kind == "log-softmax":
        return "Exponentials of the answers sum to 1: log-probabilities. Working with their differences."
    if card.head.kind == "sigmoid":
        return (
            "Answers lie between 0 and 1: a sigmoid is suspected. Working with log-odds, which lose digits "
            f"where the probability is near 1.{limit} If these are scores, say --answers logits."
        )
    return ""


def _rounding_note(card: DoctorCard) -> str:
    if card.answers == "labels" or (card.rounding is None and card.resolution.digits is None):
        return ""
    seen = f"Answers are {card.rounding_words}."
    if card.resolution.digits is not None:
        seen = f"Answers carry {card.resolution.digits} significant digits."
    if card.rounding is not None:
        seen = f"Answers are multiples of {card.resolution.describe_step()}."
    digits = weight_digits(card)
    if digits < _FEWEST_DIGITS:
        return f"{seen} That is too coarse for the weights of single neurons."
    biases = max(1, digits - 1)
    return f"{seen} Layer 1 directions are recoverable to about {_digits(digits)}; biases to {biases}."


def _repeat_note(card: DoctorCard) -> str:
    if card.kind == "stochastic":
        return (
            f"The same row gets different answers (standard deviation {card.spread:.1g}). "
            "Averaging n repeats gains only a factor sqrt(n)."
        )
    if card.depends_on_batch:
        return (
            f"An answer changes by up to {card.batch_change:.1g} with the other rows of its batch. "
            "Try --batch-size 1."
        )
    return ""


def _shape_note(card: DoctorCard) -> str:
    if card.straight is False:
        return (
            "Second differences shrink like the square of the step: the network is smooth, not ReLU. "
            "Weights cannot be rebuilt; the subspace it looks at can."
        )
    if card.kind == "undecided" and card.complete:
        return "Too little was seen to tell whether the answers are piecewise linear."
    return ""


def _domain_note(card: DoctorCard) -> str:
    if card.inputs_rounded:
        return "Small changes of the input change nothing: the door rounds its inputs."
    if card.flat_beyond is not None:
        low, high = card.flat_beyond
        return (
            f"Answers stop changing once all inputs leave about [{low:.3g}, {high:.3g}]: the server clips "
            f"them, or the network is flat there. If inputs are clipped, say --bounds {low:.3g} {high:.3g}."
        )
    if card.far_failure:
        return f"Far from the origin the door does not answer: {card.far_failure}"
    return ""


def _dead_note(card: DoctorCard) -> str:
    if not card.constant_outputs or card.answers == "labels":
        return ""
    shown = ", ".join(map(str, card.constant_outputs[:8])) + (
        " ..." if len(card.constant_outputs) > 8 else ""
    )
    return f"{len(card.constant_outputs)} of {card.output_dim} outputs never changed: {shown}."
