"""The smallest flip of each input of a ReLU network, proved where the budget allows.

Upper bounds are changes that were tried on the network itself; lower bounds come from the search and hold up
to float64 rounding. Both are always given.

Cost: no queries (the weights are at hand); time grows with the neurons that are undecided within the flip
distance: 784-32-32-10 on MNIST takes about a second for an input, thousands of nodes at 0.3 ms.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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

# The change that attains a minimum lies on the boundary: the least of these pushes that flips is taken.
_PUSHES = 1.0 + np.array([0.0, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7])


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
        workers: Processes; each takes whole inputs. More than 1 needs a script whose main part is guarded,
            as `multiprocessing` does everywhere.
        solved: Remembers inputs across runs; must belong to the same network, inputs and settings.
        on_event: Gets a `FlipBounded` for each input, in order.

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
    found = [None if solved is None else solved.recall(i) for i in range(len(rows))]
    missing = [i for i, before in enumerate(found) if before is None]
    jobs = [(rows[i], int(classes[i]), known[i]) for i in missing]
    solve = partial(_solve, network, decision, threat, settings)
    for i, one in zip(missing, _mapped(solve, jobs, workers), strict=True):
        found[i] = one
        if solved is not None:
            solved.keep(i, one)
        on_event(FlipBounded(i, len(rows), one.upper, one.lower, one.ended))
    done = [one for one in found if one is not None]
    return _gathered(network, decision, threat, rows, classes, done, settings)


Job = tuple[FloatArray, int, FloatArray]


def _solve(
    network: PiecewiseLinearNetwork, decision: Decision, threat: Threat, settings: ExactSettings, job: Job
) -> Solved:
    """What the search knows, with a change of the whole input that was checked on the network."""
    point, own, start = job
    problem = flip_problem(network, decision, point, own, threat)
    searched = search(problem, _start(problem, start), settings)
    nothing = np.zeros_like(point)
    if searched.change is None:
        return Solved(nothing, np.inf, searched.lower, searched.ended, searched.nodes)
    change = problem.input_change(searched.change[np.newaxis])
    tried = threat.inside(point + _PUSHES[:, np.newaxis] * change)
    out = decision.flipped(network(tried), np.full(len(tried), own))
    if not out.any():
        return Solved(nothing, np.inf, searched.lower, "budget", searched.nodes)
    change = tried[int(out.argmax())] - point
    upper = float(threat.size(change))
    lower = min(searched.lower, upper)
    proved = lower >= upper * (1 - settings.tolerance)
    return Solved(change, upper, lower, "proved" if proved else "budget", searched.nodes)


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


def _mapped(solve: Callable[[Job], Solved], jobs: list[Job], workers: int) -> Iterator[Solved]:
    if workers <= 1 or len(jobs) <= 1:
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
