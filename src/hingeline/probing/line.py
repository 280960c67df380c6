"""Find every bend of the oracle on a straight line, exactly.

On a line a ReLU network is piecewise affine in one variable. Samples are spread evenly in the angle
theta of t = centre + scale * tan(theta), because the bends of random hyperplanes are Cauchy distributed.
Three collinear samples certify a piece; two neighbouring pieces are intersected; the bend is accepted
only if the oracle agrees with *both* lines close to the crossing, on either side: checking the crossing
alone is fooled when it lies inside the first or the last of three pieces. Rounds are breadth first and
each round is one query batch.

Source: critical-point search of Carlini, Jagielski and Mironov 2020 (section 4.1), intersecting two
pieces; sampling, batching and two-sided verification are ours. Cost: about 7 queries per bend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.domain import Domain
from hingeline.probing.probe import Probe
from hingeline.probing.steps import NARROW, SMALLEST_CHANGE, between, is_narrow, only_flat, steepest_pair


@dataclass(frozen=True)
class LineSettings:
    """How a sweep decides."""

    flat_sigmas: float = 8.0
    """Slopes of neighbouring chords that differ by less than this many standard deviations are equal."""
    leverage: float = 3000.0
    """A short chord certifies a neighbour at most so many times as long: beyond, its noise hides bends."""
    predicted_fraction: float = 1e-3
    """Distance of the first samples from a predicted bend, as a fraction of the room around it."""
    predicted_match: float = 1e-8
    """A crossing so close to a prediction, as a fraction of scale + |t|, needs no further check."""
    check_sigmas: float = 900.0
    """The checks stand so far off a crossing that the bend shows with this many standard deviations.

    No farther: two bends closer together than the checks would pass for one.
    """
    smallest_width: float = 1e-12
    """Brackets narrower than this fraction of max(scale, |t|) are not split further."""
    max_rounds: int = 60
    """Rounds of refinement; each halves the unresolved brackets."""
    samples_per_piece: int = 60
    """A sweep that has asked so many samples per certified piece (and 20 pieces more) stops unresolved."""
    faint_sigmas: float = 100.0
    """So does a long one where half of the slopes change by fewer standard deviations than this."""


@dataclass(frozen=True, eq=False)
class Line:
    """x(t) = origin + t * direction, with a natural length for t."""

    origin: FloatArray
    """Shape "d"."""
    direction: FloatArray
    """Unit vector, shape "d"."""
    scale: float
    """Length over which the line is interesting; samples are dense within it, sparse beyond."""
    low: float
    """Smallest t asked."""
    high: float
    """Largest t asked."""
    centre: float = 0.0
    """Where the samples are densest."""

    def at(self, t: FloatArray) -> FloatArray:
        """Points at parameters `t`: "n" to "n d"."""
        return self.origin + t[:, np.newaxis] * self.direction

    def angle(self, t: FloatArray) -> FloatArray:
        """Theta of t."""
        return np.arctan((t - self.centre) / self.scale)

    def parameter(self, theta: FloatArray) -> FloatArray:
        """Parameter t of theta."""
        return self.centre + self.scale * np.tan(theta)

    def within(self, domain: Domain) -> Line:
        """The part of the line on which may be asked; some point between its ends lies inside."""
        low, high = domain.along(self.origin, self.direction)
        return replace(self, low=max(low, self.low), high=min(high, self.high))

    def spread(self, count: int) -> FloatArray:
        """`count` parameters from `low` to `high`, even in the angle."""
        ends = self.angle(np.array([self.low, self.high]))
        t = self.parameter(np.linspace(ends[0], ends[1], count))
        t[0], t[-1] = self.low, self.high
        return t


@dataclass(frozen=True, eq=False)
class LineSweep:
    """All pieces of the oracle on a line, with the bends between them.

    Piece i lies between bend i-1 and bend i, so there is one more piece than bends.
    """

    line: Line
    bends: FloatArray
    """Parameters of the bends, ascending, shape "b"."""
    bend_errors: FloatArray
    """Standard deviation of each bend's parameter, shape "b"."""
    slopes: FloatArray
    """Slope of each piece per unit of t, shape "b+1 k"."""
    slope_errors: FloatArray
    """Standard deviation of each slope entry, shape "b+1"."""
    values: FloatArray
    """Value of each piece at its `lows`, shape "b+1 k"."""
    lows: FloatArray
    """First sample of each piece, shape "b+1"."""
    highs: FloatArray
    """Last sample of each piece, shape "b+1"."""
    unresolved: FloatArray
    """Brackets that could not be resolved, shape "u 2"; empty when the sweep is exact."""

    @property
    def largest_step(self) -> float:
        """Largest change of the answers at one place, where all pieces are flat; 0 if there is none."""
        rounding = 8 * EPSILON * float(np.abs(self.values).max(initial=0.0))
        if (
            not len(self.bends)
            or (np.abs(self.slopes).max(axis=1) * (self.highs - self.lows) > rounding).any()
        ):
            return 0.0
        gaps = self.lows[1:] - self.highs[:-1]
        narrow = gaps <= 2 * NARROW * np.maximum(self.line.scale, np.abs(self.highs[:-1]))
        changes = np.abs(np.diff(self.values, axis=0)).max(axis=1)[narrow]
        largest = float(changes.max(initial=0.0))
        return largest if largest > SMALLEST_CHANGE * float(np.ptp(self.values)) else 0.0

    @property
    def jumps(self) -> FloatArray:
        """Slope changes at the bends, shape "b k"."""
        return np.diff(self.slopes, axis=0)

    @property
    def exact(self) -> bool:
        """True if nothing was left unresolved."""
        return len(self.unresolved) == 0

    def extents(self) -> FloatArray:
        """Ends of each piece, the line's ends outside: shape "b+1 2"."""
        edges = np.concatenate([[self.line.low], self.bends, [self.line.high]])
        return np.stack([edges[:-1], edges[1:]], axis=1)


def sweep_line(
    probe: Probe,
    line: Line,
    *,
    samples: int = 17,
    predicted: FloatArray | None = None,
    settings: LineSettings | None = None,
) -> LineSweep:
    """Find all bends of the oracle on `line`.

    Args:
        probe: Where queries go; must answer values.
        line: The line and its ends.
        samples: Samples of the first round; three per expected bend is best.
        predicted: Parameters where bends are expected; right ones cost three queries instead of seven.
        settings: Thresholds; the defaults derive from the oracle's measured noise.

    Raises:
        BudgetExhausted: The budget ended during the sweep.

    Cost: about 7 queries per bend, 3 per rightly predicted bend.
    """
    state = _Sweep(probe, line, settings or LineSettings(), np.zeros(0) if predicted is None else predicted)
    state.add(_first_samples(line, samples, predicted, state))
    for _ in range(state.settings.max_rounds):
        wanted = state.refine()
        if not len(wanted) or state.stuck():
            break
        state.add(wanted)
    return state.result()


def _first_samples(line: Line, samples: int, predicted: FloatArray | None, state: _Sweep) -> FloatArray:
    if predicted is None or not len(predicted):
        return line.spread(samples)
    inside = np.sort(predicted[(predicted > line.low) & (predicted < line.high)])
    edges = np.concatenate([[line.low], inside, [line.high]])
    # Close beside each predicted bend, and in the middle of each predicted piece.
    angles = line.angle(edges)
    middles = line.parameter((angles[:-1] + angles[1:]) / 2)
    room = np.minimum(inside - edges[:-2], edges[2:] - inside) if len(inside) else inside
    offset = state.settings.predicted_fraction * room
    return np.unique(np.concatenate([edges[[0, -1]], middles, inside - offset, inside + offset]))


@dataclass(eq=False)
class _Pieces:
    """Certified pieces of one round: node indices of their ends, slopes and slope errors."""

    first: IntArray
    last: IntArray
    slopes: FloatArray
    slope_errors: FloatArray


class _Sweep:
    """The samples so far and the decisions taken from them."""

    def __init__(self, probe: Probe, line: Line, settings: LineSettings, predicted: FloatArray) -> None:
        self.probe, self.line, self.settings, self.predicted = probe, line, settings, predicted
        self.t: FloatArray = np.zeros(0)
        self.y: FloatArray = np.zeros((0, 0))
        self.sigma: FloatArray = np.zeros(0)
        self.verified: set[tuple[float, float]] = set()

    def add(self, t: FloatArray) -> None:
        """Ask at new parameters and keep the samples sorted."""
        fresh = np.setdiff1d(t, self.t)
        if not len(fresh):
            return
        points = self.line.at(fresh)
        answers = self.probe.ask(points)
        # the points themselves are rounded at the size of what they are summed from
        size = np.maximum(np.linalg.norm(points, axis=1), np.linalg.norm(self.line.origin) + np.abs(fresh))
        sigma = self.probe.noise.at_norm(size) + EPSILON * np.abs(answers).max(axis=1)
        order = np.argsort(np.concatenate([self.t, fresh]))
        self.t = np.concatenate([self.t, fresh])[order]
        self.y = np.concatenate([self.y, answers])[order] if self.y.size else answers
        self.sigma = np.concatenate([self.sigma, sigma])[order]

        self.sigma = np.maximum(self.sigma, self._input_noise())

    def _input_noise(self) -> FloatArray:
        """What rounding of the inputs does to the answers at the slopes seen beside each sample."""
        slope = np.abs(np.diff(self.y, axis=0)).max(axis=1) / np.diff(self.t)
        beside = np.maximum(np.append(slope, 0.0), np.append(0.0, slope))
        return self.probe.input_noise(beside) * (np.linalg.norm(self.line.origin) + np.abs(self.t))

    def pieces(self) -> _Pieces:
        """Maximal runs of samples that lie on one line within the noise."""
        flat = self._flat_nodes()
        while True:
            pieces = self._runs(flat)
            bent = self._bent_nodes(pieces)
            if not len(bent):
                return pieces
            flat[bent] = False

    def refine(self) -> FloatArray:
        """Parameters to ask next; empty when every bend is resolved."""
        pieces = self.pieces()
        if not len(pieces.first):
            return self._middles(0, len(self.t) - 1)
        if only_flat(pieces.first, pieces.last, self.y):
            return between(steepest_pair(self.t, self.y))
        wanted = [self._middles(0, pieces.first[0]), self._middles(pieces.last[-1], len(self.t) - 1)]
        lows, highs = pieces.last[:-1], pieces.first[1:]
        wide = highs - lows > 1
        wanted += [self._middles(a, b) for a, b in zip(lows[wide], highs[wide], strict=True)]
        wanted.append(self._checks(pieces))
        return np.unique(np.concatenate(wanted))

    def stuck(self) -> bool:
        """True if samples pile up on noise that was underestimated, on a smooth oracle, or on a jump.

        Then they certify no pieces, pieces between which the slope hardly changes, or only flat ones.
        """
        pieces, asked = self.pieces(), len(self.t)
        if only_flat(pieces.first, pieces.last, self.y):
            return is_narrow(steepest_pair(self.t, self.y), self.line.scale)
        if asked > self.settings.samples_per_piece * (20 + len(pieces.first)):
            return True
        if asked < self.settings.samples_per_piece * 20 or len(pieces.first) < 2:
            return False
        jumps = np.abs(np.diff(pieces.slopes, axis=0)).max(axis=1)
        doubt = np.hypot(pieces.slope_errors[1:], pieces.slope_errors[:-1])
        return bool(np.median(jumps / doubt) < self.settings.faint_sigmas)

    def result(self) -> LineSweep:
        """The sweep as a value."""
        pieces = self.pieces()
        if not len(pieces.first):
            whole = np.array([[self.line.low, self.line.high]])
            slope = (self.y[-1:] - self.y[:1]) / (self.t[-1] - self.t[0])
            none, unknown = np.zeros(0), np.full(1, np.inf)
            return LineSweep(
                self.line, none, none, slope, unknown, self.y[:1], self.t[:1], self.t[-1:], whole
            )
        crossing, error, size = self._crossings(pieces)
        low, high = self.t[pieces.last[:-1]], self.t[pieces.first[1:]]
        unresolved = ~_within(crossing, error, low, high) | (pieces.first[1:] - pieces.last[:-1] > 1)
        brackets = [np.stack([low, high], axis=1)[unresolved]]
        if pieces.first[0] > 0:
            brackets.append(np.array([[self.t[0], self.t[pieces.first[0]]]]))
        if pieces.last[-1] < len(self.t) - 1:
            brackets.append(np.array([[self.t[pieces.last[-1]], self.t[-1]]]))
        # between the brackets' ends lies one bend, so a poor crossing is no worse than its bracket
        slack = self._slack(pieces, size)
        bends = np.where(unresolved, (low + high) / 2, np.clip(crossing, low - slack, high + slack))
        error = np.minimum(error, high - low + slack + EPSILON * np.abs(bends))
        return LineSweep(
            self.line, bends, np.where(unresolved, (high - low) / 2, error), pieces.slopes,
            pieces.slope_errors, self.y[pieces.first], self.t[pieces.first], self.t[pieces.last],
            np.concatenate(brackets),
        )  # fmt: skip

    def _slack(self, pieces: _Pieces, size: FloatArray) -> FloatArray:
        """How far outside its bracket a bend may lie: within noise a sample is on both lines."""
        noise = np.hypot(self.sigma[pieces.last[:-1]], self.sigma[pieces.first[1:]])
        return np.divide(noise, size, out=np.zeros_like(noise), where=size > 0)

    def _flat_nodes(self) -> BoolArray:
        step = np.diff(self.t)
        slope = np.diff(self.y, axis=0) / step[:, np.newaxis]
        # var(slope_i+1 - slope_i) from the three samples it is made of
        left, right = self.sigma[:-2] / step[:-1], self.sigma[2:] / step[1:]
        middle = self.sigma[1:-1] * (1 / step[:-1] + 1 / step[1:])
        noise = np.sqrt(left**2 + middle**2 + right**2)
        flat = np.zeros(len(self.t), dtype=np.bool_)
        flat[1:-1] = np.abs(np.diff(slope, axis=0)).max(axis=1) < self.settings.flat_sigmas * noise
        return flat

    def _runs(self, flat: BoolArray) -> _Pieces:
        # an edge is certified by a flat end whose other edge is long enough to tell
        step = np.diff(self.t)
        longest = self.settings.leverage * step
        by_left, by_right = flat[:-1].copy(), flat[1:].copy()
        by_left[1:] &= step[1:] <= longest[:-1]
        by_right[:-1] &= step[:-1] <= longest[1:]
        edge = by_left | by_right
        starts = edge & ~np.concatenate([[False], edge[:-1] & flat[1:-1]])
        ends = edge & ~np.concatenate([edge[1:] & flat[1:-1], [False]])
        first, last = np.nonzero(starts)[0], np.nonzero(ends)[0] + 1
        length = (self.t[last] - self.t[first])[:, np.newaxis]
        slopes = (self.y[last] - self.y[first]) / length
        errors = np.hypot(self.sigma[first], self.sigma[last]) / length[:, 0]
        return _Pieces(first, last, slopes, errors)

    def _bent_nodes(self, pieces: _Pieces) -> IntArray:
        """Per piece that is no line as a whole, the sample farthest from its chord."""
        inner = np.zeros(len(self.t), dtype=np.int64)
        for index, (a, b) in enumerate(zip(pieces.first, pieces.last, strict=True)):
            inner[a + 1 : b] = index + 1
        nodes = np.nonzero(inner)[0]
        if not len(nodes):
            return nodes
        piece = inner[nodes] - 1
        a, b = pieces.first[piece], pieces.last[piece]
        # y(near end) + slope * (t - t(near end)): from the nearer end, or rounding of the far one shows
        near = np.where(self.t[nodes] - self.t[a] < self.t[b] - self.t[nodes], a, b)
        distance = self.t[nodes] - self.t[near]
        chord = self.y[near] + pieces.slopes[piece] * distance[:, np.newaxis]
        sigma = np.sqrt(
            self.sigma[nodes] ** 2 + self.sigma[near] ** 2 + (distance * pieces.slope_errors[piece]) ** 2
        )
        excess = np.abs(self.y[nodes] - chord).max(axis=1) / sigma
        order = np.lexsort((-excess, piece))
        worst = order[np.unique(piece[order], return_index=True)[1]]
        return nodes[worst[excess[worst] > self.settings.flat_sigmas]]

    def _crossings(self, pieces: _Pieces) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where neighbouring pieces meet: parameters, their errors, sizes of the slope jumps."""
        jump = np.diff(pieces.slopes, axis=0)
        output = np.abs(jump).argmax(axis=1) if len(jump) else np.zeros(0, dtype=np.int64)
        pick = np.arange(len(jump)), output
        a, b = pieces.last[:-1], pieces.first[1:]
        size = jump[pick]
        # left line through (t_a, y_a), right line through (t_b, y_b)
        gap = self.y[a, output] - self.y[b, output]
        right = pieces.slopes[1:][pick]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = self.t[a] + (gap + right * (self.t[b] - self.t[a])) / size
            reach = np.maximum(np.abs(crossing - self.t[a]), np.abs(crossing - self.t[b]))
            spread = np.sqrt(
                self.sigma[a] ** 2
                + self.sigma[b] ** 2
                + (reach * pieces.slope_errors[:-1]) ** 2
                + (reach * pieces.slope_errors[1:]) ** 2
            )
            error = spread / np.abs(size) + EPSILON * np.abs(crossing)
        return crossing, error, np.abs(size)

    def _checks(self, pieces: _Pieces) -> FloatArray:
        """Two-sided checks for crossings not yet verified, middles where there is no crossing."""
        single = pieces.first[1:] - pieces.last[:-1] == 1
        crossing, error, size = self._crossings(pieces)
        low, high = self.t[pieces.last[:-1]], self.t[pieces.first[1:]]
        wanted: list[float] = []
        for i in np.nonzero(single)[0]:
            bracket = (float(low[i]), float(high[i]))
            if bracket in self.verified or _too_narrow(*bracket, self.line.scale, self.settings):
                continue
            if not _within(crossing[i], error[i], *bracket):
                wanted.append(self._middle(*bracket))
                continue
            room = high[i] - low[i]
            if self._foreseen(float(crossing[i])) or room < 8 * error[i]:
                self.verified.add(bracket)
            elif room < 200 * error[i]:
                # a short piece has a poor slope, and checks as wide as its error could hide two bends
                wanted.append(self._middle(*bracket))
            else:
                wanted += self._two_sided(crossing[i], error[i], size[i], bracket, pieces.last[i])
        return np.array(wanted)

    def _foreseen(self, crossing: float) -> bool:
        """True where a prediction made before asking names this very bend: chance cannot do that."""
        near = self.settings.predicted_match * (self.line.scale + abs(crossing))
        return bool(np.abs(self.predicted - crossing).min(initial=np.inf) < near)

    def _two_sided(
        self, crossing: float, error: float, size: float, bracket: tuple[float, float], node: int
    ) -> list[float]:
        low, high = bracket
        room = high - low
        visible = self.settings.check_sigmas * self.sigma[node] / max(size, np.finfo(np.float64).tiny)
        offset = min(max(visible, 20 * error), room / 4)
        left, right = max(low, crossing - offset), min(high, crossing + offset)
        self.verified.add((left, right))
        return [t for t in (left, right) if low < t < high]

    def _middle(self, low: float, high: float) -> float:
        theta = self.line.angle(np.array([low, high]))
        return float(self.line.parameter(theta.mean(keepdims=True))[0])

    def _middles(self, first: int, last: int) -> FloatArray:
        t = self.t[first : last + 1]
        narrow = _too_narrow(t[:-1], t[1:], self.line.scale, self.settings)
        theta = self.line.angle(t)
        return self.line.parameter((theta[:-1] + theta[1:]) / 2)[~narrow]


def _within(
    crossing: FloatArray | float, error: FloatArray | float, low: FloatArray | float, high: FloatArray | float
) -> BoolArray:
    """Whether crossings lie in their brackets; lines of equal slope cross nowhere."""
    slack = 8 * np.where(np.isfinite(error), error, 0.0)
    return np.isfinite(crossing) & (crossing >= low - slack) & (crossing <= high + slack)


def _too_narrow(low: FloatArray | float, high: FloatArray | float, scale: float, settings: LineSettings):
    return np.subtract(high, low) <= settings.smallest_width * np.maximum(scale, np.abs(low))
