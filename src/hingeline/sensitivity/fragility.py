"""The verb: how small a change flips a network at given inputs, in which direction, and why."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, frozen
from hingeline.core.errors import BudgetExhausted, UnsupportedOracle
from hingeline.core.events import EventSink, Note, PhaseEnded, PhaseStarted, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending
from hingeline.core.randomness import Randomness
from hingeline.networks.exact_form import exact_form
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.statistics import median
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.asked_model import AskedModel
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.best_of import BestFlips, best_of
from hingeline.sensitivity.attacks.named import attacks_named, standard_set
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.depth_collapse import depth_collapse
from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
from hingeline.sensitivity.fisher import fisher_directions
from hingeline.sensitivity.flip_curves import flip_curves
from hingeline.sensitivity.flip_distance import flip_distance
from hingeline.sensitivity.gradient_ray import GradientRays, gradient_rays
from hingeline.sensitivity.homogeneity import homogeneity
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.layer_profile import layer_profile
from hingeline.sensitivity.local_linearity import local_linearity
from hingeline.sensitivity.model import LayeredModel, Model
from hingeline.sensitivity.network_model import NetworkModel
from hingeline.sensitivity.opening import open_model
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.settings import DEAR, PARTS, FragilitySettings
from hingeline.sensitivity.threat import Norm, Threat
from hingeline.sensitivity.universal import universal_directions
from hingeline.sensitivity.verdicts import verdicts
from hingeline.sensitivity.wording import worded

SOURCES = (
    "Bartlett, Bubeck and Cherapanamjeri, Adversarial Examples in Multi-Layer Random ReLU Networks, 2021 "
    "(one-step reasoning; the constants beside the measurements are ours)",
    "Bubeck, Cherapanamjeri, Gidel and Tachet des Combes, A single gradient step finds adversarial examples "
    "on random two-layers neural networks, 2021",
    "Jordan, Lewis and Dimakis, Provable Certificates for Adversarial Examples, 2019 (regions from the "
    "nearest on)",
    "Zhang et al., Efficient Neural Network Robustness Certification with General Activation Functions, 2018 "
    "(linear bounds on neurons)",
    "Andriushchenko et al., Square Attack, 2020 (random search)",
    "Zhao et al., The Adversarial Attack and Detection under the Fisher Information Metric, 2019",
)
_CURVE_SIZES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Sizes at which flips are counted, in medians of the smallest change known."""
_FEWEST_FOR_PAIRS = 2
_Part = TypeVar("_Part")


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
        threshold: Where the class changes, if there is one output.
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

    Cost: none but time where weights or a module are given. A door: about 4,000 queries for each input, or,
        for a door that tells values, d more.
    Source: `SOURCES`; the modules of this package say what is whose.
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
    work = _Work(model, asked, inputs, threat, Randomness(seed), chosen, on_event)
    value, outcome = work.run(threshold)
    told = {"norm": norm, "box": threat.box, "threshold": threshold, "budget": budget, **chosen.told()}
    evidence: dict[str, Any] = {} if value is None else {"profile": value.to_dict()}
    if isinstance(model, AskedModel) and work.answered:
        evidence["doctor"] = model.card.to_dict()
    provenance = Provenance("fragility", model.name, seed, told, SOURCES)
    return Finding(value, outcome, evidence, work.spending(), provenance)


class _Work:
    """One call of the verb: one measurement after the other, each of which may be the last that is paid."""

    def __init__(
        self,
        model: Model,
        session: QuerySession | None,
        inputs: Inputs,
        threat: Threat,
        randomness: Randomness,
        settings: FragilitySettings,
        on_event: EventSink,
    ) -> None:
        self.model, self.session, self.inputs, self.threat = model, session, inputs, threat
        self.randomness, self.settings, self.on_event = randomness, settings, on_event
        self.network = _exact_network(model)
        self.seconds: dict[str, float] = {}
        self.left_out: list[str] = []
        self.answered = False
        self.stopped: BudgetExhausted | None = None
        self._started = perf_counter()

    def run(self, threshold: float) -> tuple[FragilityProfile | None, Outcome]:
        """Everything that was asked for, as far as the budget goes."""
        points = self.inputs.points
        try:
            with self._stage("first look"):
                decision = Decision(self.model.output_dim, threshold)
                classes = decision.of(self.model.outputs(points))
            self.answered = True
        except BudgetExhausted as spent:
            return None, worded(None, spent, exact=False)
        labels = self.inputs.labels_for(decision)
        scene = Scene(self.model, decision, points, classes, self.threat, self.inputs.picture)
        with_values = self._has_values()
        if not with_values:
            self.left_out.append(
                "This door tells labels only: there are no gradients, and flips are searched by labels alone."
            )
        rays = self._measured("gradient ray", lambda: self._rays(scene)) if with_values else None
        attacks = self._measured("attacks", lambda: self._attacked(scene))
        minimal = self._measured("smallest flips", lambda: self._minimal(scene, attacks))
        profile = self._profile(scene, labels, attacks, minimal)
        if with_values:
            profile = self._explained(profile, scene, rays)
        profile = replace(profile, verdicts=self._verdicts(profile), left_out=tuple(self.left_out))
        return profile, worded(profile, self.stopped, exact=minimal is not None)

    def spending(self) -> Spending:
        """Queries of the session, seconds of the stages."""
        took = perf_counter() - self._started
        if self.session is None:
            return Spending(0, took, {}, self.seconds)
        return replace(self.session.spending, seconds=took)

    # -- stages ----------------------------------------------------------------------------------------------

    @contextmanager
    def _stage(self, name: str) -> Generator[None]:
        """Tell that a measurement begins and ends; a door's session counts what it asks."""
        started = perf_counter()
        if self.session is not None:
            with self.session.phase(name):
                yield
        else:
            self.on_event(PhaseStarted(name, None))
            yield
            self.on_event(PhaseEnded(name, 0, perf_counter() - started))
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - started

    def _measured(self, name: str, measure: Callable[[], _Part | None]) -> _Part | None:
        """What a measurement brings; None where the budget ended or the door does not serve it."""
        if self.stopped is not None:
            self.left_out.append(f"{name.capitalize()}: the budget was spent before.")
            return None
        try:
            with self._stage(name):
                return measure()
        except BudgetExhausted as spent:
            self.stopped = spent
            self.left_out.append(f"{name.capitalize()}: the budget ended in the middle of it.")
        except UnsupportedOracle as error:
            self.left_out.append(f"{name.capitalize()}: {error}")
        return None

    def _rays(self, scene: Scene) -> GradientRays:
        return gradient_rays(scene.model, scene.decision, scene.points, scene.threat)

    def _attacked(self, scene: Scene) -> BestFlips:
        names = self.settings.attacks or (standard_set(self.threat.norm),)
        return best_of(scene, attacks_named(names), self.randomness.step("attacks"))

    def _minimal(self, scene: Scene, attacks: BestFlips | None) -> MinimalFlips | None:
        if self.network is None or not self.settings.exact:
            return None
        starts = None if attacks is None else attacks.points
        return minimal_flips(
            self.network,
            scene.points,
            scene.threat,
            decision=scene.decision,
            starts=starts,
            settings=self.settings.exact_settings,
            workers=self.settings.workers,
            on_event=self.on_event,
        )

    # -- what comes of them ----------------------------------------------------------------------------------

    def _profile(
        self, scene: Scene, labels: IntArray | None, attacks: BestFlips | None, minimal: MinimalFlips | None
    ) -> FragilityProfile:
        """Both bounds, from the search if there was one, else from the attacks."""
        count = len(scene.points)
        changes, upper, flipped_to = np.zeros_like(scene.points), np.full(count, np.inf), scene.classes.copy()
        lower, proved = np.zeros(count), np.zeros(count, dtype=np.bool_)
        if minimal is not None:
            changes, upper, flipped_to = minimal.changes, minimal.upper, minimal.flipped_to
            lower, proved = minimal.lower, minimal.proved
        elif attacks is not None:
            found = np.isfinite(attacks.sizes)
            changes, upper = attacks.points - scene.points, attacks.sizes
            if found.any():
                outputs = scene.model.outputs(attacks.points[found])
                flipped_to[found] = scene.decision.of(outputs)
        return FragilityProfile(
            norm=self.threat.norm,
            points=frozen(scene.points),
            classes=scene.classes,
            labels=labels,
            changes=frozen(changes),
            flipped_to=flipped_to,
            upper=frozen(upper),
            lower=frozen(lower),
            proved=proved,
            verdicts=(),
            attacks=attacks,
            minimal=minimal,
        )

    def _explained(
        self, profile: FragilityProfile, scene: Scene, rays: GradientRays | None
    ) -> FragilityProfile:
        """The profile with the measurements that explain its distances."""
        model, decision, points, threat = scene.model, scene.decision, scene.points, scene.threat
        step = self.randomness.step
        flips = None if rays is None else rays.flips
        made: dict[str, Any] = {}

        def part(name: str, words: str, measure: Callable[[], Any]) -> None:
            if name in self._parts(scene):
                made[name] = self._measured(words, measure)

        part(
            "distance",
            "flip distance",
            lambda: flip_distance(
                model,
                decision,
                points,
                threat,
                rng=step("distance"),
                best=profile.upper,
                lower=profile.lower,
                rays=rays,
            ),
        )
        part("biases", "homogeneity", lambda: homogeneity(model, decision, points, threat, flips=flips))
        part("depth", "depth", lambda: depth_collapse(model, decision, points, rng=step("depth")))
        part(
            "linearity",
            "local linearity",
            lambda: local_linearity(model, decision, points, threat, rng=step("linearity"), rays=rays),
        )
        if isinstance(model, LayeredModel):
            part(
                "layers",
                "layer profile",
                lambda: layer_profile(model, decision, points, threat, rng=step("layers"), rays=rays),
            )
        part("fisher", "Fisher directions", lambda: fisher_directions(model, decision, points, threat=threat))
        sizes = _curve_sizes(profile)
        if sizes is not None:
            self._follow(profile, scene, sizes, part, made)
        return replace(profile, **{name: value for name, value in made.items() if value is not None})

    def _follow(
        self,
        profile: FragilityProfile,
        scene: Scene,
        sizes: FloatArray,
        part: Callable[[str, str, Callable[[], Any]], None],
        made: dict[str, Any],
    ) -> None:
        """Flips counted along directions, at sizes that the smallest flips suggest."""
        model, decision, points, threat = scene.model, scene.decision, scene.points, scene.threat
        part(
            "curves",
            "flip curves",
            lambda: flip_curves(
                model,
                decision,
                points,
                tuple(sizes),
                rng=self.randomness.step("curves"),
                threat=threat,
                fisher=made.get("fisher"),
                random_directions=self.settings.random_directions,
            ),
        )
        half = (len(points) + 1) // 2
        part(
            "universal",
            "universal directions",
            lambda: universal_directions(
                model,
                decision,
                points[:half],
                tuple(sizes),
                rng=self.randomness.step("universal"),
                held_out=points[half:] if half < len(points) else None,
                threat=threat,
            ),
        )

    def _parts(self, scene: Scene) -> tuple[str, ...]:
        """What is measured: what was named, or all at a fair price."""
        if self.settings.parts is not None:
            wanted = self.settings.parts
        elif self.session is not None:
            wanted = tuple(name for name in PARTS if name not in DEAR)
        else:
            wanted = PARTS
        # pairs and distributions want more than one input
        alone = len(scene.points) < _FEWEST_FOR_PAIRS
        return tuple(name for name in wanted if not (alone and name == "depth"))

    def _verdicts(self, profile: FragilityProfile) -> tuple[Any, ...]:
        said = verdicts(
            distance=profile.distance,
            linearity=profile.linearity,
            layers=profile.layers,
            depth=profile.depth,
            biases=profile.biases,
            **_compared(profile.attacks),
        )
        for verdict in said:
            self.on_event(Note(f"{verdict.name}: {verdict.words}"))
        return said

    def _has_values(self) -> bool:
        return not isinstance(self.model, AskedModel) or self.model.has_values


def _exact_network(model: Model) -> PiecewiseLinearNetwork | None:
    return exact_form(model.network) if isinstance(model, NetworkModel) else None


def _curve_sizes(profile: FragilityProfile) -> FloatArray | None:
    """Sizes to count flips at; None where no flip is known to measure by."""
    known = profile.upper[np.isfinite(profile.upper) & (profile.upper > 0)]
    return np.array(_CURVE_SIZES) * median(known) if len(known) else None


def _compared(attacks: BestFlips | None) -> dict[str, FloatArray]:
    """Best sizes of attacks with gradients and of those without, where there are both."""
    if attacks is None:
        return {}
    kinds = {attack.name: attack.needs for attack in attacks_named(attacks.names)}
    rows: dict[bool, list[FloatArray]] = {True: [], False: []}
    for attacked in attacks.attacked:
        rows[kinds[attacked.name] == "gradients"].append(attacked.sizes)
    if not (rows[True] and rows[False]):
        return {}
    best = {with_gradients: np.min(sizes, axis=0) for with_gradients, sizes in rows.items()}
    return {"gradient_sizes": best[True], "gradient_free_sizes": best[False]}
