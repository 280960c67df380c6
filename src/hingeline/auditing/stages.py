"""What each stage of an audit does, given the door, the call and what the stages before it found.

A verified copy is worth more than any further question: span, fragility, stability and defences are measured
on it, for nothing, and what they claim is then tried at the door. Where there is no copy, span and fragility
ask the door itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.auditing.call import AuditCall
from hingeline.auditing.copying import hinges_between
from hingeline.auditing.door import SharedDoor
from hingeline.auditing.plan import possible
from hingeline.auditing.record import Line, Source, Stage, Usage
from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.events import (
    AnswersReplayed,
    BatchFailed,
    BudgetLow,
    Event,
    EventSink,
    NeuronRecovered,
    QueriesAnswered,
)
from hingeline.core.outcome import Finding, Status
from hingeline.core.randomness import Randomness
from hingeline.evaluation.defending.defend import defend
from hingeline.extraction.extract import extract
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.local import network_oracle
from hingeline.probing.card import DoctorCard
from hingeline.renormalisation.stability import stability
from hingeline.sensitivity.fragility import fragility
from hingeline.subspace.answer_reading import AnswerReading
from hingeline.subspace.obfuscate import obfuscate
from hingeline.subspace.span import span

_FEWEST = 40
"""Questions below which no verb is begun."""
_NO_INPUTS = "No inputs were given: with --data FILE (and --labels FILE) this could be measured."
_NO_COPY = "It needs the weights, and no verified copy could be made."
_NO_BUDGET = "The budget was spent before."
_BEYOND = 1e-6  # a smallest flip ends on the boundary itself; this share more of the change is beyond it
_DEFENCE_SECONDS = 600.0  # of one extraction: never the clock, always the budget decides


@dataclass(frozen=True)
class Done:
    """What a stage brings before its price is known."""

    finding: Finding[Any] | None = None
    source: Source = Source.DOOR
    left_out: str = ""
    starved: bool = False
    facts: dict[str, Any] | None = None


@dataclass
class Ground:
    """What the stages share, and what they have found so far."""

    door: SharedDoor
    call: AuditCall
    card: DoctorCard
    seed: int
    budget: int | None
    journal: Journal | None
    on_event: EventSink
    copy: PiecewiseLinearNetwork | None = None
    usage: Usage | None = None
    line: Line | None = None
    hidden: Finding[Any] | None = None
    """The inputs that the network cannot tell from given ones, as `obfuscate` returned them."""

    @property
    def reading(self) -> AnswerReading:
        """How answers of the door are read."""
        return AnswerReading(self.card.answers == "labels", self.card.head)

    def classes(self, answers: FloatArray) -> IntArray:
        """The door's decisions, "n k" to "n"; a single value is compared with the threshold."""
        threshold = self.call.settings.threshold
        if answers.shape[1] == 1 and threshold and not self.reading.gives_labels:
            values = self.card.head.values(answers) if self.card.head.kind == "sigmoid" else answers
            return (values[:, 0] > threshold).astype(np.int64)
        return self.reading.labels(answers)

    def affords(self, rows: int) -> bool:
        """Whether so many questions fit the budget."""
        return self.door.remaining is None or self.door.remaining >= rows


def ask_inputs(ground: Ground) -> Done:
    """The classes of the given inputs, and how many are what the labels say."""
    points = ground.call.points
    if points is None:
        return Done(left_out=_NO_INPUTS)
    if not ground.affords(len(points)):
        return Done(left_out=_NO_BUDGET, starved=True)
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
            return Done(left_out=_NO_BUDGET, starved=True)
    found = extract(ground.door, budget=limit, seed=ground.seed, on_event=ground.on_event)
    return Done(found, starved=found.outcome.status is Status.BUDGET_SPENT)


def draw_line(ground: Ground) -> Done:
    """Answers along one line, between two given inputs of different classes if there are such."""
    points = ground.call.settings.line_points
    if not ground.affords(points):
        return Done(left_out=_NO_BUDGET, starved=True)
    start, end = _ends(ground)
    positions = np.linspace(0.0, 1.0, points)
    rows = start + positions[:, np.newaxis] * (end - start)
    values, kept = _values(ground, ground.door.query(rows))
    copy = ground.copy
    bends, layers = (
        (np.empty(0), np.empty(0, dtype=np.int64)) if copy is None else hinges_between(copy, start, end)
    )
    predicted = None if copy is None else _copy_values(ground, copy, rows)[kept]
    ground.line = Line(positions[kept], values, bends, layers, predicted)
    gap = None if predicted is None else float(np.abs(predicted - values).max(initial=0.0))
    return Done(facts={"points": points, "bends": len(bends), "largest_gap": gap})


def look_at_span(ground: Ground) -> Done:
    """What it looks at: of the copy, or by asking; then inputs it cannot tell apart, tried at the door."""
    copy = ground.copy
    if copy is not None:
        mirror = network_oracle(copy, name=ground.door.spec.name, bounds=ground.door.spec.bounds)
        found = span(mirror, seed=ground.seed, on_event=_quiet(ground.on_event))
        return Done(found, Source.COPY, facts=_hidden(ground, found))
    allowed, why = possible(ground.card).get("input subspace", ("no", "the examination was not complete"))
    if allowed == "no":
        return Done(left_out=f"The doctor found nothing to look for: {why}")
    if not ground.affords(_FEWEST):
        return Done(left_out=_NO_BUDGET, starved=True)
    left = ground.door.remaining
    # what fragility may still want is left to it
    limit = None if left is None else max(_FEWEST, left // 2 if ground.call.inputs else left)
    found = span(ground.door, budget=limit, seed=ground.seed, on_event=ground.on_event)
    starved = found.outcome.status is Status.BUDGET_SPENT
    return Done(found, starved=starved, facts=_hidden(ground, found))


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
        rows = _spread(ground, chosen.flips)
        found = fragility(ground.copy, *_rows(ground, rows), **common, on_event=_quiet(ground.on_event))
        return Done(found, Source.COPY, facts=_tried_at_door(ground, found))
    allowed, why = possible(ground.card).get("decision boundary", ("no", "the examination was not complete"))
    if allowed == "no":
        return Done(left_out=f"The doctor found no boundary to look for: {why}")
    if not ground.affords(_FEWEST):
        return Done(left_out=_NO_BUDGET, starved=True)
    rows = _spread(ground, chosen.asked_flips)
    found = fragility(
        ground.door,
        *_rows(ground, rows),
        **common,
        budget=ground.door.remaining,
        on_event=ground.on_event,
    )
    return Done(found, starved=found.outcome.status is Status.BUDGET_SPENT)


def follow_layers(ground: Ground) -> Done:
    """How small differences grow through the layers of the copy."""
    if ground.copy is None:
        return Done(left_out=_NO_COPY)
    if ground.call.points is None:
        return Done(left_out=_NO_INPUTS)
    if not ground.copy.hidden_widths:
        return Done(left_out="The copy is one affine map: there are no layers to follow.")
    rows = _spread(ground, ground.call.settings.flips)
    found = stability(ground.copy, *_rows(ground, rows), seed=ground.seed, on_event=_quiet(ground.on_event))
    return Done(found, Source.COPY)


def judge_defences(ground: Ground) -> Done:
    """What usual defences would buy: the copy stands for the model, and nothing is asked of the target."""
    if ground.copy is None:
        return Done(left_out=_NO_COPY)
    if ground.call.points is None:
        return Done(left_out=_NO_INPUTS)
    chosen = ground.call.settings
    points, labels = _rows(ground, _spread(ground, len(ground.call.points)))
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
    start, end = ends / sizes * min(ground.card.scale, ground.card.radius)
    return start, end


def _apart(points: FloatArray) -> BoolArray:
    return np.linalg.norm(points - points[0], axis=1) > 0


def _values(ground: Ground, answers: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Answers as the network's own values where they can be read, and which rows could be."""
    if ground.reading.gives_labels:
        return answers, np.ones(len(answers), dtype=np.bool_)
    good = ground.card.head.usable(answers)
    return (ground.card.head.values(answers[good]), good) if good.any() else (answers, ~good)


def _copy_values(ground: Ground, copy: PiecewiseLinearNetwork, rows: FloatArray) -> FloatArray:
    """The copy's outputs as the door's values: log-ratios where it answers probabilities."""
    outputs, head = copy(rows), ground.card.head
    if head.kind not in ("softmax", "log-softmax"):
        return outputs
    return np.delete(outputs - outputs[:, [head.reference]], head.reference, axis=1)


def _hidden(ground: Ground, found: Finding[Any]) -> dict[str, Any]:
    """Inputs that the network should not tell from given ones, tried at the door."""
    span_found, points = found.value, ground.call.points
    if span_found is None or points is None or not span_found.basis.shape[1]:
        return {}
    rows = _spread(ground, ground.call.settings.hidden_inputs)
    if span_found.input_dim == span_found.rank or not ground.affords(8 * len(rows)):
        return {}
    # not the finding: the copy answers values where the door may answer probabilities
    ground.hidden = obfuscate(
        ground.door, span_found, points[rows], box=ground.call.box, seed=ground.seed, on_event=ground.on_event
    )
    value = ground.hidden.value
    if value is None:
        return {
            "hidden": {"status": str(ground.hidden.outcome.status), "reason": ground.hidden.outcome.reason}
        }
    told = {"inputs": len(rows), "labels_kept": value.labels_kept}
    return {"hidden": told | {"status": str(ground.hidden.outcome.status)}}


def _tried_at_door(ground: Ground, found: Finding[Any]) -> dict[str, Any]:
    """Whether flips that were computed on the copy flip the target too."""
    profile = found.value
    if profile is None:
        return {}
    flips = np.flatnonzero(np.isfinite(profile.upper))
    if not len(flips):
        return {"tried": 0}
    if not ground.affords(2 * len(flips)):
        return {"tried": 0, "not_tried": _NO_BUDGET}
    points = profile.points[flips]
    moved = points + (1 + _BEYOND) * profile.changes[flips]
    if ground.call.box is not None:
        moved = moved.clip(*ground.call.box)
    before = ground.classes(ground.door.query(points))
    after = ground.classes(ground.door.query(moved))
    held = (before == profile.classes[flips]) & (after == profile.flipped_to[flips])
    return {"tried": len(flips), "held": int(held.sum()), "flipped": int((after != before).sum())}


def _spread(ground: Ground, number: int) -> IntArray:
    """Up to so many of the given inputs, spread evenly over them: a file may be sorted by class."""
    have = ground.call.inputs
    return np.unique(np.linspace(0, have - 1, min(number, have)).round().astype(np.int64))


def _rows(ground: Ground, rows: IntArray) -> tuple[Any, Any]:
    """Those inputs as they were given, with their labels."""
    usage = ground.usage
    labels = None if usage is None or usage.labels is None else usage.labels[rows]
    return ground.call.given[rows], labels


def _quiet(sink: EventSink) -> EventSink:
    """Events of a verb on the copy: its neurons are not the target's."""

    def send(event: Event) -> None:
        if not isinstance(event, NeuronRecovered):
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
        name, queries, seconds, done.finding, done.source, done.left_out, done.starved, done.facts or {}
    )
