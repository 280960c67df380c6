"""Defences that are trained for each seed: MulDef families, detectors on hidden layers, robust training.

A family and a robustly trained model answer in the model's place. What leaks through them are their own
weights, not those of the model: a copy of a robust model is compared with that model, a copy of a door that
draws its members with none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.defences.detector.detector import KINDS, SUPERVISED, as_kind
from hingeline.defences.detector.fitting import fit_detector
from hingeline.defences.detector.judging import adaptive_attacks, best_of
from hingeline.defences.detector.oblivious import one_step
from hingeline.defences.doors.abstaining import Abstaining
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import AdaptiveAttack, Defence
from hingeline.defences.doors.random_member import Draw, RandomMember
from hingeline.defences.family.door import family_defence
from hingeline.defences.family.muldef import train_family
from hingeline.defences.training.adversarial import train_robust
from hingeline.defences.training.classifier import TrainingSettings
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import Oracle
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.projected_gradient import ProjectedGradient
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import LayeredModel, Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

TRAINED_FORMS = ("muldef:5", "muldef-once:5", "robust", "detector", *(f"detector:{k}" for k in KINDS))
"""What can be typed beside `defences.doors.typed.TYPED_FORMS`."""
_GUIDES = 200


@dataclass(frozen=True, eq=False)
class Training:
    """What trained defences are made from.

    Attributes:
        x: Training inputs, shape "n d".
        y: Their classes, shape "n".
        model: The model that is defended.
        hidden: Widths of the hidden layers of what is trained in its place.
        threat: What adversarial examples may change.
        radius: By how much.
        on_event: Where progress goes.
    """

    x: FloatArray
    y: IntArray
    model: Model
    hidden: tuple[int, ...]
    threat: Threat
    radius: float
    on_event: EventSink

    @property
    def settings(self) -> TrainingSettings:
        """How classifiers are trained."""
        return TrainingSettings(hidden=self.hidden)

    @property
    def classes(self) -> int:
        """Classes of the model."""
        return self.model.output_dim


@dataclass(frozen=True, eq=False)
class RobustModel(Defence):
    """A network trained against projected gradients, which answers in the model's place."""

    network: PiecewiseLinearNetwork

    @property
    def text(self) -> str:
        """As it is typed."""
        return "robust"

    @property
    def words(self) -> str:
        """For tables."""
        return "one model trained against projected gradients"

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """A door to the trained network, described as the model's own."""
        return CallableOracle(self.network, oracle.spec)

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        """Projected gradients on the trained network itself, just across its boundary and far beyond."""
        return (self._attack,)

    def _attack(
        self,
        model: Model,
        points: FloatArray,
        classes: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        own = NetworkModel(self.network)
        scene = Scene(own, Decision(own.output_dim), points, classes, threat)
        return ProjectedGradient(radius, steps=80, restarts=4).run(scene, rng).points


def trained_form(text: str) -> tuple[str, Callable[[int, Training], Defence]] | None:
    """Words and maker of a trained defence as it is typed; None if the text is none.

    Raises:
        InvalidInput: It begins like one and cannot be meant.
    """
    name, _, value = text.partition(":")
    match name:
        case "muldef" | "muldef-once":
            return _family(text, value, "once" if name == "muldef-once" else "per row")
        case "robust" if not value:
            return "one model trained against projected gradients", _robust
        case "detector":
            return _detector(text, value or "mahalanobis")
        case "robust":
            raise InvalidInput(f"{text!r}: robust takes no value")
        case _:
            return None


def chained(first: Defence, rest: tuple[Defence, ...]) -> Defence:
    """A trained defence with others around it."""
    return Chained((first, *rest)) if rest else first


def stands_in(defence: Defence | None) -> bool:
    """Whether other models answer in the place of the one that is defended."""
    parts = defence.parts if isinstance(defence, Chained) else (defence,)
    return any(isinstance(part, RobustModel | RandomMember) for part in parts)


def truth_behind(
    defence: Defence | None, truth: PiecewiseLinearNetwork | None
) -> PiecewiseLinearNetwork | None:
    """Whose weights leak through a defence: the model's, those of what answers in its place, or no one's."""
    parts = defence.parts if isinstance(defence, Chained) else (defence,)
    for part in parts:
        if isinstance(part, RobustModel):
            return part.network
        if isinstance(part, RandomMember):
            return None
    return truth


def _family(text: str, value: str, draw: Draw) -> tuple[str, Callable[[int, Training], Defence]]:
    if not value.isdigit() or int(value) < 2:
        raise InvalidInput(f"{text!r}: a family wants the number of its members, from 2 up: muldef:5")

    def make(seed: int, training: Training) -> Defence:
        family = train_family(
            training.x,
            training.y,
            threat=training.threat,
            radius=training.radius,
            members=int(value),
            classes=training.classes,
            seed=seed,
            settings=training.settings,
            on_event=training.on_event,
        )
        return family_defence(family, draw=draw)

    when = "drawn for every row" if draw == "per row" else "drawn once for each client"
    return f"MulDef: one of {value} models, {when}", make


def _robust(seed: int, training: Training) -> Defence:
    network = train_robust(
        training.x,
        training.y,
        training.threat,
        training.radius,
        classes=training.classes,
        settings=training.settings,
        seed=seed,
        on_event=training.on_event,
    )
    return RobustModel(network)


def _detector(text: str, value: str) -> tuple[str, Callable[[int, Training], Defence]]:
    kind = as_kind(value)

    def make(seed: int, training: Training) -> Defence:
        model = training.model
        if not isinstance(model, LayeredModel):
            raise InvalidInput(f"{text}: the hidden layers of {model.name} are not seen; give its weights")
        attacked = None
        if kind in SUPERVISED:
            rng = np.random.default_rng([seed, 0xDE7])
            attacked = one_step(model, training.x, training.y, training.threat, training.radius, rng)
        detector = fit_detector(
            model, training.x, kind=kind, attacked=attacked, seed=seed, on_event=training.on_event
        )
        guides = training.x[:_GUIDES], training.y[:_GUIDES]
        attack = best_of(detector, adaptive_attacks(detector, *guides))
        return Abstaining(detector, training.classes, (attack,))

    return f"abstains where autoencoders on hidden layers see an attack ({value})", make
