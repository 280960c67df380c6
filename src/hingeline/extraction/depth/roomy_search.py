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
from hingeline.extraction.depth.later_lines import with_later_lines
from hingeline.extraction.depth.layer_step import FoundLayer, updated_layer
from hingeline.extraction.depth.region_sides import region_sides
from hingeline.extraction.depth.roomy_aims import BATCH, RoomyAims
from hingeline.extraction.depth.roomy_lines import open_places, region_at
from hingeline.extraction.depth.told_bends import EXACT, VAGUE

BATCHES = 24
"""Times that they are."""
FIRMINGS = 2
"""Times that there are some over each neuron that is known worse than others."""
FEW_PARTIAL = 4
"""Neurons up to which segments just beyond the regions in which each is known take little time."""
MORE = 1.2
"""New neurons are looked for again when there are so many times the bends there were."""
BARELY = 1.02
"""And so many times where nothing else was told by the last lines."""
TIRED = 6
"""Rounds that told nothing new after which there are no more."""
REGIONS = 4
"""Regions that may tell no sides of a layer."""
LINES_INSIDE = 8
"""Lines through each, at most."""
AGREEING = 2
"""Regions that must say the same of a side, more than say the contrary."""


@dataclass(eq=False)
class RoomySearch(RoomyAims):
    """What is known so far, and layers that are closed: nothing more can be asked for them."""

    segment_cost: float = field(init=False)
    """Questions that a segment takes, about: two gradients in half of the directions before one was swept."""
    closed: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """By layer, its neurons and what was not told of them when nothing more could be asked for it."""

    def _complete(self, number: int) -> None:
        """Ask for what is not known of single neurons of a layer, just beyond where they are known."""
        raise NotImplementedError

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
            partial = [one for one in self.found[number].neurons if not one.neuron.whole]
            if not lines or before:
                lines += self._over(number, partial) if over and before else self._roomy_lines(number, BATCH)
            for line in lines:
                self.sweep(line)
            if over and 0 < self._partial(number) <= FEW_PARTIAL:
                self._complete(number)
            self._count_below(number)
            again = missing or self.record.count > looked * (BARELY if barren or not before else MORE)
            looked = self.record.count if again else looked
            self.found[number] = self._step(number, self.found[number], not again) or self.found[number]
            told = before - untold(self.found[number])
            barren = 0 if told > 0 or self._met(number) > neurons else barren + 1
            if barren == TIRED:
                break
            # where one way does not pay, the other may
            over ^= before > 0 and told * self.segment_cost <= self.probe.session.spent - spent
        self._side(number)
        self._firm(number)
        for which in {0, number}:
            # the first layer was told by asking
            self.closed[which] = self._met(which), untold(self.found[which])

    def _count_below(self, number: int) -> None:
        """Let the layers below one count their bends on the last lines: else those pass for its own."""
        for below in range(number):
            step = self.found[below]
            self.found[below] = with_later_lines(step, self.record, self.known_below(below))

    def _firm(self, number: int) -> None:
        """Sweep lines over neurons that are known much worse than the layer's others."""
        for _ in range(FIRMINGS):
            step = self.found[number]
            errors = np.zeros(0) if step.layer.errors is None else step.layer.errors
            vague = np.nonzero(errors > max(VAGUE * step.layer.error, EXACT))[0]
            lines = [line for index in vague for line in self._over(number, [step.neurons[index]])]
            if not lines:
                return
            for line in lines:
                self.sweep(line)
            self._count_below(number)
            self.found[number] = self._step(number, step, True) or step

    def _closed_whole(self, number: int) -> bool:
        """Whether all of a layer was told, and nothing showed that a neuron of it is missing."""
        return self.closed.get(number, (0, 1))[1] == 0

    def _partial(self, number: int) -> int:
        """Neurons of a layer that are not wholly known."""
        return sum(not one.neuron.whole for one in self.found[number].neurons)

    def _met(self, number: int) -> int:
        """Neurons of a layer that were found so far."""
        return len(self.found[number].neurons)

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
            self._book(number), enough=self._enough(),
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
