"""Neurons over channels that have changed since: their rows over the channels as they are now.

A row below is scaled anew when more of it is told, is turned when its side is, and a neuron that was missing
adds a channel. All of that is linear in what the layer offers, wherever nothing untold matters: so what was
found above stays found, and of a new channel it is not told with which weight it comes in.

Cost: no queries. Source: affine bypass for unresolved signs, specs on extraction, section 4; the use is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.candidates import FoundNeuron
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron

Channels = Sequence[tuple[int, bool]]

FEWEST = 20
"""Places with which heights before and now are compared."""
MOST = 400
"""And at most so many of them."""
AGREE = 1e-6
"""Spread of the ratio of one neuron's heights, of the ratio, within which it is the same neuron."""
VANISHES = 1e-5
"""Coefficients of a unit row below this are zero."""


@dataclass(frozen=True, eq=False)
class Lift:
    """Channels before as combinations of those now."""

    turn: FloatArray
    """Rows over both relu(z) and z of all neurons, and one: shape "e c+1" for c channels before."""
    kept: BoolArray
    """Which of the e are offered now: shape "e"."""
    new: FloatArray
    """Coordinates of which nothing was told: columns "e f"."""

    def of(self, neuron: PartialNeuron) -> PartialNeuron | None:
        """The row over the channels now; None if it does not come in as relu(z) on the side that was told."""
        theta, untold = self.turn @ neuron.theta, self.turn @ neuron.untold
        gone = ~self.kept
        if gone.any():
            # what is not offered any more must not come in: some of what was untold is told by that
            left, size, right = np.linalg.svd(untold[gone], full_matrices=True)
            told = int((size > VANISHES).sum())
            step = right[:told].T @ ((left[:, :told].T @ theta[gone]) / size[:told])
            theta, untold = theta - untold @ step, untold @ right[told:].T
            if np.linalg.norm(theta[gone]) > VANISHES * np.linalg.norm(theta):
                return None
        untold = np.concatenate([untold, self.new], axis=1)[~gone]
        untold = np.asarray(np.linalg.qr(untold)[0]) if untold.shape[1] else untold
        theta = theta[~gone] - untold @ (untold.T @ theta[~gone])
        return PartialNeuron(theta / max(float(np.linalg.norm(theta)), 1e-300), untold, neuron.members)


def lifted(
    neurons: Sequence[FoundNeuron],
    before: tuple[KnownLayers, Channels],
    now: tuple[KnownLayers, Channels],
    samples: FloatArray,
) -> list[FoundNeuron]:
    """Those neurons that are the same over the channels as they are now.

    Args:
        neurons: Of one layer.
        before: The layers below as they were, and what the last of them offered.
        now: The same as they are.
        samples: Places at which heights are compared, shape "s r".
    """
    lift = lift_of(before, now, samples)
    found: list[FoundNeuron] = []
    for one in neurons:
        neuron = None if lift is None else lift.of(one.neuron)
        if neuron is not None:
            errors = np.full(len(neuron.theta), float(np.median(one.refit.errors)))
            found.append(replace(one, refit=replace(one.refit, neuron=neuron, errors=errors)))
    return found


def lift_of(
    before: tuple[KnownLayers, Channels], now: tuple[KnownLayers, Channels], samples: FloatArray
) -> Lift | None:
    """How channels before are combinations of those now; None if a neuron of then is none of now."""
    same, mostly_on = _same_neurons(before, now, samples)
    keys = [key for key, itself in now[1] if not itself]
    every = [*now[1], *((key, True) for key in keys if (key, True) not in set(now[1]))]
    place = {channel: index for index, channel in enumerate(every)}
    turn = np.zeros((len(every) + 1, len(before[1]) + 1))
    turn[-1, -1] = 1.0
    for index, (name, itself) in enumerate(before[1]):
        if name not in same:
            return None
        key, ratio = same[name]
        if itself:
            turn[place[key, True], index] = 1 / ratio
        else:
            # relu(z) of then is relu(z) / ratio, or relu(-z) / |ratio|
            turn[place[key, False], index] = 1 / abs(ratio)
            turn[place[key, True], index] = 0.0 if ratio > 0 else -1 / abs(ratio)
    fresh = [key for key in keys if key not in {met for met, _ in same.values()}]
    new = np.zeros((len(turn), len(fresh)))
    for index, key in enumerate(fresh):
        # without it rows were told where it is off: what is not told is how they move where it is on
        new[place[key, False], index] = 1.0
        new[place[key, True], index] = -1.0 if (key, True) in now[1] and mostly_on[key] else 0.0
    return Lift(turn, np.append(np.arange(len(every)) < len(now[1]), True), new)


def _same_neurons(
    before: tuple[KnownLayers, Channels], now: tuple[KnownLayers, Channels], samples: FloatArray
) -> tuple[dict[int, tuple[int, float]], dict[int, bool]]:
    """By key then: its key now, and its height now of one then; by key now: whether z > 0 in most places."""
    good = np.nonzero(before[0].reliable(samples) & now[0].reliable(samples))[0]
    good = good[:: len(good) // MOST + 1]
    if len(good) < FEWEST:
        return {}, {}
    then, today = before[0].heights(samples[good])[-1], now[0].heights(samples[good])[-1]
    names = [[key for key, itself in channels if not itself] for _, channels in (before, now)]
    found: dict[int, tuple[int, float]] = {}
    for name, height in zip(names[0], then.T, strict=True):
        ratios = today / np.where(height == 0, np.nan, height)[:, np.newaxis]
        middle = np.nanmedian(ratios, axis=0)
        spread = np.nanmedian(np.abs(ratios - middle), axis=0) / np.maximum(np.abs(middle), 1e-300)
        best = int(np.argmin(spread)) if len(spread) else -1
        if best >= 0 and spread[best] < AGREE and middle[best] != 0:
            found[name] = names[1][best], float(middle[best])
    mostly = (today > 0).mean(axis=0) > 0.5
    return found, dict(zip(names[1], mostly.tolist(), strict=True))
