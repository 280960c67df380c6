"""The audit: doctor, a price, then every verb that the door allows, within one budget and one journal.

Everything is asked through one session, so that a row which two verbs want is paid for once and an
interrupted audit goes on where it was. Extraction comes before what a copy makes free. The target's file is
never opened: what the audit tells of a file, it would tell of the same model behind an endpoint.

Cost: at most the budget. Source: those of the verbs, told in the finding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hingeline.auditing.call import AuditCall
from hingeline.auditing.copying import verified_copy, verified_gap
from hingeline.auditing.door import SharedDoor
from hingeline.auditing.ground import Done, Ground
from hingeline.auditing.leak import Leak, leak_of
from hingeline.auditing.measures import AtLeast, measured
from hingeline.auditing.plan import AuditPlan, make_plan
from hingeline.auditing.record import Audit, Stage, StageEnded
from hingeline.auditing.settings import PARTS, AuditSettings
from hingeline.auditing.stages import STAGES, inner_events, priced
from hingeline.auditing.trials import compared
from hingeline.core.errors import QueryFailed
from hingeline.core.events import AnswersReplayed, Event, EventSink, NeuronRecovered, QueriesAnswered, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.doctor import doctor

SCHEMA = 1
"""Of the evidence of an audit; a change that readers must know of raises it."""
_WORTH_A_TRY = 0.1
"""Share of its questions that must be left for a stage that ran out of its own to go on."""
_PHASE, _AGREED = "audit", "agreed to the plan"

Agree = Callable[[AuditPlan], bool]
"""Shown the plan before it is paid for; False ends the audit there."""


def audit(
    oracle: Oracle,
    x: Any = None,
    y: Any = None,
    *,
    budget: int | None = None,
    seed: int = 0,
    settings: AuditSettings | Mapping[str, Any] | None = None,
    agree: Agree | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[Audit]:
    """Ask one target all that its door allows: doctor, extraction, span, fragility, stability, defences.

    Args:
        oracle: The door. It alone is asked; a file behind it is not opened.
        x: Inputs as users send them, shape "n d"; images may keep their shape. Without them nothing is said
            of fragility, stability and defences.
        y: What they should be classified as, whole numbers, shape "n".
        budget: Most rows that may be asked in all; None for no limit.
        seed: Of all random choices.
        settings: Parts, numbers and prices, as `AuditSettings` or as a mapping of its fields.
        agree: Called once with the plan, after the doctor and before anything else is asked. A resumed audit
            that was agreed to is not asked about again.
        journal: Where questions and answers are recorded and replayed from.
        on_event: Where events go.

    Returns:
        The audit, with the finding of every stage. The outcome is complete where every stage that the door
        allows came to a conclusion, which may be that nothing can be known; "budget spent" or partial where
        one did not, or where the door denied what a copy claims; refused where the door gave no usable
        answers; inconclusive where the answers do not depend on the input, or where the plan was not agreed
        to.

    Raises:
        InvalidInput: Inputs, labels, budget or settings that cannot be meant.
        QueryFailed: The target stopped answering; with a journal nothing is lost.

    Cost: at most `budget` rows; about 42 before the plan is shown.
    """
    chosen = AuditSettings.of(settings)
    call = AuditCall.read(oracle.spec, x, y, chosen)
    work = _Work(oracle, call, budget, seed, journal, on_event)
    value, outcome = work.run(agree)
    evidence = _evidence(value)
    told = {"budget": budget, **chosen.told(), "given_inputs": call.inputs, "labels": y is not None}
    sources = tuple(dict.fromkeys(source for stage in value.stages for source in _sources(stage)))
    provenance = Provenance("audit", oracle.spec.name, seed, told, sources)
    return Finding(value, outcome, evidence, work.session.spending, provenance)


class _Work:
    """One audit under way."""

    def __init__(
        self,
        oracle: Oracle,
        call: AuditCall,
        budget: int | None,
        seed: int,
        journal: Journal | None,
        on_event: EventSink,
    ) -> None:
        self._watch = _Watch(on_event)
        self.session = QuerySession(oracle, budget=budget, journal=journal, on_event=self._watch)
        self._door = SharedDoor(self.session)
        self._call, self._seed, self._journal = call, seed, journal
        self._inner = inner_events(self._watch)
        self._stages: list[Stage] = []

    def run(self, agree: Agree | None) -> tuple[Audit, Outcome]:
        """All stages, in order."""
        card, examined = self._examine()
        if card is None or not card.verdicts:
            return self._ended(card, None, None), replace(examined, status=_unusable(examined))
        self._call.classes_of_labels(card)
        plan = self._planned(card)
        if not self._agreed(plan, agree):
            reason = "The plan was not agreed to; only the doctor has asked."
            return self._ended(card, plan, None), Outcome(Status.INCONCLUSIVE, reason)
        ground = Ground(
            self._door,
            self._call,
            card,
            self._seed,
            self.session.budget,
            self._journal,
            self._inner,
        )
        for name in ("inputs", *self._call.settings.parts):
            self._do(name, ground)
        self._with_what_is_left(ground)
        value = self._ended(card, plan, ground)
        return value, _outcome(value, card)

    def _examine(self) -> tuple[DoctorCard | None, Outcome]:
        with _timed() as clock, self._door.stage("door"):
            found = doctor(self._door, seed=self._seed, budget=self.session.budget, on_event=self._inner)
        self._note(Stage("door", self._door.spent, clock(), found))
        return found.value, found.outcome

    def _planned(self, card: DoctorCard) -> AuditPlan:
        return make_plan(
            card,
            self._call.settings,
            inputs=self._call.inputs,
            budget=self.session.budget,
            spent=self._door.spent,
            max_batch=self._door.spec.max_batch,
            seconds_per_request=self._watch.seconds_per_request,
        )

    def _agreed(self, plan: AuditPlan, agree: Agree | None) -> bool:
        if agree is None:
            return True
        if self._journal is not None and self._journal.decision(_PHASE, _AGREED):
            return True
        said = agree(plan)
        if said and self._journal is not None:
            self._journal.decide(_PHASE, _AGREED, True)
        return said

    def _with_what_is_left(self, ground: Ground) -> None:
        """Let a span that ended for its share go on, if the stages after it left something."""
        number = next((i for i, stage in enumerate(self._stages) if stage.name == "span"), None)
        first = None if number is None else self._stages[number]
        left = self._door.remaining
        if number is None or first is None or first.finding is None or not first.starved or left is None:
            return
        if first.finding.outcome.status is not Status.BUDGET_SPENT or left < _WORTH_A_TRY * first.queries:
            return
        ground.last = True
        again, seconds = self._done("span", ground)
        again = replace(again, queries=first.queries + again.queries, seconds=first.seconds + seconds)
        self._stages[number] = again
        self._watch(StageEnded(again, number + 1, 2 + len(self._call.settings.parts)))

    def _do(self, name: str, ground: Ground) -> None:
        stage, _ = self._done(name, ground)
        self._note(stage)

    def _done(self, name: str, ground: Ground) -> tuple[Stage, float]:
        """A stage and its seconds."""
        before = self._door.spent
        with _timed() as clock, self._door.stage(name):
            try:
                done: Done = STAGES[name](ground)
            except QueryFailed as failure:
                if not failure.out_of_range:
                    raise
                reason = f"The door gave no usable answer: {failure}."
                done = Done(left_out=reason, doubt=reason)
        if name == "extraction" and done.finding is not None:
            ground.copy = verified_copy(done.finding, ground.card.head)
            ground.copy_gap = verified_gap(done.finding)
            done = compared(ground, done)
        return priced(name, done, self._door.spent - before, clock()), clock()

    def _note(self, stage: Stage) -> None:
        self._stages.append(stage)
        # the door and the given inputs come besides the parts that were chosen
        self._watch(StageEnded(stage, len(self._stages), 2 + len(self._call.settings.parts)))

    def _ended(self, card: DoctorCard | None, plan: AuditPlan | None, ground: Ground | None) -> Audit:
        stages = tuple(self._stages)
        rebuilt = next((stage for stage in stages if stage.name == "extraction"), None)
        spent = 0 if rebuilt is None else rebuilt.queries + (0 if card is None else card.queries)
        finding = None if rebuilt is None else rebuilt.finding
        leak: Leak = leak_of(finding, spent, self._door.spec.input_dim)
        value = Audit(
            card=card,
            plan=plan,
            stages=stages,
            leak=leak,
            copy=None if ground is None else ground.copy,
            usage=None if ground is None else ground.usage,
            line=None if ground is None else ground.line,
            hidden=None if ground is None else ground.hidden,
            progress=tuple(self._watch.progress),
        )
        return replace(value, measures=measured(value))


class _Watch:
    """Notes what the events tell: the pace of the door, and when each neuron was known."""

    def __init__(self, sink: EventSink) -> None:
        self.progress: list[tuple[int, int, int]] = []
        self._sink = sink
        self._spent = 0
        self._requests = 0
        self._began = time.perf_counter()
        self._latest = self._began

    @property
    def seconds_per_request(self) -> float | None:
        """Mean time of a request so far, what was thought between them included; None before the first."""
        return (self._latest - self._began) / self._requests if self._requests else None

    def __call__(self, event: Event) -> None:
        """Take in one event and hand it on."""
        if isinstance(event, QueriesAnswered | AnswersReplayed):
            self._spent = event.spent
        if isinstance(event, QueriesAnswered):
            self._requests += 1
            self._latest = time.perf_counter()
        if isinstance(event, NeuronRecovered):
            self.progress.append((self._spent, event.layer, event.found))
        self._sink(event)


class _timed:
    """Seconds of a block, asked for after it."""

    def __enter__(self) -> Callable[[], float]:
        self._began = self._ended = time.perf_counter()
        return lambda: self._ended - self._began

    def __exit__(self, *_: object) -> None:
        self._ended = time.perf_counter()


def _unusable(examined: Outcome) -> Status:
    """How an audit ends that could not get beyond the doctor."""
    return Status.INCONCLUSIVE if examined.status is Status.COMPLETE else examined.status


def _outcome(value: Audit, card: DoctorCard) -> Outcome:
    """Whether every stage came to a conclusion."""
    if card.kind == "constant":
        reason = "All answers are the same, so nothing about the network can be told."
        return Outcome(Status.INCONCLUSIVE, reason, " ".join(card.notes[:1]))
    starved = [stage.name for stage in value.stages if stage.starved]
    if starved:
        reason = f"The budget was spent before these came to an end: {', '.join(starved)}."
        return Outcome(Status.BUDGET_SPENT, reason, "Give more with --budget; nothing asked is lost.")
    open_ends = [stage.name for stage in value.stages if not stage.settled]
    if open_ends:
        return Outcome(Status.PARTIAL, f"Without a definite conclusion: {', '.join(open_ends)}.", "")
    left_out = [stage.name for stage in value.stages if stage.left_out]
    left_out += [part for part in PARTS if value.stage(part) is None]
    besides = f" Not possible or not asked for here: {', '.join(left_out)}." if left_out else ""
    return Outcome(Status.COMPLETE, f"Every part that this door allows came to a conclusion.{besides}")


def _sources(stage: Stage) -> Iterable[str]:
    return () if stage.finding is None else stage.finding.provenance.sources


def _evidence(value: Audit) -> dict[str, Any]:
    """JSON-ready, with a schema of its own."""
    return {
        "audit_schema": SCHEMA,
        "plan": None if value.plan is None else value.plan.to_dict(),
        "measures": dict(value.measures),
        "known_from_below": [name for name, seen in value.measures.items() if isinstance(seen, AtLeast)],
        "leak": value.leak.to_dict(),
        "progress": [list(point) for point in value.progress],
        "stages": [stage.to_dict() for stage in value.stages],
        "not_established": [{"stage": name, "reason": why} for name, why in value.not_established],
    }
