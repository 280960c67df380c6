"""What kind of boundary this is: its blur, flat pieces or curved, and the step that suits it.

A boundary of a piecewise linear network is straight: t(u) + t(-u) = 0 to the last bit while both ends lie in
one piece. That of a differentiable one is curved everywhere. Networks with both count as curved, whose
method serves them all.

Blur: within it rounding decides the label. It is measured beside one boundary point and told relative to
the normal, distance along n, so that it serves at others.

Cost: about 200 queries for the blur, 70 for each of 12 pairs of offsets.
Source: our own design.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_boundary import blur, narrowed
from hingeline.subspace.label_candidates import Candidates
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_offsets import find_offsets

Boundary = Literal["flat", "curved"]

FINE = 2.0**-31.2
"""Relative error wanted of one column where the boundary is flat: 80 directions amplify it about 20 times,
to 8e-9."""
SOUND = 2.0**-30
"""The same where it is curved: below the error of a finite step."""
_UNIFORM_WIDTH = float(np.sqrt(12.0))
# An own error of so much of the error that leaks in adds a twentieth to it.
_OF_LEAK = 1 / 3
# Flat pieces: steps of 1e-4 |x| leave a piece for a few columns in a hundred points, and are 1e11 last bits.
_FLAT_STEP, _LONGEST_STEP = 1e-4, 1e-2
# Blur of the usual network, in epsilons of |x|: measured 0.1 to 0.2.
_ROUNDING = 0.15
# Directions tried at each point.
_DIRECTIONS = 4
# Share of straight pairs of ends above which pieces are flat; kinks between the ends bend a few.
_STRAIGHT_SHARE = 0.5


@dataclass(frozen=True)
class Scene:
    """What measuring here has to know."""

    boundary: Boundary
    blur: float
    """Along the unit normal, input units."""
    step: float
    """Length of the steps beside a point, input units."""
    straight: float
    """Share of pairs of ends that were straight to the last bit."""

    @property
    def wanted(self) -> float:
        """Relative error wanted of one column."""
        return FINE if self.boundary == "flat" else SOUND


def survey(
    door: LabelDoor, points: Candidates, complement: Complement, scale: float, rng: np.random.Generator
) -> Scene:
    """Find out what kind of boundary this is.

    Args:
        door: Where to ask.
        points: A few boundary points.
        complement: V and B (before anything was found).
        scale: Typical |x|.
        rng: Draws directions.
    """
    crossings = narrowed(door, points.crossings, 0.0)
    blurs = np.array([blur(door, crossings, i) for i in range(len(points))])
    # a few labels may all be right by chance: rounding of the input alone blurs so much
    relative = max(float(np.median(blurs / points.total)), _ROUNDING * door.epsilon * scale)
    blurs = np.maximum(blurs, relative * points.total)
    step = flat_step(relative, door.dim, scale)
    share = _straight_share(door, points, complement, blurs, step, rng)
    if share >= _STRAIGHT_SHARE:
        return Scene("flat", relative, step, share)
    return Scene("curved", relative, curved_step(relative, door.dim, scale), share)


def flat_step(blur_of_normal: float, dim: int, scale: float) -> float:
    """A step at which blur stays below a third of the error wanted, if pieces are so long.

    A column moves the boundary by step / sqrt(d) along the normal; error there: blur.
    """
    needed = 3 * blur_of_normal * np.sqrt(dim) / FINE
    return float(np.clip(needed, _FLAT_STEP * scale, _LONGEST_STEP * scale))


def curved_step(blur_of_normal: float, dim: int, scale: float) -> float:
    """The step at which blur sqrt(d) / step equals (3 step / scale)^2, a typical error of second order."""
    return float(0.5 * scale * (blur_of_normal * np.sqrt(dim) / scale) ** (1 / 3))


def cell_width(scene: Scene, slope: float, leak: float = 0.0) -> float:
    """Width to which offsets are wanted where slopes are of this size, input units.

    Args:
        scene: What was measured.
        slope: Root mean square slope.
        leak: Error of the direction that no precision avoids, relative to its length.
    """
    return _UNIFORM_WIDTH * max(scene.wanted, _OF_LEAK * leak) * scene.step * slope


def _straight_share(
    door: LabelDoor,
    points: Candidates,
    complement: Complement,
    blurs: FloatArray,
    step: float,
    rng: np.random.Generator,
) -> float:
    """Share of random pairs of opposite ends with the boundary on one straight line."""
    count = len(points)
    crossings = narrowed(door, points.crossings, 0.0)
    directions = complement.directions(rng, count * _DIRECTIONS).reshape(count, _DIRECTIONS, door.dim)
    spread = np.repeat(step * points.slope, 2 * _DIRECTIONS)
    steps = step * np.concatenate([directions, -directions], axis=1)
    cell = np.maximum(np.repeat(blurs, 2 * _DIRECTIONS), 2.0**-40 * spread)
    offsets = find_offsets(door, crossings.all_lines(steps), spread, cell)
    ends = offsets.at.reshape(count, 2, _DIRECTIONS)
    known = offsets.known.reshape(count, 2, _DIRECTIONS).all(axis=1)
    bend = np.abs(ends.sum(axis=1))
    # two offsets and the point itself, each off by a cell and a blur at most
    straight = bend <= 4 * (cell.reshape(count, 2, _DIRECTIONS)[:, 0] + blurs[:, np.newaxis])
    return float(np.mean(straight[known])) if known.any() else 0.0
