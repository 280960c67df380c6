"""The second hidden layer above a steerable first one, inside the positive orthant.

Lines through the orthant show second-layer hyperplanes whole, in all coordinates at once. A neuron with
A_j h + c of either sign on the orthant differs in sign between the origin and far out on some axis, so
answers on the axes (one neuron on, all others off) are a proof of completeness: if a neuron is missing,
the prediction fails there, and a line along that axis finds it.

Cost: about 7 queries per bend and line, n + 1 per new neuron and line, 2 n for the proof. Source: the
all-on cell is from the specs, the axis proof is ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import OutsideDomain
from hingeline.core.events import NeuronRecovered, Note
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.located import located_members
from hingeline.extraction.met_on_lines import FEW_MISSING, MetOnLines
from hingeline.extraction.peeled import Peeled
from hingeline.extraction.recovery import Bench
from hingeline.extraction.single_layer import RegionView, SingleLayer, with_bypass
from hingeline.extraction.verify import allowed_gap, fresh_points
from hingeline.probing.line import sweep_line
from hingeline.probing.probe import is_coarse

SPREADS = (0.7, 1.5, 3.0)
"""Logarithmic spreads of the heights between which lines run: rarely active neurons need uneven ones."""
QUIET_LINES = 1
"""Lines without a new neuron after which the axes are tried."""
COARSE_LINES = 5
"""Times as many lines where answers are coarse, and cheap beside the first layer."""
COARSE_QUIET_LINES = 10
"""The same where answers are coarse: a neuron is not measured on lines where others are close to it."""
MISSING_SHARE = 0.1
"""Share of the hyperplanes, and a few, that may be missing on another line by mistake."""
SLIGHT = 1e3
"""Beyond what errors allow, up to which a miss is one of errors claimed too small: a missing neuron shows
far more, or on the lines of the last word."""
FAINT = 1e-6
"""And as a share of the range of the answers: where errors are large they would hide a neuron."""
TEST_POINTS = 4
"""Random points tried together with the axes."""
HALVINGS = 20
"""Times that the ends of a line are moved towards the orthant's corner to lie in a bounded domain."""
LENIENCE = 30.0
"""Times that claimed errors may be exceeded here: a missing neuron shows a million times, and the last word
is the verification's."""
NEARBY = 0.7
"""Share of the places looked for around the witness, the others anywhere in the orthant."""
COARSE_PATIENCE = 15
"""The same where answers are coarse."""
PATIENCE = 5
"""Lines towards a contradiction that may show nothing new before the layer is given up."""


class OrthantSearch:
    """Second-layer hyperplanes as lines through the positive orthant reveal them.

    Args:
        bench: Where to work.
        peeled: The first layer.
    """

    def __init__(self, bench: Bench, peeled: Peeled) -> None:
        self.bench, self.peeled = bench, peeled
        coarse = is_coarse(bench.probe)
        self.probe = bench.probe.inside_span(peeled.width) if coarse else bench.probe
        """For lines through the orthant, which lie within the span of the rows."""
        self.planes: Hyperplanes | None = None
        self.best: MeasuredLine | None = None
        self.lines = 0
        self.measured: list[MeasuredLine] = []
        """Every line of the search."""
        self.deeper = False
        """True if hyperplanes seen on one line are not there on others: neurons of a third layer."""
        self._closing = False
        self._tested = np.zeros((0, peeled.weights.shape[1])), np.zeros((0, 1))
        """Points and answers of the last test."""
        dim = peeled.weights.shape[1]
        self.unit = bench.probe.calibration.scale / np.sqrt(dim)
        """Typical height: unit rows at the typical input norm."""

    def run(self, most_lines: int) -> SingleLayer | None:
        """The unsigned layer on the heights once it explains the oracle; None if it never does."""
        quiet = 0
        coarse = is_coarse(self.bench.probe)
        most_lines *= COARSE_LINES if coarse else 1
        while self.lines < most_lines:
            found = self._sweep(*self._random_ends())
            if self._shows_more_layers():
                self.deeper = True
                return None
            quiet = 0 if found else quiet + 1
            patience = COARSE_QUIET_LINES if coarse else QUIET_LINES
            if quiet >= patience:
                break
        if coarse and self.planes is not None:
            self.planes = self._located(self.planes)
        return self._close_gaps(most_lines + self.peeled.width)

    def _shows_more_layers(self) -> bool:
        """Whether hyperplanes do not go through the orthant: those of the last hidden layer always show."""
        if is_coarse(self.bench.probe) or self.planes is None or len(self.measured) < 2:
            return False
        met = MetOnLines.of(self.planes, [self.measured[-1].sweep])
        return int(met.missing.sum()) > max(FEW_MISSING, MISSING_SHARE * int(met.inside.sum()))

    def _pruned(self) -> bool:
        """Leave out hyperplanes that lines speak against; True if there were any."""
        if self.planes is None or is_coarse(self.bench.probe):
            return False
        met = MetOnLines.of(self.planes, [line.sweep for line in self.measured])
        false = met.false | met.bad_copies(self.planes)
        if not false.any():
            false[self._better_without()] = True
        if false.any():
            self.planes = self.planes.select(~false)
        return bool(false.any())

    def _better_without(self) -> list[int]:
        """The hyperplane without which all answers of the last test are explained, if there is one."""
        if self.planes is None or self.planes.count < 2:
            return []
        ratios = list[float]()
        whole, everyone = self.planes, np.arange(self.planes.count)
        for index in everyone:
            self.planes = whole.select(everyone != index)
            ratios.append(self._missed_by(self.layer()))
        self.planes = whole
        best = int(np.argmin(ratios))
        return [best] if ratios[best] < SLIGHT else []

    def _missed_by(self, layer: SingleLayer) -> float:
        """By how much the answers of the last test are missed, in times of what errors allow.

        Infinite where they are missed by a part of their range that is no matter of errors.
        """
        points, answers = self._tested
        gap = np.abs(answers - self.peeled.with_above(layer)(points)).max(initial=0.0)
        if gap > FAINT * np.ptp(answers):
            return float("inf")
        return float(self._ratios(layer, points, answers).max(initial=0.0))

    def _located(self, planes: Hyperplanes) -> Hyperplanes:
        """Coarse hyperplanes fitted to the places where they are met inside the orthant, each once."""
        bench, peeled = self.bench, self.peeled

        def draw(rng: np.random.Generator, witness: FloatArray) -> FloatArray:
            around = np.maximum(peeled.heights(witness[np.newaxis])[0], 0.1 * self.unit)
            around = around if rng.uniform() < NEARBY else np.full(peeled.width, self.unit)
            heights = around * np.exp(SPREADS[int(rng.integers(2))] * rng.standard_normal(peeled.width))
            return peeled.basis @ peeled.steer(heights[np.newaxis])[0]

        def holds(point: FloatArray) -> bool:
            return bool((peeled.heights((point @ peeled.basis)[np.newaxis]) > 0.05 * self.unit).all())

        with bench.probe.session.phase("second layer"):
            rng = bench.randomness.step("second places", self.lines)
            return located_members(bench.probe, planes, peeled.basis, rng, draw=draw, holds=holds)

    def _close_gaps(self, most_lines: int) -> SingleLayer | None:
        """Add neurons until no axis and no random point contradicts the prediction."""
        tried, self._closing = 0, True
        coarse = is_coarse(self.bench.probe)
        patience = COARSE_PATIENCE if coarse else PATIENCE
        while self.lines < most_lines and tried < patience:
            layer = self.layer()
            failing = self._failing(layer)
            if not len(failing) or (tried and not coarse and self._missed_by(layer) < SLIGHT):
                return layer
            # The prediction is right in the viewed region and wrong there: a bend lies between.
            centre = self._random_ends()[0] if tried and coarse else self.view().centre
            target = failing[min(tried, len(failing) - 1)]
            grown = self._sweep(centre, target) > 0
            if grown and self._shows_more_layers():
                self.deeper = True
                return None
            tried = 0 if self._pruned() or grown else tried + 1
        # from coarse answers a layer may be whole and yet miss by more than is claimed: the polish will tell
        return self.layer() if is_coarse(self.bench.probe) and self.planes is not None else None

    def look_towards(self, point: FloatArray, most_lines: int) -> SingleLayer | None:
        """The layer with what a line to a contradicted point ("d") shows; None if nothing new does."""
        heights = self.peeled.heights(point[np.newaxis])[0]
        # the layers above see max(height, 0): just inside the orthant the answer is the same
        found = self._sweep(self.view().centre, np.maximum(heights, 1e-3 * self.unit))
        return self._close_gaps(self.lines + most_lines) if found else None

    def layer(self) -> SingleLayer:
        """What is known so far, with the bypass that fits the most precise region."""
        if self.best is None or self.planes is None:
            raise RuntimeError("no line has been swept yet")
        view, values = self.peeled.view(self.best, self._sides)
        layer = with_bypass(self.peeled.layer_above(self.planes), view)
        return layer.with_constant_from(view.centre[np.newaxis], values[np.newaxis])

    def view(self) -> RegionView:
        """The most precise measured region, in heights."""
        if self.best is None:
            raise RuntimeError("no line has been swept yet")
        return self.peeled.view(self.best, self._sides)[0]

    @property
    def _sides(self) -> Hyperplanes | None:
        """What must be surely on one side of a viewed region, where answers are coarse."""
        return self.planes if is_coarse(self.bench.probe) else None

    def _random_ends(self) -> tuple[FloatArray, FloatArray]:
        rng = self.bench.randomness.step("orthant", self.lines)
        spread = SPREADS[self.lines % len(SPREADS)]
        ends = self.unit * np.exp(spread * rng.standard_normal((2, self.peeled.width)))
        for _ in range(HALVINGS):
            outside = ~self.bench.probe.domain.holds(self.peeled.steer(ends))
            if not outside.any():
                return ends[0], ends[1]
            ends[outside] /= 2
        raise OutsideDomain("no point of the domain has all first-layer neurons on")

    def _sweep(self, start: FloatArray, end: FloatArray) -> int:
        """Sweep one line, measure what is new on it; how many neurons it added."""
        bench = self.bench
        line = self.peeled.line(start, end).within(bench.probe.domain)
        foresee = self.planes is not None and not is_coarse(bench.probe)
        predicted = np.sort(self.planes.crossings(line)) if self.planes is not None and foresee else None
        with bench.probe.session.phase("orthant lines"):
            sweep = sweep_line(self.probe, line, predicted=predicted)
        bench.sweeps.append(sweep)
        known = None if self.planes is None else self.planes.explain(sweep, same_jumps=True)
        if known is not None and self.planes is not None and is_coarse(bench.probe):
            known = known.without(self.planes.vague)
        with bench.probe.session.phase("second layer"):
            measured = measure_bends(
                self.probe, sweep, bench.randomness.step("second layer", self.lines),
                basis=self.peeled.basis, known=known, room=self.peeled.room,
            )  # fmt: skip
        self.lines += 1
        self.measured.append(measured)
        if self.best is None or measured.jacobian_errors.min() < self.best.jacobian_errors.min():
            self.best = measured
        new = Hyperplanes.from_line(measured, measured.measured)
        before = 0 if self.planes is None else self.planes.count
        better = is_coarse(bench.probe)
        if better and self._closing and new.count:
            new = self._located(new)
        self.planes = new if self.planes is None else self.planes.join(new, better=better)
        added = self.planes.count - before
        if added:
            bench.probe.session.emit(NeuronRecovered(2, self.planes.count))
        return added

    def _failing(self, layer: SingleLayer) -> FloatArray:
        """Heights inside the orthant where the prediction fails, worst first; 2 queries per axis and some."""
        n = self.peeled.width
        heights = np.full((2 * n, n), -self.unit)
        heights[np.arange(n), np.arange(n)] = 0.05 * self.unit
        heights[np.arange(n, 2 * n), np.arange(n)] = 30 * self.unit
        rng = self.bench.randomness.step("second hypothesis", self.lines)
        random = fresh_points(self.bench.probe, rng, TEST_POINTS)
        points = np.concatenate([self.peeled.steer(heights), random])
        heights = np.concatenate([heights, self.peeled.heights(random)])
        inside = self.bench.probe.domain.holds(points)
        points, heights = points[inside], heights[inside]
        with self.bench.probe.session.phase("second hypothesis"):
            self._tested = points, self.bench.probe.ask(points)
        ratios = self._ratios(layer, *self._tested)
        order = np.argsort(-ratios)
        worst = heights[order[: int((ratios > 1).sum())]]
        if len(worst):
            self.bench.probe.session.emit(Note("a second-layer neuron is missing; looking towards it"))
        return np.maximum(worst, 1e-3 * self.unit * rng.uniform(0.5, 1.0, worst.shape))

    def _ratios(self, layer: SingleLayer, points: FloatArray, answers: FloatArray) -> FloatArray:
        """By how much a layer misses answers, in times of what errors allow."""
        network = self.peeled.with_above(layer)
        gaps = np.abs(answers - network(points)).max(axis=1)
        # coarse rows are claimed with no spare digits: leniency would hide a missing neuron
        lenience = 1.0 if is_coarse(self.bench.probe) else LENIENCE
        claimed = [lenience * self.peeled.errors, lenience * layer.row_errors]
        return gaps / allowed_gap(self.probe, network, claimed, points)
