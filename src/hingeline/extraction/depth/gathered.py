"""Everything asked so far and what was found in it, and the two ways to ask more: a line, and points.

What known layers tell makes a line cheaper: where it bends, and in which directions gradients can point.

Cost: about 7 queries per bend of a line, 3 where it was predicted, and one gradient per region between bends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.layer_step import FoundLayer
from hingeline.extraction.depth.narrow_gradients import ExplainedShare, moving_directions
from hingeline.extraction.depth.observed_lines import LinePart, Record
from hingeline.extraction.depth.search_settings import SearchSettings
from hingeline.extraction.depth.told_bends import told_bends
from hingeline.extraction.settings import ExtractSettings
from hingeline.probing.line import Line, sweep_line

TRUSTED = 0.8
"""Share of the measured gradients that a layer must explain for others to be looked for in its span."""


ROOM = 4.0
"""Steps of gradients are a few hundredths of the way to where their line bends, and may be so many times as
large a part of the way to other known hyperplanes: steps in random directions lead less far towards them."""


@dataclass(eq=False)
class Gathered:
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
    eager: bool = False
    """Whether lines are swept for neurons that are seldom met whenever a layer is found."""
    first: KnownLayer | None = None
    """What is known of the first layer before it is found here."""
    _record: Record | None = field(default=None, init=False)
    """Put together again only when something was asked."""
    _parts: list[LinePart] = field(default_factory=list, init=False)
    _shares: dict[int, ExplainedShare] = field(default_factory=dict, init=False)
    """By number of layers."""

    @property
    def record(self) -> Record:
        """All lines."""
        if self._record is None or len(self._record.lines) != len(self.measured):
            for index in range(len(self._parts), len(self.measured)):
                self._parts.append(LinePart.of(index, *self.measured[index]))
            self._record = Record.joined(self._parts)
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

    def sweep(self, line: Line, *, samples: int = 17) -> None:
        """Sweep a line and measure what is new on it.

        Raises:
            BudgetExhausted: The budget ended.
        """
        session, index = self.probe.session, len(self.measured)
        known, narrow = self._seen(), self._narrow()
        predicted = known.breaks(line)[1:-1] if known.layers else None
        with session.phase("lines"):
            sweep = sweep_line(self.probe, line, samples=samples, predicted=predicted)
        if len(sweep.slopes):
            self.probe.note_slope(float(np.abs(sweep.slopes).max()))
        with session.phase("hyperplanes"):
            measured = measure_bends(
                self.probe, sweep, self.randomness.step("deep hyperplanes", index),
                basis=np.eye(self.probe.input_dim), narrow=narrow, known=told_bends(known, sweep),
                room=None if not known.layers else lambda points: ROOM * known.room(points),
            )  # fmt: skip
        self.measured.append((measured, np.eye(self.probe.input_dim)))

    def _seen(self) -> KnownLayers:
        """All layers found, or what was known of the first one before."""
        if self.found or self.first is None:
            return self.known
        return KnownLayers(self.probe.input_dim, (self.first,))

    def _narrow(self) -> Callable[[FloatArray], list[FloatArray]] | None:
        """The directions in which a layer's channels move, of the deepest that explains most gradients."""
        seen = self._seen()
        for count in range(len(seen.layers), 0, -1):
            known = seen.below(count)
            if self._share(known) >= TRUSTED:
                return lambda points, known=known: moving_directions(known, points)
        return None

    def _share(self, known: KnownLayers) -> float:
        """How many of the gradients measured last some layers explain."""
        have = self._shares.get(len(known.layers))
        if have is None or any(a is not b for a, b in zip(have.known.layers, known.layers, strict=True)):
            have = self._shares[len(known.layers)] = ExplainedShare(known)
        return have.of(self.record)
