"""Samples at which neurons are on together that seldom are, so that a fit pins the weights between them.

A weight shows only where its neuron and the one below it are both on, and a neuron that is on at every
sample merges with the biases above it. What was asked during a search often shows such places; where it does
not, points climb there offline, in the network as far as it is known.

Source: ours; `rare_points` does the like for second layers. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.recorded import Recorded
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

ENOUGH = 40
"""Samples at which two neurons are on together, or one is off. With 12 the weakest direction of a neuron
that is seldom on had 1e-4 of the strength of a typical one, in a network of 64 wide layers; with 40, 2e-3."""
CLIMBERS = 24
"""Points that climb for each pair that is met too seldom: those nearest to it."""
STEPS, STEP = 80, 0.05
"""Of a climb, and the length of each, of scale + norm."""
CLEAR = 1e-5
"""Height of the neuron nearest to switching, in a layer's mean height; rows are wrong by 1e-8 or so."""
MOST_PAIRS = 600
"""Pairs that are climbed for, the rarest first."""


def showing_rare(
    network: PiecewiseLinearNetwork, points: FloatArray, offered: FloatArray, rng: np.random.Generator
) -> BoolArray:
    """Which of some offered points to take so that all is met often enough, as far as they show it: "m".

    Args:
        network: Nearly right.
        points: Samples that are there anyway, "n d".
        offered: Others, "m d".
        rng: Draws among them.
    """
    chosen = np.zeros(len(offered), dtype=np.bool_)

    def take(there: BoolArray, count: int) -> None:
        places = rng.permutation(np.nonzero(there & ~chosen)[0])
        chosen[places[: max(0, ENOUGH - count - int((there & chosen).sum()))]] = True

    patterns, offers = network.activation_pattern(points), network.activation_pattern(offered)
    for on, offer in zip(patterns, offers, strict=True):
        off = (~on).sum(axis=0)
        for neuron in np.nonzero(off < ENOUGH)[0]:
            take(~offer[:, neuron], int(off[neuron]))
    for (below, above), (below_offer, offer) in zip(pairwise(patterns), pairwise(offers), strict=True):
        together = _together(above, below)
        for neuron, channel in zip(*np.nonzero(together < ENOUGH), strict=True):
            take(offer[:, neuron] & below_offer[:, channel], int(together[neuron, channel]))
    return chosen


def chosen_recorded(
    network: PiecewiseLinearNetwork,
    points: FloatArray,
    recorded: Recorded,
    wanted: int,
    rng: np.random.Generator,
) -> Recorded:
    """Recorded answers to fit: those that show what is rare, and others up to `wanted` in all.

    Ends of pieces of a line lie beside hyperplanes; a fit would leave them out, for fear of crossing.

    Args:
        network: Nearly right.
        points: Samples that are there anyway, "n d".
        recorded: To choose from.
        wanted: Answers, if there are as many; more where it takes them to show what is rare.
        rng: Draws among them.
    """
    recorded = recorded.select(_well_inside(network, recorded.points))
    chosen = showing_rare(network, points, recorded.points, rng)
    others = rng.permutation(np.nonzero(~chosen)[0])
    chosen[others[: max(0, wanted - int(chosen.sum()))]] = True
    return recorded.select(chosen)


def _well_inside(network: PiecewiseLinearNetwork, points: FloatArray) -> BoolArray:
    """Which points lie so far from all hyperplanes that no error of a row switches a neuron: "n"."""
    inside = np.ones(len(points), dtype=np.bool_)
    for heights in network.pre_activations(points):
        size = np.abs(heights)
        inside &= size.min(axis=1) > CLEAR * size.mean(axis=1)
    return inside


def climbed_to_rare(
    network: PiecewiseLinearNetwork, points: FloatArray, starts: FloatArray, scale: float
) -> FloatArray:
    """Points at which pairs are on together, or neurons off, that `points` show too seldom: "m d".

    Args:
        network: Nearly right.
        points: Samples that are there, "n d".
        starts: From where points may climb, "s d".
        scale: Typical input norm.
    """
    pairs = _rare_pairs(network.activation_pattern(points))
    if not len(pairs.layers) or not len(starts):
        return np.zeros((0, network.input_dim))
    heights = network.pre_activations(starts)
    nearest = [np.argsort(-pairs.margin(heights, index))[:CLIMBERS] for index in range(len(pairs.layers))]
    pairs = pairs.repeated(len(nearest[0]))
    places = starts[np.concatenate(nearest)]
    for _ in range(STEPS):
        uphill = pairs.uphill(network, places)
        uphill /= np.maximum(np.linalg.norm(uphill, axis=1, keepdims=True), 1e-300)
        places = places + STEP * (scale + np.linalg.norm(places, axis=1, keepdims=True)) * uphill
    above, below = pairs.heights(network.pre_activations(places))
    return places[(above > 0) & (below > 0)]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Neurons that are to be on, each with one of the layer below it, or off by themselves; shapes "p"."""

    layers: IntArray
    """Of the upper neuron, from 0."""
    neurons: IntArray
    channels: IntArray
    """In the layer below; -1: the neuron is to be off."""

    def repeated(self, count: int) -> _Pairs:
        """Each pair so many times."""
        return _Pairs(*(np.repeat(part, count) for part in (self.layers, self.neurons, self.channels)))

    def margin(self, heights: Sequence[FloatArray], index: int) -> FloatArray:
        """How nearly a pair is on at points: the lower of both heights, in what is usual there, "n"."""
        layer, channel = self.layers[index], self.channels[index]
        own = _in_usual(heights[layer], self.neurons[index])
        return -own if channel < 0 else np.minimum(own, _in_usual(heights[layer - 1], channel))

    def heights(self, heights: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Of the upper and the lower neuron of each pair at its point: positive is as wanted."""
        above, below = np.zeros(len(self.layers)), np.ones(len(self.layers))
        for layer in np.unique(self.layers):
            at = np.nonzero(self.layers == layer)[0]
            above[at] = heights[layer][at, self.neurons[at]]
            at = at[self.channels[at] >= 0]
            below[at] = heights[layer - 1][at, self.channels[at]]
        return np.where(self.channels < 0, -above, above), below

    def uphill(self, network: PiecewiseLinearNetwork, points: FloatArray) -> FloatArray:
        """At each pair's point the gradient of what is off of it; of the upper neuron where both are on."""
        heights = network.pre_activations(points)
        above, below = self.heights(heights)
        sign = np.where(self.channels < 0, -1.0, 1.0)
        # outputs want nothing
        back = np.zeros_like(heights[-1])
        for layer in range(len(heights) - 1, -1, -1):
            at = np.nonzero((self.layers == layer) & ((above <= 0) | (below > 0)))[0]
            back[at, self.neurons[at]] += sign[at]
            at = np.nonzero((self.layers == layer + 1) & (below <= 0))[0]
            back[at, self.channels[at]] += 1.0
            back = back @ network.weights[layer]
            if layer:
                back = back * (heights[layer - 1] > 0)
        return back


def _rare_pairs(patterns: Sequence[BoolArray]) -> _Pairs:
    """Pairs that are met too seldom, and neurons that are off too seldom, the rarest first."""
    found: list[IntArray] = [np.zeros((0, 4), dtype=np.int64)]
    for layer, on in enumerate(patterns):
        off = (~on).sum(axis=0)
        neurons = np.nonzero(off < ENOUGH)[0]
        found.append(np.stack([np.full_like(neurons, layer), neurons, 0 * neurons - 1, off[neurons]], axis=1))
    for layer, (below, above) in enumerate(pairwise(patterns), start=1):
        together = _together(above, below)
        neurons, channels = np.nonzero(together < ENOUGH)
        layers = np.full(len(neurons), layer)
        found.append(np.stack([layers, neurons, channels, together[neurons, channels]], axis=1))
    every = np.concatenate(found)
    every = every[np.argsort(every[:, 3], kind="stable")][:MOST_PAIRS]
    return _Pairs(every[:, 0], every[:, 1], every[:, 2])


def _together(above: BoolArray, below: BoolArray) -> IntArray:
    """At how many points two neurons are on together: "above below"."""
    return (above.T.astype(np.float64) @ below.astype(np.float64)).astype(np.int64)


def _in_usual(heights: FloatArray, neuron: int) -> FloatArray:
    return heights[:, neuron] / np.maximum(np.abs(heights).mean(axis=1), 1e-300)
