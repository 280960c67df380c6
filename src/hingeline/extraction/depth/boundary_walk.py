"""Where a neuron's boundary leaves the regions in which it is known, and a short line just beyond.

A walker moves inside the boundary, straight through each region to the first known neuron that switches,
turns with the boundary there, and stops where the next region would tell something new. The boundary goes
on beyond that facet from the same point; a short segment across it meets it, and gives a view that tells
exactly one new direction.

Source: ClosestBoundary, Rolnick and Körding 2020, for any depth. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import MATTERS, KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.probing.line import Line

STEPS = 25
"""Regions that one walker may pass."""
BEYOND = 0.004
"""Distance of the segment from the facet, as a part of the room beyond it."""
LENGTH = 120.0
"""Half length of the segment, in such distances, for a boundary that meets the facet squarely."""
WANDER = 0.5
"""Length of what is random in the wish of a walker that goes somewhere, its aim having length one."""
CHOICE = 3
"""Facets found for each segment wanted, after which no more are looked for."""
FLATTEST = 0.02
"""Boundaries more parallel to the facet than this are not crossed there."""
SMALLEST = 1e-7
"""Segments shorter than this part of the distance from the origin are too short to measure on."""


@dataclass(frozen=True, eq=False)
class _Place:
    """What holds around a point: every known pre-activation with its gradient, and the neuron's."""

    heights: FloatArray
    rates: FloatArray
    gradient: FloatArray
    covered: bool

    @classmethod
    def at(cls, known: KnownLayers, neuron: PartialNeuron, point: FloatArray) -> _Place:
        values, slopes = point, np.eye(known.dim)
        heights: list[FloatArray] = []
        rates: list[FloatArray] = []
        for layer in known.layers:
            z, rate = layer.weights @ values + layer.biases, layer.weights @ slopes
            heights.append(z)
            rates.append(rate)
            open_ = ~layer.decided
            values = np.concatenate([np.maximum(z, 0.0), z[open_]])
            slopes = np.concatenate([rate * (z > 0)[:, np.newaxis], rate[open_]])
        moves = np.concatenate([slopes, np.zeros((1, known.dim))])
        size = max(float(np.linalg.norm(moves)), 1e-300)
        unknown = np.concatenate([moves, np.append(values, 1.0)[:, np.newaxis]], axis=1)
        unknown[:, -1] /= max(float(np.linalg.norm(unknown[:, -1])), 1e-300)
        unknown[:, :-1] /= size
        covered = neuron.whole or float(np.abs(neuron.untold.T @ unknown).max()) < 1e-7
        none = np.zeros((0, known.dim))
        return cls(
            np.concatenate([np.zeros(0), *heights]), np.concatenate([none, *rates]),
            neuron.theta[:-1] @ slopes, covered,
        )  # fmt: skip

    def next_facet(self, direction: FloatArray, skip: int) -> tuple[int, float]:
        """The known neuron that switches first along a direction, and how far away; -1 if none does."""
        speed = self.rates @ direction
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.heights * speed < 0, -self.heights / speed, np.inf)
        if skip >= 0:
            t[skip] = np.inf
        if not len(t) or not np.isfinite(t).any():
            return -1, np.inf
        nearest = int(np.argmin(t))
        return nearest, float(t[nearest])


def telling_segments(
    known: KnownLayers,
    neuron: PartialNeuron,
    starts: FloatArray,
    *,
    scale: float,
    reach: float,
    walkers: int,
    wanted: int,
    rng: np.random.Generator,
    aimed: bool = False,
) -> list[Line]:
    """Short lines on which bends of this neuron would tell what is not known of it.

    Args:
        known: The layers below.
        neuron: As far as it is known.
        starts: Points of its boundary, shape "s r".
        scale: Typical input norm.
        reach: Largest distance from the origin.
        walkers: Paths tried.
        wanted: Most segments given, those with most room, each beyond another neuron's facet.
        rng: Draws starts and directions.
        aimed: Whether every other walker goes where a channel comes on whose weight is not known.
    """
    best: dict[int, tuple[float, Line]] = {}
    if not len(starts):
        return []
    # a neuron whose bends were all given to others has nowhere to start
    untold = _untold_channels(known, neuron) if aimed else []
    for walker in range(walkers if len(starts) else 0):
        if len(best) >= CHOICE * wanted:
            break
        start = starts[int(rng.integers(len(starts)))]
        uphill = int(rng.choice(untold)) if untold and walker % 2 else None
        found = _walk(known, neuron, start, scale, reach, rng, uphill)
        if found is not None:
            facet, room, line = found
            if facet not in best or room > best[facet][0]:
                best[facet] = (room, line)
    ordered = sorted(best.values(), key=lambda pair: -pair[0])
    return [line for _, line in ordered[:wanted]]


def _untold_channels(known: KnownLayers, neuron: PartialNeuron) -> list[int]:
    """Known neurons, counted over all layers, with which the neuron comes in is not known."""
    if not known.layers:
        return []
    width = known.layers[-1].width
    share = np.linalg.norm(neuron.untold[:width], axis=1)
    first = sum(layer.width for layer in known.layers) - width
    return [first + int(index) for index in np.nonzero(share > MATTERS)[0]]


def _walk(
    known: KnownLayers,
    neuron: PartialNeuron,
    point: FloatArray,
    scale: float,
    reach: float,
    rng: np.random.Generator,
    uphill: int | None = None,
) -> tuple[int, float, Line] | None:
    place = _Place.at(known, neuron, point)
    wish, last = rng.standard_normal(known.dim), -1
    wander = wish * WANDER / float(np.linalg.norm(wish))
    for _ in range(STEPS):
        if uphill is not None:
            wish = wander + place.rates[uphill] / max(float(np.linalg.norm(place.rates[uphill])), 1e-300)
        square = float(place.gradient @ place.gradient)
        if square == 0 or not place.covered:
            return None
        way = wish - (wish @ place.gradient) / square * place.gradient
        way = way / max(float(np.linalg.norm(way)), 1e-300)
        facet, distance = place.next_facet(way, last)
        if facet < 0:
            return None
        point = point + distance * way
        if np.linalg.norm(point) > reach:
            return None
        normal = place.rates[facet] / max(float(np.linalg.norm(place.rates[facet])), 1e-300)
        across = normal if normal @ way > 0 else -normal
        beyond = _Place.at(known, neuron, point + 1e-9 * (scale + float(np.linalg.norm(point))) * across)
        if not beyond.covered:
            return _segment(place, beyond, facet, point, across, scale)
        place, last = beyond, facet
    return None


def _segment(
    home: _Place, beyond: _Place, facet: int, point: FloatArray, across: FloatArray, scale: float
) -> tuple[int, float, Line] | None:
    inside = home.gradient - (home.gradient @ across) * across
    slope, size = float(np.linalg.norm(inside)), float(np.linalg.norm(home.gradient))
    if slope < FLATTEST * size:
        return None
    along = inside / slope
    distance = scale + float(np.linalg.norm(point))
    room = min(beyond.next_facet(across, facet)[1], distance)
    off = BEYOND * room
    start = point + off * across
    half = LENGTH * off * size / slope
    for way in (along, -along):
        half = min(half, 0.9 * beyond.next_facet(way, facet)[1])
    if half < SMALLEST * distance:
        return None
    shift = float(start @ along)
    line = Line(start - shift * along, along, half / 2, shift - half, shift + half, shift)
    return facet, half / distance, line
