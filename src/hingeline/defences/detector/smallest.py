"""The smallest change to wrong and undetected: by gradients, and by labels alone.

Both search model and detector together (`extra_class`); what they find is asked of both. Sizes hold for every
radius at once, so each is run once. Cost: by gradients about ten radii of `pursuit` each; by labels some
thousand rows for each input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.defences.detector.adaptive import JointAttack
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.defences.detector.extra_class import ExtraClassModel, LabelsAlone
from hingeline.defences.detector.pursuit import Pursuit, evading_scene, pursue
from hingeline.sensitivity.attacks.base import Attacked, Claims, Scene, confirm
from hingeline.sensitivity.attacks.label_search import LabelSearch
from hingeline.sensitivity.attacks.smallest_radius import radius_bracket, smallest_radius
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat


class _Smallest(ABC):
    """Looks for the smallest undetected error; as an attack at a radius it keeps those within."""

    @abstractmethod
    def smallest(
        self, model: Model, x: FloatArray, y: IntArray, threat: Threat, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Points, "n d", and sizes of their changes, "n"; the input and infinity where there is none."""

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
        points, sizes = self.smallest(model, x, y, threat, rng)
        return np.where((sizes <= radius)[:, np.newaxis], points, x)


@dataclass(frozen=True, eq=False)
class SmallestUndetected(_Smallest):
    """Bisects every input's radius with the joint loss."""

    detector: HiddenLayerDetector
    """The detector it knows."""
    weight: float = 1.0
    """Of the detector in the joint loss."""
    pursuit: Pursuit = field(default_factory=lambda: Pursuit(steps=40, restarts=2))
    """At each radius."""
    halvings: int = 6
    """Bisections."""

    @property
    def name(self) -> str:
        """For tables."""
        return "smallest change"

    def smallest(
        self, model: Model, x: FloatArray, y: IntArray, threat: Threat, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Points, "n d", and sizes of their changes, "n"; the input and infinity where there is none."""
        scene = evading_scene(model, self.detector, x, y, threat)
        joint = JointAttack(self.detector, self.weight)

        def attempt(part: Scene, radii: FloatArray, known: FloatArray) -> tuple[FloatArray, BoolArray]:
            def ascent(points: FloatArray, rows: IntArray) -> FloatArray:
                return joint.ascent(model, points, part.classes[rows])

            return pursue(part, radii, ascent, self.pursuit, rng)

        first, largest = radius_bracket(scene, gradients=False)
        points, found = smallest_radius(scene, attempt, first, largest, halvings=self.halvings)
        sizes, _ = confirm(scene, Claims(points, found))
        return np.where(np.isfinite(sizes)[:, np.newaxis], points, x), sizes


@dataclass(frozen=True, eq=False)
class LabelsAttack(_Smallest):
    """Asks for labels alone, where the detector shows as a label more; no gradient, no score."""

    detector: HiddenLayerDetector
    """The detector in the door; nothing of it is seen but that it abstains."""
    search: LabelSearch = field(default_factory=LabelSearch)
    """How the boundary is walked."""

    @property
    def name(self) -> str:
        """For tables."""
        return "labels alone"

    def smallest(
        self, model: Model, x: FloatArray, y: IntArray, threat: Threat, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Points, "n d", and sizes of their changes, "n"; the input and infinity where there is none."""
        attacked = self.run(model, x, y, threat, rng)
        return attacked.points, attacked.sizes

    def run(
        self, model: Model, x: FloatArray, y: IntArray, threat: Threat, rng: np.random.Generator
    ) -> Attacked:
        """The same with the rows that were asked."""
        joint = ExtraClassModel(model, self.detector)
        return self.search.run(Scene(LabelsAlone(joint), joint.evading, x, y, threat), rng)
