"""Layer after layer until the answers are explained, with new lines where something is not known.

Everything is found in the record of the lines swept so far. What the record does not tell is asked for:
short segments just beyond the regions in which a neuron is known, fresh lines where neurons are missing,
and answers where those left over show a neuron of the last layer.

Cost: see `gathered`; about 50 queries per segment. Source: see the modules used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hingeline.core.events import NeuronRecovered, Note
from hingeline.extraction.depth.first_neurons import first_neurons
from hingeline.extraction.depth.gathered import TRUSTED
from hingeline.extraction.depth.last_layer import EXPLAINED
from hingeline.extraction.depth.layer_step import (
    FoundLayer,
    find_layer,
    updated_layer,
)
from hingeline.extraction.depth.roomy_search import untold
from hingeline.extraction.depth.seldom_search import STUCK, hits_of
from hingeline.extraction.depth.told_sides import told_by
from hingeline.extraction.depth.untold_places import points_where_untold
from hingeline.extraction.depth.widened_search import WidenedSearch
from hingeline.extraction.verify import fresh_points

DEAR_LINES = 2
"""Lines added at a time, or one more, where no known layer makes gradients cheaper."""
DEAR_SHARE = 0.15
"""Or as many as cost no more than this share of what was asked so far."""
SWEEP_COST = 12
"""Questions to find a bend on a segment, about."""
LAST_BENDS = 0.25
"""Part of the bends that layers below leave unexplained which the last layer bends at least."""
CONFIRM_SIZES = (0.3, 1.0, 3.0, 10.0)
"""Distances, in typical input norms, at which a network is tried before it is put together."""
CHEAPER = 8
"""Gradients in the span must cost so many times less than before it was known for lines to be swept for
neurons that are seldom on."""
EAGER_AFTER = 2
"""Rounds in which no more became known, after which they are."""
GIVEN_UP = 4
"""Such rounds after that, where most answers are explained: what is missing is then looked for in these."""
MOSTLY = 0.5
"""Share of the answers that are most."""
DEEPEST = 40
"""Hidden layers looked for."""


@dataclass(eq=False)
class Search(WidenedSearch):
    """What is known so far, and how more becomes known."""

    rounds: float = 0.0
    """Times that lines were added so far, over all runs; where only some were, that part of one."""
    tried: set[tuple[tuple[int, int], ...]] = field(default_factory=set[tuple[tuple[int, int], ...]])
    """Neurons of the last layer and how much is not told of them, where answers were asked for that."""
    cheap: bool = field(init=False)
    """Whether the span is so much smaller than the input that many more lines cost little."""
    on_progress: Callable[[], None] = field(default=lambda: None)
    """Called whenever a layer was found or changed."""

    def __post_init__(self) -> None:
        self.segment_cost = self.probe.input_dim + SWEEP_COST
        span, inputs = self.probe.rows.shape
        self.cheap = span * CHEAPER <= inputs

    def run(self) -> bool:
        """Look until the outputs are explained; False if that was not reached."""
        while len(self.measured) < self.settings.first_lines:
            spent = self.probe.session.spent
            self.sweep(self.line_for(1))
            self.line_cost = self.probe.session.spent - spent
        settled, best, idle = 0, (0, 0), 0
        self.stalled = 0
        while self.rounds < self.settings.rounds:
            done, untold = self._climb(settled) and self._explained(), self._untold()
            reached = (len(self.found), sum(len(one.neurons) for one in self.found), -untold)
            self.stalled = 0 if reached > best else self.stalled + 1
            if self.stalled:
                self.closed.clear()
            best = max(best, reached)
            idle = idle + 1 if done and self.stalled else 0
            lines = self._next_lines() if not done else self._where_untold()
            if done and (not lines or idle >= self.settings.idle):
                if self._confirmed(settled):
                    return True
                self.rounds += 1
                continue
            if self.cheap and not self.eager and self.stalled >= EAGER_AFTER:
                self._begin_eagerly()
                settled, best = 0, (0, 0)
                continue
            if self.eager and self.stalled >= GIVEN_UP and self._nearly_right():
                return False
            if self.eager and self.stalled == STUCK:
                # lines for seldom neurons once more where few bends are of layers above
                top = len(self.found) - 2
                self.searched = {one: count for one, count in self.searched.items() if one < top}
            if self.eager:
                settled = max(0, len(self.found) - 2 - self.stalled // 2)
            if self._last_reached() and self._answered_where_untold():
                continue
            # what hinders is most likely missing in the last layers: those below are only brought up to date
            settled = max(0, len(self.found) - 2 - self.stalled // 2)
            # where gradients must be asked in more directions than a layer should leave, a few lines may do
            chosen = lines[:: len(lines) // self._affordable() + 1] if self._dear() else lines
            self.rounds += len(chosen) / max(1, len(lines))
            for line in chosen:
                self.sweep(line)
        return self._climb(settled) and self._explained()

    def fits_together(self) -> bool:
        """Whether the outputs' weights are of the last layer as it is now."""
        return self.output is not None and self.output.weights.shape[1] == self.known.channels + 1

    def _nearly_right(self) -> bool:
        """Whether what was found gives most answers: what is missing is better looked for in those left."""
        return self.nearest is not None and self._explains(self.nearest) > MOSTLY

    def _last_reached(self) -> bool:
        """Whether most answers are linear in the deepest layer found."""
        return self.output is not None and self.output.residual < EXPLAINED

    def _answered_where_untold(self) -> bool:
        """Ask where what is not told of the last layer matters; False if there is nothing new to ask."""
        number, step = len(self.found) - 1, self.found[-1]
        partial = [one for one in step.neurons if not one.neuron.whole]
        state = tuple((one.key, one.neuron.untold.shape[1]) for one in partial)
        if not partial or state in self.tried:
            return False
        self.tried.add(state)
        rng = self.randomness.step("answers where untold", len(self.record.samples))
        places = points_where_untold(
            self.known_below(number), [one.neuron for one in partial], self.probe.calibration.scale,
            self.settings.untold_points, rng,
        )  # fmt: skip
        if len(places):
            self.asked(places)
        return len(places) > 0

    def _confirmed(self, settled: int) -> bool:
        """Whether answers at fresh points are explained too: a few questions before the many of the end."""
        rng = self.randomness.step("confirm", len(self.record.samples))
        self.asked(fresh_points(self.probe, rng, self.settings.confirm, CONFIRM_SIZES))
        return self._climb(settled) and self._explained()

    def _dear(self) -> bool:
        """Whether the deepest layer that was found does not explain gradients: something of it is missing."""
        return not self.found or self._share(self.known) < TRUSTED

    def _affordable(self) -> int:
        """Lines that cost little beside what was asked so far, or a few."""
        return max(DEAR_LINES, int(DEAR_SHARE * self.probe.session.spent / self._line_cost(len(self.found))))

    def _begin_eagerly(self) -> None:
        """Find all layers again, now with lines for neurons that are seldom on; rounds are counted anew."""
        self.eager, self.rounds, self.stalled, self.found = True, 0.0, 0, []
        self.probe.session.emit(Note("nothing more becomes known: looking for neurons that are seldom on"))

    def _untold(self) -> int:
        """Directions of neurons that are not known."""
        return sum(untold(step) for step in self.found)

    def _climb(self, settled: int) -> bool:
        """From the first layer up, as far as the record tells; True if the outputs are explained.

        Args:
            settled: Layers in which no new neurons are looked for.
        """
        before, self.found = dict(enumerate(zip(self.found, self._offers(), strict=True))), []
        settled_hits = [hits_of(step) for step, _ in before.values()]
        self.explained_above = {
            number: set[tuple[int, int]]().union(*settled_hits[number + 1 :]) for number in before
        }
        number = 0
        while number < DEEPEST:
            have = self._over_new_channels(number, *before[number]) if number in before else None
            if have is None:
                before = {one: layer for one, layer in before.items() if one < number}
            step = self._step(number, have, number < settled or self._closed_whole(number))
            if step is None:
                return False
            self.found.append(step)
            if self.eager and number >= settled:
                self._mixed(number)
            if number and self._crowded(number):
                self._widen_roomy(number)
            elif not number or self._share(self.known_below(number)) >= TRUSTED:
                # if something is missing below, what is asked for now would tell of the wrong channels
                self._widen(number)
                self._complete(number)
            offered = self._offers()[number]
            if number and self._decide_below(number):
                # over fewer channels more of the layer's neurons are known: it is found again
                popped = self.found.pop()
                before |= {number: (popped, offered)} if self.eager else {}
                continue
            step = self.found[number]
            self.probe.session.emit(NeuronRecovered(number + 1, len(step.neurons)))
            self._tell(number, step)
            self.on_progress()
            if not step.layer.width:
                return False
            if self._may_be_last(number) and (
                self._is_last(number) or (self._filled(number) and self._is_last(number))
            ):
                return True
            number += 1
        return False

    def _may_be_last(self, number: int) -> bool:
        """Whether a layer is what bends the lines beside those below it; else there are layers above."""
        explained = [{hit for one in step.neurons for hit in one.vote.hits} for step in self.found]
        below = set[tuple[int, int]]().union(*explained[:number])
        bends = sum(len(line.bends) for line in self.record.lines) - len(below)
        self.output = self.output if len(explained[number] - below) >= LAST_BENDS * bends else None
        return len(explained[number] - below) >= LAST_BENDS * bends

    def _decide_below(self, number: int) -> bool:
        """Let a layer decide the sides of those below it; True if it decided any."""
        below = self.found[number - 1]
        told = told_by(self.found[number], below, seldom=self.eager)
        if not told:
            return False
        self.found[number - 1] = updated_layer(
            self.record,
            self.known_below(number - 1),
            self.free(number - 1),
            below,
            {**below.sides, **told},
            enough=self._enough(),
        )
        return self.found[number - 1].channels != below.channels

    def _step(self, number: int, have: FoundLayer | None, settled: bool) -> FoundLayer | None:
        known, told = self.known_below(number), {} if have is None else have.sides
        if settled and have is not None:
            step = updated_layer(
                self.record, known, self.free(number), have, told, self._book(number), enough=self._enough()
            )
            return self._with_overlooked(number, step) if self.eager else step
        neurons = () if have is None else have.neurons
        if number == 0 and have is None and self.first is not None:
            neurons = first_neurons(self.record, self.first)
            self.certain = frozenset(one.key for one in neurons)
        certain = self.certain if number == 0 else ()
        return find_layer(
            self.record,
            known,
            self.free(number),
            neurons,
            told,
            certain,
            have,
            self._book(number),
            enough=self._enough(),
        )

    def _tell(self, number: int, step: FoundLayer) -> None:
        untold = sum(not one.neuron.whole for one in step.neurons)
        undecided = int((~step.layer.decided).sum())
        self.probe.session.emit(
            Note(
                f"layer {number + 1}: {len(step.neurons)} neurons, {untold} not wholly known, "
                f"{undecided} of undecided sign, on {len(self.measured)} lines"
            )
        )
