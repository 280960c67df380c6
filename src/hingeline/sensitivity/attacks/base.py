"""What every attack is given, what it gives back, and the check that no claim escapes.

An attack searches and claims; the claim is then looked at by asking the model: is the point inside the box,
are the coordinates that may not change as they were, is the class another? What does not hold becomes
infinity and is told in the note. Everything asked is counted, this check too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import median
from hingeline.sensitivity.attacks.counting import CountingModel
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Norm, Threat

Needs = Literal["gradients", "values", "labels"]
"""What an attack asks for; each includes those after it."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is attacked.

    Attributes:
        model: What is asked.
        decision: How its outputs become classes.
        points: The inputs to start from, shape "n d", inside the threat's box.
        classes: Decisions at the points, shape "n".
        threat: Which changes count, and how they are measured.
        input_shape: Channels, height and width (or height and width) if inputs are images laid out flat.
    """

    model: Model
    decision: Decision
    points: FloatArray
    classes: IntArray
    threat: Threat
    input_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        points = as_points(self.points, self.model.input_dim)
        if self.classes.shape != (len(points),):
            raise InvalidInput(f"want one class for each of {len(points)} points; got {self.classes.shape}")
        if not np.array_equal(points, self.threat.inside(points)):
            raise InvalidInput(f"some points lie outside the box {self.threat.box}; clip them first")
        if self.threat.free is not None and self.threat.free.shape != (self.model.input_dim,):
            raise InvalidInput(f"`free` wants shape ({self.model.input_dim},); got {self.threat.free.shape}")
        if self.input_shape is not None and int(np.prod(self.input_shape)) != self.model.input_dim:
            raise InvalidInput(f"input_shape {self.input_shape} does not hold {self.model.input_dim} numbers")

    @property
    def free_count(self) -> int:
        """Coordinates that may change."""
        free = self.threat.free
        return self.model.input_dim if free is None else int(np.count_nonzero(free))

    def at(self, rows: IntArray | BoolArray) -> Scene:
        """The same scene for some of the points."""
        return replace(self, points=self.points[rows], classes=self.classes[rows])

    def allowed(self, points: FloatArray) -> FloatArray:
        """Points moved into the box, with the coordinates that may not change put back: "n d" to "n d"."""
        inside = self.threat.inside(points)
        return inside if self.threat.free is None else np.where(self.threat.free, inside, self.points)

    def sizes(self, points: FloatArray) -> FloatArray:
        """Sizes of the changes from the starts, "n d" to "n"."""
        return self.threat.size(points - self.points)

    def flipped(self, points: FloatArray) -> BoolArray:
        """Whether the class at each point is another than at its start; asks one row each."""
        if not len(points):
            return np.zeros(0, dtype=np.bool_)
        return self.decision.flipped(self.model.outputs(points), self.classes)


def scene_at(
    model: Model,
    decision: Decision,
    points: Any,
    threat: Threat,
    *,
    input_shape: tuple[int, ...] | None = None,
) -> Scene:
    """The scene at `points` ("n d"), their classes as the model decides; asks n rows.

    Raises:
        InvalidInput: Points of another length, not finite, or outside the threat's box.
    """
    starts = as_points(points, model.input_dim)
    classes = decision.of(model.outputs(starts))
    return Scene(model, decision, starts, classes, threat, input_shape)


@dataclass(frozen=True, eq=False)
class Claims:
    """What a search believes to have found.

    Attributes:
        points: One input for each start, shape "n d"; the start where there is none.
        found: Where it claims another class, shape "n".
        note: What a reader should know, empty if nothing.
    """

    points: FloatArray
    found: BoolArray
    note: str = ""


@dataclass(frozen=True, eq=False)
class Attacked:
    """What an attack found, each flip confirmed by asking the model.

    Attributes:
        name: Of the attack.
        points: Input of another class, or the start where none was found, shape "n d".
        sizes: Size of the change in the threat's norm, shape "n"; infinite where none was found.
        norm: The norm sizes are in.
        rows_asked: Rows the model answered, the confirmation included.
        gradients_asked: Gradients taken.
        note: What a reader should know: claims that did not hold, bounds that were assumed.
    """

    name: str
    points: FloatArray
    sizes: FloatArray
    norm: Norm
    rows_asked: int
    gradients_asked: int
    note: str = ""

    @property
    def flipped(self) -> BoolArray:
        """Where another class was found, shape "n"."""
        return np.isfinite(self.sizes)

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready; the median counts what did not flip as largest, None if infinite."""
        middle = median(self.sizes)
        return {
            "name": self.name,
            "norm": self.norm,
            "inputs": len(self.sizes),
            "flipped": int(self.flipped.sum()),
            "median_size": middle if np.isfinite(middle) else None,
            "rows_asked": self.rows_asked,
            "gradients_asked": self.gradients_asked,
            "note": self.note,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready; a size is None where nothing was found."""
        sizes = [float(s) if np.isfinite(s) else None for s in self.sizes]
        return {**self.summary(), "sizes": sizes, "points": self.points.tolist()}


class Attack(ABC):
    """A search for small flips with its settings; subclasses are frozen dataclasses."""

    @property
    @abstractmethod
    def name(self) -> str:
        """For people and tables."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What it asks the model for."""

    @abstractmethod
    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Look for flips; `run` calls this with a model that counts, and checks what it claims."""

    def run(self, scene: Scene, rng: np.random.Generator) -> Attacked:
        """Attack every point of the scene.

        Args:
            scene: What is attacked.
            rng: Draws whatever the attack draws.
        """
        counter = CountingModel(scene.model)
        counted = replace(scene, model=counter)
        claims = self.search(counted, rng)
        sizes, refuted = confirm(counted, claims)
        return Attacked(
            name=self.name,
            points=np.where(np.isfinite(sizes)[:, np.newaxis], claims.points, scene.points),
            sizes=sizes,
            norm=scene.threat.norm,
            rows_asked=counter.rows,
            gradients_asked=counter.gradient_rows,
            note="; ".join(part for part in (claims.note, refuted) if part),
        )


def confirm(scene: Scene, claims: Claims) -> tuple[FloatArray, str]:
    """Sizes of the claims that hold, infinity elsewhere, and words about those that do not.

    Asks one row for each claim that respects the box and the fixed coordinates.
    """
    if claims.points.shape != scene.points.shape or claims.found.shape != scene.classes.shape:
        raise InvalidInput(f"claims have shape {claims.points.shape}; want {scene.points.shape}")
    clean = claims.found & np.isfinite(claims.points).all(axis=1)
    legal = clean & (claims.points == scene.allowed(claims.points)).all(axis=1)
    holds, rows = legal.copy(), np.nonzero(legal)[0]
    holds[rows] = scene.at(rows).flipped(claims.points[rows])
    sizes = np.full(len(claims.points), np.inf)
    sizes[holds] = scene.at(holds).sizes(claims.points[holds])
    return sizes, _refuted(claims.found, clean, legal, holds)


def _refuted(found: BoolArray, clean: BoolArray, legal: BoolArray, holds: BoolArray) -> str:
    """How many claims failed and why; empty if none did."""
    failed = int((found & ~holds).sum())
    if not failed:
        return ""
    reasons = (
        (int((found & ~clean).sum()), "not finite"),
        (int((clean & ~legal).sum()), "outside what may be changed"),
        (int((legal & ~holds).sum()), "of the old class when asked"),
    )
    told = ", ".join(f"{count} {words}" for count, words in reasons if count)
    return f"{failed} of {int(found.sum())} claims did not hold: {told}"
