"""Chords through regions in which as many neurons of the known layers are on as can be.

What a bend tells of a neuron are its weights over the channels that move there, in as many directions as
neurons of every layer below are on. Random places have half of them on, and a neuron above that needs some
rare mixture of them is met at one line in hundreds. So places are climbed to where most neurons are on, and
chords go there from corner to corner of a region, each where one of its last channels is large against the
others: no known neuron bends them, and a neuron of the next layer that divides the corners bends one.

Cost: no queries. Source: choice of the all-on cell, specs on deeper layers, for more than one layer; ours.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.open_lines import open_places
from hingeline.extraction.depth.regions import Region, far_end, region_of
from hingeline.probing.line import Line

REACHES = (2.0, 20.0)
"""Farthest coordinate of a chord, in such norms, in turn: offsets decide nearby, and weights farther out."""
AGAINST = 3.0
"""How much less of all other channels is wished for where one is to be large."""
MARGIN = 1e-4
"""Distance kept from the region's boundaries, and shortest chord, of that."""


def open_chords(known: KnownLayers, scale: float, which: int, rng: np.random.Generator) -> list[Line]:
    """Chords from corner to corner of one region: whatever divides its corners is met by one of them.

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        which: Counts from the origin's side or from corner to corner, then reaches, then regions from the
            one where most neurons are on.
        rng: Draws places and the order.
    """
    patterns = open_patterns(known, scale, rng)
    region = region_of(known, patterns[which // 4 % len(patterns)])
    reach = scale * REACHES[which // 2 % len(REACHES)]
    corners = _corners(region, reach)
    # along one channel alone every neuron of the layer above bends that is not always on, or off
    star = ((corners[-1], end) for end in corners[:-1])
    chords = (
        _chord(one, other) for one, other in (pairwise(rng.permutation(corners)) if which % 2 else star)
    )
    return [one for one in chords if one is not None and one.high - one.low > MARGIN * reach]


def open_patterns(known: KnownLayers, scale: float, rng: np.random.Generator) -> BoolArray:
    """Patterns of the regions reached, those with most neurons on first: "q n"."""
    patterns = np.unique(known.patterns(open_places(known, scale, rng)), axis=0)
    order = np.argsort(-patterns.sum(axis=1), kind="stable")
    return np.asarray(patterns[order], dtype=np.bool_)


def _corners(region: Region, reach: float) -> FloatArray:
    """Far ends of a region where one of its last channels is large, or all, or none: "q r"."""
    rates = _unit(region.rates[-region.last :])
    on = np.nonzero(region.side[-region.last :] > 0)[0]
    wishes = [*(rates[one] - AGAINST * (rates[on].sum(axis=0) - rates[one]) for one in on)]
    wishes += [rates[on].sum(axis=0), -rates[on].sum(axis=0)] if len(on) else []
    ends = [far_end(region, wish, reach, MARGIN * reach) for wish in wishes]
    return np.array([end for end in ends if end is not None]).reshape(-1, region.rates.shape[1])


def _chord(start: FloatArray, end: FloatArray) -> Line | None:
    length = float(np.linalg.norm(end - start))
    if length == 0:
        return None
    way = (end - start) / length
    shift = float(start @ way)
    # from the foot of the perpendicular: parameters are then as exact as coordinates
    return Line(start - shift * way, way, length / 4, shift, shift + length, shift + length / 2)


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300))
