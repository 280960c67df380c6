"""One defence after the other, one seed after the other: the rows of the grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hingeline.core.errors import InvalidInput, OracleError
from hingeline.core.events import EventSink, Note
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.rate_limited import RateLimited
from hingeline.evaluation.defending.call import DefendCall
from hingeline.evaluation.defending.choosing import UNDEFENDED, Chosen
from hingeline.evaluation.defending.grid import DefenceGrid, DefenceRow
from hingeline.evaluation.defending.hurried import Hurried
from hingeline.evaluation.defending.keeping import Kept
from hingeline.evaluation.defending.leak import Leak, LeakRun, leak_run
from hingeline.evaluation.defending.learned import LearnedRun, learned_run
from hingeline.evaluation.defending.robustness import Robustness, StandingRun
from hingeline.evaluation.defending.shown import Reading
from hingeline.evaluation.defending.span_leak import SpanLeak, SpanRun, span_run
from hingeline.evaluation.defending.trained import Training, stands_in, truth_behind
from hingeline.evaluation.defending.trial import Case, around, shown_answers, standing_run
from hingeline.evaluation.defending.utility import Utility, utility_of
from hingeline.numerics.statistics import median
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.ray import GradientRay
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.stages import Stages

_HIDDEN = (128, 128)
"""Hidden widths of what is trained in place of a model whose own are not seen."""
_BEYOND = 1.01
"""The middle input lies on its boundary at exactly the middle size: it would stand or fall by rounding."""
Told = TypeVar("Told", LeakRun, LearnedRun, SpanRun, StandingRun)


class Judging:
    """One call of the verb.

    Args:
        call: What was handed over.
        seed: The first of the seeds.
        journal: Where finished parts are kept; None keeps nothing.
        on_event: Where events go.
    """

    def __init__(self, call: DefendCall, seed: int, journal: Journal | None, on_event: EventSink) -> None:
        self.call, self.on_event = call, on_event
        self.seeds = range(seed, seed + call.settings.seeds)
        self.stages = Stages(None, on_event)
        radius, self.radius_words = self._radius()
        opened = call.opened
        self.case = Case(
            opened.model,
            opened.door,
            opened.truth,
            call.points,
            call.labels,
            call.threat,
            radius,
            call.settings,
        )
        self.kept = Kept(journal, call, radius)
        self._undefended: Robustness | None = None

    def run(self) -> DefenceGrid:
        """The undefended model, then every defence."""
        found = [self._row(None), *(self._tried(one) for one in self.call.named)]
        rows = [row for row in found if row is not None]
        return DefenceGrid(
            target=self.call.opened.model.name,
            rows=tuple(rows),
            norm=self.call.threat.norm,
            radius=self.case.radius,
            radius_words=self.radius_words,
            seeds=len(self.seeds),
            inputs=len(self.call.points),
            attacked=len(self.case.scene().points) if "robustness" in self.call.settings.parts else 0,
            labelled=self.call.labels is not None,
            left_out=tuple(self.stages.left_out),
        )

    def _radius(self) -> tuple[float, str]:
        """The size of changes: as said, or such that half of the undefended inputs flip."""
        settings, model = self.call.settings, self.call.opened.model
        if settings.radius is not None:
            return settings.radius, "as you said"
        if "robustness" not in settings.parts and not any(one.trains for one in self.call.named):
            return 0.0, "nothing was attacked"
        decision, rows = Decision(model.output_dim), self.call.points[: settings.inputs]
        scene = Scene(model, decision, rows, decision.of(model.outputs(rows)), self.call.threat)
        middle = median(GradientRay().run(scene, np.random.default_rng(0)).sizes)
        if not (np.isfinite(middle) and middle > 0):
            raise InvalidInput(
                "fewer than half of the inputs flip along their gradient, so no size of changes follows from "
                "them; say one: radius=..., or --radius R"
            )
        return _BEYOND * float(middle), "half of the undefended inputs flip along their gradient"

    def _tried(self, one: Chosen) -> DefenceRow | None:
        """The row of a defence; None, and a sentence, where its door breaks the measurement off."""
        try:
            return self._row(one)
        except OracleError as error:
            self.stages.left_out.append(f"{one.text} was not judged: {error}")
            return None

    def _row(self, one: Chosen | None) -> DefenceRow:
        text, words = (UNDEFENDED, "undefended") if one is None else (one.text, one.words)
        self.on_event(Note(f"{text}: {words}"))
        made = {seed: self._made(one, seed) for seed in self.seeds}
        parts = self.call.settings.parts
        with self.stages.stage(f"{text}/utility"):
            utility = self._utility(made)
        return DefenceRow(
            text=text,
            words=words,
            utility=utility,
            leak=self._leak(text, made) if "leak" in parts else None,
            span=self._span(text, made) if "span" in parts else None,
            robustness=self._robustness(text, made) if "robustness" in parts else None,
        )

    def _made(self, one: Chosen | None, seed: int) -> Defence | None:
        """The defence for one seed, trained if it has to be."""
        return None if one is None else self._unlimited(one, self._trained(one, seed))

    def _unlimited(self, one: Chosen, defence: Defence) -> Defence:
        """The defence without limits of rate: these cost time, and here nobody waits for a clock."""
        parts = defence.parts if isinstance(defence, Chained) else (defence,)
        limits = [part for part in parts if isinstance(part, RateLimited)]
        if not limits:
            return defence
        slowest = min(part.rate for part in limits)
        told = (
            f"{one.text}: a limit of rate changes no answer and was not waited for; {self.call.budget} "
            f"queries take {self.call.budget / slowest:.3g} s behind it"
        )
        if told not in self.stages.left_out:
            self.stages.left_out.append(told)
        return Chained(tuple(part for part in parts if part not in limits))

    def _trained(self, one: Chosen, seed: int) -> Defence:
        if not one.trains or self.call.train is None:
            return one.make(seed, None)
        with self.stages.stage(f"{one.text}/training"):
            x, y = self.call.train
            opened, threat = self.call.opened, self.call.threat
            hidden = _HIDDEN if opened.truth is None else opened.truth.hidden_widths
            training = Training(x, y, opened.model, hidden, threat, self.case.radius, self.on_event)
            return one.make(seed, training)

    def _utility(self, made: dict[int, Defence | None]) -> Utility:
        answers = [shown_answers(self.case, defence, seed) for seed, defence in made.items()]
        return utility_of(
            np.stack([shown for shown, _ in answers]),
            answers[0][1],
            self.case.door.query(self.case.points),
            Reading.of(self.case.door, self.case.classes),
            self.case.labels,
        )

    def _leak(self, text: str, made: dict[int, Defence | None]) -> Leak:
        truths = {seed: truth_behind(defence, self.case.truth) for seed, defence in made.items()}
        truth = next(iter(truths.values()))

        def measure(seed: int) -> LeakRun:
            return leak_run(
                self._hurried(made[seed], seed),
                seed=seed,
                budget=self.call.budget,
                truth=truths[seed],
                points=self.case.points,
                decided=self.case.decided,
            )

        def learn(seed: int) -> LearnedRun:
            return learned_run(
                around(self.case, made[seed], seed),
                seed=seed,
                classes=self.case.classes,
                points=self.case.points,
                decided=self.case.decided,
                budget=self.call.budget,
            )

        runs = self._each(text, "leak", LeakRun, made, measure)
        learned = self._each(text, "learned copy", LearnedRun, made, learn)
        return Leak(runs, None if truth is None else sum(truth.hidden_widths), learned)

    def _span(self, text: str, made: dict[int, Defence | None]) -> SpanLeak:
        truths = {seed: truth_behind(defence, self.case.truth) for seed, defence in made.items()}
        truth, limit = next(iter(truths.values())), self.call.settings.span_budget or self.call.budget

        def measure(seed: int) -> SpanRun:
            return span_run(self._hurried(made[seed], seed), seed=seed, budget=limit, truth=truths[seed])

        runs = self._each(text, "span", SpanRun, made, measure)
        return SpanLeak(runs, None if truth is None else int(np.linalg.matrix_rank(truth.weights[0])))

    def _robustness(self, text: str, made: dict[int, Defence | None]) -> Robustness:
        runs = self._each(
            text, "robustness", StandingRun, made, lambda seed: standing_run(self.case, made[seed], seed)
        )
        rests = not any(stands_in(defence) for defence in made.values())
        found = Robustness.of(runs, 1.0 / self.case.classes, self._undefended if rests else None)
        if text == UNDEFENDED:
            self._undefended = found
        return found

    def _hurried(self, defence: Defence | None, seed: int) -> Oracle:
        """The defended door for one attack, which ends in time."""
        return Hurried(around(self.case, defence, seed), self.call.settings.seconds)

    def _each(
        self,
        text: str,
        part: str,
        kind: type[Told],
        made: dict[int, Defence | None],
        measure: Callable[[int], Told],
    ) -> tuple[Told, ...]:
        """One run for each seed, from the journal where it was finished before."""
        runs: list[Told] = []
        for seed in self.seeds:
            with self.stages.stage(f"{text}/{part}"):
                defence = made[seed]
                known = None if defence is None else (defence, around(self.case, defence, seed))
                name = f"{text}/{part}/{seed}"
                found: Any = self.kept.once(name, kind, lambda seed=seed: measure(seed), known)
                runs.append(found)
        return tuple(runs)
