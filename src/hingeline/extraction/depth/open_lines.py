"""Lines through regions in which as many neurons of the known layers are on as can be.

What a bend tells of a neuron are its weights over the channels that move there, in as many directions as
neurons of every layer below are on. Where all of them are on, one bend tells a whole row. In a contracting
network there is such a region; in others some regions have far more neurons on than random places have.

Cost: no queries. Source: choice of the all-on cell, specs on deeper layers, for more than one layer; ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.regions import Region, far_end, region_of
from hingeline.extraction.depth.roomy_lines import Wish, climbed, line_between
from hingeline.probing.line import Line

DRAWN = 96
"""Places climbed at a time."""
CLIMBS = 150
"""Steps uphill."""
SPREAD = 1.0
"""Logarithmic spread of the heights that are wished for: rarely active neurons above need uneven ones."""
NEAREST, FARTHEST = -1.0, 1.0
"""Powers of ten of the distances at which climbs begin, in typical input norms."""
REACHES = 0.0, 1.5
"""Powers of ten of the bounds of the coordinates of a line's ends, in typical input norms."""
MARGIN = 1e-3
"""Distance of those ends from the region's boundaries, in typical input norms."""


def open_line(known: KnownLayers, scale: float, rng: np.random.Generator) -> Line | None:
    """A line through a region where most known neurons are on, as far as it goes there; None if it has none.

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        rng: Draws places and directions.
    """
    places = open_places(known, scale, rng)
    patterns = known.patterns(places)
    opened = patterns.sum(axis=1)
    best = np.nonzero(opened == opened.max())[0]
    return _through(region_of(known, patterns[rng.choice(best)]), scale, rng)


def open_places(known: KnownLayers, scale: float, rng: np.random.Generator) -> FloatArray:
    """Places climbed until as many neurons as possible are on: "p r"."""
    points = rng.standard_normal((DRAWN, known.dim)) / known.dim**0.5
    points *= scale * 10 ** rng.uniform(NEAREST, FARTHEST, (DRAWN, 1))
    typical = [np.median(np.abs(z), axis=0) for z in known.heights(points)]
    wishes = [size * np.exp(SPREAD * rng.standard_normal((DRAWN, len(size)))) for size in typical]
    wish = Wish(tuple(1 / size for size in typical), tuple(wishes))
    return climbed(known, points, wish, scale, CLIMBS)


def _through(region: Region, scale: float, rng: np.random.Generator) -> Line | None:
    """A line between two far ends of a region, along random wishes of its last channels."""
    rates = (region.rates * (region.side > 0)[:, np.newaxis])[-region.last :]
    reach = scale * 10 ** rng.uniform(*REACHES)
    wishes = rng.standard_normal((2, region.last)) @ rates
    ends = [far_end(region, wish, reach, MARGIN * scale) for wish in wishes]
    if ends[0] is None or ends[1] is None:
        return None
    return line_between(region, ends[0], ends[1], scale)
