"""One defence, one seed: everything that is measured, as numbers that a journal can keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.randomness import Randomness
from hingeline.defences.doors.defence import Defence
from hingeline.evaluation.defending.attackers import (
    adaptive_candidates,
    noise_candidates,
    one_step_candidates,
    search_candidates,
    transfer_candidates,
    unaware_candidates,
)
from hingeline.evaluation.defending.robustness import StandingRun
from hingeline.evaluation.defending.settings import DefendSettings
from hingeline.evaluation.defending.shown import Reading
from hingeline.evaluation.defending.standing import Stands
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

_LARGE = 50.0
"""Changes after which nothing is left of an input, in units of the inputs' spread (or the whole box)."""


_SURE = 0.5
"""Leads above this share of the median one are no matter of rounding."""


@dataclass(frozen=True, eq=False)
class Case:
    """What is defended, and at which inputs.

    Attributes:
        model: What is behind the defences, for the judge's own white-box attacks.
        door: The same as a door.
        truth: Its weights, to compare copies with; None where they are not at hand.
        points: Inputs, shape "n d".
        labels: True classes, shape "n"; None if not told.
        threat: Which changes an attacker may make.
        radius: Their size.
        settings: What is measured.
    """

    model: Model
    door: Oracle
    truth: PiecewiseLinearNetwork | None
    points: FloatArray
    labels: IntArray | None
    threat: Threat
    radius: float
    settings: DefendSettings

    @property
    def classes(self) -> int:
        """Classes of the model."""
        return Decision(self.model.output_dim).classes

    @property
    def decided(self) -> IntArray:
        """What the undefended model decides at the points."""
        return Decision(self.model.output_dim).of(self.model.outputs(self.points))

    def scene(self) -> Scene:
        """The inputs that are attacked, with their true classes (or those the model gives)."""
        wanted = self.decided if self.labels is None else self.labels
        rows = np.arange(min(len(self.points), self.settings.inputs))
        return Scene(
            self.model, Decision(self.model.output_dim), self.points[rows], wanted[rows], self.threat
        )


def shown_answers(case: Case, defence: Defence | None, seed: int) -> tuple[FloatArray, Reading]:
    """Answers of a defended door at all inputs, as an ordinary user gets them, and how they are read."""
    door = around(case, defence, seed)
    return QuerySession(door).ask(case.points), Reading.of(door, case.classes)


def standing_run(case: Case, defence: Defence | None, seed: int) -> StandingRun:
    """Who stands behind a defence, for one seed."""
    door = around(case, defence, seed)
    session, reading = QuerySession(door), Reading.of(door, case.classes)
    random = defence is not None and defence.is_random
    drawn = () if defence is None else defence.drawn_doors(case.door)
    stands = Stands(
        session,
        reading,
        case.settings.repeats if random else 1,
        tuple((share, QuerySession(member)) for share, member in drawn),
    )
    return _Judge(case, defence, session, reading, Randomness(seed), stands).run(seed)


def around(case: Case, defence: Defence | None, seed: int) -> Oracle:
    """The defended door for one seed; the bare door without a defence."""
    return case.door if defence is None else defence.around(case.door, seed=seed)


@dataclass(frozen=True, eq=False)
class _Judge:
    """Brings every attacker's candidates before one door."""

    case: Case
    defence: Defence | None
    session: QuerySession
    reading: Reading
    randomness: Randomness
    standing: Stands

    def run(self, seed: int) -> StandingRun:
        scene, radius = self.case.scene(), self.case.radius
        rng = self.randomness.step
        transfer = self._transfer(scene, radius, "transfer")
        unaware = unaware_candidates(self.session, self.reading, scene, radius, rng("unaware"))
        aware = adaptive_candidates(self.defence, scene, radius, rng("adaptive"))
        everything = np.concatenate([scene.points[np.newaxis], transfer, unaware, aware])
        again = np.concatenate(
            [
                everything,
                self._transfer(scene, radius, "transfer again"),
                adaptive_candidates(self.defence, scene, radius, rng("adaptive again")),
            ]
        )
        start = scene.points[np.newaxis]
        search = search_candidates(self.session, self.reading, scene, radius, rng("search"))
        brought = {
            "clean": start,
            "transfer": np.concatenate([start, transfer]),
            "unaware": np.concatenate([start, unaware]),
            "adaptive": everything,
            "noise": noise_candidates(scene, radius, rng("noise")),
            "one_step": one_step_candidates(scene, radius),
            "search": search,
            "effort": again,
        }
        stand = {name: self._stands(scene, candidates) for name, candidates in brought.items()}
        # each input counts by the worst that anyone found for it; judging random doors again may be lucky
        worst = self._stands(scene, np.concatenate(list(brought.values())))
        gradient = stand.pop("adaptive")
        return StandingRun(
            seed=seed,
            inputs=len(scene.points),
            **stand,
            adaptive=min(worst, *stand.values(), gradient),
            gradient=gradient,
            large=self._large(scene),
            alone=self._stands(scene, np.concatenate([start, aware])) if len(aware) else None,
            unlike=self._unlike(scene, np.concatenate([start, brought["noise"], transfer[1:]])),
        )

    def _unlike(self, scene: Scene, candidates: FloatArray) -> float:
        """Share of places where the model is sure and the door gives another class."""
        if self.defence is None or self.defence.follows_scores:
            return 0.0
        points, decision = candidates.reshape(-1, candidates.shape[-1]), scene.decision
        outputs = scene.model.outputs(points)
        classes = decision.of(outputs)
        lead = decision.leads(outputs, classes).min(axis=1)
        sure = lead >= _SURE * float(np.median(lead))
        doors = self.standing.drawn or ((1.0, self.session),)
        other = sum(share * (self._class_at(door, points) != classes) for share, door in doors)
        return float(np.asarray(other)[sure].mean())

    def _class_at(self, door: QuerySession, points: FloatArray) -> IntArray:
        return self.reading.decided(door.ask(points, fresh=True))

    def _transfer(self, scene: Scene, radius: float, name: str) -> FloatArray:
        chosen = self.case.settings
        rng = self.randomness.step(name)
        return transfer_candidates(scene, radius, rng, steps=chosen.steps, restarts=chosen.restarts)

    def _large(self, scene: Scene) -> float:
        """Standing when inputs may be changed into anything."""
        free = replace(scene, threat=replace(scene.threat, norm="linf"))
        box = scene.threat.box
        spread = float(np.ptp(scene.points))
        radius = box[1] - box[0] if box is not None else _LARGE * max(spread, self.case.radius)
        candidates = np.concatenate(
            [
                self._transfer(free, radius, "large"),
                adaptive_candidates(self.defence, free, radius, self.randomness.step("large adaptive")),
            ]
        )
        return self._stands(free, candidates)

    def _stands(self, scene: Scene, candidates: FloatArray) -> float:
        return float(self.standing.shares(candidates, scene.classes).mean())
