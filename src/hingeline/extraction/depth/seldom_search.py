"""Neurons that are seldom on, looked for while layers are found, and layers kept over changed channels.

Cost: some hundred queries per line, in a narrow span only. Source: see the modules used.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace

from hingeline.extraction.depth.aimed_lines import AimedLines
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.layer_step import FoundLayer, find_layer, same_layer, updated_layer
from hingeline.extraction.depth.lifting import lifted
from hingeline.extraction.depth.seldom_neurons import KNOWN_ENOUGH
from hingeline.extraction.depth.views import CellBook

STUCK = 2
"""Rounds in which no more becomes known, after which neurons that are known in few places are built on."""

MORE = 1.2
"""So many times the bends there were that nothing explained are reason to look at them again."""


@dataclass(eq=False)
class SeldomSearch(AimedLines):
    """What is known so far, with what was overlooked in it."""

    certain: frozenset[int] = frozenset()
    """Keys of neurons that surely belong to the first layer."""
    searched: dict[int, int] = field(default_factory=dict[int, int])
    """Neurons of each layer when mixtures below it were last swept."""
    explained_above: dict[int, set[tuple[int, int]]] = field(default_factory=dict[int, set[tuple[int, int]]])
    """By layer, the bends that layers above it explained when all were last found."""
    overlooked: dict[int, int] = field(default_factory=dict[int, int])
    """By layer, how many bends none explained when they were last looked at."""
    books: dict[int, CellBook] = field(default_factory=dict[int, CellBook])
    """By layer."""

    @abstractmethod
    def _step(self, number: int, have: FoundLayer | None, settled: bool) -> FoundLayer | None:
        """Find a layer again, or for the first time."""

    def _mixed(self, number: int) -> None:
        """Sweep lines with uneven mixtures below a layer until they show no more of its neurons."""
        quiet = attempt = 0
        while quiet < self.settings.quiet and len(self.found[number].neurons) > self.searched.get(number, -1):
            have, swept = self.found[number], len(self.measured)
            for line in self._through_mixtures(number, attempt):
                self.sweep(line)
            if len(self.measured) == swept:
                break
            self.found[number] = self._step(number, have, False) or have
            more = len(self.found[number].neurons) > len(have.neurons)
            quiet, attempt = 0 if more else quiet + 1, attempt + 1
        self.searched[number] = len(self.found[number].neurons)

    def _offers(self) -> list[tuple[tuple[int, bool], ...]]:
        """What is offered below each layer: the same as its `channels`, none below the first."""
        return [(), *(one.channels for one in self.found[:-1])] if self.found else []

    def _over_new_channels(
        self, number: int, have: FoundLayer, offered: tuple[tuple[int, bool], ...]
    ) -> FoundLayer | None:
        """A layer as it was, over the channels that are below it now; None if it must be found again."""
        now = self.known_below(number)
        if not number or same_layer(have.below[-1], offered, self.found[-1]):
            return have
        if not self.eager:
            return None
        before = KnownLayers(now.dim, have.below), offered
        neurons = lifted(have.neurons, before, (now, self.found[-1].channels), self.record.samples)
        return replace(have, neurons=tuple(neurons), below=())

    def _with_overlooked(self, number: int, step: FoundLayer) -> FoundLayer:
        """A layer with neurons that bends show which no layer explains, met since it was found."""
        known, free = self.known_below(number), self.free(number)
        index = self.record.index()
        free[[index[hit] for hit in self.explained_above.get(number, ()) if hit in index]] = False
        free[: len(step.explained)] |= step.explained & self.free(number)[: len(step.explained)]
        if not self.stalled or free.sum() < MORE * self.overlooked.get(number, 0):
            return step
        self.overlooked[number] = int(free.sum())
        again = find_layer(
            self.record, known, free, step.neurons, step.sides, self.certain if number == 0 else (), step,
            self._book(number), enough=self._enough(),
        )  # fmt: skip
        if again is None or len(again.neurons) <= len(step.neurons):
            return step
        return updated_layer(self.record, known, self.free(number), again, again.sides, self._book(number))

    def _enough(self) -> float:
        """Share of the places at which neurons must be known that are hardly ever on, to build on them."""
        return 1.0 if not self.eager else KNOWN_ENOUGH if self.stalled < STUCK else 0.0

    def _book(self, number: int) -> CellBook:
        """Regions below a layer that were decomposed before."""
        return self.books.setdefault(number, CellBook())


def hits_of(step: FoundLayer) -> set[tuple[int, int]]:
    """Bends of the neurons that layers above are built on: (line, bend)."""
    return {hit for one in step.neurons[: step.layer.width] for hit in one.vote.hits}
