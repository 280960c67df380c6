"""Attacks that know the detector: by its gradient, by its features, by distance, by labels alone.

    joint     maximise clamp(margin, .5) - lambda relu((s - tau) / sd + .05)
    extra     maximise the lead of a wrong class in the model with a class "detected" more
    features  make the hidden layers those of a clean input of another class

Each is a function of the kind that `doors.defence` names `AdaptiveAttack`, and hands back the input itself
where nothing wrong and undetected was found. The first two begin at the input, at random and where an attack
on the model alone ends. Sources: Carlini and Wagner 2017 for the extra class and the
joint loss; Sabour et al., Adversarial Manipulation of Deep Representations, ICLR 2016, for features.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.defences.detector.extra_class import ExtraClassModel
from hingeline.defences.detector.oblivious import many_steps
from hingeline.defences.detector.pursuit import Pursuit, evading_scene, pursue
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

WEIGHTS = (0.1, 1.0, 10.0)
"""Of the detector in the joint loss."""
_ENOUGH = 0.5
"""A margin beyond which being wrong is not pushed further."""
_SLACK = 0.05
"""How far below the threshold the score is pushed, in standard deviations."""
_STAND_IN_SLACKS = (0.05, 1.0)
"""The same where only a stand-in is differentiated: its threshold is not quite the real one."""


@dataclass(frozen=True, eq=False)
class JointAttack:
    """Climbs the margin and descends the score at once."""

    detector: HiddenLayerDetector
    """The detector it knows."""
    weight: float = 1.0
    """Lambda."""
    slack: float = _SLACK
    """How far below the threshold it aims."""
    pursuit: Pursuit = field(default_factory=Pursuit)
    """How long."""

    @property
    def name(self) -> str:
        """For tables."""
        aim = "" if self.slack == _SLACK else f", {self.slack:g} below"
        return f"joint loss, weight {self.weight:g}{aim}"

    def __call__(
        self,
        model: Model,
        x: FloatArray,
        y: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Candidates within the radius, "n d"."""
        scene, radii = evading_scene(model, self.detector, x, y, threat), np.full(len(x), radius)
        wrong = many_steps(model, x, y, threat, radius, rng)
        return pursue(scene, radii, lambda p, r: self.ascent(model, p, y[r]), self.pursuit, rng, also=wrong)[
            0
        ]

    def ascent(self, model: Model, points: FloatArray, classes: IntArray) -> FloatArray:
        """Gradients of the joint loss: "n d"."""
        climb = margin_ascent(model, points, classes)
        excess, gradients = self.detector.excess_gradients(points)
        seen = excess / self.detector.spread + self.slack > 0
        return climb - (self.weight / self.detector.spread) * seen[:, np.newaxis] * gradients


@dataclass(frozen=True, eq=False)
class ExtraClassAttack:
    """Climbs the lead of the largest wrong class over the true one and "detected"."""

    detector: HiddenLayerDetector
    """The detector it knows."""
    pursuit: Pursuit = field(default_factory=Pursuit)
    """How long."""

    @property
    def name(self) -> str:
        """For tables."""
        return "a class more"

    def __call__(
        self,
        model: Model,
        x: FloatArray,
        y: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Candidates within the radius, "n d"."""
        scene, radii = evading_scene(model, self.detector, x, y, threat), np.full(len(x), radius)
        joint = ExtraClassModel(model, self.detector)

        def ascent(points: FloatArray, rows: IntArray) -> FloatArray:
            outputs, each = joint.outputs(points), np.arange(len(points))
            own = np.zeros(outputs.shape, dtype=np.bool_)
            own[each, y[rows]] = own[:, -1] = True
            weights = np.zeros_like(outputs)
            weights[each, np.where(own, -np.inf, outputs).argmax(axis=1)] = 1.0
            weights[each, np.where(own, outputs, -np.inf).argmax(axis=1)] -= 1.0
            return joint.gradients(points, weights)

        wrong = many_steps(model, x, y, threat, radius, rng)
        return pursue(scene, radii, ascent, self.pursuit, rng, also=wrong)[0]


@dataclass(frozen=True, eq=False)
class FeatureMatching:
    """Makes the hidden layers that the detector reads those of a clean, undetected input of another class."""

    detector: HiddenLayerDetector
    """The detector it knows."""
    guides: FloatArray
    """Clean inputs, shape "g d"."""
    guide_classes: IntArray
    """Their classes, shape "g"."""
    pursuit: Pursuit = field(default_factory=Pursuit)
    """How long."""

    @property
    def name(self) -> str:
        """For tables."""
        return "features of another class"

    def __call__(
        self,
        model: Model,
        x: FloatArray,
        y: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Candidates within the radius, "n d"."""
        decided = Decision(model.output_dim).of(model.outputs(self.guides))
        usable = (decided == self.guide_classes) & ~self.detector.fires(self.guides)
        if not usable.any():
            return x.copy()
        wanted, classes = self._features(self.guides[usable]), self.guide_classes[usable]
        whole, of_x = np.concatenate(wanted, axis=1), np.concatenate(self._features(x), axis=1)
        apart = (of_x**2).sum(axis=1)[:, np.newaxis] + (whole**2).sum(axis=1) - 2.0 * of_x @ whole.T
        apart[classes == y[:, np.newaxis]] = np.inf
        chosen = apart.argmin(axis=1)
        scene, radii = evading_scene(model, self.detector, x, y, threat), np.full(len(x), radius)

        def ascent(points: FloatArray, rows: IntArray) -> FloatArray:
            climb, readings = np.zeros_like(points), self.detector.readings
            each = zip(readings.layers, readings.autoencoders, self._features(points), wanted, strict=True)
            for layer, coder, seen, target in each:
                pull = (target[chosen[rows]] - seen) / coder.scale
                climb += readings.model.pull_back(points, layer, pull[:, np.newaxis])[:, 0]
            return climb

        return pursue(scene, radii, ascent, self.pursuit, rng)[0]

    def _features(self, points: FloatArray) -> list[FloatArray]:
        """The layers read, in the autoencoders' units."""
        readings, states = self.detector.readings, self.detector.model.layers(points)
        each = zip(readings.layers, readings.autoencoders, strict=True)
        return [states[layer].values / coder.scale for layer, coder in each]


def margin_ascent(model: Model, points: FloatArray, classes: IntArray) -> FloatArray:
    """Gradients of clamp(largest wrong output less the true one, .5): "n d"."""
    decision = Decision(model.output_dim)
    leads = decision.leads(model.outputs(points), classes)
    nearest = leads.argmin(axis=1)
    each = np.arange(len(points))
    rows = np.nonzero(-leads[each, nearest] < _ENOUGH)[0]
    found = np.zeros_like(points)
    found[rows] = -model.gradients(
        points[rows], decision.rows(classes[rows])[np.arange(len(rows)), nearest[rows]]
    )
    return found


def joint_attacks(detector: HiddenLayerDetector, pursuit: Pursuit | None = None) -> tuple[JointAttack, ...]:
    """The joint loss with every weight, and with more slack where only a stand-in is differentiated."""
    slacks = (_SLACK,) if detector.smooth else _STAND_IN_SLACKS
    chosen = pursuit or Pursuit()
    return tuple(JointAttack(detector, weight, slack, chosen) for slack in slacks for weight in WEIGHTS)
