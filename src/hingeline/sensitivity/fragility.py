"""The verb: how small a change flips a network at given inputs, in which direction, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import BudgetExhausted
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance
from hingeline.core.randomness import Randomness
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.asked_flips import AskedFlips
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.best_of import BROKEN_OFF, BestFlips
from hingeline.sensitivity.attacks.named import attacks_named
from hingeline.sensitivity.bounds import Bounds, find_bounds
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.explaining import Explaining
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.measures.gradient_ray import GradientRays, gradient_rays
from hingeline.sensitivity.measures.independent import IndependentInputs, independent_inputs
from hingeline.sensitivity.measures.verdicts import Verdict, verdicts
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.door_gradients import DoorGradients, door_gradients
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.opening import open_model
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.repeated import Repeated, asked_again
from hingeline.sensitivity.settings import FragilitySettings
from hingeline.sensitivity.sources import sources_of
from hingeline.sensitivity.stages import Stages
from hingeline.sensitivity.threat import Norm, Threat
from hingeline.sensitivity.wording import worded


def fragility(
    target: Any,
    x: Any,
    y: Any = None,
    *,
    norm: Norm = "l2",
    box: tuple[float, float] | None = None,
    free: Any = None,
    threshold: float = 0.0,
    budget: int | None = None,
    seed: int = 0,
    settings: FragilitySettings | Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[FragilityProfile]:
    """Measure how small a change flips each input, from both sides, and what explains it.

    Args:
        target: A network of ours, a finding that holds one, (weights, biases), or a file of one: computed in
            closed form, smallest flips proved. A torch module: differentiated. An oracle: asked, its
            gradients measured by differences, every query counted.
        x: Inputs, shape "n d"; images may keep theirs, such as "n 1 28 28".
        y: What they should be classified as, whole numbers, shape "n"; for the accuracy beside the distances.
        norm: How changes are measured: "l2", "linf" or "l1".
        box: Smallest and largest value of an input coordinate; a door's own bounds if not given.
        free: Which coordinates may change, booleans of shape "d"; all if not given.
        threshold: Where the class changes, if there is one output; of a door that answers one probability
            the outputs are its log-odds, so that 0 is one half.
        budget: Most rows that may be asked of an oracle; None for no limit.
        seed: Of all random choices.
        settings: What is measured, as `FragilitySettings` or as a mapping of its fields.
        journal: Where questions and answers of an oracle are recorded, and replayed from.
        on_event: Where events go.

    Returns:
        The profile. The outcome is complete only where every smallest flip is proved; it is partial where
        some upper bound may not be the smallest, inconclusive where gradients tell nothing.

    Raises:
        InvalidInput: A target, inputs, labels or settings that cannot be meant.
        QueryFailed: The oracle gave no usable answer; with a journal nothing is lost.

    Cost: none but time where weights or a module are given (100 inputs of 784-32-32-10: about 15 s for the
        attacks). A door that tells values: about 2,200 queries for each input and 4 for each of its
        coordinates, 12 where the door is smooth, and a few to ask inputs and flips again; one that tells
        labels only: 1,200 to 2,500. Under a budget less: half of it at most goes to gradients, 0.7 of the
        rest to attacks, the same for each of them, and what is left to what explains the distances.
    Source: `sources.SOURCES`; the finding names those that were used.
    """
    chosen = FragilitySettings.of(settings)
    opened: list[QuerySession] = []

    def session(oracle: Oracle) -> QuerySession:
        opened.append(QuerySession(oracle, budget=budget, journal=journal, on_event=on_event))
        return opened[-1]

    inputs = Inputs.read(x, y)
    model = open_model(target, session=session, input_shape=inputs.shape, seed=seed)
    asked = opened[0] if opened else None
    bounds = asked.oracle.spec.bounds if asked is not None else None
    threat = Threat(norm, box or bounds, inputs.mask(free))
    inputs.check(threat, box, bounds)
    work = _Work(model, asked, inputs, threat, Randomness(seed), chosen, journal, on_event)
    value, outcome = work.run(threshold)
    told = {"norm": norm, "box": threat.box, "threshold": threshold, "budget": budget, **chosen.told()}
    evidence: dict[str, Any] = {} if value is None else {"profile": value.to_dict()}
    if isinstance(model, AskedModel) and work.answered:
        evidence["doctor"] = model.card.to_dict()
    provenance = Provenance("fragility", model.name, seed, told, sources_of(value))
    return Finding(value, outcome, evidence, work.stages.spending(), provenance)


class _Work:
    """One call of the verb: gradients, then both bounds, then what explains them, then what it all says."""

    def __init__(
        self,
        model: Model,
        session: QuerySession | None,
        inputs: Inputs,
        threat: Threat,
        randomness: Randomness,
        settings: FragilitySettings,
        journal: Journal | None,
        on_event: EventSink,
    ) -> None:
        self.model, self.inputs, self.threat = model, inputs, threat
        self.randomness, self.settings, self.on_event = randomness, settings, on_event
        self.journal = journal
        self.stages = Stages(session, on_event)
        self.answered = False

    def run(self, threshold: float) -> tuple[FragilityProfile | None, Outcome]:
        """Everything that was asked for, as far as the budget goes."""
        points = self.inputs.points
        try:
            with self.stages.stage("first look"):
                decision = Decision(self.model.output_dim, threshold)
                classes = decision.of(self.model.outputs(points))
            self.answered = True
        except BudgetExhausted as spent:
            return None, worded(None, str(spent), exact=False)
        labels = self.inputs.labels_for(decision)
        scene = Scene(self.model, decision, points, classes, self.threat, self.inputs.picture)
        gradients = door_gradients(self.model, len(points), self.stages.remaining)
        rays = self._rays(scene, gradients)
        asked = self._remembering(scene)
        gradient_rows = gradients.rows if rays is not None else None
        bounds = find_bounds(
            scene if asked is None else replace(scene, model=asked),
            self.stages,
            self.settings,
            self.randomness,
            asked=asked,
            gradient_rows=gradient_rows,
            journal=self.journal,
            on_event=self.on_event,
        )
        repeated, bounds = self._repeated(scene, bounds)
        drawn = self.stages.measured("independent inputs", lambda: self._independent(scene))
        explaining = Explaining(
            scene, bounds, rays, self.randomness, self.settings, self.stages, gradient_rows
        )
        made = explaining.measure()
        profile = FragilityProfile(
            norm=self.threat.norm,
            points=frozen(points),
            classes=classes,
            labels=labels,
            changes=bounds.changes,
            flipped_to=bounds.flipped_to,
            upper=bounds.upper,
            lower=bounds.lower,
            proved=bounds.proved,
            verdicts=(),
            attacks=bounds.attacks,
            minimal=bounds.minimal,
            **made,
        )
        said = self._verdicts(profile, drawn, gradients, repeated, with_gradients=rays is not None)
        profile = replace(profile, verdicts=said, left_out=tuple(self.stages.left_out))
        return profile, worded(
            profile, self.stages.stopped, exact=bounds.searched, left=self.stages.remaining
        )

    def _rays(self, scene: Scene, gradients: DoorGradients) -> GradientRays | None:
        """Gradients come first, since all else is judged by them; None where there are none to be had."""
        if gradients.refused is not None:
            note = self.stages.cut_short if gradients.unaffordable else self.stages.left_out.append
            note(gradients.refused)
            return None
        return self.stages.measured(
            "gradient ray",
            lambda: gradient_rays(scene.model, scene.decision, scene.points, scene.threat),
            gradients.limit,
        )

    def _remembering(self, scene: Scene) -> AskedFlips | None:
        if not isinstance(self.model, AskedModel):
            return None
        return AskedFlips(scene.model, scene.decision, scene.points, scene.classes, scene.threat)

    def _repeated(self, scene: Scene, bounds: Bounds) -> tuple[Repeated | None, Bounds]:
        """Of a door, what comes again when it is asked again; weights and modules always answer the same."""
        model = self.model
        if not isinstance(model, AskedModel):
            return None, bounds
        found = self.stages.measured("asked again", lambda: asked_again(model, scene, bounds))
        return (None, bounds) if found is None else found

    def _independent(self, scene: Scene) -> IndependentInputs:
        rng = self.randomness.step("independent inputs")
        return independent_inputs(scene.model, scene.decision, scene.points, self.threat.box, rng)

    def _verdicts(
        self,
        profile: FragilityProfile,
        drawn: IndependentInputs | None,
        gradients: DoorGradients,
        repeated: Repeated | None,
        *,
        with_gradients: bool,
    ) -> tuple[Verdict, ...]:
        said = verdicts(
            distance=profile.distance,
            linearity=profile.linearity,
            layers=profile.layers,
            depth=profile.depth,
            biases=profile.biases,
            independent=drawn,
            labels=profile.labels,
            refused=gradients.refused if gradients.saturated else None,
            repeated=repeated,
            **(_compared(profile.attacks) if with_gradients else {}),
        )
        for verdict in said:
            self.on_event(Note(f"{verdict.name}: {verdict.words}"))
        return said


def _compared(attacks: BestFlips | None) -> dict[str, FloatArray]:
    """Best sizes of attacks with gradients and of those without, where there are both."""
    if attacks is None:
        return {}
    kinds = {attack.name: attack.needs for attack in attacks_named(attacks.names)}
    rows: dict[bool, list[FloatArray]] = {True: [], False: []}
    for attacked in (one for one in attacks.attacked if one.note != BROKEN_OFF):
        rows[kinds[attacked.name] == "gradients"].append(attacked.sizes)
    if not (rows[True] and rows[False]):
        return {}
    best = {with_gradients: np.min(sizes, axis=0) for with_gradients, sizes in rows.items()}
    return {"gradient_sizes": best[True], "gradient_free_sizes": best[False]}
