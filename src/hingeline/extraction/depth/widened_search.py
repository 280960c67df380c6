"""What is not known of a layer's neurons, asked for: by whole lines, or by segments made for single neurons.

Cost: about 50 queries per segment; see `line_cost`. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.extraction.bends import SPARE_OUTPUTS
from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.layer_step import updated_layer
from hingeline.extraction.depth.roomy_search import RoomySearch, untold

SWEPT_BEND = 4.0
"""Questions to find one of a line, about."""
LINE_TELLS = 0.4
"""Part of what is not known of a layer's neurons that one more line tells, about."""
MOST_LINES = 8
"""Lines swept for one layer before new neurons are looked for on them."""
FINDS = 3
"""Times that they are."""


@dataclass(eq=False)
class WidenedSearch(RoomySearch):
    """What is known so far, and how more becomes known of one layer."""

    line_cost: float = np.inf
    """Questions that the last whole line took."""

    def _widen(self, number: int) -> None:
        """Sweep whole lines while they tell more for the same price than segments made for single neurons.

        A segment tells one direction. A line meets most neurons, each somewhere else, and half of the
        channels are on there: of what is not known it tells nearly half.
        """
        for _ in range(FINDS):
            swept = len(self.measured)
            pays = self._widen_found(number)
            if len(self.measured) == swept:
                return
            self.found[number] = self._step(number, self.found[number], False) or self.found[number]
            if not pays:
                return

    def _widen_found(self, number: int) -> bool:
        """The same for the neurons that were found; False if the last line told less than it cost."""
        for _ in range(MOST_LINES):
            step, spent = self.found[number], self.probe.session.spent
            if LINE_TELLS * untold(step) * self.segment_cost < self._line_cost(number):
                break
            self.sweep(self.fresh_line())
            self.line_cost = self.probe.session.spent - spent
            self.found[number] = self._step(number, step, True) or step
            if (untold(step) - untold(self.found[number])) * self.segment_cost < self.line_cost:
                return False
        return True

    def _line_cost(self, number: int) -> float:
        """What the last whole line took; before there was one, what its bends would take."""
        if np.isfinite(self.line_cost):
            return self.line_cost
        bends = max(len(line.sweep.bends) for line, _ in self.measured)
        known = sum(one.layer.width for one in self.found[: number + 1])
        at_once = max(1, self.measured[0][0].jumps.shape[1] - SPARE_OUTPUTS)
        return SWEPT_BEND * bends + max(0, bends - known) / at_once * self.probe.input_dim

    def _complete(self, number: int) -> None:
        """Ask for what is not known of a layer's neurons, as long as that helps."""
        known, barren = self.known_below(number), set[int]()
        for attempt in range(self.settings.passes):
            step = self.found[number]
            open_ = [one for one in step.neurons if not one.neuron.whole and one.key not in barren]
            if not open_:
                return
            spent, swept = self.probe.session.spent, len(self.measured)
            for one in open_:
                rng = self.randomness.step(f"segments {number} {len(self.measured)} {attempt}", one.key)
                for line in telling_segments(
                    known, one.neuron, self.record.points[one.bends], scale=self.probe.calibration.scale,
                    reach=self.settings.reach * self.probe.calibration.scale,
                    walkers=self.settings.walkers, wanted=self.settings.segments, rng=rng, aimed=self.eager,
                ):  # fmt: skip
                    self.sweep(line, samples=self.settings.samples)
            if len(self.measured) > swept:
                self.segment_cost = (self.probe.session.spent - spent) / (len(self.measured) - swept)
            self.found[number] = updated_layer(
                self.record,
                known,
                self.free(number),
                step,
                step.sides,
                self._book(number),
                enough=self._enough(),
            )
            left = {one.key: one.neuron.untold.shape[1] for one in self.found[number].neurons}
            barren |= {one.key for one in open_ if left.get(one.key) == one.neuron.untold.shape[1]}
