"""All kinks of a'|Wx| on half a great circle.

On x(t) = cos t p + sin t q every neuron turns over exactly once in a half circle, whatever its row (a
straight line misses those whose planes it hardly leaves), and between two kinks the function is A cos t +
B sin t. Two known pieces meet at one angle. If the left piece holds just before it and the right one just
after, there is one kink between them, and it lies there; if not, the two answers are a piece of their
own, or widen one of the two, and both halves are looked at in the same way. The piece at pi is the one at
0 turned around, so a search begins with two queries. All open intervals of a round are asked in one
batch.

Two kinks of opposite sign may lie on one side of the meeting point, where one query on it would see nothing;
hence one query on each side.

Last, three queries on every kink, as near to each other as noise allows: two of one sign that lie close
together cut off the corner, and two of opposite signs show on one side of it.

Cost: 7 queries per kink where all coefficients are positive, 8 where signs differ.
Source: ours; the recursion is that of line searches for bends (Carlini, Jagielski and Mironov 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.absolute_value.piece import Piece, crossing, refined
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import IllConditioned
from hingeline.numerics.tolerances import EPSILON

SIGMAS = 12.0
"""Standard deviations by which an answer may miss a piece that holds."""
NARROWEST = 1e-5
"""Distance of the two queries from a meeting point, as a share of the interval; two kinks nearer look one."""
WIDEST = 0.1
"""The same for very noisy answers, where two answers close together tell no slope."""
AT_AN_END = 1e-7
"""Meeting points nearer to an end of the interval, as a share of it, tell nothing new where they are."""
ASIDE = 1e-3
"""Where to ask then: so far from that end, as a share of the interval."""
BEYOND_DOUBT = 3.0
"""Distance from a meeting point in units of its own uncertainty, at least."""
MOST_ROUNDS = 80
"""Rounds after which what is still open cannot be told apart."""

MOST_KINKS = 2**13
"""Kinks and open intervals after which a circle is taken for curved: a smooth function bends everywhere."""

Values = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Circle:
    """What half a great circle showed."""

    kinks: FloatArray
    """Angles, rising, within pi of each other; shape "m"."""
    pieces: tuple[Piece, ...]
    """m + 1 of them; the last is the first, half a circle on."""
    unresolved: int
    """Kinks that are several: what was asked on them says so, and noise does not let them be told apart."""
    blur: FloatArray
    """Angle within which two kinks would have been taken for each one, shape "m"."""


@dataclass(frozen=True, eq=False)
class _Interval:
    """An angle between two known pieces."""

    start: float
    end: float
    left: Piece
    right: Piece


def find_kinks(ask: Values, sigma: float) -> Circle:
    """Find every kink on a half circle.

    Args:
        ask: Values at angles, "n" to "n".
        sigma: Standard deviation of one value on the circle.

    Returns:
        Kinks and pieces; the pieces' numbers are fitted to all answers within them.

    Raises:
        IllConditioned: Answers on one stretch contradict each other, so that no set of kinks explains them,
            or there are more than `MOST_KINKS`.

    Cost: 3 queries, and 7 to 8 for each kink.
    """
    start = ask(np.array([0.0, 0.05]))
    share = _share(sigma, float(np.abs(start).max()))
    width = 3 * share
    first = Piece([0.0], [float(start[0])])
    first.take(width, float(ask(np.array([width]))[0]))
    search = _Search(ask, sigma, share)
    return search.run(first, width)


def _share(sigma: float, size: float) -> float:
    """Where rounding and the chance to meet a second kink are about equal."""
    relative = sigma / size if size > 0 else 1.0
    return float(np.clip(3 * np.sqrt(relative), NARROWEST, WIDEST))


@dataclass(eq=False)
class _Kink:
    """Where two pieces meet."""

    near: float
    left: Piece
    right: Piece
    asked: bool = False
    """Whether the corner itself was asked."""


def _bracket(kink: _Kink) -> tuple[float, float]:
    """The nearest angles asked on either side of a kink."""
    before = [t for t in kink.left.angles if t < kink.near]
    after = [t for t in kink.right.angles if t > kink.near]
    if not before or not after:
        raise IllConditioned("answers on one stretch of the circle contradict each other")
    return max(before), min(after)


class _Search:
    """One search; keeps what is open, found and given up."""

    def __init__(self, ask: Values, sigma: float, share: float) -> None:
        self.ask, self.sigma, self.share = ask, sigma, share
        self.found: list[_Kink] = []
        self.unresolved = 0

    def run(self, first: Piece, width: float) -> Circle:
        """Rounds of questions until nothing is open."""
        last = first.turned()
        pending = [_Interval(width, np.pi, first, last)]
        for _ in range(MOST_ROUNDS):
            pending = pending or self._doubtful()
            if not pending:
                break
            pending = self._round(pending)
            if len(pending) + len(self.found) > MOST_KINKS:
                raise IllConditioned(
                    f"More than {MOST_KINKS:,} kinks on half a circle: the function looks curved there"
                )
        for rest in pending:
            self._give_up(rest, self._meeting(rest))
        return self._circle(first)

    def _doubtful(self) -> list[_Interval]:
        """Ask at every new kink: two of them close together cut off the corner; those are opened again."""
        self._drop_chords()
        self._join_halves()
        fresh = [kink for kink in self.found if not kink.asked]
        if not fresh:
            return []
        corners = np.array([refined(kink.left, kink.right, kink.near) for kink in fresh])
        aside = [self._aside(kink, float(place)) for kink, place in zip(fresh, corners, strict=True)]
        angles = corners[:, np.newaxis] + np.outer(aside, [-1.0, 0.0, 1.0])
        values = self.ask(angles.ravel()).reshape(-1, 3)
        opened: list[_Interval] = []
        for kink, where, what in zip(fresh, angles, values, strict=True):
            kink.asked = True
            held = [
                self._holds(piece, float(t), float(v))
                for piece, t, v in zip((kink.left, kink.left, kink.right), where, what, strict=True)
            ]
            if not all(held):
                opened += self._opened(kink, where, what)
        return opened

    def _aside(self, kink: _Kink, corner: float) -> float:
        """How near to a corner its two sides can be told apart: another pair of kinks may lie beside it."""
        start, end = _bracket(kink)
        room = min(abs(corner - start), abs(end - corner))
        return min(self._clear(kink.left, kink.right, corner), room / 2)

    def _opened(self, kink: _Kink, where: FloatArray, what: FloatArray) -> list[_Interval]:
        """The stretch about a kink that is several, less what the answers about its corner explain."""
        start, end = _bracket(kink)
        for t, v in zip(map(float, where[[0, 2]]), map(float, what[[0, 2]]), strict=True):
            on_left, on_right = self._holds(kink.left, t, v), self._holds(kink.right, t, v)
            if start < t < end and on_left != on_right:
                start, end = (t, end) if on_left else (start, t)
        if end - start > 64 * EPSILON:
            self.found.remove(kink)
            return [_Interval(start, end, kink.left, kink.right)]
        self.unresolved += 1
        return []

    def _drop_chords(self) -> None:
        """Remove pieces that are no pieces: two answers on either side of one kink, taken for a stretch.

        Such a chord ends where its first two answers lie; a real stretch reaches far beyond them.
        """
        kinks = sorted(self.found, key=lambda kink: kink.near)
        kept: list[_Kink] = []
        for kink in kinks:
            chord = kink.left
            span = abs(chord.angles[1] - chord.angles[0])
            place = refined(kink.left, kink.right, kink.near)
            if kept and kept[-1].right is chord:
                before = kept[-1]
                start = refined(before.left, before.right, before.near)
                if place - start <= 2 * span:
                    kept[-1] = _Kink((start + place) / 2, before.left, kink.right)
                    continue
            kept.append(kink)
        self.found = kept

    def _join_halves(self) -> None:
        """Remove kinks between two pieces that one fit explains: a stretch found twice."""
        kept: list[_Kink] = []
        for kink in sorted(self.found, key=lambda kink: kink.near):
            both = Piece(kink.left.angles + kink.right.angles, kink.left.values + kink.right.values)
            both.fit()
            if both.misfit() > SIGMAS * self.sigma:
                kept.append(kink)
                continue
            for other in self.found:
                other.left = both if other.left in (kink.left, kink.right) else other.left
                other.right = both if other.right in (kink.left, kink.right) else other.right
        self.found = kept

    def _round(self, pending: list[_Interval]) -> list[_Interval]:
        """Two queries in every open interval."""
        open_ones: list[tuple[_Interval, float, float]] = []
        for interval in pending:
            middle = self._meeting(interval)
            step = self._step(interval, middle)
            if step < 16 * EPSILON * max(1.0, interval.end) or not self._apart(interval):
                self._give_up(interval, middle)
            else:
                open_ones.append((interval, middle, step))
        if not open_ones:
            return []
        angles = np.array([[middle - step, middle + step] for _, middle, step in open_ones])
        values = self.ask(angles.ravel()).reshape(-1, 2)
        following: list[_Interval] = []
        for (interval, middle, _), where, what in zip(open_ones, angles, values, strict=True):
            following += self._judge(interval, middle, where, what)
        return following

    def _judge(
        self, interval: _Interval, middle: float, where: FloatArray, what: FloatArray
    ) -> list[_Interval]:
        """Whether one kink explains both answers, and what is left to look at if not."""
        (before, after), (first, second) = map(float, where), map(float, what)
        left, right = interval.left, interval.right
        holds = self._holds
        if holds(left, before, first) and holds(right, after, second):
            left.take(before, first)
            right.take(after, second)
            if not self._meet(left, right, before, after):
                return [_Interval(before, after, left, right)]
            self.found.append(_Kink(middle, left, right))
            return []
        if holds(left, before, first) and holds(left, after, second):
            left.take(after, second)
            return [_Interval(after, interval.end, left, right)]
        if holds(right, before, first) and holds(right, after, second):
            right.take(before, first)
            return [_Interval(interval.start, before, left, right)]
        between = Piece([before], [first])
        between.take(after, second)
        return [
            _Interval(interval.start, before, left, between),
            _Interval(after, interval.end, between, right),
        ]

    def _holds(self, piece: Piece, angle: float, value: float) -> bool:
        allowed = SIGMAS * self.sigma * (1 + piece.doubt(angle))
        return abs(value - piece.at(angle)) <= allowed

    def _meet(self, left: Piece, right: Piece, before: float, after: float) -> bool:
        """Whether two pieces have one value between two angles; several kinks lie there if not."""
        place = refined(left, right, (before + after) / 2)
        slack = self._clear(left, right, place)
        return before - slack <= place <= after + slack

    def _meeting(self, interval: _Interval) -> float:
        """Where the two pieces meet; the middle of the interval where that is not inside it."""
        meeting = crossing(interval.left, interval.right, interval.start)
        if meeting is None or not interval.start < meeting < interval.end:
            return 0.5 * (interval.start + interval.end)
        length = interval.end - interval.start
        if meeting - interval.start < AT_AN_END * length:
            return interval.start + ASIDE * length
        return interval.end - ASIDE * length if interval.end - meeting < AT_AN_END * length else meeting

    def _step(self, interval: _Interval, middle: float) -> float:
        """How far to either side: where noise does not let the two pieces be taken for each other."""
        room = min(middle - interval.start, interval.end - middle)
        return min(max(self.share * room, self._clear(interval.left, interval.right, middle)), room / 2)

    def _clear(self, left: Piece, right: Piece, middle: float) -> float:
        """How far from where they meet noise does not let two pieces be taken for each other."""
        slope = abs((right.b - left.b) * np.cos(middle) - (right.a - left.a) * np.sin(middle))
        blur = SIGMAS * self.sigma * (2 + left.doubt(middle) + right.doubt(middle))
        return float(BEYOND_DOUBT * blur / slope) if slope > 0 else np.inf

    def _apart(self, interval: _Interval) -> bool:
        """Whether noise lets the two pieces be told apart at one of the ends."""
        left, right = interval.left, interval.right
        return any(
            abs(left.at(end) - right.at(end)) > SIGMAS * self.sigma * (left.doubt(end) + right.doubt(end))
            for end in (interval.start, interval.end)
        )

    def _give_up(self, interval: _Interval, near: float) -> None:
        """One kink, unless noise hides that there is any; whether it is one, the corner will tell."""
        left, right = interval.left, interval.right
        gap = max(abs(left.a - right.a), abs(left.b - right.b))
        if gap > SIGMAS * self.sigma * (left.doubt(near) + right.doubt(near)):
            self.found.append(_Kink(near, left, right))

    def _circle(self, first: Piece) -> Circle:
        """In order; each kink once more from the pieces as fitted in the end."""
        found = sorted(self.found, key=lambda kink: kink.near)
        if not found:
            raise IllConditioned("no kink was found on a half circle, where every neuron has one")
        pieces = [first, *(kink.right for kink in found[:-1])]
        # the last piece is the first one, seen from the other side
        behind = found[-1].right
        for angle, value in zip(behind.angles, behind.values, strict=True):
            if angle - np.pi not in first.angles:
                first.angles.append(angle - np.pi)
                first.values.append(value)
        first.fit()
        pieces.append(first.turned())
        if any(piece.misfit() > SIGMAS * self.sigma for piece in pieces):
            raise IllConditioned("answers on one stretch of the circle contradict each other")
        kinks = np.array([refined(pieces[i], pieces[i + 1], found[i].near) for i in range(len(found))])
        if (np.diff(kinks) <= 0).any():
            raise IllConditioned("kinks on the circle come out of order: some piece holds a kink unseen")
        blur = [self._clear(pieces[i], pieces[i + 1], float(kink)) for i, kink in enumerate(kinks)]
        return Circle(kinks, tuple(pieces), self.unresolved, np.array(blur))
