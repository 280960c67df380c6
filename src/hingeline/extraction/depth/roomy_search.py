"""The search where random places have no equation to spare: layer after layer on lines through open regions.

Lines for a layer run where the layers below its channels are open, and where those channels are on of which
its neurons do not know the weights yet. Its sides are told by several lines within one region of all known
layers: what varies there, above them, spans the gradients of the neurons that are on. A layer is whole when
all of it is told and no gradient shows that a neuron is missing.

Cost: about 7 queries per bend, and for each, or for as many at a time as there are outputs but two, a
gradient in as many directions as channels move. Source: see `roomy_lines`, `lines_across` and `region_sides`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.aimed_lines import AimedLines
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.later_lines import with_later_lines
from hingeline.extraction.depth.layer_step import FoundLayer, updated_layer
from hingeline.extraction.depth.lines_across import lines_across
from hingeline.extraction.depth.region_sides import region_sides
from hingeline.extraction.depth.regions import Region
from hingeline.extraction.depth.roomy_lines import (
    line_between,
    line_from,
    line_over,
    line_through,
    open_places,
    region_at,
    spare_directions,
)
from hingeline.extraction.depth.views import CellBook
from hingeline.probing.line import Line

FEW_CHANNELS = 24
"""Below, segments made for single neurons cost little and tell as much."""
NARROWING = 2.5
"""Bends of a line per first-layer neuron, up to which the layers above narrow: each bends it about once."""
LITTLE_SPARE = 0.15
"""Random places whose equations to spare are fewer than this share of the channels are too narrow."""
TYPICAL = 200
"""Random places looked at for that."""
BATCH = 4
"""Lines swept for a layer before it is looked for again."""
BATCHES = 24
"""Times that they are."""
CHANCE = 0.3
"""Share of the channels that are wanted to be on at a place, beside those of which least is told."""
SURELY = 10.0
"""Weight of the wish that those are on."""
SCARCE = 0.25
"""Channels of which so many times more than of the one told least is told are not scarce."""
MOST_OVER = 4
"""Lines over single neurons at a time."""
FEW_PARTIAL = 4
"""Neurons up to which segments just beyond the regions in which each is known take little time."""
MORE = 1.2
"""New neurons are looked for again when there are so many times the bends there were."""
TIRED = 4
"""Rounds that told nothing new after which there are no more."""
REGIONS = 4
"""Regions that may tell no sides of a layer."""
LINES_INSIDE = 8
"""Lines through each, at most."""
AGREEING = 2
"""Regions that must say the same of a side, more than say the contrary."""


@dataclass(eq=False)
class RoomySearch(AimedLines):
    """What is known so far, with lines through open regions."""

    segment_cost: float = field(init=False)
    """Questions that a segment takes, about: two gradients in half of the directions before one was swept."""
    books: dict[int, CellBook] = field(default_factory=dict[int, CellBook])
    """By layer."""

    closed: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """By layer, its neurons and what was not told of them when nothing more could be asked for it."""

    def _step(self, number: int, have: FoundLayer | None, settled: bool) -> FoundLayer | None:
        """A layer anew from the record."""
        raise NotImplementedError

    def _complete(self, number: int) -> None:
        """Ask for what is not known of single neurons of a layer, just beyond where they are known."""
        raise NotImplementedError

    def _book(self, number: int) -> CellBook:
        """Regions below a layer that were decomposed before."""
        return self.books.setdefault(number, CellBook())

    def _crowded(self, number: int) -> bool:
        """Whether random places tell too little of a layer: no equation to spare, or bends of many layers."""
        known = self.known_below(number) if self.found else self._seen()
        if not known.layers or known.layers[-1].width < FEW_CHANNELS:
            return False
        if number == 1:
            return self._more_above()
        rng = self.randomness.step("typical places", number)
        points = rng.standard_normal((TYPICAL, known.dim)) / known.dim**0.5 * self.probe.calibration.scale
        return bool(np.median(spare_directions(known, points)) < LITTLE_SPARE * known.channels)

    def _more_above(self) -> bool:
        """Whether the first line bends more above the first layer than in it: the network does not narrow."""
        line, first = self.measured[0][0], self._seen().layers[0]
        return first.width == self.probe.input_dim and len(line.sweep.bends) > NARROWING * first.width

    def line_for(self, number: int) -> Line:
        """A fresh line for a layer: through open regions where random places tell too little."""
        lines = self._roomy_lines(number, 1) if self._crowded(number) else []
        return lines[0] if lines else self.fresh_line()

    def _widen_roomy(self, number: int) -> None:
        """Ask until all of a layer is told and no gradient shows that a neuron of it is missing."""
        over, barren, looked = False, 0, self.record.count
        for _ in range(BATCHES):
            before, neurons, spent = untold(self.found[number]), self._met(number), self.probe.session.spent
            if self.closed.get(number) == (neurons, before):
                break
            missing, lines = self._across(number)
            if not missing and not before:
                self._side(number)
                missing, lines = self._across(number)
            if not missing and not before:
                break
            if not lines or before:
                lines += self._over_untold(number) if over and before else self._roomy_lines(number, BATCH)
            for line in lines:
                self.sweep(line)
            if over and 0 < self._partial(number) <= FEW_PARTIAL:
                self._complete(number)
            self._count_below(number)
            again = missing or self.record.count > looked * (1.0 if barren or not before else MORE)
            looked = self.record.count if again else looked
            self.found[number] = self._step(number, self.found[number], not again) or self.found[number]
            told = before - untold(self.found[number])
            barren = 0 if told > 0 or self._met(number) > neurons else barren + 1
            if barren == TIRED:
                break
            # where one way does not pay, the other may
            over ^= before > 0 and told * self.segment_cost <= self.probe.session.spent - spent
        self._side(number)
        self.closed[number] = self._met(number), untold(self.found[number])

    def _count_below(self, number: int) -> None:
        """Let the layers below one count their bends on the last lines: else those pass for its own."""
        for below in range(number):
            step = self.found[below]
            self.found[below] = with_later_lines(step, self.record, self.known_below(below))

    def _closed_whole(self, number: int) -> bool:
        """Whether all of a layer was told, and nothing showed that a neuron of it is missing."""
        return self.closed.get(number, (0, 1))[1] == 0

    def _partial(self, number: int) -> int:
        """Neurons of a layer that are not wholly known."""
        return sum(not one.neuron.whole for one in self.found[number].neurons)

    def _met(self, number: int) -> int:
        """Neurons of a layer that were found so far."""
        return len(self.found[number].neurons)

    def _across(self, number: int) -> tuple[bool, list[Line]]:
        """Whether gradients show that a neuron of a layer is missing, and lines on which it switches."""
        rng = self.randomness.step(f"across {number}", len(self.measured))
        missing, lines = lines_across(
            self.record, self.known_below(number), self.found[number].layer, BATCH, rng
        )
        return missing, [line for line in lines if self._holds(line)]

    def _roomy_lines(self, number: int, count: int) -> list[Line]:
        """Lines where the layers below a layer's channels are open, and channels on that are not told."""
        known = self.known_below(number) if self.found else self._seen()
        chances = [np.ones(layer.width) for layer in known.layers]
        if number > 1:
            chances[-1] = self._scarce(number, known.layers[-1].width)
        rng = self.randomness.step(f"roomy lines {number}", len(self.measured))
        scale = self.probe.calibration.scale
        places = open_places(known, scale, rng, chances)
        opened = known if number == 1 else known.below(number - 1)
        places = rng.permutation(places)
        found = [self._line_at(opened, places, index, rng) for index in range(min(count, len(places)))]
        return [line for line in found if line is not None and self._holds(line)]

    def _line_at(
        self, opened: KnownLayers, places: FloatArray, index: int, rng: np.random.Generator
    ) -> Line | None:
        """From one of some places to another one in the same region, or else to a far end of its own."""
        scale, patterns = self.probe.calibration.scale, opened.patterns(places)
        region = region_at(opened, places[index])
        same = np.nonzero((patterns == patterns[index]).all(axis=1))[0]
        same = same[same != index]
        if not len(same):
            return line_from(region, places[index], scale, rng)
        return line_between(region, places[index], places[rng.choice(same)], scale)

    def _over_untold(self, number: int) -> list[Line]:
        """Lines over neurons of a layer where channels are on of which they do not know the weights."""
        known, scale, lines = self.known_below(number), self.probe.calibration.scale, list[Line]()
        rng = self.randomness.step(f"over untold {number}", len(self.measured))
        partial = [one for one in self.found[number].neurons if not one.neuron.whole]
        each = max(1, MOST_OVER // max(1, len(partial)))
        for one in [partial[index] for index in rng.permutation(len(partial))[:MOST_OVER]]:
            width = known.layers[-1].width
            share = np.linalg.norm(one.neuron.untold[:width], axis=1)
            # the neuron itself, from either side, is wanted near its boundary
            both = np.stack([one.neuron.theta, -one.neuron.theta])
            height = KnownLayer(both[:, :-1], both[:, -1], np.ones(2, dtype=np.bool_))
            chances = [np.ones(layer.width) for layer in known.layers]
            chances[-1] = np.where(share > SCARCE * share.max(), SURELY, 0.0)
            places = open_places(known.with_layer(height), scale, rng, [*chances, np.full(2, 0.5)])
            found = (line_over(known, place, one.neuron.theta, scale, rng) for place in places[:each])
            lines += [line for line in found if line is not None and self._holds(line)]
        return lines

    def _scarce(self, number: int, width: int) -> FloatArray:
        """The chance with which each channel's neuron is wanted to be on."""
        chances = np.full(width, CHANCE)
        if number < len(self.found):
            neurons = self.found[number].neurons
            shares = [np.linalg.norm(one.neuron.untold[:width], axis=1) ** 2 for one in neurons]
            untold = np.sum(shares, axis=0)
            chances[untold > SCARCE * max(float(np.max(untold)), 1e-300)] = SURELY
        return chances

    def _through(self, regions: list[Region], count: int, rng: np.random.Generator) -> list[Line]:
        """At most so many lines, one through each of some regions."""
        lines: list[Line] = []
        for region in regions:
            line = line_through(region, self.probe.calibration.scale, rng)
            if line is not None and self._holds(line):
                lines.append(line)
            if len(lines) == count:
                break
        return lines

    def _side(self, number: int) -> None:
        """Sweep lines that tell on which sides a layer's neurons are on, as long as anything bends there."""
        if self.found[number].layer.decided.all():
            return
        votes, barren = np.zeros(self.found[number].layer.width), 0
        while barren < REGIONS and (np.abs(votes) < AGREEING).any():
            told = self._told_in_region(number, barren)
            if told is None:
                barren += 1
                continue
            votes += told
        if not votes.any():
            return
        step = self.found[number]
        pairs = zip(step.neurons, np.sign(votes).tolist(), strict=False)
        sides = {one.key: side for one, side in pairs if side}
        self.found[number] = updated_layer(
            self.record, self.known_below(number), self.free(number), step, {**step.sides, **sides},
            self._book(number),
        )  # fmt: skip

    def _told_in_region(self, number: int, attempt: int) -> FloatArray | None:
        """Sides of a layer from lines through one region of it, as `region_sides` gives them."""
        below, scale = self.known_below(number), self.probe.calibration.scale
        rng = self.randomness.step(f"sides {number} {attempt}", len(self.measured))
        places = open_places(below, scale, rng)
        region = region_at(self.known_below(number + 1), places[rng.integers(len(places))])
        first, told = len(self.measured), None
        for _ in range(LINES_INSIDE):
            for line in self._through([region], 1, rng):
                self.sweep(line)
            lines = [line for line, _ in self.measured[first:]]
            if not any(len(line.sweep.bends) for line in lines):
                return None
            told = region_sides(below, self.found[number].layer, lines)
            if told is not None:
                break
        return told


def untold(step: FoundLayer) -> int:
    """Directions of a layer's neurons that are not known."""
    return sum(one.neuron.untold.shape[1] for one in step.neurons)
