"""The search where random places have no equation to spare: layer after layer on lines through open regions.

Cost: see `roomy_search`. Source: see `roomy_lines`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.aimed_lines import AimedLines
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.roomy_lines import (
    line_through,
    open_places,
    region_at,
    spare_directions,
)
from hingeline.probing.line import Line

TRIES = 8
"""Places from which a line through an open region is tried."""


@dataclass(eq=False)
class RoomySearch(AimedLines):
    """What is known so far, with lines through open regions."""

    pools: dict[tuple[int, ...], FloatArray] = field(default_factory=dict[tuple[int, ...], FloatArray])
    """Open places by the widths and undecided sides of the layers opened."""

    def _open_places(self, known: KnownLayers) -> FloatArray:
        """Open places of some layers, climbed once."""
        name = tuple(number for layer in known.layers for number in (layer.width, layer.channels))
        if name not in self.pools:
            rng = self.randomness.step(f"open places {name}", 0)
            self.pools[name] = open_places(known, self.probe.calibration.scale, rng)
        return self.pools[name]

    def roomy_line(self, known: KnownLayers, index: int) -> Line | None:
        """A line through a region in which most neurons of some layers are on; None if none is found."""
        places = self._open_places(known)
        rng = self.randomness.step("roomy line", index)
        for place in rng.permutation(len(places))[:TRIES]:
            line = line_through(region_at(known, places[place]), self.probe.calibration.scale, rng)
            if line is not None and self._holds(line):
                return line
        return None
