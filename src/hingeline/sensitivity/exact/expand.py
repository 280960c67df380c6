"""What can be said of several nodes at once: a lower bound each, a change that attains it, where to branch.

The lead over a rival is bounded from below by affine functions of the change, one after the other, each made
tight at the change that the last ones allow (cutting planes); the least-distance program over these cuts and
the demands of the fixed neurons bounds every flip in the node. Where the change that comes out really flips,
the bound is attained and the node is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.exact.caps import caps_of
from hingeline.sensitivity.exact.duality import ROUNDING
from hingeline.sensitivity.exact.inequalities import packed
from hingeline.sensitivity.exact.least_distance import nearest_changes
from hingeline.sensitivity.exact.problem import FlipProblem
from hingeline.sensitivity.exact.relaxation import Affine, LayerRange, NodeRanges, node_ranges, put_back

_CUTS = 6
_GAIN = 1e-2
"""A cut that raises the bound by less than this share is the last."""
_EARLIER = 3.0
"""A neuron one layer nearer to the input is preferred by this factor: fixing it sharpens all that follows."""
_WRONG = 1e-6
"""A neuron is on its wrong side by more than this share of its layer."""
_ATTAINED = 1e-10
"""A lead this small beside its terms is none: the cut is tight."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Several nodes of the search.

    Attributes:
        rivals: Place of the rival that is to lead, shape "n".
        fixed: 1 for neurons held on, -1 off, 0 free; all layers side by side, shape "n w".
        low: Known lower bounds of pre-activations, shape "n w"; minus infinity where none.
        high: Known upper bounds, shape "n w".
        bounds: No flip in the node is smaller, shape "n".
        slopes: Slopes from below of the relaxed neurons, as they were last at the parent, shape "n w"; not
            numbers where there is no parent.
        pulls: Combination of first-layer rows that is at least `levels` for every flip in the node, "n f".
        levels: Shape "n"; 0 where nothing is known.
    """

    rivals: IntArray
    fixed: FloatArray
    low: FloatArray
    high: FloatArray
    bounds: FloatArray
    slopes: FloatArray
    pulls: FloatArray
    levels: FloatArray

    def __len__(self) -> int:
        return len(self.rivals)


@dataclass(frozen=True, eq=False)
class Expanded:
    """What came out of bounding `Nodes`.

    Attributes:
        nodes: The nodes with sharper bounds.
        changes: The change that attains the bound of the relaxation, shape "n c".
        attained: Whether it flips up to rounding, so that the node holds nothing smaller.
        branches: The neuron to fix next, among all layers side by side; -1 if all are decided.
    """

    nodes: Nodes
    changes: FloatArray
    attained: BoolArray
    branches: IntArray


def roots(problem: FlipProblem) -> Nodes:
    """One node with everything free for each rival."""
    count, width = len(problem.lead_rows), sum(len(w) for w in problem.weights[:-1])
    free = np.zeros((count, width))
    return Nodes(
        np.arange(count),
        free,
        free - np.inf,
        free + np.inf,
        np.zeros(count),
        free + np.nan,
        np.zeros((count, len(problem.biases[0]))),
        np.zeros(count),
    )


def children(nodes: Nodes, branches: IntArray) -> Nodes:
    """Each node twice: with its branch neuron on, and off."""
    every = np.arange(len(nodes))
    fixed = np.repeat(nodes.fixed, 2, axis=0)
    fixed[2 * every, branches], fixed[2 * every + 1, branches] = 1.0, -1.0
    return Nodes(
        np.repeat(nodes.rivals, 2),
        fixed,
        np.repeat(nodes.low, 2, axis=0),
        np.repeat(nodes.high, 2, axis=0),
        np.repeat(nodes.bounds, 2),
        np.repeat(nodes.slopes, 2, axis=0),
        np.repeat(nodes.pulls, 2, axis=0),
        np.repeat(nodes.levels, 2),
    )


def expand(problem: FlipProblem, nodes: Nodes, radius: float) -> Expanded:
    """Bound every node; those that hold no flip within `radius` get a bound of at least that."""
    ends = np.cumsum([0, *(len(w) for w in problem.weights[:-1])])
    spans = [slice(a, b) for a, b in pairwise(ends)]
    known = [LayerRange(nodes.low[:, s], nodes.high[:, s]) for s in spans]
    ranges = node_ranges(problem, nodes.fixed, radius, known, caps_of(problem, nodes.pulls, nodes.levels))
    work = _Cutting(problem, nodes, ranges, spans, radius)
    for _ in range(_CUTS):
        if not work.going.any():
            break
        work.cut()
    low = np.concatenate([r.low for r in ranges.layers], axis=1) if spans else nodes.low
    high = np.concatenate([r.high for r in ranges.layers], axis=1) if spans else nodes.high
    slopes = np.concatenate(work.slopes, axis=1) if spans else nodes.slopes
    bounded = Nodes(nodes.rivals, nodes.fixed, low, high, work.bounds, slopes, work.pulls, work.levels)
    return Expanded(bounded, work.changes, work.attained, work.branches())


class _Cutting:
    """Bounds of several nodes as cuts are added."""

    def __init__(
        self, problem: FlipProblem, nodes: Nodes, ranges: NodeRanges, spans: list[slice], radius: float
    ) -> None:
        self.problem, self.ranges, self.radius = problem, ranges, radius
        self.bounds = np.where(ranges.feasible, nodes.bounds, np.inf)
        self.pulls, self.levels = nodes.pulls.copy(), nodes.levels.copy()
        self.latest = np.zeros(len(nodes))
        self.changes = np.zeros((len(nodes), problem.dim))
        self.attained = np.zeros(len(nodes), dtype=np.bool_)
        self.going = ranges.feasible.copy()
        self.slopes = [
            np.where(np.isnan(nodes.slopes[:, s]), (r.high > -r.low).astype(np.float64), nodes.slopes[:, s])
            for s, r in zip(spans, ranges.layers, strict=True)
        ]
        # a network without hidden layers: the leads combine first-layer values themselves
        combined = problem.lead_rows @ problem.weights[-1] if problem.hidden else problem.lead_rows
        constant = problem.lead_rows @ problem.biases[-1] - problem.lead_offsets
        self._combined, self._constant = combined[nodes.rivals], constant[nodes.rivals]
        self._rivals = nodes.rivals
        pieces = [(d.nodes, d.parts, -d.offsets, d.sizes) for d in ranges.demands]
        first = len(problem.biases[0])
        self._fixed, self._spans = nodes.fixed, spans
        self._held = (nodes.fixed != 0).sum(axis=1)
        self._parts, self._least, self._sizes, self._count = packed(len(nodes), first, pieces, _CUTS)
        self._multipliers = np.zeros(self._least.shape)

    def cut(self) -> None:
        """One more cut for every node that is going."""
        at = np.nonzero(self.going)[0]
        before = self.latest[at].copy()
        self._add(len(self._spans), at, self._combined[at], self._constant[at])
        known = self._solve(at)
        self.going[at] = known & (self.bounds[at] < self.radius)
        still = self.going[at]
        self._look(at[still], before[still])

    def _add(self, layer: int, nodes: IntArray, rows: FloatArray, offsets: FloatArray) -> None:
        """Rows . (what comes before `layer`) + offsets shall be at most 0; so shall what lies below it."""
        below = self.ranges.layers[:layer]
        ahead = Affine(nodes, rows, offsets, np.abs(offsets))
        lower = put_back(self.problem, below, self.slopes[:layer], ahead)
        # several rows of a node come one after the other
        places = self._count[nodes] + np.arange(len(nodes)) - np.searchsorted(nodes, nodes)
        self._grow(int(places.max(initial=0)) + 1)
        self._parts[nodes, places] = -lower.parts
        self._least[nodes, places], self._sizes[nodes, places] = lower.offsets, lower.sizes
        np.add.at(self._count, nodes, 1)

    def _grow(self, deep: int) -> None:
        more = deep - self._least.shape[1]
        if more <= 0:
            return
        wide = ((0, 0), (0, more))
        self._parts = np.pad(self._parts, (*wide, (0, 0)))
        self._least = np.pad(self._least, wide, constant_values=-1.0)
        self._sizes, self._multipliers = np.pad(self._sizes, wide), np.pad(self._multipliers, wide)

    def _sharpen(self, at: IntArray, values: list[FloatArray]) -> None:
        """Demands of fixed neurons on the wrong side at the change, with slopes that are tight there."""
        for layer in range(1, len(self._spans)):
            held = self._fixed[at][:, self._spans[layer]]
            wrong = held * values[layer] < -_WRONG * np.abs(values[layer]).max(axis=1, keepdims=True)
            which, neurons = np.nonzero(wrong)
            side = -held[which, neurons]
            rows, offsets = self.problem.weights[layer][neurons], self.problem.biases[layer][neurons]
            self._add(layer, at[which], side[:, np.newaxis] * rows, side * offsets)

    def _solve(self, at: IntArray) -> BoolArray:
        """The least-distance programs of these nodes; whether a change came."""
        deep = int(self._count[at].max())
        given = self.problem.inequalities(
            self._parts[at, :deep], self._least[at, :deep], self._sizes[at, :deep], self.radius
        )
        nearest = nearest_changes(self.problem, given, self.radius, self.radius)
        self.latest[at] = nearest.bounds
        self.bounds[at] = np.maximum(self.bounds[at], nearest.bounds)
        self._multipliers[at, :deep] = nearest.multipliers
        self.changes[at[nearest.known]] = nearest.changes[nearest.known]
        weights = nearest.multipliers
        self.pulls[at] = (weights[:, np.newaxis] @ self._parts[at, :deep])[:, 0]
        self.levels[at] = ((self._least[at, :deep] - ROUNDING * given.sizes) * weights).sum(axis=1)
        return nearest.known

    def _look(self, at: IntArray, before: FloatArray) -> None:
        """See what the network really does there; choose the slopes that are tight there."""
        values = self.problem.pre_activations(self.changes[at])
        rivals = self._rivals[at]
        leads = (values[-1] * self.problem.lead_rows[rivals]).sum(axis=1) - self.problem.lead_offsets[rivals]
        terms = np.abs(values[-1] * self.problem.lead_rows[rivals]).sum(axis=1)
        self.attained[at] = leads <= _ATTAINED * (terms + np.abs(self.problem.lead_offsets[rivals]))
        for layer, value in enumerate(values[:-1]):
            self.slopes[layer][at] = value > 0
        going = ~self.attained[at] & (self.latest[at] > before * (1 + _GAIN))
        self.going[at] = going
        self._sharpen(at[going], [value[going] for value in values])

    def branches(self) -> IntArray:
        """The free neuron whose relaxation is loosest at the change, weighed by what it does to the bound.

        With the multipliers of the least-distance program, the bound is one of the relaxed sum of leads and
        demands; each free neuron's share in its looseness is what fixing it could gain.
        """
        if not self._spans:
            return np.full(len(self.bounds), -1, dtype=np.int64)
        values = self.problem.pre_activations(self.changes)[:-1]
        lead, demanded = self._weights_of_demands()
        rows, scores = lead[:, np.newaxis] * self._combined, []
        for layer in range(len(values) - 1, -1, -1):
            ranges, value = self.ranges.layers[layer], values[layer]
            free = ranges.unstable
            chord = np.divide(ranges.high, ranges.high - ranges.low, where=free, out=np.zeros_like(value))
            gap = chord * (np.clip(value, ranges.low, ranges.high) - ranges.low) - np.maximum(value, 0.0)
            # a neuron that seems decided here may be fixed too, if no other is left
            score = -np.minimum(rows, 0.0) * gap + 1e-12 * (1e-12 + np.abs(rows)) * (ranges.high - ranges.low)
            score *= _EARLIER ** (len(values) - 1 - layer)
            scores.append(np.where(free, score, -1.0))
            on = ranges.low >= 0
            below = np.where(on, 1.0, np.where(free, self.slopes[layer], 0.0))
            above = np.where(on, 1.0, chord)
            rows = np.maximum(rows, 0.0) * below + np.minimum(rows, 0.0) * above
            rows = (rows + demanded[:, self._spans[layer]]) @ self.problem.weights[layer]
        table = np.concatenate(scores[::-1], axis=1)
        best = table.argmax(axis=1)
        return np.where(table[np.arange(len(best)), best] < 0, -1, best).astype(np.int64)

    def _weights_of_demands(self) -> tuple[FloatArray, FloatArray]:
        """Multipliers of the lead, and of pre-activations of fixed neurons with their signs: "n", "n w"."""
        place = np.arange(len(self._multipliers.T))
        held = place < self._held[:, np.newaxis]
        lead = np.where(held, 0.0, self._multipliers).sum(axis=1)
        lead = np.where(lead > 0, lead, 1.0)
        demanded = np.zeros(self._fixed.shape)
        demanded[self._fixed != 0] = self._multipliers[held]
        return lead, -demanded * self._fixed
