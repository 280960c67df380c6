"""Layer after layer until the answers are explained, with new lines where something is not known.

Everything is found in the record of the lines swept so far. What the record does not tell is asked for:
short segments just beyond the regions in which a neuron is known, and fresh lines where neurons are missing.

Cost: about 7 queries per bend of a line and one gradient per region beside a new one, in as many directions
as the first layer has neurons; about 50 queries per segment. Source: see the modules used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.layer_step import (
    FoundLayer,
    find_layer,
    same_channels,
    told_by,
    told_by_outputs,
    undecided,
    updated_layer,
    with_sides,
)
from hingeline.extraction.depth.missing import line_along, strange_directions
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.output_layer import OutputFit, fit_output
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.verify import random_line
from hingeline.probing.line import Line, sweep_line

MANY_STRANGE = 40
"""Of the samples that are missed most, so many may be looked at."""
EXPLAINED = 1e-9
"""Median residual of the outputs, of what they vary, below which the last layer has been reached."""
DEEPEST = 40
"""Hidden layers looked for."""


@dataclass(frozen=True)
class SearchSettings:
    """How hard deeper layers are looked for."""

    first_lines: int = 5
    """Lines swept before the first layer is looked for."""
    repair_lines: int = 4
    """Short lines towards answers that are not explained, at a time."""
    missing_lines: int = 4
    """Lines along what gradients leave unexplained, at a time."""
    more_lines: int = 2
    """Lines added when nothing else helps."""
    rounds: int = 16
    """Times that lines are added, over all runs of one search."""
    passes: int = 6
    """Times that segments are tried for the neurons of one layer."""
    segments: int = 3
    """Segments tried for one neuron at a time."""
    walkers: int = 24
    """Paths per neuron to find them, offline."""
    reach: float = 300.0
    """Farthest a segment may lie, in typical input norms."""
    samples: int = 7
    """Samples with which a segment begins."""


@dataclass(eq=False)
class Search:
    """What is known so far.

    Args:
        probe: The door in the coordinates of the first layer's span.
        randomness: Gives each step its generator.
        lines: Settings for fresh lines.
        settings: How hard to look.
    """

    probe: FrameProbe
    randomness: Randomness
    lines: ExtractSettings
    settings: SearchSettings = field(default_factory=SearchSettings)
    measured: list[tuple[MeasuredLine, FloatArray]] = field(default_factory=list)
    """Lines with the rows that take their coordinates to the span's."""
    found: list[FoundLayer] = field(default_factory=list)
    output: OutputFit | None = None
    rounds: int = 0
    """Times that lines were added so far, over all runs."""
    on_progress: Callable[[], None] = field(default=lambda: None)
    """Called whenever a layer was found or changed."""
    _record: Record | None = field(default=None, init=False)
    """Put together again only when lines were added."""

    @property
    def record(self) -> Record:
        """All lines."""
        if self._record is None or len(self._record.lines) != len(self.measured):
            self._record = Record.of(self.measured)
        return self._record

    @property
    def known(self) -> KnownLayers:
        """All layers found."""
        return self.known_below(len(self.found))

    def known_below(self, count: int) -> KnownLayers:
        """The first layers."""
        return KnownLayers(self.probe.input_dim, tuple(one.layer for one in self.found[:count]))

    def free(self, layer: int) -> BoolArray:
        """Measured bends that no neuron below a layer explains."""
        free = np.ones(self.record.count, dtype=np.bool_)
        for one in self.found[:layer]:
            free[: len(one.explained)] &= ~one.explained
        return free

    def run(self) -> bool:
        """Look until the outputs are explained; False if that was not reached."""
        while len(self.measured) < self.settings.first_lines:
            self.sweep(self._fresh_line())
        settled, stuck, best = 0, 0, (0, 0)
        while self.rounds < self.settings.rounds:
            self.rounds += 1
            if self._climb(settled) and self._explained():
                return True
            reached = (len(self.found), sum(len(one.neurons) for one in self.found))
            stuck = 0 if reached > best else stuck + 1
            best = max(best, reached)
            # what hinders is most likely missing in the last layers: those below are only brought up to date
            settled = max(0, len(self.found) - 2 - stuck // 2)
            for line in self._next_lines():
                self.sweep(line)
        return self._climb(settled) and self._explained()

    def _explained(self) -> bool:
        """Whether the outputs are explained everywhere; then their weights decide the last signs."""
        if self.output is None or self.output.unfit > 0:
            return False
        number = len(self.found) - 1
        told = told_by_outputs(self.output.weights, self.found[number])
        if told:
            before, fit = self.found[number], self.output
            self.found[number] = with_sides(before, told)
            self.output = fit_output(self.record, self.known, self.probe.calibration.scale)
            if self.output.residual > EXPLAINED or self.output.unfit > 0:
                self.found[number], self.output = before, fit
        return True

    def _next_lines(self) -> list[Line]:
        """To where answers are not explained, if most are; else anywhere."""
        output = self.output
        if output is None or output.residual > EXPLAINED or not len(output.strange) or not len(output.met):
            return self._towards_missing() + [self._fresh_line() for _ in range(self.settings.more_lines)]
        rng = self.randomness.step("deep repair", len(self.measured))
        chosen = rng.permutation(min(len(output.strange), MANY_STRANGE))[: self.settings.repair_lines]
        return [self._line_to(output.strange[index], output.met) for index in chosen]

    def _towards_missing(self) -> list[Line]:
        """Lines along what gradients show to be missing in the lowest layer in which something is."""
        rng = self.randomness.step("missing", len(self.measured))
        scale = self.probe.calibration.scale
        for number, step in enumerate(self.found):
            below = self.known_below(number)
            places = strange_directions(self.record, below, step.layer, rng) if step.layer.width else []
            if not places:
                continue
            lines: list[Line] = []
            for index in rng.permutation(len(places))[: self.settings.missing_lines]:
                reach = float(10 ** rng.uniform(0.0, 2.0)) if number else self.lines.line_reach
                point, direction = places[index]
                line = line_along(below, point, direction, scale, reach)
                lines += [] if line is None else [line]
            return lines
        return []

    def _line_to(self, strange: FloatArray, met: FloatArray) -> Line:
        """From the nearest point that is explained through one that is not, a little beyond both."""
        nearest = met[np.argmin(np.linalg.norm(met - strange, axis=1))]
        length = max(float(np.linalg.norm(strange - nearest)), 1e-6 * self.probe.calibration.scale)
        direction = (strange - nearest) / length
        low, high = self.probe.domain.along(nearest @ self.probe.rows, direction @ self.probe.rows)
        return Line(nearest, direction, length, max(low, -length), min(high, 2 * length), length / 2)

    def _climb(self, settled: int) -> bool:
        """From the first layer up, as far as the record tells; True if the outputs are explained.

        Args:
            settled: Layers in which no new neurons are looked for.
        """
        before, self.found = self.found, []
        number = 0
        while number < DEEPEST:
            have = before[number] if number < len(before) else None
            if have is not None and number and not same_channels(before[number - 1], self.found[-1]):
                # neurons above refer to channels that are no longer what they were
                before, have = before[:number], None
            step = self._step(number, have, number < settled)
            if step is None:
                return False
            self.found.append(step)
            self._complete(number)
            if number and self._decide_below(number):
                # over fewer channels more of the layer's neurons are known: it is found again
                self.found.pop()
                continue
            step = self.found[number]
            self.probe.session.emit(NeuronRecovered(number + 1, len(step.neurons)))
            self._tell(number, step)
            self.on_progress()
            if not step.layer.width:
                return False
            opened = undecided(step)
            below = self.known_below(number).with_layer(opened.layer)
            self.output = fit_output(self.record, below, self.probe.calibration.scale)
            if self.output.residual < EXPLAINED:
                # the last layer: the outputs tell its sides better than any vote
                self.found[number] = opened
                return True
            number += 1
        return False

    def _decide_below(self, number: int) -> bool:
        """Let a layer decide the sides of those below it; True if it decided any."""
        below = self.found[number - 1]
        told = told_by(self.found[number], below)
        if not told:
            return False
        self.found[number - 1] = updated_layer(
            self.record, self.known_below(number - 1), self.free(number - 1), below, {**below.sides, **told}
        )
        return self.found[number - 1].channels != below.channels

    def _step(self, number: int, have: FoundLayer | None, settled: bool) -> FoundLayer | None:
        known, told = self.known, {} if have is None else have.sides
        if settled and have is not None:
            return updated_layer(self.record, known, self.free(number), have, told)
        neurons = () if have is None else have.neurons
        return find_layer(self.record, known, self.free(number), neurons, told)

    def _complete(self, number: int) -> None:
        """Ask for what is not known of a layer's neurons, as long as that helps."""
        known, barren = self.known_below(number), set[int]()
        for attempt in range(self.settings.passes):
            step = self.found[number]
            open_ = [one for one in step.neurons if not one.neuron.whole and one.key not in barren]
            if not open_:
                return
            for one in open_:
                rng = self.randomness.step(f"segments {number} {len(self.measured)} {attempt}", one.key)
                for line in telling_segments(
                    known, one.neuron, self.record.points[one.bends], scale=self.probe.calibration.scale,
                    reach=self.settings.reach * self.probe.calibration.scale,
                    walkers=self.settings.walkers, wanted=self.settings.segments, rng=rng,
                ):  # fmt: skip
                    self.sweep(line, samples=self.settings.samples)
            self.found[number] = updated_layer(self.record, known, self.free(number), step, step.sides)
            left = {one.key: one.neuron.untold.shape[1] for one in self.found[number].neurons}
            barren |= {one.key for one in open_ if left.get(one.key) == one.neuron.untold.shape[1]}

    def sweep(self, line: Line, *, samples: int = 17) -> None:
        """Sweep a line and measure what is new on it.

        Raises:
            BudgetExhausted: The budget ended.
        """
        session, index = self.probe.session, len(self.measured)
        with session.phase("lines"):
            sweep = sweep_line(self.probe, line, samples=samples)
        if len(sweep.slopes):
            self.probe.note_slope(float(np.abs(sweep.slopes).max()))
        with session.phase("hyperplanes"):
            measured = measure_bends(
                self.probe, sweep, self.randomness.step("deep hyperplanes", index),
                basis=np.eye(self.probe.input_dim),
            )  # fmt: skip
        self.measured.append((measured, np.eye(self.probe.input_dim)))

    def _fresh_line(self) -> Line:
        rng = self.randomness.step("deep line", len(self.measured))
        return random_line(self.probe, rng, self.lines)

    def _tell(self, number: int, step: FoundLayer) -> None:
        untold = sum(not one.neuron.whole for one in step.neurons)
        undecided = int((~step.layer.decided).sum())
        self.probe.session.emit(
            Note(
                f"layer {number + 1}: {len(step.neurons)} neurons, {untold} not wholly known, "
                f"{undecided} of undecided sign, on {len(self.measured)} lines"
            )
        )
