"""Points where two classes are nearly equally likely: on segments between inputs of different class.

The ends are the user's examples and points of the law, in turn: between two examples, between an example and
a point of the law, between two points of the law. Each segment is halved until the two leading
probabilities at its middle are close. Of the ends, those where two classes are close already are taken as
they are: corners excite neurons that are asleep between them.

Where answers know only one class, points are kept whose second probability can still be told.

Cost: about 2 queries for each end and 7 for each point.
Source: our design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.subspace.pair_door import PairDoor, balanced, leading

# The second probability over the first at which halving ends: the log-ratio's error is then at most 1.6
# times the least, and steps of a log-ratio of 3 leave both probabilities large.
_CLOSE = 0.5
# After so many halvings a boundary is a jump between floats.
_HALVINGS = 40
# Second probability over the first of a point that is kept where no second class leads anywhere.
_FAINT = 0.02
# The same for an end that is taken as it is: twice the least error.
_FAIR = 0.25
# Segments drawn for each point wanted, at once and how often.
_SEGMENTS = 8
_DRAWS = 6


@dataclass(frozen=True, eq=False)
class PairPoints:
    """Where two classes compete."""

    points: FloatArray
    """Shape "n d", in the probe's coordinates."""
    pairs: IntArray
    """The two classes at each, shape "n 2"."""

    def __len__(self) -> int:
        """How many."""
        return len(self.points)


def pair_points(door: PairDoor, rng: np.random.Generator, count: int) -> PairPoints:
    """Find points between classes.

    Args:
        door: Where queries go.
        rng: Draws the ends.
        count: Points wanted; fewer come where classes are hard to find.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: about 23 queries for each point; up to 96 for each wanted where there is only one class.
    """
    found: list[FloatArray] = []
    faint: list[FloatArray] = []
    for _ in range(_DRAWS):
        first, second = _ends(door, rng, _SEGMENTS * count)
        before, after = door.answers(first), door.answers(second)
        fair = np.flatnonzero(balanced(before, _FAIR))[: count // 2]
        found.append(first[fair])
        faint.append(first[balanced(before, _FAINT) & ~balanced(before, _FAIR)])
        differ = np.flatnonzero(leading(before)[:, 0] != leading(after)[:, 0])[: count - len(fair)]
        found.append(halved(door, first[differ], second[differ], leading(before)[differ, 0]))
        if sum(map(len, found)) >= count:
            break
    points = np.concatenate([*found, *faint])[:count]
    points = door.noisy.snapped(points)
    points = points[door.domain.holds(points)]
    answers = door.answers(points) if len(points) else np.zeros((0, 2))
    return PairPoints(points, leading(answers))


def halved(door: PairDoor, start: FloatArray, end: FloatArray, classes: IntArray) -> FloatArray:
    """Points between `start` and `end` where two classes are close; segments without one are left out.

    Args:
        door: Where queries go.
        start: Inputs, shape "n d".
        end: Inputs of another class, shape "n d".
        classes: The class at each start, shape "n".

    Cost: about 7 queries for each segment.
    """
    low, high = np.zeros(len(start)), np.ones(len(start))
    places = np.full(len(start), np.nan)
    for _ in range(_HALVINGS):
        open_ = np.flatnonzero(np.isnan(places))
        if not len(open_):
            break
        middle = (low[open_] + high[open_]) / 2
        answers = door.answers(start[open_] + middle[:, np.newaxis] * (end - start)[open_])
        same = leading(answers)[:, 0] == classes[open_]
        low[open_], high[open_] = np.where(same, middle, low[open_]), np.where(same, high[open_], middle)
        places[open_] = np.where(balanced(answers, _CLOSE), middle, np.nan)
    met = np.isfinite(places)
    return start[met] + places[met, np.newaxis] * (end - start)[met]


def _ends(door: PairDoor, rng: np.random.Generator, count: int) -> tuple[FloatArray, FloatArray]:
    """Both ends of segments, in random order: "count d" each."""
    law, data = door.bench.law, door.bench.data
    # seen from the middle of the box, which is the origin
    shrunk = door.inset if np.isfinite(law.domain.half_width) else 1.0
    first, second = (shrunk * law.points(rng, count)[rng.permutation(count)] for _ in range(2))
    if data is not None:
        kind = rng.permutation(count) % 3
        for ends, examples in ((first, kind > 0), (second, kind > 1)):
            ends[examples] = shrunk * data.examples[rng.integers(len(data.examples), size=examples.sum())]
    return first, second
