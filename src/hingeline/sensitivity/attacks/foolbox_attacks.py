"""Attacks of Foolbox against any model of ours (extra `foolbox`).

Lengths that the library gives as 1 (where DDN begins, FMN's largest step) are the median linear distance
here, since 1 is meant for images; counts of steps are those of `FOOLBOX_ATTACKS`, or the library's. What it
claims is asked again in float64, and can be pulled back along the segment to the start.

Source: Rauber, Brendel and Bethge 2017 (Foolbox); each attack's own paper is named in `FOOLBOX_ATTACKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.core.extras import optional
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.geometry import pulled_back
from hingeline.sensitivity.attacks.torch_bridge import (
    Frame,
    as_module,
    as_points,
    as_tensors,
    frame_of,
    own_randomness,
)
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True)
class FoolboxKind:
    """One attack of the library."""

    classes: Mapping[Norm, str]
    """Its class for each norm it has."""
    source: str
    """Who made it."""
    needs: Needs = "gradients"
    """What it asks for."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings other than the library's."""
    double: bool = True
    """Whether it runs in float64; else float32."""
    starts_at: str = ""
    """The setting that takes the typical size of a flip, if there is one."""


FOOLBOX_ATTACKS: Mapping[str, FoolboxKind] = {
    "ddn": FoolboxKind({"l2": "DDNAttack"}, "Rony et al. 2019", starts_at="init_epsilon"),
    "deepfool": FoolboxKind(
        {"l2": "L2DeepFoolAttack", "linf": "LinfDeepFoolAttack"}, "Moosavi-Dezfooli et al. 2016"
    ),
    "carlini-wagner": FoolboxKind(
        {"l2": "L2CarliniWagnerAttack"},
        "Carlini and Wagner 2017",
        options={"steps": 300, "binary_search_steps": 6},
    ),
    "fmn": FoolboxKind(
        {"l2": "L2FMNAttack", "linf": "LInfFMNAttack", "l1": "L1FMNAttack"},
        "Pintor et al. 2021",
        options={"steps": 200},
        starts_at="max_stepsize",
    ),
    "brendel-bethge": FoolboxKind(
        {
            "l2": "L2BrendelBethgeAttack",
            "linf": "LinfinityBrendelBethgeAttack",
            "l1": "L1BrendelBethgeAttack",
        },
        "Brendel et al. 2019",
        double=False,
    ),
    "boundary": FoolboxKind(
        {"l2": "BoundaryAttack"}, "Brendel, Rauber and Bethge 2018", needs="labels", options={"steps": 2000}
    ),
}
"""What is wrapped, by name."""


@dataclass(frozen=True)
class FoolboxAttack(Attack):
    """One of `FOOLBOX_ATTACKS`.

    Cost: what the library asks, all counted, and one row for each halving.
    """

    kind: str
    """Name in `FOOLBOX_ATTACKS`."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings handed to the library, over those of `FOOLBOX_ATTACKS`."""
    halvings: int = 0
    """Bisections of what it found back to the start; 0 to judge the library as it is."""

    def __post_init__(self) -> None:
        if self.kind not in FOOLBOX_ATTACKS:
            known = ", ".join(FOOLBOX_ATTACKS)
            raise InvalidInput(f"no attack of Foolbox is called {self.kind!r} here; known are {known}")

    @property
    def name(self) -> str:
        """With the library's."""
        return f"foolbox {self.kind}"

    @property
    def needs(self) -> Needs:
        """As the library's attack."""
        return FOOLBOX_ATTACKS[self.kind].needs

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Run the library's attack.

        Raises:
            MissingExtra: Foolbox (or numba, for Brendel and Bethge's) is not installed.
            InvalidInput: It has no such attack for the threat's norm.
        """
        kind = FOOLBOX_ATTACKS[self.kind]
        foolbox = optional("foolbox", f"Attack {self.name!r}", "foolbox")
        if scene.threat.norm not in kind.classes:
            raise InvalidInput(f"{self.name} measures {', '.join(kind.classes)}, not {scene.threat.norm}")
        frame = frame_of(scene, gradients=kind.needs == "gradients")
        attack = self._made(foolbox, kind, frame, scene.threat.norm)
        shown, labels = as_tensors(scene, frame, double=kind.double)
        model = foolbox.PyTorchModel(as_module(scene, frame), bounds=(0, 1), device="cpu")
        with own_randomness(rng):
            _, found, success = attack(
                model, shown, foolbox.criteria.Misclassification(labels), epsilons=None
            )
        points, claimed = as_points(scene, frame, found), success.cpu().numpy().astype(np.bool_)
        return Claims(back(scene, points, claimed, self.halvings), claimed, frame.note)

    def _made(self, foolbox: Any, kind: FoolboxKind, frame: Frame, norm: Norm) -> Any:
        begin = {kind.starts_at: frame.typical} if kind.starts_at else {}
        try:
            return getattr(foolbox.attacks, kind.classes[norm])(**{**begin, **kind.options, **self.options})
        except ImportError as error:
            raise MissingExtra(f"Attack {self.name!r}", "brendel-bethge") from error


def back(scene: Scene, points: FloatArray, claimed: BoolArray, halvings: int) -> FloatArray:
    """Claimed points pulled back towards their starts where the claim holds; the others as they are."""
    usable = np.nonzero(claimed & np.isfinite(points).all(axis=1))[0]
    if not halvings or not len(usable):
        return points
    holds = usable[scene.at(usable).flipped(points[usable])]
    pulled = points.copy()
    pulled[holds] = pulled_back(scene.at(holds), points[holds], halvings)
    return pulled
