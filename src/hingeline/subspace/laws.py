"""How points and long moves are drawn: over all inputs, inside a box, or from the user's data.

Every statement about what was not seen holds under such a law and no other, so each has words for itself.
Points are in the probe's coordinates (its origin is the middle of the box). No point leaves the domain.

    free   coordinates N(0, s^2), s such that |x| is typical; for moves also other scales
    box    a third uniform, a third corners, a third blocks of corners, all pulled a little inwards;
           corners excite neurons that uniform noise leaves asleep
    data   the user's examples; moves between and around them

Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.domain import Domain
from hingeline.subspace.recovered import Where

# Share of the half width that points of a box keep from its faces, so that steps fit.
_INSET = 0.1
# Pulls towards the middle of a box at which a point near a face is tried: room against staying alive.
_PULLS = (1.0, 0.99, 0.97, 0.997, 0.94, 0.9)
EDGE = 1 - 1e-9
"""Share of the way to the edge of the domain that points may go: rounding must not carry them over it."""


class Law(Protocol):
    """Where to look."""

    @property
    def where(self) -> Where:
        """The domain it covers."""
        ...

    @property
    def words(self) -> str:
        """The law, for people."""
        ...

    @property
    def boundless(self) -> bool:
        """Whether any input at all may be asked."""
        ...

    @property
    def unit(self) -> float:
        """Size of a typical coordinate, input units; steps are measured in it."""
        ...

    def points(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Points to look at: "count d" (fewer where the law has no more)."""
        ...

    def wide(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Starts of long moves, spread over more scales than `points`: "count d"."""
        ...

    def room(self, points: FloatArray, directions: FloatArray) -> FloatArray:
        """How far each point may move along its unit direction: "n d", "n d" to "n"."""
        ...

    def inside(self, points: FloatArray) -> FloatArray:
        """The same points, those outside the domain pulled in: "n d"."""
        ...

    def near(self, point: FloatArray, attempt: int, offset: FloatArray) -> FloatArray:
        """The attempt-th place near a point where differences may be possible: "d"."""
        ...


@dataclass(frozen=True)
class FreeLaw:
    """All inputs (or a ball of them, where answers end)."""

    dim: int
    scale: float
    """Typical |x|."""
    domain: Domain = field(default_factory=Domain)
    """Where answers are usable."""

    @property
    def where(self) -> Where:
        """All inputs."""
        return "free"

    @property
    def unit(self) -> float:
        """Standard deviation of a coordinate."""
        return self.scale / float(np.sqrt(self.dim))

    @property
    def words(self) -> str:
        """The law, for people."""
        low, high = 0.3 * self.unit, 5 * self.unit
        far = "; one in ten up to 1e8 times farther out" if self.boundless else ""
        return f"start N(0, s^2) with s from {low:.3g} to {high:.3g}, move of like length{far}"

    @property
    def boundless(self) -> bool:
        """True unless answers end at a ball."""
        return bool(np.isinf(self.domain.radius))

    def points(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Normal points of the typical size."""
        return self.domain.pulled_in(self.unit * rng.standard_normal((count, self.dim)))

    def wide(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Normal points of sizes spread log-uniformly."""
        sizes = self.unit * np.exp(rng.uniform(np.log(0.3), np.log(5.0), (count, 1)))
        return self.domain.pulled_in(sizes * rng.standard_normal((count, self.dim)))

    def room(self, points: FloatArray, directions: FloatArray) -> FloatArray:
        """Free up to the ball's edge; at most 5 typical norms."""
        return np.minimum(5.0 * self.scale, EDGE * _ball_room(points, directions, self.domain.radius))

    def inside(self, points: FloatArray) -> FloatArray:
        """Pulled towards the origin."""
        return self.domain.pulled_in(points)

    def near(self, point: FloatArray, attempt: int, offset: FloatArray) -> FloatArray:
        """The point itself, then moved ones."""
        return point if attempt == 0 else self.inside((point + offset)[np.newaxis])[0]


@dataclass(frozen=True, eq=False)
class BoxLaw:
    """A box of allowed inputs; where answers end at a ball around the origin, the part of it within."""

    dim: int
    domain: Domain
    """Half width of the box, and radius of the ball."""
    centre: FloatArray | None = None
    """Middle of the box in the probe's coordinates, shape "d"; None: the origin."""

    @property
    def where(self) -> Where:
        """The box."""
        return "box"

    @property
    def unit(self) -> float:
        """A third of the half width."""
        return self.domain.half_width / 3

    @property
    def words(self) -> str:
        """The law, for people."""
        return "start uniform, corner or blocks of corners of the box, move towards its faces"

    @property
    def boundless(self) -> bool:
        """Never."""
        return False

    @property
    def whole(self) -> bool:
        """Whether answers are usable in the whole box."""
        return bool(np.isinf(self.domain.radius))

    @property
    def middle(self) -> FloatArray:
        """Middle of the box in the probe's coordinates, shape "d"."""
        return np.zeros(self.dim) if self.centre is None else self.centre

    def points(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Uniform points, corners and blocky corners in turn."""
        pulled = self.middle + (1 - _INSET) * (self.pictures(rng, count) - self.middle)
        return Domain(self.domain.radius).pulled_in(pulled)

    def pictures(self, rng: np.random.Generator, count: int) -> FloatArray:
        """The same, not pulled inwards: at the very faces of the box."""
        raw = rng.uniform(-1.0, 1.0, (count, self.dim))
        raw[1::3] = np.sign(raw[1::3])
        raw[2::3] = _blocks(rng, len(raw[2::3]), self.dim)
        return self.inside(self.middle + self.domain.half_width * raw)

    def wide(self, rng: np.random.Generator, count: int) -> FloatArray:
        """The same, shrunk towards the middle by random amounts."""
        return self.middle + (self.points(rng, count) - self.middle) * rng.uniform(0.1, 1.0, (count, 1))

    def room(self, points: FloatArray, directions: FloatArray) -> FloatArray:
        """Up to the first face."""
        offsets = points - self.middle
        with np.errstate(divide="ignore"):
            faces = (self.domain.half_width - np.sign(directions) * offsets) / np.abs(directions)
        ball = _ball_room(points, directions, self.domain.radius)
        return EDGE * np.maximum(np.minimum(faces.min(axis=1), ball), 0.0)

    def inside(self, points: FloatArray) -> FloatArray:
        """Pulled towards the middle, then into the ball."""
        offsets = points - self.middle
        reach = np.abs(offsets).max(axis=1, keepdims=True) / (EDGE * self.domain.half_width)
        within = self.middle + offsets / np.maximum(reach, 1.0)
        return Domain(self.domain.radius).pulled_in(within)

    def near(self, point: FloatArray, attempt: int, offset: FloatArray) -> FloatArray:
        """The point pulled towards the middle by more or less: at a face there is no room for a step."""
        return self.middle + _PULLS[attempt % len(_PULLS)] * (point - self.middle)


@dataclass(frozen=True, eq=False)
class DataLaw:
    """The user's examples, in order; the domain around them is the door's."""

    examples: FloatArray
    """Shape "n d", in the probe's coordinates, inside the domain."""
    around: FreeLaw | BoxLaw
    """What the door allows."""

    @property
    def where(self) -> Where:
        """The data."""
        return "data"

    @property
    def unit(self) -> float:
        """That of the domain around."""
        return self.around.unit

    @property
    def words(self) -> str:
        """The law, for people."""
        return f"the gradients at {len(self.examples):,} examples; nothing is said about long moves"

    @property
    def boundless(self) -> bool:
        """Never."""
        return False

    def points(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Examples, drawn without order."""
        return self.examples[rng.permutation(len(self.examples))[:count]]

    def wide(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Examples, drawn without order."""
        return self.points(rng, count)

    def room(self, points: FloatArray, directions: FloatArray) -> FloatArray:
        """That of the domain around."""
        return self.around.room(points, directions)

    def inside(self, points: FloatArray) -> FloatArray:
        """Pulled into the domain around."""
        return self.around.inside(points)

    def near(self, point: FloatArray, attempt: int, offset: FloatArray) -> FloatArray:
        """The example itself: a slope beside it would say something about another place."""
        return point


def _ball_room(points: FloatArray, directions: FloatArray, radius: float) -> FloatArray:
    """Distance from each point along its unit direction to the sphere |x| = radius."""
    if np.isinf(radius):
        return np.full(len(points), np.inf)
    along = np.sum(points * directions, axis=1)
    # |x + t u|^2 = R^2  =>  t = -x.u + sqrt((x.u)^2 + R^2 - |x|^2)
    rest = np.maximum(radius**2 - np.sum(points**2, axis=1), 0.0)
    return np.sqrt(along**2 + rest) - along


def _blocks(rng: np.random.Generator, count: int, dim: int) -> FloatArray:
    """Rows of -1 and 1 in runs (in squares, if the input can be a square image): "count d"."""
    side = round(dim**0.5)
    rows = np.empty((count, dim))
    for row in rows:
        if side * side == dim and side > 1:
            size = int(rng.integers(1, max(2, side // 2)))
            cells = -(-side // size)
            pattern = rng.choice(np.array([-1.0, 1.0]), (cells, cells))
            row[:] = np.kron(pattern, np.ones((size, size)))[:side, :side].ravel()
        else:
            size = int(rng.integers(1, max(2, dim // 2)))
            row[:] = np.repeat(rng.choice(np.array([-1.0, 1.0]), -(-dim // size)), size)[:dim]
    return rows
