"""Points at which a neuron that is hardly ever on would be on.

A second-layer neuron that is on at one random point in ten thousand is on where few first-layer neurons
dominate all others. Such points are found offline: make up neurons from the weights of those that are known,
shifted down so that they too are hardly ever on, and climb each one. Where they are largest a real one of
their kind is on a few times in a hundred. Neurons that are hardly ever off are off there as well.

Source: ours (on 10-20-20-1, hit rates of 2e-4 at random points become 4e-2). Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import Planes, UnsignedNeuron

CLIMB = 60
"""Steps of the ascent."""
FIRST_STEP = 0.5
"""Length of the first step on the unit sphere."""
STEP_DECAY = 0.93
"""Factor on the step per step."""
SHIFTS = 0.5, 1.5
"""Smallest and largest shift of the made-up weights, in their standard deviations."""
COPIES = 12
"""Starts from which a neuron with unmet hyperplanes is climbed towards a change of its state."""


def extreme_points(
    planes: Planes, signs: FloatArray, rows: FloatArray, radii: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Points on spheres where combinations of the first layer's outputs are largest: "p d".

    Args:
        planes: The first layer.
        signs: Its signs, shape "n".
        rows: The combinations, shape "p n".
        radii: Distances from the origin, used in turn.
        rng: Draws starts.
    """
    distance = radii[np.arange(len(rows)) % len(radii), np.newaxis]
    ways = _unit(rng.standard_normal((len(rows), planes.normals.shape[1])))
    for step in range(CLIMB):
        active = signs * planes.heights(distance * ways) > 0
        uphill = (rows * active * signs) @ planes.normals
        uphill -= np.einsum("pd,pd->p", uphill, ways)[:, np.newaxis] * ways
        ways = _unit(ways + FIRST_STEP * STEP_DECAY**step * _unit(uphill))
    return distance * ways


def made_up_rows(neurons: Sequence[UnsignedNeuron], count: int, rng: np.random.Generator) -> FloatArray:
    """Weights of neurons that are hardly ever on: "count n"."""
    rows = np.array([neuron.row / neuron.size for neuron in neurons])
    width = rows.shape[1]
    made_up = rows[rng.integers(len(rows), size=(count, width)), np.arange(width)]
    made_up *= rng.choice(np.array([-1.0, 1.0]), (count, 1))
    return made_up - rng.uniform(*SHIFTS, (count, 1)) * rows.std()


def doubtful_rows(neurons: Sequence[UnsignedNeuron]) -> FloatArray:
    """Rows to climb for neurons whose boundary may have another part beyond hyperplanes it does not meet."""
    rows = [np.zeros((0, neurons[0].planes.count))]
    for neuron in neurons:
        if not neuron.complete:
            side = np.sign(np.nansum(neuron.beyond)) or 1.0
            rows.append(np.repeat(-side * neuron.row[np.newaxis], COPIES, axis=0))
    return np.concatenate(rows)


def _unit(rows: FloatArray) -> FloatArray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
