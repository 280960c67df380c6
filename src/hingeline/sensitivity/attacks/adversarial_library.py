"""Attacks of adv-lib against any model of ours (extra `adv-lib`).

DDN begins at the median linear distance, which is FMN's first step too, and does not round to 256 levels.
Minimal APGD uses the cross-entropy where there are fewer than three classes, since its other loss divides by
a difference among three logits; ALMA, which has that loss only, is refused there. FMN in l2 (release 0.2.8)
leaves inputs unflipped, most of them in a box: it flipped 2 of 20 digits.

Source: Rony and Ben Ayed (adversarial-library); each attack's own paper is named in `LIBRARY_ATTACKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.core.extras import optional
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.foolbox_attacks import back
from hingeline.sensitivity.attacks.torch_bridge import (
    Frame,
    as_module,
    as_points,
    as_tensors,
    frame_of,
    own_randomness,
)
from hingeline.sensitivity.threat import Norm

Options = Callable[[Scene, Frame], dict[str, Any]]
_ORDER: Mapping[Norm, float] = {"l2": 2, "linf": float("inf"), "l1": 1}
_FEWEST_FOR_RATIO = 3


@dataclass(frozen=True)
class LibraryKind:
    """One attack of the library."""

    function: str
    """Its function, in `adv_lib.attacks` or a module of it."""
    norms: tuple[Norm, ...]
    """Norms it has."""
    source: str
    """Who made it."""
    options: Options
    """Settings other than the library's."""
    double: bool = True
    """Whether it runs in float64; else float32."""
    fewest_classes: int = 2
    """Classes that its loss wants."""


def _apgd_options(scene: Scene, frame: Frame) -> dict[str, Any]:
    # far enough that the search brackets the smallest size, near enough that its halvings resolve it
    limit = min(20.0 * frame.typical, frame_limit(scene))
    loss = "dlr" if scene.decision.classes >= _FEWEST_FOR_RATIO else "ce"
    return {
        "norm": _ORDER[scene.threat.norm],
        "max_eps": limit,
        "n_iter": 50,
        "binary_search_steps": 14,
        "loss_function": loss,
    }


def frame_limit(scene: Scene) -> float:
    """Largest size of a change within the unit cube."""
    match scene.threat.norm:
        case "l2":
            return float(np.sqrt(scene.model.input_dim))
        case "linf":
            return 1.0
        case "l1":
            return float(scene.model.input_dim)


LIBRARY_ATTACKS: Mapping[str, LibraryKind] = {
    "ddn": LibraryKind(
        "ddn", ("l2",), "Rony et al. 2019", lambda _scene, frame: {"init_norm": frame.typical, "levels": None}
    ),
    "fmn": LibraryKind(
        "fmn",
        ("l2", "linf", "l1"),
        "Pintor et al. 2021",
        lambda scene, frame: {"norm": _ORDER[scene.threat.norm], "steps": 200, "α_init": frame.typical},
    ),
    "alma": LibraryKind(
        "alma",
        ("l2", "l1"),
        "Rony et al. 2021",
        lambda scene, frame: {
            "distance": scene.threat.norm,
            "init_lr_distance": frame.typical,
            "num_steps": 300,
        },
        double=False,
        fewest_classes=_FEWEST_FOR_RATIO,
    ),
    "pdgd": LibraryKind("pdgd", ("l2",), "Matyasko and Chau 2021", lambda _scene, _frame: {"num_steps": 300}),
    "pdpgd": LibraryKind(
        "pdpgd",
        ("l2", "linf", "l1"),
        "Matyasko and Chau 2021",
        lambda scene, _frame: {"norm": _ORDER[scene.threat.norm], "num_steps": 300},
    ),
    "apgd": LibraryKind("auto_pgd.minimal_apgd", ("l2", "linf", "l1"), "Croce and Hein 2020", _apgd_options),
}
"""What is wrapped, by name."""


@dataclass(frozen=True)
class LibraryAttack(Attack):
    """One of `LIBRARY_ATTACKS`.

    Cost: what the library asks, all counted, and one row for each halving.
    """

    kind: str
    """Name in `LIBRARY_ATTACKS`."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings handed to the library, over those of `LIBRARY_ATTACKS`."""
    halvings: int = 0
    """Bisections of what it found back to the start; 0 to judge the library as it is."""

    def __post_init__(self) -> None:
        if self.kind not in LIBRARY_ATTACKS:
            known = ", ".join(LIBRARY_ATTACKS)
            raise InvalidInput(f"no attack of adv-lib is called {self.kind!r} here; known are {known}")

    @property
    def name(self) -> str:
        """With the library's."""
        return f"adv-lib {self.kind}"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Run the library's attack; it does not tell where it failed, so every moved input is a claim.

        Raises:
            MissingExtra: adv-lib is not installed.
            InvalidInput: It has no such attack for the threat's norm or so few classes.
        """
        kind = LIBRARY_ATTACKS[self.kind]
        module, _, function_name = f"adv_lib.attacks.{kind.function}".rpartition(".")
        attacks = optional(module, f"Attack {self.name!r}", "adv-lib")
        if scene.threat.norm not in kind.norms:
            raise InvalidInput(f"{self.name} measures {', '.join(kind.norms)}, not {scene.threat.norm}")
        if scene.decision.classes < kind.fewest_classes:
            raise InvalidInput(
                f"{self.name} wants {kind.fewest_classes} classes; got {scene.decision.classes}"
            )
        frame = frame_of(scene, gradients=True)
        options = {**kind.options(scene, frame), **self.options}
        shown, labels = as_tensors(scene, frame, double=kind.double)
        function = getattr(attacks, function_name)
        with own_randomness(rng):
            found = function(as_module(scene, frame), shown, labels, **options)
        points = as_points(scene, frame, found)
        moved = (found != shown).flatten(1).any(dim=1).cpu().numpy().astype(np.bool_)
        return Claims(back(scene, points, moved, self.halvings), moved, frame.note)
