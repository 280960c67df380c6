"""Neurons that are known in few places and are hardly ever on: built on as if they were off everywhere else.

A neuron may be on only where some others below are off, all of its weights on them being negative. It then
has no boundary where they are on, and nothing tells these weights. But layers above cannot be told where it
is on unless it is built on.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.candidates import MANY_HITS, FoundNeuron
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.untold_off import turned_off

KNOWN_ENOUGH, SELDOM = 0.25, 0.2
"""Share of the places at which a neuron must be known, and of these, at most, at which it is on, or off."""
MOST_PLACES = 4000
"""Places looked at to have a neuron off where it is not known."""


def is_seldom(one: FoundNeuron, offered: FloatArray, enough: float) -> bool:
    """Whether a neuron is on, or off, at hardly any of the places where it is known.

    Args:
        one: Known in too few places to build on.
        offered: Channels and one at the places asked, shape "p c+1".
        enough: Share of them at which it must be known; zero: many bends, all where predicted, are enough.
    """
    if enough == 0 and len(one.vote.hits) >= MANY_HITS and not one.vote.missed:
        return True
    covered = one.neuron.covers(offered)
    on = float((one.neuron.values(offered[covered]) > 0).mean()) if covered.any() else 0.5
    return bool(covered.mean() >= max(enough, KNOWN_ENOUGH) and min(on, 1 - on) <= SELDOM)


def off_elsewhere(
    layer: KnownLayer, kept: Sequence[FoundNeuron], off: Sequence[bool], offered: FloatArray
) -> KnownLayer:
    """A layer in which some neurons are off wherever something matters that is not told of them.

    Args:
        layer: As its neurons are known.
        kept: The neurons.
        off: Which are off elsewhere.
        offered: As for `is_seldom`.
    """
    rows = np.concatenate([layer.weights, layer.biases[:, np.newaxis]], axis=1)
    some = offered[:: len(offered) // MOST_PLACES + 1]
    for index in (place for place, rare in enumerate(off) if rare):
        rows[index] = turned_off(kept[index].neuron, some)
    none = np.zeros((rows.shape[1], 0))
    untold = tuple(none if rare else told for rare, told in zip(off, layer.untold, strict=True))
    return replace(layer, weights=rows[:, :-1], biases=rows[:, -1], untold=untold)


def on_seldom_side(
    sided: KnownLayer,
    layer: KnownLayer,
    kept: Sequence[FoundNeuron],
    off: Sequence[bool],
    offered: FloatArray,
) -> KnownLayer:
    """A turned layer in which those neurons are on on the side where they are at fewer places.

    Args:
        sided: The layer with its rows turned.
        layer: The same before that.
        kept: The neurons.
        off: Those that are off elsewhere.
        offered: As for `is_seldom`.
    """
    weights, biases, decided = sided.weights.copy(), sided.biases.copy(), sided.decided.copy()
    for index in (place for place, rare in enumerate(off) if rare):
        neuron = kept[index].neuron
        often = (neuron.values(offered[neuron.covers(offered)]) > 0).mean() > 0.5
        weights[index] = -layer.weights[index] if often else layer.weights[index]
        biases[index] = -layer.biases[index] if often else layer.biases[index]
        decided[index] = True
    return replace(sided, weights=weights, biases=biases, decided=decided)
