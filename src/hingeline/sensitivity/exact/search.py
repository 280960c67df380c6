"""Best-first search over unions of regions, nearest first, in balls of growing radius.

A node is the set of changes for which some neurons are on or off as fixed: a union of regions. The node
whose lower bound is smallest is split at one neuron; nodes whose bound passes the smallest flip that is
known are done. When none is left, that flip is proved to be the smallest; when the budget ends first, the
smallest bound that is left is a certified lower bound.

Bounds on neurons hold in a ball and are the sharper the smaller it is, so that the search starts with a
small ball, proves that nothing flips in it, and goes on with a larger one.

Source: regions walked from the nearest on as in Jordan et al. 2019 (GeoCert); unions of regions with relaxed
neurons as in branch and bound for verification (Bunel et al. 2020).
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.exact.descent import behind_boundary, descended, flips, pulled_back, smallest_found
from hingeline.sensitivity.exact.duality import ROUNDING
from hingeline.sensitivity.exact.expand import Expanded, Nodes, children, expand, roots
from hingeline.sensitivity.exact.never import never_below
from hingeline.sensitivity.exact.problem import FlipProblem
from hingeline.sensitivity.exact.regions import Region, region_of

_BATCH_NUMBERS = 2**24
"""Of the rows of all nodes that are bounded together, 128 MiB."""


@dataclass(frozen=True)
class ExactSettings:
    """How much the search for the smallest flip may take."""

    nodes: int = 20_000
    """Most nodes for one input."""
    seconds: float | None = None
    """Most seconds for one input, None for no limit; with one, results depend on the machine."""
    tolerance: float = 1e-6
    """A flip is proved minimal if it exceeds its lower bound by at most this share."""
    reach: float = 10.0
    """Where no flip is known: how far to look, in sizes of the input."""
    first_radius: float = 0.35
    """First radius, as a share of the smallest flip that descent found."""
    growth: float = 1.6
    """Factor on the radius after each ball without a flip."""
    cheap_round: int = 64
    """After a ball that took fewer nodes than this, the next one reaches the smallest known flip."""
    batch: int = 64
    """Most nodes split at once; more are faster each, but some are split in vain."""

    def __post_init__(self) -> None:
        if self.nodes < 1 or self.batch < 1 or (self.seconds is not None and self.seconds <= 0):
            raise InvalidInput("nodes and batch want at least 1, seconds more than 0")
        if not (0 < self.first_radius <= 1 < self.growth and 0 < self.tolerance < 1 and self.reach > 0):
            raise InvalidInput("want 0 < first_radius <= 1, growth > 1, 0 < tolerance < 1, reach > 0")


@dataclass(frozen=True, eq=False)
class Searched:
    """What is known of the smallest flip of one input.

    Attributes:
        change: The smallest flip that was found, shape "c"; None if none was.
        upper: Its size; infinite if there is none.
        lower: No flip is smaller.
        nodes: Nodes that were bounded.
        ended: "proved" or "budget".
    """

    change: FloatArray | None
    upper: float
    lower: float
    nodes: int
    ended: str


def search(problem: FlipProblem, starts: FloatArray, settings: ExactSettings) -> Searched:
    """The smallest flip of one input, with a lower bound.

    Args:
        problem: The network around the input.
        starts: Changes that may flip, shape "s c"; a good one saves nodes.
        settings: Budget and steps.
    """
    state = _Search(problem, settings)
    state.offer(smallest_found(problem, starts))
    farthest = min(problem.reach(), settings.reach * problem.scale())
    radius = state.upper * settings.first_radius if np.isfinite(state.upper) else 0.01 * farthest
    while True:
        # a flip that is known is to be proved minimal however far it is
        farthest = max(farthest, min(state.upper, problem.reach())) if np.isfinite(state.upper) else farthest
        before, ball = state.nodes, min(radius, state.upper, farthest)
        finished = state.explore(ball)
        # a ball that holds the smallest flip known, or all there is, needs no second look
        if not finished or state.settled or ball >= min(state.upper, farthest):
            break
        cheap = state.nodes - before < settings.cheap_round
        radius = state.upper if cheap and np.isfinite(state.upper) else settings.growth * radius
    if not np.isfinite(state.upper) and state.lower >= farthest >= problem.reach():
        state.lower = np.inf  # the whole box holds no flip
    return state.result(farthest)


def _at_once(problem: FlipProblem, batch: int) -> int:
    """Nodes whose rows fit into memory together."""
    widest = max((len(weight) for weight in problem.weights[:-1]), default=1)
    return max(1, min(batch, _BATCH_NUMBERS // (widest * max(widest, problem.dim))))


class _Search:
    """The smallest flip known and the bounds that are left, as they grow."""

    def __init__(self, problem: FlipProblem, settings: ExactSettings) -> None:
        self.problem, self.settings = problem, settings
        self.change: FloatArray | None = None
        self.upper = float("inf")
        self.lower = 0.0
        self.nodes = 0
        self._deadline = np.inf if settings.seconds is None else time.monotonic() + settings.seconds
        self._heap: list[tuple[float, int, Nodes, int]] = []
        self._order = 0
        self._done = np.inf  # smallest bound of what was left aside in this ball

    @property
    def settled(self) -> bool:
        """Whether the smallest known flip is proved minimal."""
        return self.lower >= self.upper * (1 - self.settings.tolerance)

    def offer(self, change: FloatArray | None) -> None:
        """Take a flip if it is smaller than the one known."""
        if change is None:
            return
        size = float(self.problem.threat.size(change))
        if size < self.upper:
            self.change, self.upper = change, size

    def explore(self, radius: float) -> bool:
        """Look at every node in the ball; False if the budget ended first."""
        self._heap, self._done, count = [], radius, 1
        most = _at_once(self.problem, self.settings.batch)
        self._keep(self._bounded(roots(self.problem), radius), radius)
        while self._heap:
            if self._heap[0][0] >= self._enough(radius):
                self._done = min(self._done, self._heap[0][0])
                break
            if self.nodes >= self.settings.nodes or time.monotonic() > self._deadline:
                self.lower = max(self.lower, min(self._heap[0][0], self._done))
                return False
            self._keep(self._bounded(self._next(count, radius), radius), radius)
            # few nodes at first: the nearest ones may already decide
            count = min(2 * count, most)
        self.lower = max(self.lower, min(self._done, self.upper))
        return True

    def result(self, farthest: float) -> Searched:
        """What is known now; `farthest` is as far as was to be looked."""
        lower = min(self.lower, self.upper)
        enough = self.upper * (1 - self.settings.tolerance) if np.isfinite(self.upper) else farthest
        return Searched(self.change, self.upper, lower, self.nodes, "proved" if lower >= enough else "budget")

    def _enough(self, radius: float) -> float:
        """Nodes from this bound on need no split."""
        return min(radius, self.upper * (1 - 0.1 * self.settings.tolerance))

    def _next(self, count: int, radius: float) -> Nodes:
        """The children of the nodes with the smallest bounds."""
        taken: list[tuple[Nodes, int]] = []
        while self._heap and len(taken) < count and self._heap[0][0] < self._enough(radius):
            _, _, node, branch = heapq.heappop(self._heap)
            taken.append((node, branch))
        parents = Nodes(
            *(
                np.concatenate([getattr(node, name) for node, _ in taken])
                for name in ("rivals", "fixed", "low", "high", "bounds", "slopes", "pulls", "levels")
            )
        )
        return children(parents, np.array([branch for _, branch in taken], dtype=np.int64))

    def _bounded(self, nodes: Nodes, radius: float) -> Expanded:
        self.nodes += len(nodes)
        return expand(self.problem, nodes, min(radius, self.upper))

    def _keep(self, found: Expanded, radius: float) -> None:
        """Take in flips, and put what is not decided on the heap."""
        self._try_changes(found)
        nodes, enough = found.nodes, self._enough(radius)
        for i in range(len(nodes)):
            bound = float(nodes.bounds[i])
            known = found.attained[i] and self.upper <= bound * (1 + 0.1 * self.settings.tolerance)
            if bound >= enough or known:
                self._done = min(self._done, bound)
            elif found.branches[i] < 0:
                self._close(nodes, i, radius)
            else:
                self._order += 1
                part = slice(i, i + 1)
                node = Nodes(
                    nodes.rivals[part],
                    nodes.fixed[part],
                    nodes.low[part],
                    nodes.high[part],
                    nodes.bounds[part],
                    nodes.slopes[part],
                    nodes.pulls[part],
                    nodes.levels[part],
                )
                heapq.heappush(self._heap, (bound, self._order, node, int(found.branches[i])))

    def _close(self, nodes: Nodes, i: int, radius: float) -> None:
        """One region without a flip where its bound is attained: the lead may be zero there and no less.

        A region is convex: if the lead is negative anywhere in it, flips come as near as the bound, and the
        one with a small margin is found. If there is none with a margin, the region holds no flip.
        """
        ends = np.cumsum([len(w) for w in self.problem.weights[:-1]])[:-1]
        region = region_of(self.problem, np.split(nodes.low[i] >= 0, ends))
        rival, bound = int(nodes.rivals[i]), float(nodes.bounds[i])
        unit = min(self.upper, radius)
        nearest = region.nearest_flip(self.problem, rival, unit, enough=unit)
        bound = max(bound, float(nearest.bounds[0]))
        if bound < unit and self._never(region, rival, unit):
            bound = unit
        if bound < unit and nearest.known[0]:
            behind = behind_boundary(self.problem, region, rival, nearest.changes[0])
            # where a lead of zero is a flip, the bound may be attained though nothing was found
            if not len(behind) and not self.problem.ties[rival]:
                edge = float(self.problem.threat.size(nearest.changes[0]))
                # where all that goes into a lead is zero, any margin will do
                margin = _MARGIN * region.lead_size(self.problem, rival, edge) + _LEAST_MARGIN
                apart = region.nearest_flip(self.problem, rival, unit, margin=margin, enough=unit)
                bound = max(bound, float(apart.bounds[0]))
            for change in behind[self.problem.threat.size(behind).argsort()[:1]]:
                self.offer(change)
                self.offer(descended(self.problem, change))
        self._done = min(self._done, bound)

    def _never(self, region: Region, rival: int, unit: float) -> bool:
        """Whether a lead is nowhere below zero in a region, and zero does not flip."""
        if self.problem.ties[rival]:
            return False
        margin = _MARGIN * region.lead_size(self.problem, rival, unit)
        return never_below(self.problem, region, rival, unit, margin)

    def _try_changes(self, found: Expanded) -> None:
        """See whether the changes that attain bounds flip, or do so a little farther on."""
        near = np.isfinite(found.nodes.bounds) & found.changes.any(axis=1)
        changes = found.changes[near]
        if not len(changes):
            return
        steps = _BEYOND[:, np.newaxis, np.newaxis] * changes
        tried = self.problem.within(steps.reshape(-1, self.problem.dim))
        tried = tried[self.problem.threat.size(tried) < self.upper]
        tried = tried[flips(self.problem, tried)] if len(tried) else tried
        if not len(tried):
            return
        pulled = pulled_back(self.problem, tried)
        self.offer(descended(self.problem, pulled[int(self.problem.threat.size(pulled).argmin())]))


_MARGIN = 4 * ROUNDING
"""A lead below zero by less than this share of what goes into it is rounding, and no flip."""
_LEAST_MARGIN = 1e-300
# A change on the boundary flips after the smallest push; farther ones find flips that the relaxation hides.
_BEYOND = np.array([1.0, 1 + 1e-9, 1 + 1e-7, 1 + 1e-5, 1.01, 1.1, 1.4])
