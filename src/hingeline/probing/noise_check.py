"""Measure the noise of coarse answers once more, with more samples, before much is built on it.

The doctor asks a handful of ladders, so its noise may be wrong by a factor of four. That costs digits where
answers have many, but with seven digits a factor of four makes bends out of noise. Second differences across
short steps at a few dozen random places are noise wherever no bend is met; their median ignores the rest.

Source: ours. Cost: 3 queries per place, 90 in all.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.probe import Probe

PLACES = 15
"""Places asked at each norm."""
NORMS = (1.0, 10.0)
"""Their norms, in typical input norms."""
STEP = 2e-3
"""Step of the second differences, as a fraction of the norm: far above rounding, seldom across a bend."""
MEDIAN_TO_DEVIATION = 1.4826
"""Deviation of a normal variable over the median of its size."""


def checked_noise(probe: Probe, rng: np.random.Generator) -> NoiseFloor:
    """The calibrated noise, raised where second differences show more.

    Never lowered: short steps may see less of a noise that is not independent from point to point.

    Args:
        probe: Where queries go.
        rng: Draws places and directions.

    Raises:
        BudgetExhausted: The budget ended.
    """
    dim = probe.input_dim
    sizes = np.repeat(np.array(NORMS), PLACES)[:, np.newaxis] * probe.calibration.scale
    places = _unit(rng.standard_normal((len(sizes), dim))) * sizes
    places = probe.domain.pulled_in(places)
    steps = _unit(rng.standard_normal(places.shape)) * STEP * np.linalg.norm(places, axis=1, keepdims=True)
    inside = probe.domain.holds(places + steps) & probe.domain.holds(places - steps)
    places, steps = places[inside], steps[inside]
    noise = probe.calibration.noise
    if not len(places):
        return noise
    answers = probe.ask(np.concatenate([places - steps, places, places + steps])).reshape(3, len(places), -1)
    second = np.abs(answers[0] + answers[2] - 2 * answers[1]) / np.sqrt(6)
    # outputs have their own noise: the worst of them counts
    ratios = second / noise.at(places)[:, np.newaxis]
    factor = float(MEDIAN_TO_DEVIATION * np.median(ratios, axis=0).max())
    factor = max(1.0, factor)
    return NoiseFloor(factor * noise.absolute, factor * noise.per_norm)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
