"""Random search by values: replace a block of the change, keep what lowers the smallest lead.

Inputs with a shape (images) are changed in square windows, flat ones in random sets of coordinates; every
trial stays at the full radius. No gradient is asked for, so flat or masked gradients do not stop it.

Idea: Andriushchenko, Croce, Flammarion and Hein 2020 (Square Attack); the moves and the code are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene
from hingeline.sensitivity.attacks.geometry import pulled_back, within
from hingeline.sensitivity.attacks.smallest_radius import radius_bracket, smallest_radius

_FINAL_HALVINGS = 20
_SHRINKS = (0.01, 0.03, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8)
"""Shares of the search after each of which blocks become half as large."""


@dataclass(frozen=True)
class RandomSearch(Attack):
    """Flips by random search: the smallest, or any within a radius. For l2 and l-infinity.

    Cost: `steps` rows for each radius tried and input that has not flipped there; about `halvings` + 3 radii
    if none is given.
    """

    radius: float | None = None
    """Largest size of the change; None to look for the smallest."""
    steps: int = 500
    """Trials at each radius."""
    halvings: int = 7
    """Bisections of the radius, if none is given."""
    first_share: float = 0.3
    """Share of the coordinates that the first blocks hold."""

    def __post_init__(self) -> None:
        if (self.radius is not None and not self.radius > 0) or self.steps < 1:
            raise InvalidInput(
                f"random search wants a radius above 0 and a step; got {self.radius}, {self.steps}"
            )
        if not 0 < self.first_share <= 1:
            raise InvalidInput(f"first_share must lie in (0, 1]; got {self.first_share}")

    @property
    def name(self) -> str:
        """With its radius, if it is fixed."""
        return "random search" if self.radius is None else f"random search at {self.radius:g}"

    @property
    def needs(self) -> Needs:
        """Values."""
        return "values"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        """Search at the radius given, or bisect it.

        Raises:
            InvalidInput: The threat is measured in l1.
        """
        if scene.threat.norm == "l1":
            raise InvalidInput("random search moves in l2 or linf; for l1 take the label search")

        def attempt(part: Scene, radii: FloatArray, known: FloatArray) -> tuple[FloatArray, BoolArray]:
            return self._at_radii(part, radii, known, rng)

        if self.radius is not None:
            points, found = attempt(scene, np.full(len(scene.points), self.radius), scene.points)
            return Claims(points, found)
        first, largest = radius_bracket(scene, gradients=False)
        points, found = smallest_radius(scene, attempt, first, largest, halvings=self.halvings)
        rows = np.nonzero(found)[0]
        points[rows] = pulled_back(scene.at(rows), points[rows], _FINAL_HALVINGS)
        return Claims(points, found)

    def _at_radii(
        self, scene: Scene, radii: FloatArray, known: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, BoolArray]:
        """Search on the spheres (cubes) of the radii, from the known flip or a random place."""
        points = _first(scene, radii, known, rng)
        leads, found = _leads(scene, points)
        for step in range(self.steps):
            rows = np.nonzero(~found)[0]
            if not len(rows):
                break
            part = scene.at(rows)
            block = square_blocks(part, self._share(step), rng)
            tried = _moved(part, points[rows], radii[rows], block, rng)
            lead, out = _leads(part, tried)
            # equal leads are taken too: on a staircase nothing else ever moves
            better = out | (lead <= leads[rows])
            points[rows[better]], leads[rows[better]] = tried[better], lead[better]
            found[rows] = out
        return points, found

    def _share(self, step: int) -> float:
        return self.first_share / 2.0 ** sum(step >= share * self.steps for share in _SHRINKS)


def _leads(scene: Scene, points: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Smallest lead at each point, and whether the class is another."""
    outputs = scene.model.outputs(points)
    smallest = scene.decision.leads(outputs, scene.classes).min(axis=1)
    return smallest, scene.decision.flipped(outputs, scene.classes)


def _first(scene: Scene, radii: FloatArray, known: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Half of the inputs begin at the known flip moved into the radius; without one, at random signs."""
    signs = scene.threat.masked(rng.choice([-1.0, 1.0], scene.points.shape))
    size = scene.threat.size(signs)
    scale = radii / np.where(size > 0, size, 1.0)
    drawn = within(scene, scene.points + scale[:, np.newaxis] * signs, radii)
    use = np.any(known != scene.points, axis=1) & (rng.random(len(radii)) < 0.5)
    return np.where(use[:, np.newaxis], within(scene, known, radii), drawn)


def square_blocks(scene: Scene, share: float, rng: np.random.Generator) -> BoolArray:
    """Which coordinates each input changes, "n d": a square window, or a random `share` of the free ones."""
    count, d = scene.points.shape
    if scene.input_shape is not None and len(scene.input_shape) >= 2:
        return _windows(count, scene.input_shape, share, rng)
    free = np.arange(d) if scene.threat.free is None else np.flatnonzero(scene.threat.free)
    size, chosen = max(1, round(share * len(free))), np.zeros((count, d), dtype=np.bool_)
    # one order for all inputs, and each takes a piece of it from its own place on: no sorting for each
    ring, begin = rng.permutation(free), rng.integers(0, len(free), (count, 1))
    places = ring[(begin + np.arange(size)) % len(free)]
    np.put_along_axis(chosen, places, np.True_, axis=1)
    return chosen


def _windows(count: int, shape: tuple[int, ...], share: float, rng: np.random.Generator) -> BoolArray:
    """Square windows through all channels: "n d"."""
    height, width = shape[-2:]
    side = int(np.clip(round(np.sqrt(share * height * width)), 1, min(height, width)))
    top, left = rng.integers(0, height - side + 1, count), rng.integers(0, width - side + 1, count)
    rows, columns = np.arange(height) - top[:, np.newaxis], np.arange(width) - left[:, np.newaxis]
    inside = ((rows >= 0) & (rows < side))[:, :, np.newaxis] & ((columns >= 0) & (columns < side))[
        :, np.newaxis
    ]
    channels = int(np.prod(shape[:-2]))
    return np.repeat(inside.reshape(count, 1, -1), channels, axis=1).reshape(count, -1)


def _moved(
    scene: Scene, points: FloatArray, radii: FloatArray, block: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """The change with its block redrawn, as large as the radius allows."""
    change = points - scene.points
    if scene.threat.norm == "linf":
        signs = rng.choice([-1.0, 1.0], change.shape)
        if scene.input_shape is not None and len(scene.input_shape) >= 2:
            signs = _one_sign_each_channel(signs, scene.input_shape)
        return within(scene, scene.points + np.where(block, radii[:, np.newaxis] * signs, change), radii)
    # l2: the block is pushed in a random direction, and the whole is scaled back to the radius
    drawn = np.where(block, scene.threat.masked(rng.standard_normal(change.shape)), 0.0)
    length = np.linalg.norm(drawn, axis=1, keepdims=True)
    # about what a block of this many coordinates holds if the change is spread evenly
    energy = radii * np.sqrt(block.mean(axis=1)) * rng.uniform(0.5, 2.0, len(radii))
    tried = change + energy[:, np.newaxis] * drawn / np.where(length > 0, length, 1.0)
    size = scene.threat.size(tried)
    scale = radii / np.where(size > 0, size, 1.0)
    return within(scene, scene.points + scale[:, np.newaxis] * tried, radii)


def _one_sign_each_channel(signs: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """One sign for the whole window in each channel, as square windows want."""
    pixels = shape[-2] * shape[-1]
    grouped = signs.reshape(len(signs), -1, pixels)
    return np.broadcast_to(grouped[:, :, :1], grouped.shape).reshape(signs.shape)
