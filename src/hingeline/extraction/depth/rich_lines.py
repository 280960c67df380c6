"""Lines within one region in which the layers below can be moved in as many dimensions as they have channels.

A bend there tells a neuron of the next layer whole, from one normal; on random lines only half of the
channels move and several views must be put together. A pattern of the known layers is drawn in which the
last one is on; where it holds every pre-activation is affine in the input, so a linear programme says
whether there is such a region and finds points at its far ends. As long as there are fewer than twice as
many neurons as dimensions nearly every pattern exists.

Cost: no queries. Source: Cover 1965 for the count of patterns; the rest is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.probing.line import Line

MOVES = 1e-4
"""Singular values of the channels' slopes below this share of the largest are not counted."""


@dataclass(frozen=True)
class RichSettings:
    """How hard rich regions are looked for."""

    patterns: int = 12
    """Patterns tried; every second failure lets one more neuron of the last layer be off."""
    most_off: float = 0.0
    """Share of the last layer's neurons up to which are off, drawn: some neurons are on only there."""
    fewest_on: float = 0.6
    """Least share of a lower layer's neurons that are on."""
    margin: float = 1e-3
    """Distance kept from the boundaries of the region, in typical input norms."""
    reach: tuple[float, float] = (1.0, 30.0)
    """Bounds of a coordinate, in typical input norms; drawn evenly in the logarithm."""


@dataclass(frozen=True, eq=False)
class Region:
    """Where a pattern of the known layers holds: side (rates x + heights) > 0."""

    rates: FloatArray
    """Gradients of all pre-activations, shape "n r"."""
    heights: FloatArray
    """Pre-activations at the origin as they would be there, shape "n"."""
    side: FloatArray
    """1 or -1 for each, shape "n"."""
    last: int
    """Neurons of the last layer, the last ones of n."""


def region_of(known: KnownLayers, pattern: BoolArray) -> Region:
    """What holds where the known neurons are on the given sides ("n" over all layers)."""
    slopes, values = np.eye(known.dim), np.zeros(known.dim)
    rates, heights = list[FloatArray](), list[FloatArray]()
    at = 0
    for layer in known.layers:
        on = pattern[at : at + layer.width]
        at += layer.width
        rates.append(layer.weights @ slopes)
        heights.append(layer.weights @ values + layer.biases)
        open_ = ~layer.decided
        slopes = np.concatenate([rates[-1] * on[:, np.newaxis], rates[-1][open_]])
        values = np.concatenate([heights[-1] * on, heights[-1][open_]])
    side = np.where(pattern, 1.0, -1.0)
    return Region(np.concatenate(rates), np.concatenate(heights), side, known.layers[-1].width)


def drawn_pattern(known: KnownLayers, off: int, fewest: float, rng: np.random.Generator) -> BoolArray:
    """Sides on which all of the last layer but `off` are on, and more than a share of the others."""
    parts: list[BoolArray] = []
    for layer in known.layers[:-1]:
        on = rng.random(layer.width) < rng.uniform(fewest, 1.0)
        parts.append(on | (~layer.decided & (rng.random(layer.width) < 0.5)))
    last = known.layers[-1]
    on = np.ones(last.width, dtype=np.bool_)
    on[rng.permutation(last.width)[:off]] = False
    either = ~last.decided
    on[either] = rng.random(int(either.sum())) < 0.5
    return np.concatenate([*parts, on])


def rich_line(
    known: KnownLayers, scale: float, rng: np.random.Generator, settings: RichSettings | None = None
) -> Line | None:
    """A line across a region where the channels move in many dimensions.

    Args:
        known: The layers below the one that is looked for.
        scale: Typical input norm.
        rng: Draws patterns and directions.
        settings: How hard to look.

    Returns:
        None if there is no layer below, or no such region was found.
    """
    settings = settings or RichSettings()
    if not known.layers or not known.layers[-1].width:
        return None
    width = known.layers[-1].width
    some = int(rng.integers(0, 1 + int(settings.most_off * width)))
    for attempt in range(settings.patterns):
        pattern = drawn_pattern(known, min(some + attempt // 2, width - 1), settings.fewest_on, rng)
        region = region_of(known, pattern)
        low, high = np.log(settings.reach)
        reach = scale * float(np.exp(rng.uniform(low, high)))
        wish = rng.standard_normal(region.last) @ _unit(region.rates[-region.last :])
        ends = [far_end(region, sign * wish, reach, settings.margin * scale) for sign in (-1.0, 1.0)]
        if ends[0] is None or ends[1] is None:
            continue
        length = float(np.linalg.norm(ends[1] - ends[0]))
        if length > settings.margin * scale:
            direction = (ends[1] - ends[0]) / length
            return Line(ends[0], direction, length / 4, 0.0, length, length / 2)
    return None


def far_end(region: Region, wish: FloatArray, reach: float, margin: float) -> FloatArray | None:
    """The point of a region farthest along a wish, with a margin; None if there is none.

    Args:
        region: Where.
        wish: Direction, shape "r".
        reach: Bound of each coordinate.
        margin: Distance from the boundaries.
    """
    from scipy.optimize import linprog

    size = np.maximum(np.linalg.norm(region.rates, axis=1), 1e-300)
    rows = -(region.side / size)[:, np.newaxis] * region.rates
    room = region.side * region.heights / size - margin
    found = linprog(-_unit(wish), A_ub=rows, b_ub=room, bounds=(-reach, reach), method="highs")
    return np.asarray(found.x, dtype=np.float64) if found.status == 0 else None


def moving_rows(known: KnownLayers, line: Line) -> FloatArray | None:
    """Orthonormal rows of the directions in which the channels move on a line; None if it leaves a region.

    Args:
        known: All layers found.
        line: A line, as `rich_line` gives it.
    """
    if not known.layers or len(known.breaks(line)) > 2:
        return None
    slopes = known.slopes(line.at(np.array([(line.low + line.high) / 2])))[0]
    _, size, right = np.linalg.svd(slopes, full_matrices=False)
    rows = right[size > MOVES * size.max(initial=1e-300)]
    return rows if len(rows) else None


def _unit(rows: FloatArray) -> FloatArray:
    size: FloatArray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-300)
    return size
