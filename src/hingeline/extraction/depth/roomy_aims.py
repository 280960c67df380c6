"""Which lines tell most of a layer where random places have no equation to spare.

Lines for a layer run where the layers below its channels are open, and where those channels are on of which
its neurons do not know the weights yet; or over single neurons, where channels are on that these do not know.

Cost: no queries. Source: see `roomy_lines` and `lines_across`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.candidates import FoundNeuron
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.lines_across import lines_across
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
from hingeline.extraction.depth.seldom_search import SeldomSearch
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
CHANCE = 0.3
"""Share of the channels that are wanted to be on at a place, beside those of which least is told."""
SURELY = 10.0
"""Weight of the wish that those are on."""
SCARCE = 0.25
"""Channels of which so many times more than of the one told least is told are not scarce."""
FEW_OPEN = 4
"""Channels that a neuron does not know that are wanted to be on together."""
MOST_OVER = 4
"""Lines over single neurons at a time."""


@dataclass(eq=False)
class RoomyAims(SeldomSearch):
    """What is known so far, with lines through open regions."""

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

    def _over(self, number: int, neurons: Sequence[FoundNeuron]) -> list[Line]:
        """Lines over some neurons of a layer where channels are on of which they know the weights least."""
        known, scale, lines = self.known_below(number), self.probe.calibration.scale, list[Line]()
        rng = self.randomness.step(f"over untold {number}", len(self.measured))
        each = max(1, MOST_OVER // max(1, len(neurons)))
        for one in [neurons[index] for index in rng.permutation(len(neurons))[:MOST_OVER]]:
            width = known.layers[-1].width
            share = np.linalg.norm(one.neuron.untold[:width], axis=1)
            share = one.refit.errors[:width] if one.neuron.whole else share
            # the neuron itself, from either side, is wanted near its boundary
            both = np.stack([one.neuron.theta, -one.neuron.theta])
            height = KnownLayer(both[:, :-1], both[:, -1], np.ones(2, dtype=np.bool_))
            chances = [np.ones(layer.width) for layer in known.layers]
            open_ = share > SCARCE * share.max()
            # where many are on that are not told, nothing is known of the neuron either
            few = FEW_OPEN / max(FEW_OPEN, int(open_.sum()))
            chances[-1] = np.where(open_, SURELY if few == 1 else few, 0.0)
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
