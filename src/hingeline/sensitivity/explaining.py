"""The measurements that explain distances, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.randomness import Randomness
from hingeline.numerics.statistics import median
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.bounds import Bounds
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.fisher.universal import universal_directions
from hingeline.sensitivity.measures.depth_collapse import depth_collapse
from hingeline.sensitivity.measures.flip_distance import flip_distance
from hingeline.sensitivity.measures.gradient_ray import GradientRays
from hingeline.sensitivity.measures.homogeneity import homogeneity
from hingeline.sensitivity.measures.layer_profile import layer_profile
from hingeline.sensitivity.measures.local_linearity import local_linearity
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.settings import DEAR, PARTS, FragilitySettings
from hingeline.sensitivity.stages import Stages, capital

_CURVE_SIZES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Sizes at which flips are counted, in medians of the smallest change known."""
_WORDS = {
    "distance": "flip distance",
    "biases": "homogeneity",
    "depth": "depth",
    "linearity": "local linearity",
    "layers": "layer profile",
    "fisher": "Fisher directions",
    "curves": "flip curves",
    "universal": "universal directions",
}
_WITHOUT_GRADIENTS = ("depth",)
"""What is measured of a door that tells labels only."""


@dataclass(frozen=True, eq=False)
class Explaining:
    """What is explained: a scene whose smallest known changes are known."""

    scene: Scene
    bounds: Bounds
    rays: GradientRays | None
    randomness: Randomness
    settings: FragilitySettings
    stages: Stages
    gradient_rows: float | None
    """What a gradient of a door costs; None where it has none or where nothing is asked."""

    def measure(self) -> dict[str, Any]:
        """Every part that is wanted and can be had, by the name of the profile's field."""
        made: dict[str, Any] = {}
        wanted = self.settings.parts or PARTS
        for name in (part for part in PARTS if part in wanted):
            why = self._why_not(name)
            if why is not None:
                self.stages.left_out.append(f"{capital(_WORDS[name])}: {why}")
                continue
            measure: Callable[[dict[str, Any]], Any] = getattr(self, f"_{name}")
            found = self.stages.measured(_WORDS[name], partial(measure, made))
            if found is not None:
                made[name] = found
        return made

    def _why_not(self, name: str) -> str | None:
        """Why a part is not measured; None if it is."""
        door = isinstance(self.scene.model, AskedModel)
        if name == "layers" and (
            not isinstance(self.scene.model, LayeredModel) or not self.scene.model.layer_names
        ):
            return "no hidden layers are seen."
        if door and self.rays is None and name not in _WITHOUT_GRADIENTS:
            return "it rests on gradients, and there are none."
        if name in DEAR and door and self.settings.parts is None:
            return (
                f"it takes several gradients for each input, of {self.gradient_rows or 0:,.0f} queries; "
                'ask for it with the setting parts, such as ("linearity",).'
            )
        if name == "depth" and len(self.scene.points) < 2:
            return "pairs want two inputs or more."
        if name in ("curves", "universal"):
            return self._why_no_steps(name)
        return None

    def _why_no_steps(self, name: str) -> str | None:
        if self._sizes() is None:
            return "no flip is known that would say how long steps should be."
        none = self.rays is not None and bool(self.rays.without_gradient.all())
        return "no input has a gradient." if none and name == "universal" else None

    def _sizes(self) -> FloatArray | None:
        """Sizes to count flips at; None where no flip is known to measure by."""
        upper = self.bounds.upper
        known = upper[np.isfinite(upper) & (upper > 0)]
        return np.array(_CURVE_SIZES) * median(known) if len(known) else None

    # -- one for each part, called with what was measured before ---------------------------------------------

    def _distance(self, _: dict[str, Any]) -> Any:
        s = self.scene
        rng, bounds = self.randomness.step("distance"), self.bounds
        return flip_distance(
            s.model,
            s.decision,
            s.points,
            s.threat,
            rng=rng,
            best=bounds.upper,
            lower=bounds.lower,
            rays=self.rays,
        )

    def _biases(self, _: dict[str, Any]) -> Any:
        s, box = self.scene, self.scene.threat.box
        flips = None if self.rays is None else self.rays.flips
        inside = box is None or box[0] <= 0.0 <= box[1]
        return homogeneity(s.model, s.decision, s.points, s.threat, flips=flips, ask_origin=inside)

    def _depth(self, _: dict[str, Any]) -> Any:
        s = self.scene
        return depth_collapse(s.model, s.decision, s.points, rng=self.randomness.step("depth"))

    def _linearity(self, _: dict[str, Any]) -> Any:
        s, rng = self.scene, self.randomness.step("linearity")
        return local_linearity(s.model, s.decision, s.points, s.threat, rng=rng, rays=self.rays)

    def _layers(self, _: dict[str, Any]) -> Any:
        s, rng = self.scene, self.randomness.step("layers")
        assert isinstance(s.model, LayeredModel)
        return layer_profile(s.model, s.decision, s.points, s.threat, rng=rng, rays=self.rays)

    def _fisher(self, _: dict[str, Any]) -> Any:
        s = self.scene
        return fisher_directions(s.model, s.decision, s.points, threat=s.threat)

    def _curves(self, made: dict[str, Any]) -> Any:
        s, sizes = self.scene, self._sizes()
        return flip_curves(
            s.model,
            s.decision,
            s.points,
            () if sizes is None else tuple(sizes),
            rng=self.randomness.step("curves"),
            threat=s.threat,
            fisher=made.get("fisher"),
            random_directions=self.settings.random_directions,
        )

    def _universal(self, _: dict[str, Any]) -> Any:
        s, sizes, half = self.scene, self._sizes(), (len(self.scene.points) + 1) // 2
        return universal_directions(
            s.model,
            s.decision,
            s.points[:half],
            () if sizes is None else tuple(sizes),
            rng=self.randomness.step("universal"),
            held_out=s.points[half:] if half < len(s.points) else None,
            threat=s.threat,
        )
