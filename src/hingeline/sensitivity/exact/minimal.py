"""The smallest flip of each input of a ReLU network, proved where the budget allows.

Upper bounds are changes that were tried on the network itself; lower bounds come from the search and hold up
to float64 rounding. Both are always given.

Cost: no queries (the weights are at hand); time grows with the neurons that are undecided within the flip
distance: 784-32-32-10 on MNIST takes about a second for an input, thousands of nodes at 0.3 ms.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event, EventSink, ignore
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.statistics import median, quantile
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.problem import FlipProblem, flip_problem
from hingeline.sensitivity.exact.search import ExactSettings, search
from hingeline.sensitivity.threat import Threat

_BRIEF_NODES = 2_000
"""Nodes of the first look at each input: most are proved by then."""
_LEAST_SECONDS = 0.2
"""Of an input whose share is used up: both bounds are given, always."""
# The change that attains a minimum lies on the boundary: the least of these pushes that flips is taken.
_PUSHES = 1.0 + np.array([0.0, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7])
# Changes that drown in the digits of the input: these many units in its last place.
_LAST_PLACES = 2.0 ** np.arange(0, 13)


@dataclass(frozen=True)
class FlipBounded(Event):
    """One input's smallest flip was bounded."""

    index: int
    """Row of the input."""
    of: int
    """How many inputs there are."""
    upper: float
    lower: float
    ended: str
    """"proved" or "budget"."""


@dataclass(frozen=True, eq=False)
class Solved:
    """What is known of the smallest flip of one input.

    Attributes:
        change: The smallest change that was found, shape "d"; zeros if none was.
        upper: Its size; infinite if none was found.
        lower: No flip is smaller.
        ended: "proved" or "budget".
        nodes: Nodes that were bounded.
    """

    change: FloatArray
    upper: float
    lower: float
    ended: str
    nodes: int


class SolvedInputs(Protocol):
    """Keeps what is solved, so that a search that was stopped goes on where it was."""

    def recall(self, index: int) -> Solved | None:
        """What was kept of the input in row `index`; None if nothing was."""
        ...

    def keep(self, index: int, solved: Solved) -> None:
        """Keep what is known of the input in row `index`."""
        ...


@dataclass(frozen=True, eq=False)
class MinimalFlips:
    """Bounds on the smallest flip of each input.

    Attributes:
        norm: How sizes are measured.
        classes: Decisions at the inputs, shape "n".
        flipped_to: Decisions after the smallest change that was found, shape "n"; as before if none was.
        changes: That change, shape "n d"; zeros if none was found.
        upper: Its size, shape "n"; infinite if none was found.
        lower: No flip is smaller, shape "n"; infinite if it is proved that none exists in the box.
        ended: For each input "proved" or "budget".
        nodes: Nodes that were bounded, shape "n".
        tolerance: Share by which upper may exceed lower where it is proved.
    """

    norm: str
    classes: IntArray
    flipped_to: IntArray
    changes: FloatArray
    upper: FloatArray
    lower: FloatArray
    ended: tuple[str, ...]
    nodes: IntArray
    tolerance: float

    @property
    def proved(self) -> BoolArray:
        """Inputs whose smallest flip is known: both bounds agree, shape "n"."""
        return np.array([how == "proved" for how in self.ended], dtype=np.bool_)

    @property
    def ratios(self) -> FloatArray:
        """Upper over lower bound, shape "n"; 1 where proved, infinite where only one is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self.upper / self.lower
        return np.where(self.proved, 1.0, np.where(np.isfinite(ratios), ratios, np.inf))

    def summary(self) -> dict[str, Any]:
        """Scalars for people and for JSON."""
        return {
            "inputs": len(self.upper),
            "norm": self.norm,
            "proved": int(self.proved.sum()),
            "not proved": [int(i) for i in np.nonzero(~self.proved)[0]],
            "median upper bound": median(self.upper),
            "median lower bound": median(self.lower),
            "quartiles of the upper bound": [quantile(self.upper, 0.25), quantile(self.upper, 0.75)],
            "without a flip": int(np.isinf(self.upper).sum()),
            "nodes": int(self.nodes.sum()),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything but the changes themselves, ready for JSON."""
        return {
            **self.summary(),
            "classes": self.classes.tolist(),
            "flipped to": self.flipped_to.tolist(),
            "upper": self.upper.tolist(),
            "lower": self.lower.tolist(),
            "ended": list(self.ended),
        }

    def figure(self) -> Curves:
        """Inputs sorted by their smallest flip, with the certified bound below each."""
        order = np.argsort(self.upper, kind="stable")
        shown = order[np.isfinite(self.upper[order])]
        ranks = tuple(float(i) for i in range(1, len(shown) + 1))
        certified = tuple(float(v) for v in self.lower[shown])
        return Curves(
            name="minimal-flips",
            caption=f"Smallest change that flips each input: {int(self.proved.sum())} of {len(order)} proved",
            across=Axis("inputs, sorted", whole=True),
            up=Axis(f"size of the change ({self.norm})", from_zero=True),
            curves=(
                Curve("smallest flip found", ranks, tuple(float(v) for v in self.upper[shown])),
                Curve("certified: nothing smaller flips", ranks, certified, joined=False),
            ),
        )


def minimal_flips(
    network: PiecewiseLinearNetwork,
    points: Any,
    threat: Threat | None = None,
    *,
    decision: Decision | None = None,
    starts: FloatArray | None = None,
    settings: ExactSettings | None = None,
    workers: int = 1,
    seconds: float | None = None,
    solved: SolvedInputs | None = None,
    on_event: EventSink = ignore,
) -> MinimalFlips:
    """Bound the smallest change of each input that another class survives.

    Args:
        network: The network, in memory.
        points: Inputs, shape "n d", inside the threat's box.
        threat: Norm, box and free coordinates; l2 and no limits if not given.
        decision: How outputs become classes; the largest, or the side of 0 of a single one, if not given.
        starts: Flipped inputs that are known, one for each input, shape "n d"; they save time.
        settings: Budget for each input.
        seconds: Most seconds for all inputs together; None for no limit. Every input is looked at briefly
            first, and what is left goes to those that are not proved by then.
        workers: Processes; each takes whole inputs. More than 1 needs a script whose main part is guarded,
            as `multiprocessing` does everywhere.
        solved: Remembers inputs across runs; must belong to the same network, inputs and settings.
        on_event: Gets a `FlipBounded` for each input, once.

    Raises:
        InvalidInput: Points outside the box, or shapes that do not fit.

    Source: Jordan et al. 2019 and Bunel et al. 2020, see `hingeline.sensitivity.exact.search`.
    """
    threat, settings = threat or Threat(), settings or ExactSettings()
    rows = as_points(points, network.input_dim)
    decision = decision or Decision(network.output_dim)
    _check(network, rows, threat, decision, starts)
    classes = decision.of(network(rows))
    known = np.full_like(rows, np.nan) if starts is None else as_points(starts, network.input_dim)
    found = {i: one for i in range(len(rows)) if solved is not None and (one := solved.recall(i)) is not None}
    solve = partial(_solve, network, decision, threat)
    watch = _Watch(seconds, workers)

    def done(i: int, one: Solved) -> None:
        found[i] = one
        if solved is not None:
            solved.keep(i, one)
        on_event(FlipBounded(i, len(rows), one.upper, one.lower, one.ended))

    missing = [i for i in range(len(rows)) if i not in found]
    jobs = (
        Job(rows[i], int(classes[i]), known[i], each) for i, each in watch.shared(missing, _brief(settings))
    )
    hard: dict[int, Solved] = {}
    for i, one in zip(missing, _mapped(solve, jobs, min(workers, len(missing))), strict=True):
        if one.ended == "proved" or settings.nodes <= one.nodes:
            done(i, one)
        else:
            hard[i] = one
    again = (
        Job(rows[i], int(classes[i]), _best_start(rows[i], hard[i], known[i]), each)
        for i, each in watch.shared(list(hard), settings)
    )
    for i, one in zip(hard, _mapped(solve, again, min(workers, len(hard))), strict=True):
        done(i, _both(hard[i], one, settings.tolerance))
    return _gathered(network, decision, threat, rows, classes, [found[i] for i in range(len(rows))], settings)


@dataclass(frozen=True, eq=False)
class Job:
    """One input to solve, in a process of its own perhaps."""

    point: FloatArray
    own: int
    start: FloatArray
    """A known flip, shape "d"; NaN if there is none."""
    settings: ExactSettings


class _Watch:
    """Shares the seconds that are left among the inputs that are left."""

    def __init__(self, seconds: float | None, workers: int) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._workers = max(1, workers)

    def shared(self, inputs: list[int], settings: ExactSettings) -> Iterator[tuple[int, ExactSettings]]:
        """Each input with its budget, made when it is asked for, so that what one leaves goes to the next."""
        for place, i in enumerate(inputs):
            if self._deadline is None:
                yield i, settings
                continue
            left = max(self._deadline - time.monotonic(), _LEAST_SECONDS)
            share = max(left * self._workers / (len(inputs) - place), _LEAST_SECONDS)
            yield i, replace(settings, seconds=min(share, settings.seconds or share))


def _brief(settings: ExactSettings) -> ExactSettings:
    return replace(settings, nodes=min(settings.nodes, _BRIEF_NODES))


def _best_start(point: FloatArray, before: Solved, known: FloatArray) -> FloatArray:
    """The flip that the first look found, a little beyond the boundary; else what was known before."""
    return point + (1 + 1e-9) * before.change if np.isfinite(before.upper) else known


def _both(first: Solved, second: Solved, tolerance: float) -> Solved:
    """The better bounds of two looks at one input."""
    best = second if second.upper <= first.upper else first
    lower = min(max(first.lower, second.lower), best.upper)
    # that nothing flips within reach proves no flip that the other look found beyond it
    proved = best.ended == "proved" if np.isinf(best.upper) else lower >= best.upper * (1 - tolerance)
    return Solved(
        best.change, best.upper, lower, "proved" if proved else "budget", first.nodes + second.nodes
    )


def _solve(network: PiecewiseLinearNetwork, decision: Decision, threat: Threat, job: Job) -> Solved:
    """What the search knows, with a change of the whole input that was checked on the network."""
    point, own, settings = job.point, job.own, job.settings
    problem = flip_problem(network, decision, point, own, threat)
    searched = search(problem, _start(problem, job.start), settings)
    nothing = np.zeros_like(point)
    if searched.change is None:
        return Solved(nothing, np.inf, searched.lower, searched.ended, searched.nodes)
    changes = _pushed(threat, point, problem.input_change(searched.change[np.newaxis])[0])
    # what is told is the change: it must flip when it is added again, which rounds once more, and alone
    # as well as among others
    moved, owns = threat.inside(point + changes), np.full(len(changes), own)
    out = decision.flipped(network(moved), owns) & changes.any(axis=1)
    for i in np.nonzero(out)[0]:
        out[i] = decision.flipped(network(moved[i : i + 1]), owns[:1])[0]
    if not out.any():
        # what was found flips up to rounding only: nothing is proved beyond it
        return Solved(nothing, np.inf, min(searched.lower, searched.upper), "budget", searched.nodes)
    # one push further where that flips too: answers differ in the last digits with the batch they come in
    first = int(out.argmax())
    change = changes[first + 1 if first + 1 < len(out) and out[first + 1] else first]
    upper = float(threat.size(change))
    lower = min(searched.lower, upper)
    proved = lower >= upper * (1 - settings.tolerance)
    return Solved(change, upper, lower, "proved" if proved else "budget", searched.nodes)


def _pushed(threat: Threat, point: FloatArray, change: FloatArray) -> FloatArray:
    """A change ("d") and ever larger ones along it, as they are when added to the input: "p d"."""
    size = float(threat.size(change))
    last = float(np.spacing(threat.size(point)))
    pushes = np.concatenate([_PUSHES, last / size * _LAST_PLACES]) if size > 0 else _PUSHES
    pushes = np.sort(pushes[pushes >= 1.0])
    return threat.changes_inside(point, pushes[:, np.newaxis] * change)


def _start(problem: FlipProblem, flipped: FloatArray) -> FloatArray:
    if np.isnan(flipped).any():
        return np.zeros((0, problem.dim))
    change = flipped - problem.point
    coordinates = change[problem.entries] if problem.lift is None else change @ problem.lift
    return coordinates[np.newaxis]


def _gathered(
    network: PiecewiseLinearNetwork,
    decision: Decision,
    threat: Threat,
    rows: FloatArray,
    classes: IntArray,
    found: list[Solved],
    settings: ExactSettings,
) -> MinimalFlips:
    changes = np.array([one.change for one in found]).reshape(rows.shape)
    return MinimalFlips(
        norm=threat.norm,
        classes=classes,
        flipped_to=decision.of(network(threat.inside(rows + changes))),
        changes=frozen(changes),
        upper=frozen([one.upper for one in found]),
        lower=frozen([one.lower for one in found]),
        ended=tuple(one.ended for one in found),
        nodes=np.array([one.nodes for one in found], dtype=np.int64),
        tolerance=settings.tolerance,
    )


def _check(
    network: PiecewiseLinearNetwork,
    rows: FloatArray,
    threat: Threat,
    decision: Decision,
    starts: FloatArray | None,
) -> None:
    if decision.outputs != network.output_dim:
        raise InvalidInput(
            f"the decision is made for {decision.outputs} outputs; the network has {network.output_dim}"
        )
    if threat.box is not None and rows.size and (rows.min() < threat.box[0] or rows.max() > threat.box[1]):
        raise InvalidInput(
            f"inputs reach from {rows.min():.4g} to {rows.max():.4g}, outside the box {threat.box}"
        )
    if threat.free is not None and threat.free.shape != (network.input_dim,):
        raise InvalidInput(f"{threat.free.shape} free coordinates for {network.input_dim} inputs")
    if starts is not None and np.shape(starts) != rows.shape:
        raise InvalidInput(f"starts of shape {np.shape(starts)} for inputs of shape {rows.shape}")


def _mapped(solve: Callable[[Job], Solved], jobs: Iterable[Job], workers: int) -> Iterator[Solved]:
    if workers <= 1:
        yield from map(solve, jobs)
        return
    with _one_thread_each(), ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(solve, jobs)


@contextmanager
def _one_thread_each() -> Generator[None]:
    """Processes that start now use one thread for linear algebra: more would be in each other's way."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
