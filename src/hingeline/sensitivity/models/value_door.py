"""A session as differences need it: values with their deviation, points as they are sent, room in the box.

Values are the answers, or where these are probabilities their log-ratios: a softmax gives
log p_i - log p_r for every i (zero for the reference r), a sigmoid log p - log(1 - p). The largest value is
the largest probability, and values are as straight as the network is; probabilities beyond the digits of
the door are cut off there. A single probability above one half is a value above zero.

Cost: none of its own, but for `ValueDoor.settled`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import EPSILON, NoiseFloor
from hingeline.oracles.row_memory import as_sent
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard

CHUNK_BYTES = 64 * 2**20
"""Points asked at once."""
# A grid coarser than this share of the variation is no rounding of a finer function but the function.
_FINE_GRID = 0.06
# Deviations above rounding by this factor are looked at again, under so many moves of this length, in
# typical coordinates; a deviation from so few is raised by a factor that chance rarely makes up.
_FAR_ABOVE = 30.0
_TINY_MOVES = 6
_TINY = 1e-6
_CAUTION = 3.0
# Share of the room to a face of the box that a step may take: rounding must not carry it over.
_EDGE = 1 - 1e-9


class ValueDoor:
    """Asks for values.

    Args:
        session: Where queries go.
        card: What the doctor wrote about it.
    """

    def __init__(self, session: QuerySession, card: DoctorCard) -> None:
        self.session, self.card = session, card
        self.input_dim = session.input_dim
        bounds = session.oracle.spec.bounds
        self.low, self.high = (-np.inf, np.inf) if bounds is None else bounds
        width = self.high - self.low
        self.unit = min(card.scale / float(np.sqrt(self.input_dim)), width / 4)
        """Size of a typical coordinate, input units."""
        step = card.resolution.step
        grid = step is not None and step <= _FINE_GRID * card.variation
        self._resolution = card.resolution if grid else replace(card.resolution, step=None)
        # where a door seems to round its inputs, what was measured as noise may be steps of the function
        stepped = card.inputs_rounded or (step is not None and not grid)
        self._noise = NoiseFloor(0.0, 0.0) if stepped else card.noise

    @property
    def usual_slope(self) -> float:
        """What one entry of a gradient is likely to be, output units per input unit."""
        return self.card.variation / (self.unit * float(np.sqrt(self.input_dim)))

    def snapped(self, points: FloatArray) -> FloatArray:
        """Points as the door will get them: inside the box, in its precision."""
        inside = np.clip(points, self.low, self.high)
        dtype = self.session.oracle.spec.dtype
        return np.clip(as_sent(inside, dtype).astype(np.float64), self.low, self.high)

    def raw(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Answers as they come, in parts: "n d" to "n k"; asked again if `fresh`."""
        rows = max(1, CHUNK_BYTES // (8 * self.input_dim))
        parts = [
            self.session.ask(points[i : i + rows], fresh=fresh) for i in range(0, max(len(points), 1), rows)
        ]
        return np.concatenate(parts)

    def values(self, points: FloatArray) -> FloatArray:
        """Values at points: "n d" to "n k"."""
        return self.of(self.raw(points))

    def of(self, answers: FloatArray) -> FloatArray:
        """The values that answers stand for: "n k" to "n k"."""
        head = self.card.head
        match head.kind:
            case "none":
                return answers
            case "log-softmax":
                return answers - answers[:, [head.reference]]
            case "softmax":
                logs = np.log(np.maximum(answers, self._least))
                return logs - logs[:, [head.reference]]
            case "sigmoid":
                inside = np.clip(answers, self._least, 1 - max(self._least, self._resolution.unit))
                return np.log(inside) - np.log1p(-inside)

    def usable(self, answers: FloatArray) -> BoolArray:
        """Which answers give values, not only bounds on them: "n k" to "n"."""
        return self.card.head.usable(answers)

    def rounding(self, answers: FloatArray) -> FloatArray:
        """Deviation that the rounding of usable answers alone gives their values: "n k" to "n"."""
        return self.card.head.rounding(answers, self._resolution)

    def deviation(self, points: FloatArray, answers: FloatArray) -> FloatArray:
        """Deviation of one value at each point whose answer is usable: "n d", "n k" to "n"."""
        sizes = np.abs(self.of(answers)).max(axis=1)
        return np.maximum(self._noise.at(points), self.rounding(answers)) + EPSILON * sizes

    def settled(
        self, points: FloatArray, answers: FloatArray, sigma: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Deviations, lowered where answers scatter less under tiny moves than the examination found.

        Steps of a function pass for noise among points far apart; next to each other they cannot. What
        rounding explains is not asked about again.

        Cost: `_TINY_MOVES` queries where the deviation is far above rounding.
        """
        least = self.rounding(answers) + EPSILON * np.abs(self.of(answers)).max(axis=1)
        doubtful = np.flatnonzero(sigma > _FAR_ABOVE * least)
        if not len(doubtful):
            return sigma
        sent_as = np.dtype(self.session.oracle.spec.dtype)
        epsilon = float(np.finfo(sent_as).eps) if sent_as.kind == "f" else 1.0
        sizes = self.unit + np.abs(points[doubtful]).max(axis=1)
        lengths = np.maximum(_TINY * self.unit, 64 * epsilon * sizes)[:, np.newaxis, np.newaxis]
        signs = self.inward(points[doubtful], float(lengths.max()), rng)[:, np.newaxis]
        moves = signs * lengths * rng.uniform(0.5, 1.0, (len(doubtful), _TINY_MOVES, self.input_dim))
        asked = self.snapped((points[doubtful, np.newaxis] + moves).reshape(-1, self.input_dim))
        moved = self.values(asked).reshape(*moves.shape[:2], -1)
        there = np.concatenate([self.of(answers[doubtful])[:, np.newaxis], moved], axis=1)
        scatter = np.std(there, axis=1, ddof=1).max(axis=1)
        lowered = sigma.copy()
        lowered[doubtful] = np.minimum(sigma[doubtful], np.maximum(_CAUTION * scatter, least[doubtful]))
        return lowered

    def holds(self, points: FloatArray) -> BoolArray:
        """Which points may be asked: "n d" to "n"."""
        return np.asarray(((points >= self.low) & (points <= self.high)).all(axis=1))

    def inward(self, points: FloatArray, length: float, rng: np.random.Generator) -> FloatArray:
        """A sign for each coordinate: random, but away from a face nearer than `length`."""
        ahead, behind = self.high - points, points - self.low
        signs = rng.choice(np.array([-1.0, 1.0]), points.shape)
        roomier = np.where(ahead >= behind, 1.0, -1.0)
        return np.where(np.minimum(ahead, behind) < length, roomier, signs)

    def room(self, points: FloatArray, signs: FloatArray) -> FloatArray:
        """How far each coordinate may move in the direction of its sign."""
        return _EDGE * np.where(signs > 0, self.high - points, points - self.low)

    def stands_still(self, points: FloatArray, values: FloatArray, moves: FloatArray) -> BoolArray:
        """Whether values stay what they are, to the last bit: "n d", "n k" and moves "n p d" to "n".

        Noise and curvature change something; a function of steps changes nothing between them.
        """
        ends = self.snapped((points[:, np.newaxis] + moves).reshape(-1, points.shape[1]))
        moved = self.values(ends).reshape(*moves.shape[:2], -1)
        same: BoolArray = (moved == values[:, np.newaxis]).all(axis=(1, 2))
        return same

    @property
    def _least(self) -> float:
        """Smallest probability that is told from zero."""
        step = self._resolution.step
        return self._resolution.tiny if step is None else step / 2
