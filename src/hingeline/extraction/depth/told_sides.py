"""Sides told from above, and layers with their sides or rows changed.

Cost: no queries. Source: affine bypass for unresolved signs, specs on extraction, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import MATTERS
from hingeline.extraction.depth.layer_step import AGREE, FoundLayer, channels_of, layer_of, turned
from hingeline.extraction.depth.partial_neuron import PartialNeuron

CLEAR = 1e-3
"""Coefficients of unit vectors that are large enough to compare with others."""
FEWEST_WEAK = 3
"""Neurons above that must not see a neuron on one side of it before it is off there."""


def told_by(above: FoundLayer, layer: FoundLayer, *, seldom: bool = False) -> dict[int, float]:
    """On which side undecided neurons are on, as the neurons above have it: key to 1 or -1.

    A neuron above is linear in relu(z) if z > 0 is the active side, and in relu(-z) = relu(z) - z if not:
    its coefficient of z is zero, or minus that of relu(z). With `seldom`, where only one of these is told,
    because the undecided neuron was never on, it is enough that some neurons above have it.
    """
    place = {channel: index for index, channel in enumerate(layer.channels)}
    found: dict[int, float] = {}
    for key, itself in layer.channels:
        if not itself:
            continue
        votes, weak = list[float](), list[float]()
        first, second = place[key, False], place[key, True]
        for one in above.neurons:
            theta, told = one.neuron.theta, one.neuron.told
            weak += [] if told[first] or not seldom else _off_sides(one.neuron, first, second)
            if not (told[first] and told[second]) or abs(theta[first]) < CLEAR:
                continue
            ratio = theta[second] / theta[first]
            votes += [sign for value, sign in ((0.0, 1.0), (-1.0, -1.0)) if abs(ratio - value) < AGREE]
        votes = votes or weak * (len(weak) >= FEWEST_WEAK)
        if votes and abs(sum(votes)) == len(votes):
            found[key] = votes[0]
    return found


def _off_sides(neuron: PartialNeuron, first: int, second: int) -> list[float]:
    """Sides on which a neuron below may be on, if it does not come in on the other: relu(z) is not told."""
    for sign, both in ((1.0, 0.0), (-1.0, 1.0)):
        untold = float(np.linalg.norm(both * neuron.untold[first] + neuron.untold[second]))
        if untold < MATTERS and abs(both * neuron.theta[first] + neuron.theta[second]) < AGREE * CLEAR:
            return [sign]
    return []


def told_by_outputs(weights: FloatArray, layer: FoundLayer) -> dict[int, float]:
    """On which side undecided neurons of the last layer are on, as the outputs have it: key to 1 or -1.

    Args:
        weights: Of the outputs over the layer's channels, the constant last, shape "k c+1".
        layer: The last hidden layer.
    """
    place = {channel: index for index, channel in enumerate(layer.channels)}
    found: dict[int, float] = {}
    for key, itself in layer.channels:
        if not itself:
            continue
        jump, linear = weights[:, place[key, False]], weights[:, place[key, True]]
        size = float(np.abs(jump).max())
        for value, sign in ((0.0, 1.0), (-1.0, -1.0)):
            if size > 0 and np.abs(linear - value * jump).max() < AGREE * size:
                found[key] = sign
    return found


def undecided(step: FoundLayer, *, every: bool = False) -> FoundLayer:
    """The layer with every neuron offered both ways, so that what is above decides all sides.

    Args:
        step: The layer.
        every: Whether neurons that are known in few places are built on too.
    """
    kept = step.neurons if every else step.neurons[: step.layer.width]
    layer = layer_of(kept, step.layer.weights.shape[1]) if every else step.layer
    layer = replace(layer, decided=np.zeros(layer.width, dtype=np.bool_))
    return replace(step, layer=layer, channels=channels_of(kept, layer.decided))


def without(step: FoundLayer, index: int) -> FoundLayer:
    """The layer without one of the neurons it is built on."""
    layer = step.layer
    keep = np.arange(layer.width) != index
    untold = tuple(one for one, kept in zip(layer.untold, keep, strict=False) if kept)
    layer = replace(
        layer,
        weights=layer.weights[keep],
        biases=layer.biases[keep],
        decided=layer.decided[keep],
        untold=untold,
        errors=None if layer.errors is None else layer.errors[keep],
    )
    neurons = (*step.neurons[:index], *step.neurons[index + 1 :])
    return replace(
        step, layer=layer, neurons=neurons, channels=channels_of(neurons[: layer.width], layer.decided)
    )


def with_rows(step: FoundLayer, thetas: Sequence[FloatArray]) -> FoundLayer:
    """The layer with other coefficients where those are not known: one row for each neuron built on."""
    rows = np.array(thetas)
    layer = replace(step.layer, weights=rows[:, :-1], biases=rows[:, -1])
    neurons = [
        replace(one, refit=replace(one.refit, neuron=replace(one.neuron, theta=row)))
        for one, row in zip(step.neurons, rows, strict=False)
    ]
    return replace(step, layer=layer, neurons=(*neurons, *step.neurons[len(neurons) :]))


def with_sides(step: FoundLayer, told: Mapping[int, float]) -> FoundLayer:
    """A layer turned to the sides that the outputs told, by key; the others stay undecided."""
    count = step.layer.width
    kept = step.neurons[:count]
    sign = np.array([told.get(one.key, 1.0) for one in kept])
    decided = np.array([one.key in told for one in kept]) | step.layer.decided
    layer = replace(
        step.layer,
        weights=step.layer.weights * sign[:, np.newaxis],
        biases=step.layer.biases * sign,
        decided=decided,
    )
    rows = turned(list(kept), step.layer, layer)
    neurons = (*rows, *step.neurons[count:])
    return replace(step, layer=layer, neurons=neurons, channels=channels_of(rows, decided))
