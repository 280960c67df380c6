"""The smallest step along a given line that changes the class of an input, found by asking.

Fisher information says along which line a small step tells most; it says neither how far one must go nor
which way. Both ways are scanned in equal steps up to a reach, the first change is narrowed down by bisection,
and the end is asked again. Changes that come and go between two steps of the scan are not seen: the distance
is an upper bound of the smallest flip on the line.

A stack answers by sampling. It is then searched with common random numbers, so that its answers along the
line are one function, and verified with fresh numbers: the step grows until many fresh answers, taken
together, say beyond their scatter that the class has changed. An input whose own class they cannot tell
flips nowhere: what it changes from is not known. Cost: up to 2 (scan + halvings) answers for each input, and
some 16 or 32 for verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import distribution, listed, number
from hingeline.sensitivity.threat import Threat

SCAN = 24
"""Equal steps from 0 to the reach, each way."""
HALVINGS = 16
"""Of the step in which the class changes first: 1 / 65,536 of it is left."""
_GROWTH = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""At the change itself a wavering answer is a coin; by these shares the step is lengthened in turn."""
_ANSWERS = 16
"""Fresh answers of a stack by which a class is verified; their scatter is its error."""
_SIGMAS = 3.0
"""Standard errors by which a lead must differ from zero: at the boundary itself two answers are coins."""


@dataclass(frozen=True, eq=False)
class LineFlips:
    """Smallest steps along a line of each input that change its class.

    Attributes:
        directions: Of size 1 in the threat's norm, shape "n d"; zero where none was given.
        reach: Longest step tried.
        classes: Class of each input, shape "n".
        becomes: The class it becomes, shape "n"; -1 where none was found.
        signs: Which way, 1 or -1, shape "n"; 0 where none was found.
        steps: Length along the line, verified, shape "n"; infinite where none was found within the reach.
        distances: Size of the change, shape "n"; smaller than the step where a box cut it short.
        searched: Length along the line before it was verified, shape "n".
        points: Where the class has changed, shape "n d"; the input itself where it has not.
    """

    directions: FloatArray
    reach: float
    classes: IntArray
    becomes: IntArray
    signs: IntArray
    steps: FloatArray
    distances: FloatArray
    searched: FloatArray
    points: FloatArray

    @property
    def found(self) -> BoolArray:
        """Where a flip was found and verified, shape "n"."""
        return np.isfinite(self.steps)

    @property
    def refuted(self) -> BoolArray:
        """Where the search saw a change that fresh answers did not confirm, shape "n".

        Either not the class there, or not the one from which it was.
        """
        return np.isfinite(self.searched) & ~self.found

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready; a median is None where most inputs did not flip."""
        count = len(self.steps)
        return {
            "inputs": count,
            "reach": self.reach,
            "share_flipped": float(self.found.mean()) if count else None,
            "share_refuted": float(self.refuted.mean()) if count else None,
            "median_step": number(median(self.steps)),
            "median_distance": number(median(self.distances)),
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and arrays, JSON-ready; None for what was not found."""
        names = ("classes", "becomes", "signs", "steps", "distances", "searched", "directions", "points")
        return {"summary": self.summary(), **{name: listed(getattr(self, name)) for name in names}}

    def figure(self) -> Curves:
        """Share of inputs flipped by steps up to each length."""
        return Curves(
            "line-flips",
            "Share of inputs whose class changes within a step of each length along their own line, the "
            "better of both ways.",
            Axis("length of the step", from_zero=True),
            Axis("share of inputs flipped", from_zero=True),
            (Curve("smallest flip on the line", *distribution(self.steps)),),
        )


def flips_on_lines(
    model: Model,
    decision: Decision,
    points: FloatArray,
    directions: FloatArray,
    *,
    reach: float,
    threat: Threat | None = None,
    scan: int = SCAN,
    halvings: int = HALVINGS,
) -> LineFlips:
    """Find the smallest step along plus or minus each direction that changes the class.

    Args:
        model: What is asked; a `StackModel` is searched with common random numbers.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        directions: One for each input, "n d", or one for all, "d"; their lengths do not matter.
        reach: Longest step, in the threat's norm.
        threat: Norm, box and free coordinates; l2, none and all if None.
        scan: Equal steps in which each way is first looked through.
        halvings: Of the step in which the class changes first.

    Raises:
        InvalidInput: Directions of other points, or a reach that is not a finite number above 0.
    """
    threat = threat or Threat()
    rows = as_points(points, model.input_dim)
    lines = _unit(directions, rows, threat)
    if not (np.isfinite(reach) and reach > 0) or scan < 1 or halvings < 0:
        raise InvalidInput(
            f"a line wants a finite reach above 0 and at least one step; got reach={reach}, scan={scan}, "
            f"halvings={halvings}"
        )
    search, check, answers = model, model, 1
    if isinstance(model, StackModel):
        search, check, answers = model.with_common_numbers(), model.with_samples(model.samples), _ANSWERS
    every = _Answers.of(check, rows, answers)
    own = decision.of(every.mean) if len(rows) else np.zeros(0, np.int64)
    settled = every.leads(decision, own).min(axis=1) > 0 if len(rows) else np.zeros(0, np.bool_)
    searched, signs = _search(_Lines(search, decision, threat, rows, lines, own), reach, scan, halvings)
    fresh = _Lines(check, decision, threat, rows, lines, own)
    return _verified(fresh, answers, settled | (answers == 1), reach, reach / scan, searched, signs)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Several answers of a model at the same points.

    Attributes:
        each: Shape "a n k".
    """

    each: FloatArray

    @classmethod
    def of(cls, model: Model, points: FloatArray, count: int) -> _Answers:
        """Ask so many times."""
        return cls(np.stack([model.outputs(points) for _ in range(count)]))

    @property
    def mean(self) -> FloatArray:
        """Of all answers, "n k"."""
        return self.each.mean(axis=0)

    def leads(self, decision: Decision, classes: IntArray, sigmas: float = _SIGMAS) -> FloatArray:
        """Leads of `classes`, "n r", each less so many standard errors (of one answer there are none)."""
        found = np.stack([decision.leads(one, classes) for one in self.each])
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
        return found.mean(axis=0) - sigmas * error


@dataclass(frozen=True, eq=False)
class _Lines:
    """A model on the lines through its inputs."""

    model: Model
    decision: Decision
    threat: Threat
    points: FloatArray
    directions: FloatArray
    own: IntArray

    def at(self, which: IntArray, steps: FloatArray) -> FloatArray:
        """Points of lines `which`, signed lengths `steps` along: "m d"."""
        return self.threat.inside(self.points[which] + steps[:, np.newaxis] * self.directions[which])

    def classes(self, which: IntArray, steps: FloatArray) -> IntArray:
        """Classes there, "m"."""
        if not len(which):
            return np.zeros(0, np.int64)
        return self.decision.of(self.model.outputs(self.at(which, steps)))

    def flips(self, which: IntArray, steps: FloatArray) -> BoolArray:
        """Whether the class has changed there, "m"."""
        return self.classes(which, steps) != self.own[which]


def _search(lines: _Lines, reach: float, scan: int, halvings: int) -> tuple[FloatArray, FloatArray]:
    """Shortest step seen to change the class, infinite if none, and its sign: "n" each."""
    n = len(lines.points)
    # both ways of each line, plus first
    which, signs = np.tile(np.arange(n), 2), np.repeat([1.0, -1.0], n)
    low, high = np.zeros(2 * n), np.full(2 * n, np.inf)
    for step in reach * np.arange(1, scan + 1) / scan:
        # once a line has changed one way, longer steps the other way are of no use
        nearest = np.minimum(high[:n], high[n:])
        asked = np.flatnonzero(np.isinf(np.tile(nearest, 2)))
        flipped = lines.flips(which[asked], signs[asked] * step)
        high[asked[flipped]] = step
        low[asked[~flipped]] = step
    open_ends = np.flatnonzero(np.isfinite(high))
    for _ in range(halvings):
        middle = 0.5 * (low[open_ends] + high[open_ends])
        flipped = lines.flips(which[open_ends], signs[open_ends] * middle)
        high[open_ends[flipped]] = middle[flipped]
        low[open_ends[~flipped]] = middle[~flipped]
    better = np.where(high[n:] < high[:n], 1, 0)
    place = better * n + np.arange(n)
    return high[place], np.where(np.isfinite(high[place]), signs[place], 0.0)


def _verified(
    lines: _Lines,
    answers: int,
    settled: BoolArray,
    reach: float,
    unit: float,
    searched: FloatArray,
    signs: FloatArray,
) -> LineFlips:
    """Ask the ends again; steps grow a little until the answers together say that the class has changed."""
    n = len(lines.points)
    steps, becomes = np.full(n, np.inf), np.full(n, -1, np.int64)
    for growth in _GROWTH:
        tried = np.flatnonzero(np.isfinite(searched) & np.isinf(steps) & settled)
        if not len(tried):
            break
        # a share of the scan's step where the change lies near 0, which its own share would not leave
        length = np.minimum(searched[tried] + growth * np.maximum(searched[tried], unit), reach)
        told = _Answers.of(lines.model, lines.at(tried, signs[tried] * length), answers)
        now = lines.decision.of(told.mean)
        # the own class lies behind another beyond doubt
        behind = told.leads(lines.decision, lines.own[tried], -_SIGMAS).min(axis=1) <= 0
        agreed = (now != lines.own[tried]) & behind
        steps[tried[agreed]], becomes[tried[agreed]] = length[agreed], now[agreed]
    found = np.isfinite(steps)
    points = lines.points.copy()
    where = np.flatnonzero(found)
    points[where] = lines.at(where, signs[where] * steps[where])
    return LineFlips(
        directions=lines.directions,
        reach=reach,
        classes=lines.own,
        becomes=becomes,
        signs=np.where(found, signs, 0.0).astype(np.int64),
        steps=steps,
        distances=np.where(found, lines.threat.size(points - lines.points), np.inf).reshape(n),
        searched=searched,
        points=points,
    )


def _unit(directions: FloatArray, rows: FloatArray, threat: Threat) -> FloatArray:
    """Directions of size 1 for each row; zero where nothing may change along them."""
    given = np.asarray(directions, dtype=np.float64)
    if given.shape not in (rows.shape, rows.shape[1:]) or not np.isfinite(given).all():
        raise InvalidInput(
            f"finite directions of shape {rows.shape} or {rows.shape[1:]} are wanted; got {given.shape}"
        )
    lines = threat.masked(np.array(np.broadcast_to(given, rows.shape)))
    sizes = threat.size(lines)[:, np.newaxis]
    return np.divide(lines, sizes, out=np.zeros_like(lines), where=sizes > 0)
