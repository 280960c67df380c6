"""The noise floor of a door, fitted to second differences at several norms.

The error of a float answer grows with the largest intermediate value, hence with |x| and not with |f(x)|:
the floor is `absolute + per_norm * |x|`. A ladder spoilt by kinks is outvoted by the others.

Measured against 80-bit arithmetic on 432 random networks from 1-5-1 to 3072-64-10, at norms from a
thousandth of the scale to 1e5 times it: within a factor 3 of the true deviation in 95 of 100 cases; the
others are mostly networks with one to five neurons on, where the noise depends on the direction.

Cost: no queries of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.ladder import Ladder, Rung

# Median of |N(0, 1)|.
_MEDIAN = 0.6745
# Few samples: a deviation estimated from them is raised by about its own uncertainty.
_CAUTION = 1.3
# The narrowest second difference may by chance be this much smaller than the others.
_PATIENCE = 4.0
# Two deviations from four samples each rarely differ by more than this factor.
_CHANCE = 4.0
# Stands for "no error at all", so that logarithms exist.
_NOTHING = 1e-300


def fit_noise(ladders: Sequence[Ladder], *, unit: float, curved: bool, rounded: bool = False) -> NoiseFloor:
    """Fit `absolute + per_norm * |x|` to the samples of `ladders`, kinks left out, rounding included.

    Args:
        ladders: At two norms at least, for a growth to show.
        unit: Relative rounding error of the floats that arrive; inputs are rounded like answers, which
            alone gives a growth of unit / sqrt(3) times the slope.
        curved: The function is smooth: measure what a quartic leaves.
        rounded: Answers are rounded to a grid, which is likely all of the error: long steps meet many kinks,
            and samples far above the rounding are taken for those.
    """
    # Values of size 1: squares of very large or small ones leave the range of floats.
    size = max(float(np.abs(ladder.values).max()) for ladder in ladders) or 1.0
    floor = _fit([_scaled(ladder, size) for ladder in ladders], unit, curved=curved, rounded=rounded)
    return NoiseFloor(size * floor.absolute, size * floor.per_norm)


def _scaled(ladder: Ladder, size: float) -> Ladder:
    further = tuple(Rung(rung.length, rung.bend / size) for rung in ladder.further)
    return replace(ladder, values=ladder.values / size, rounding=ladder.rounding / size, further=further)


def _fit(ladders: Sequence[Ladder], unit: float, *, curved: bool, rounded: bool) -> NoiseFloor:
    alive = [ladder for ladder in ladders if not ladder.flat] or list(ladders)
    norms = np.array([max(ladder.norm, 1e-300) for ladder in alive])
    patience = 1.0 if rounded else _PATIENCE
    kept = [_without_kinks(ladder, ladder.samples(curved=curved), patience) for ladder in alive]
    sigmas = np.array([_deviation(*pair) for pair in zip(alive, kept, strict=True)])
    floor = _consensus(norms, sigmas)
    ratios = sigmas / floor.at_norm(norms)
    agree = (ratios < _CHANCE) & (ratios > 1 / _CHANCE)
    scaled = [s / floor.at_norm(r) for s, r, inside in zip(kept, norms, agree, strict=True) if inside]
    raised = _CAUTION * np.sqrt(np.mean(ratios[agree] ** 2)) * _worst_output(np.concatenate(scaled))
    # Few neurons are on at a time in narrow networks: the noisiest place without a kink counts.
    whole = [len(samples) > 3 for samples in kept]
    raised = max(raised, min(_CHANCE, float(ratios[whole].max(initial=0.0))))
    by_inputs = unit / np.sqrt(3.0) * max(ladder.slope for ladder in ladders)
    per_norm = float(max(raised * floor.per_norm, by_inputs))
    # An answer at the origin is rounded too, even where the network is dead and its ladder tells nothing.
    nearest = min(ladders, key=lambda ladder: ladder.norm)
    return NoiseFloor(
        float(max(raised * floor.absolute, nearest.rounding - per_norm * nearest.norm)), per_norm
    )


def _without_kinks(ladder: Ladder, samples: FloatArray, patience: float) -> FloatArray:
    """The samples that are not far above their median, all outputs together.

    A kink within the narrow steps is within the wider ones too, so the narrowest second difference
    tells when most of the samples have met one.
    """
    median = float(np.sqrt(np.mean(np.median(np.abs(samples), axis=0) ** 2))) / _MEDIAN
    if len(samples) == 1:
        return samples
    narrowest = float(np.sqrt(np.mean(ladder.bends[2] ** 2) / 6.0))
    usual = min(max(median, ladder.rounding), patience * max(narrowest, ladder.rounding))
    kept = samples[np.abs(samples).max(axis=1) <= 5 * usual]
    return kept if len(kept) else ladder.bends[2:] / np.sqrt(6.0)


def _deviation(ladder: Ladder, samples: FloatArray) -> float:
    return max(float(np.sqrt(np.mean(samples**2))), ladder.rounding, _NOTHING)


def _consensus(norms: FloatArray, sigmas: FloatArray) -> NoiseFloor:
    """The floor a + b r with the smallest sum of |log(deviation / floor)|.

    The best such fit goes through two of the ladders (or has a = 0 or b = 0 and goes through one), so all
    of these are tried. One ladder spoilt by kinks, or lying where the network is almost dead, is outvoted.
    """
    candidates = [(sigma, 0.0) for sigma in sigmas] + [
        (0.0, s / r) for s, r in zip(sigmas, norms, strict=True)
    ]
    for i, j in combinations(range(len(norms)), 2):
        if norms[i] != norms[j]:
            slope = (sigmas[i] - sigmas[j]) / (norms[i] - norms[j])
            candidates.append((sigmas[i] - slope * norms[i], slope))
    tried = np.array([pair for pair in candidates if min(pair) >= 0])
    misfits = np.abs(np.log((tried[:, :1] + tried[:, 1:] * norms) / sigmas)).sum(axis=1)
    absolute, per_norm = tried[np.argmin(misfits)]
    return NoiseFloor(float(absolute), float(per_norm))


def _worst_output(samples: FloatArray) -> float:
    """How far the noisiest output stands above all together, beyond what chance does; at least 1."""
    count, outputs = samples.shape
    total = np.sqrt(np.mean(samples**2))
    if total == 0 or outputs == 1:
        return 1.0
    largest = np.sqrt(np.mean(samples**2, axis=0)).max()
    by_chance = 1 + np.sqrt(np.log(outputs) / count)
    return max(1.0, float(largest / total / by_chance))
