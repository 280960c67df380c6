"""What each stage of an audit does, given the door, the call and what the stages before it found.

A verified copy is worth more than any further question: span, fragility, stability and defences are measured
on it, for nothing, and what they claim is then tried at the door. Where there is no copy, span and fragility
ask the door itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.auditing.copying import hinges_between
from hingeline.auditing.ground import DEVIATIONS, NO_BUDGET, Done, Ground
from hingeline.auditing.plan import possible
from hingeline.auditing.record import Line, Source, Stage, Usage
from hingeline.auditing.trials import tried_at_door, with_hidden
from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import (
    AnswersReplayed,
    BatchFailed,
    BudgetLow,
    Event,
    EventSink,
    NeuronRecovered,
    Note,
    QueriesAnswered,
)
from hingeline.core.outcome import Finding, Status
from hingeline.core.randomness import Randomness
from hingeline.evaluation.defending.defend import defend
from hingeline.extraction.extract import extract
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import network_oracle
from hingeline.renormalisation.stability import stability
from hingeline.sensitivity.fragility import fragility
from hingeline.subspace.span import span

_FEWEST = 40
"""Questions below which no verb is begun."""
_NO_INPUTS = "No inputs were given: with --data FILE (and --labels FILE) this could be measured."
_NO_COPY = "It needs the weights, and no verified copy could be made."
_STRAYS = 1e-3  # share of what answers vary on a line by which a copy may be off and still be one
_DEFENCE_SECONDS = 600.0  # of one extraction: never the clock, always the budget decides


def ask_inputs(ground: Ground) -> Done:
    """The classes of the given inputs, and how many are what the labels say."""
    points = ground.call.points
    if points is None:
        return Done(left_out=_NO_INPUTS)
    if not ground.affords(len(points)):
        return Done(left_out=NO_BUDGET, starved=True)
    labels = ground.call.classes_of_labels(ground.card)
    answers = ground.door.query(points)
    classes = ground.classes(answers)
    right = None if labels is None else classes == labels
    ground.usage = Usage(points, labels, answers, classes, right)
    told = {"inputs": len(points), "classes": len(np.unique(classes)), "accuracy": ground.usage.accuracy}
    return Done(facts=told)


def rebuild(ground: Ground) -> Done:
    """Extraction through the door, with what the reserve leaves of the budget."""
    allowed, why = possible(ground.card).get("weights", ("no", "the examination was not complete"))
    if allowed == "no":
        return Done(left_out=f"The doctor found that weights cannot be told here: {why}")
    limit = None
    if ground.budget is not None:
        left = ground.door.remaining or 0
        kept = int(ground.call.settings.reserve * ground.budget)
        # the doctor's questions are asked again by this verb, and are free
        limit = left - kept + ground.card.queries
        if limit < _FEWEST + ground.card.queries:
            return Done(left_out=NO_BUDGET, starved=True)
    found = extract(ground.door, budget=limit, seed=ground.seed, on_event=ground.on_event)
    return _within_its_share(found, limit)


def _within_its_share(found: Finding[Any], limit: int | None) -> Done:
    """A verb that asked the door; if its share of the budget ended first, in the words of the audit."""
    if limit is None or found.outcome.status is not Status.BUDGET_SPENT:
        return Done(found, starved=found.outcome.status is Status.BUDGET_SPENT)
    # the verb speaks of its own share and of what that would have to be
    reason = f"Its share of the budget, {limit:,} questions with those it had from stages before, was spent."
    outcome = replace(found.outcome, reason=reason, advice="A larger --budget of the audit gives it more.")
    return Done(replace(found, outcome=outcome), starved=True)


def draw_line(ground: Ground) -> Done:
    """Answers along one line, between two given inputs of different classes if there are such."""
    points = ground.call.settings.line_points
    if not ground.affords(points):
        return Done(left_out=NO_BUDGET, starved=True)
    start, end = _ends(ground)
    positions = np.linspace(0.0, 1.0, points)
    rows = start + positions[:, np.newaxis] * (end - start)
    values, kept, readable = _values(ground, ground.door.query(rows))
    copy = ground.copy
    bends, layers = (
        (np.empty(0), np.empty(0, dtype=np.int64)) if copy is None else hinges_between(copy, start, end)
    )
    predicted = None if copy is None or not readable else _copy_values(ground, copy, rows)[kept]
    ground.line = Line(positions[kept], values, bends, layers, predicted)
    facts = {"points": points, "readable": int(kept.sum()) if readable else 0, "bends": len(bends)}
    if predicted is None:
        return Done(facts=facts | {"largest_gap": None})
    gap = float(np.abs(predicted - values).max(initial=0.0))
    allowed = max(_STRAYS * float(np.ptp(values)), DEVIATIONS * ground.card.noise_at_scale)
    doubt = f"On this line the copy is off by {gap:.2g}, where answers vary by {np.ptp(values):.2g}."
    return Done(facts=facts | {"largest_gap": gap}, doubt=doubt if gap > allowed else "")


def look_at_span(ground: Ground) -> Done:
    """What it looks at: of the copy, or by asking; then inputs it cannot tell apart, tried at the door."""
    copy = ground.copy
    if copy is not None:
        mirror = network_oracle(copy, name=ground.door.spec.name, bounds=ground.door.spec.bounds)
        found = span(mirror, seed=ground.seed, on_event=_quiet(ground.on_event))
        return with_hidden(ground, Done(found, Source.COPY))
    allowed, why = possible(ground.card).get("input subspace", ("no", "the examination was not complete"))
    if allowed == "no":
        return Done(left_out=f"The doctor found nothing to look for: {why}")
    if not ground.affords(_FEWEST):
        return Done(left_out=NO_BUDGET, starved=True)
    left = ground.door.remaining
    # what fragility may still want is left to it; the doctor's questions are free, as for extraction
    halved = ground.call.inputs and not ground.last
    shared = None if left is None else max(_FEWEST, left // 2 if halved else left)
    asked = ground.door.asked_by("span")
    limit = None if shared is None else shared + ground.card.queries + asked
    found = span(ground.door, budget=limit, seed=ground.seed, on_event=ground.on_event)
    return with_hidden(ground, _within_its_share(found, limit))


def find_flips(ground: Ground) -> Done:
    """Smallest flips of given inputs: proved on the copy and tried at the door, or searched at the door."""
    if ground.call.points is None:
        return Done(left_out=_NO_INPUTS)
    chosen = ground.call.settings
    common: dict[str, Any] = {
        "norm": chosen.norm,
        "box": ground.call.box,
        "threshold": chosen.threshold,
        "seed": ground.seed,
    }
    if ground.copy is not None:
        rows = ground.spread(chosen.flips)
        found = fragility(ground.copy, *_rows(ground, rows), **common, on_event=_quiet(ground.on_event))
        return tried_at_door(ground, Done(found, Source.COPY))
    allowed, why = possible(ground.card).get("decision boundary", ("no", "the examination was not complete"))
    if allowed == "no":
        return Done(left_out=f"The doctor found no boundary to look for: {why}")
    if not ground.affords(_FEWEST):
        return Done(left_out=NO_BUDGET, starved=True)
    rows = ground.spread(chosen.asked_flips)
    left = ground.door.remaining
    limit = None if left is None else left + ground.card.queries
    found = fragility(ground.door, *_rows(ground, rows), **common, budget=limit, on_event=ground.on_event)
    return _within_its_share(found, limit)


def follow_layers(ground: Ground) -> Done:
    """How small differences grow through the layers of the copy."""
    if ground.copy is None:
        return Done(left_out=_NO_COPY)
    if ground.call.points is None:
        return Done(left_out=_NO_INPUTS)
    if not ground.copy.hidden_widths:
        return Done(left_out="The copy is one affine map: there are no layers to follow.")
    rows = ground.spread(ground.call.settings.flips)
    found = stability(ground.copy, *_rows(ground, rows), seed=ground.seed, on_event=_quiet(ground.on_event))
    return Done(found, Source.COPY)


def judge_defences(ground: Ground) -> Done:
    """What usual defences would buy: the copy stands for the model, and nothing is asked of the target."""
    if ground.copy is None:
        return Done(left_out=_NO_COPY)
    if ground.call.points is None:
        return Done(left_out=_NO_INPUTS)
    chosen = ground.call.settings
    points, labels = _rows(ground, ground.spread(len(ground.call.points)))
    try:
        found = defend(
            ground.copy,
            points,
            labels,
            defences=chosen.defences,
            norm="linf",
            box=ground.call.box,
            seed=ground.seed,
            settings={
                "seeds": chosen.defence_seeds,
                "inputs": chosen.defence_inputs,
                "steps": 20,
                "seconds": _DEFENCE_SECONDS,
            },
            journal=ground.journal,
            on_event=_quiet(ground.on_event),
        )
    except InvalidInput as misfit:
        # which defences fit depends on the outputs of the copy, so this is known no earlier
        return Done(left_out=f"{misfit}.")
    return Done(found, Source.COPY)


def _ends(ground: Ground) -> tuple[FloatArray, FloatArray]:
    """Two given inputs, of different classes if there are such; else two random ones inside the bounds."""
    usage = ground.usage
    if usage is not None and len(usage.points) > 1:
        other = np.flatnonzero((usage.classes != usage.classes[0]) & _apart(usage.points))
        apart = np.flatnonzero(_apart(usage.points))
        if len(apart):
            return usage.points[0], usage.points[other[0] if len(other) else apart[0]]
    rng = Randomness(ground.seed).step("line of the audit")
    dim, bounds = ground.door.spec.input_dim, ground.call.box
    if bounds is not None:
        start, end = rng.uniform(*bounds, size=(2, dim))
        return start, end
    # through the region where the doctor found the network interesting
    ends = rng.standard_normal((2, dim))
    sizes = np.linalg.norm(ends, axis=1, keepdims=True)
    seen = min(ground.card.scale, ground.card.radius)
    start, end = ends / sizes * (seen if seen > 0 else ground.card.scale)
    return start, end


def _apart(points: FloatArray) -> BoolArray:
    return np.linalg.norm(points - points[0], axis=1) > 0


def _values(ground: Ground, answers: FloatArray) -> tuple[FloatArray, BoolArray, bool]:
    """Answers as the network's own values where they can be read, at which rows, and whether at any."""
    every = np.ones(len(answers), dtype=np.bool_)
    if ground.reading.gives_labels:
        return answers, every, False
    good = ground.card.head.usable(answers)
    return (ground.card.head.values(answers[good]), good, True) if good.any() else (answers, every, False)


def _copy_values(ground: Ground, copy: PiecewiseLinearNetwork, rows: FloatArray) -> FloatArray:
    """The copy's outputs as the door's values: log-ratios where it answers probabilities."""
    outputs, head = copy(rows), ground.card.head
    if head.kind not in ("softmax", "log-softmax"):
        return outputs
    return np.delete(outputs - outputs[:, [head.reference]], head.reference, axis=1)


def _rows(ground: Ground, rows: IntArray) -> tuple[Any, Any]:
    """Those inputs as they were given, with their labels."""
    usage = ground.usage
    labels = None if usage is None or usage.labels is None else usage.labels[rows]
    return ground.call.given[rows], labels


def _quiet(sink: EventSink) -> EventSink:
    """Events of a verb on the copy: its neurons and its door are not the target's."""

    def send(event: Event) -> None:
        if not isinstance(event, NeuronRecovered | Note):
            sink(event)

    return send


def inner_events(sink: EventSink) -> EventSink:
    """Events of a verb that asks through the shared door, whose own count is the one that is told."""

    def send(event: Event) -> None:
        if not isinstance(event, QueriesAnswered | AnswersReplayed | BudgetLow | BatchFailed):
            sink(event)

    return send


STAGES: dict[str, Callable[[Ground], Done]] = {
    "inputs": ask_inputs,
    "extraction": rebuild,
    "line": draw_line,
    "span": look_at_span,
    "fragility": find_flips,
    "stability": follow_layers,
    "defences": judge_defences,
}
"""Every stage after the doctor, in the order of the run."""


def priced(name: str, done: Done, queries: int, seconds: float) -> Stage:
    """The stage with what it cost."""
    return Stage(
        name,
        queries,
        seconds,
        done.finding,
        done.source,
        done.left_out,
        done.starved,
        done.facts or {},
        done.doubt,
    )
