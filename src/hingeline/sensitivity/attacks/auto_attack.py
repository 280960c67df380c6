"""AutoAttack as the user has it, at one radius, against any model of ours.

The reference program is on no package index under its own name, so nothing is installed for it: hand over its
class (or where it can be imported from), and it is made with our model; or hand over an object made
elsewhere, whose own model is then attacked while every claim is still checked on ours.

It sees images in [0, 1] in float32. Its DLR loss divides by a difference of third and fourth logits, and its
targeted attacks want targets, so with fewer than four classes the cross-entropy, FAB and Square parts run.

Source: Croce and Hein 2020.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.core.extras import optional
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.torch_bridge import (
    Frame,
    as_module,
    as_points,
    as_tensors,
    frame_of,
    own_randomness,
)
from hingeline.sensitivity.threat import Norm

_NORMS: Mapping[Norm, str] = {"l2": "L2", "linf": "Linf", "l1": "L1"}
_FEWEST_CLASSES = 4
_TARGETS = 9
"""Targets that its targeted attacks take by default."""
_HOW = (
    "AutoAttack is not installed with hingeline. Get it with  "
    'pip install "git+https://github.com/fra31/auto-attack"  and pass its class (autoattack.AutoAttack), '
    'or the place to import it from ("autoattack:AutoAttack")'
)


@dataclass(frozen=True)
class AutoAttack(Attack):
    """The user's AutoAttack at one radius.

    Cost: what it asks, all counted if it is made here; thousands of answers and gradients for each input.
    """

    program: Any
    """The class `AutoAttack` (or a function with its arguments), "module:name" to import it from, or an
    object with `run_standard_evaluation`."""
    radius: float
    """Largest size of the change, in the threat's norm and input units."""
    version: str = "standard"
    """Its version: "standard", "plus" or "rand"."""
    batch: int = 250
    """Inputs it works on at once."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """More arguments for its making."""

    def __post_init__(self) -> None:
        if not self.radius > 0:
            raise InvalidInput(f"a radius must be above 0; got {self.radius}")

    @property
    def name(self) -> str:
        """With its radius."""
        return f"autoattack at {self.radius:g}"

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return "gradients"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Run it; every input it moved is a claim.

        Raises:
            InvalidInput: There is no such program, or it lacks `run_standard_evaluation`.
            MissingExtra: torch is not installed.
        """
        program = self._found()
        optional("torch", f"Attack {self.name!r}", "torch")
        frame = frame_of(scene, gradients=True)
        shape = _image_shape(scene)
        shown, labels = as_tensors(scene, frame, double=False, shape=shape)
        with own_randomness(rng):
            runner, note = self._runner(program, scene, frame, int(rng.integers(2**31)))
            found = runner.run_standard_evaluation(shown.clone(), labels, bs=self.batch)
        moved = (found != shown).flatten(1).any(dim=1).cpu().numpy().astype(np.bool_)
        # float32 may end a little beyond the radius
        points = within(scene, as_points(scene, frame, found), np.full(len(moved), self.radius))
        # the float32 start is not ours: an input that was not moved must not seem so
        points = np.where(moved[:, np.newaxis], points, scene.points)
        return Claims(points, moved, "; ".join(part for part in (frame.note, note) if part))

    def _found(self) -> Any:
        if not isinstance(self.program, str):
            return self.program
        module, _, attribute = self.program.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute or "AutoAttack")
        except (ImportError, AttributeError) as error:
            raise InvalidInput(f"{self.program!r} cannot be imported: {error}. {_HOW}") from error

    def _runner(self, program: Any, scene: Scene, frame: Frame, seed: int) -> tuple[Any, str]:
        """The object that runs, and what a reader should know of it."""
        if not isinstance(program, type) and hasattr(program, "run_standard_evaluation"):
            return program, "made elsewhere: its own model was attacked, and its questions are not counted"
        if not callable(program):
            raise InvalidInput(f"{program!r} has no run_standard_evaluation. {_HOW}")
        few = scene.decision.classes < _FEWEST_CLASSES
        parts = {"attacks_to_run": ["apgd-ce", "fab", "square"]} if few else {}
        made = program(
            as_module(scene, frame),
            norm=_NORMS[scene.threat.norm],
            eps=self.radius / frame.span,
            **{
                "version": "custom" if few else self.version,
                "device": "cpu",
                "verbose": False,
                "seed": seed,
                **parts,
                **self.options,
            },
        )
        if not hasattr(made, "run_standard_evaluation"):
            raise InvalidInput(f"what {program!r} makes has no run_standard_evaluation. {_HOW}")
        _fewer_targets(made, scene.decision.classes)
        told = f"{scene.decision.classes} classes: without DLR and targeted parts" if few else ""
        return made, told


def _image_shape(scene: Scene) -> tuple[int, ...]:
    """Channels, height and width; a flat input is one line."""
    shape = scene.input_shape or (scene.model.input_dim,)
    return (1,) * (3 - len(shape)) + tuple(shape)


def _fewer_targets(runner: Any, classes: int) -> None:
    """No more targets than there are other classes, where its parts count them."""
    for part in ("apgd_targeted", "fab"):
        inner: Any = getattr(runner, part, None)
        if getattr(inner, "n_target_classes", 0) > classes - 1:
            inner.n_target_classes = min(_TARGETS, classes - 1)
