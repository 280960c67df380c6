"""Layer after layer until the answers are explained, with new lines where something is not known.

Everything is found in the record of the lines swept so far. What the record does not tell is asked for:
short segments just beyond the regions in which a neuron is known, and fresh lines where neurons are missing.

Cost: about 7 queries per bend of a line and one gradient per region beside a new one, in as many directions
as the first layer has neurons; about 50 queries per segment. Source: see the modules used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.from_answers import Answers, LeftOver, missing_neuron
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.layer_step import (
    FoundLayer,
    find_layer,
    same_channels,
    told_by,
    told_by_outputs,
    undecided,
    updated_layer,
    with_neuron,
    with_rows,
    with_sides,
)
from hingeline.extraction.depth.linear_part import completed
from hingeline.extraction.depth.missing import line_along, strange_directions
from hingeline.extraction.depth.narrow_gradients import explained_share, moving_directions
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.output_layer import OutputFit, fit_output
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.rare_places import rare_places
from hingeline.extraction.depth.refit import Refit
from hingeline.extraction.depth.untold_off import turned_off
from hingeline.extraction.depth.untold_places import segments_where_untold
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.verify import random_line
from hingeline.probing.line import Line, sweep_line

MANY_STRANGE = 40
"""Of the samples that are missed most, so many may be looked at."""
EXPLAINED = 1e-9
"""Median residual of the outputs, of what they vary, below which the last layer has been reached."""
TRUSTED = 0.8
"""Share of the measured gradients that a layer must explain for others to be looked for in its span."""
MOST_MADE = 6
"""Neurons of one layer made from answers in one go."""
LINEAR_ERROR = 1e-9
"""Standard deviation claimed of a coefficient that the linear part of the answers told, before the polish."""
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
    untold_lines: int = 2
    """Segments where what is not known of neurons matters, at a time."""
    idle: int = 3
    """Times that those are tried in vain where all answers are explained."""
    looks: int = 4
    """Times that places are asked at which a neuron may be on that nearly never is, over all runs."""
    look: int = 50
    """Places asked each time."""
    rounds: int = 24
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
    samples: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)
    """Points asked beside lines, with their answers."""
    found: list[FoundLayer] = field(default_factory=list)
    output: OutputFit | None = None
    looks: int = 0
    """Times that rare places were asked."""
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
            if self.samples:
                self._record = self._record.with_samples(
                    np.concatenate([points for points, _ in self.samples]),
                    np.concatenate([given for _, given in self.samples]),
                )
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
        settled, stuck, best, idle = 0, 0, (0, 0), 0
        while self.rounds < self.settings.rounds:
            self.rounds += 1
            done, untold = self._climb(settled) and self._explained(), self._untold()
            reached = (len(self.found), sum(len(one.neurons) for one in self.found), -untold)
            stuck = 0 if reached > best else stuck + 1
            best = max(best, reached)
            idle = idle + 1 if done and stuck else 0
            lines = self._next_lines() if not done else self._where_untold()
            if done and (not lines or idle >= self.settings.idle):
                return True
            # what hinders is most likely missing in the last layers: those below are only brought up to date
            settled = max(0, len(self.found) - 2 - stuck // 2)
            for line in lines:
                self.sweep(line)
        return self._climb(settled) and self._explained()

    def _untold(self) -> int:
        """Directions of neurons that are not known."""
        return sum(one.neuron.untold.shape[1] for step in self.found for one in step.neurons)

    def _where_untold(self) -> list[Line]:
        """Segments where what is not known of the lowest such layer matters."""
        for number, step in enumerate(self.found):
            partial = [one.neuron for one in step.neurons if not one.neuron.whole]
            rng = self.randomness.step(f"where untold {number}", len(self.measured))
            scale, wanted = self.probe.calibration.scale, self.settings.untold_lines
            lines = segments_where_untold(self.known_below(number), partial, scale, wanted, rng)
            if lines:
                return [line for line in lines if self._holds(line)]
        return []

    def _holds(self, line: Line) -> bool:
        """Whether both ends of a segment may be asked."""
        ends = line.at(np.array([line.low, line.high])) @ self.probe.rows
        return bool(self.probe.domain.holds(ends).all())

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
            lines = self._towards_missing() + self._where_untold()
            return lines + [self._fresh_line() for _ in range(self.settings.more_lines)]
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
            if self._is_last(number) or (self._filled(number) and self._is_last(number)):
                return True
            number += 1
        return False

    def _is_last(self, number: int) -> bool:
        """Whether outputs are linear in a layer; then they tell its sides better than any vote."""
        opened, fit = self._fitted(number)
        if fit.residual < EXPLAINED and self._filled(number):
            opened, fit = self._fitted(number)
        self.output = fit
        if fit.residual < EXPLAINED:
            self.found[number] = opened
        return fit.residual < EXPLAINED

    def _fitted(self, number: int) -> tuple[FoundLayer, OutputFit]:
        """A layer with all its sides open, and the outputs fitted to it: the best of several ways.

        Neurons that are not wholly known are off where that matters, or those places are left out, or those
        are left out that are known in few places.
        """
        step, known, scale = self.found[number], self.known_below(number), self.probe.calibration.scale
        ways = [undecided(step)]
        if not all(one.neuron.whole for one in step.neurons):
            ways = [self._off_where_untold(number), undecided(step, every=True), *ways]
        best: tuple[FoundLayer, OutputFit] | None = None
        for way in ways:
            fit = fit_output(self.record, known.with_layer(way.layer), scale)
            worse = best is not None and _badness(best[1]) <= _badness(fit)
            best = best if worse else (way, fit)
        if best is None:
            raise RuntimeError("no way to fit the outputs")
        return best

    def _off_where_untold(self, number: int) -> FoundLayer:
        """A layer whose neurons are off wherever something matters that is not told of them."""
        opened = undecided(self.found[number], every=True)
        offered = self.known_below(number).offered(self.record.samples)
        opened = with_rows(opened, [turned_off(one.neuron, offered) for one in opened.neurons])
        return replace(opened, layer=replace(opened.layer, untold=()))

    def _filled(self, number: int) -> bool:
        """Make what is missing of a layer from answers, if all but few of them are explained."""
        known, changed = self.known_below(number), False
        for attempt in range(MOST_MADE):
            step = self.found[number]
            whole = [one.neuron.theta for one in step.neurons if one.neuron.whole]
            rows = np.array(whole).reshape(-1, known.channels + 1)
            answers = Answers.of(known, self.record.samples, self.record.answers, self.record.typical)
            left = LeftOver.of(rows, answers, self.probe.calibration.scale)
            if left.median > EXPLAINED:
                return changed
            rng = self.randomness.step(f"missing by answers {number} {attempt}", len(self.record.samples))
            made = missing_neuron(
                known, left, answers, lambda points: Answers.of(known, *self.asked(points)), rng
            )
            if made is None and self.looks < self.settings.looks:
                # all is explained so far: ask where neurons are on that nearly never are
                self.looks += 1
                self.asked(rare_places(known, left.scale, self.settings.look, rng))
                continue
            if made is None:
                break
            if not self._taken_in(number, PartialNeuron(made.theta, made.untold, ()), made.error):
                break
            changed = True
        else:
            return changed
        return self._filled_linearly(number, left) or changed

    def _filled_linearly(self, number: int, left: LeftOver) -> bool:
        """Complete neurons that are on nearly everywhere from the linear part of the answers."""
        partial = [one.neuron for one in self.found[number].neurons if not one.neuron.whole]
        if left.median > EXPLAINED:
            return False
        made = completed(left.rows, left.jumps, left.linear, partial)
        return sum(self._taken_in(number, neuron, LINEAR_ERROR) for neuron in made.values()) > 0

    def _taken_in(self, number: int, neuron: PartialNeuron, error: float) -> bool:
        """Put a neuron made from answers into a layer, if lines do not speak against it."""
        refit = Refit(neuron, np.full(len(neuron.theta), error), 1.0)
        args = self.record, self.known_below(number), self.free(number), self.found[number], refit
        grown = with_neuron(*args)
        if grown is None:
            return False
        self.found[number] = grown
        return True

    def asked(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Answers at points of the span, those outside the domain pulled in; they are kept.

        Raises:
            BudgetExhausted: The budget ended.
        """
        excess = self.probe.domain.excess(points @ self.probe.rows)
        points = points / np.where(excess > 1, excess / 0.9, 1.0)[:, np.newaxis]
        with self.probe.session.phase("answers"):
            given = self.probe.ask(points)
        self.samples.append((points, given))
        self._record = None
        return points, given

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
            open_ = [one for one in open_ if len(one.bends)]
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
        known, narrow = self.known, self._narrow()
        predicted = known.breaks(line)[1:-1] if known.layers else None
        with session.phase("lines"):
            sweep = sweep_line(self.probe, line, samples=samples, predicted=predicted)
        if len(sweep.slopes):
            self.probe.note_slope(float(np.abs(sweep.slopes).max()))
        with session.phase("hyperplanes"):
            measured = measure_bends(
                self.probe, sweep, self.randomness.step("deep hyperplanes", index),
                basis=np.eye(self.probe.input_dim), narrow=narrow,
            )  # fmt: skip
        self.measured.append((measured, np.eye(self.probe.input_dim)))

    def _narrow(self) -> Callable[[FloatArray], list[FloatArray]] | None:
        """The directions in which a layer's channels move, of the deepest that explains most gradients."""
        for count in range(len(self.found), 0, -1):
            known = self.known_below(count)
            if explained_share(self.record, known) >= TRUSTED:
                return lambda points, known=known: moving_directions(known, points)
        return None

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


def _badness(fit: OutputFit) -> tuple[bool, float]:
    return fit.residual > EXPLAINED, fit.unfit
