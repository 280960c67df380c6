"""A lower bound on how far two laws lie apart, from the best linear rule found on half of their samples.

Any rule r(h) in {0, 1} has P(r = 1|first) - P(r = 1|second) <= TV, the total-variation distance. A rule
found on one half of the samples and scored on the other half bounds TV from below without bias; a rule
that is not linear might show a larger distance.

Source: Fisher's linear discriminant, and the rule of independent units (naive Bayes), whichever does better
on the first half; the score interval is Wilson's. Cost: one solve of the units' covariance for each pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.statistics import wilson

_RIDGE = 1e-3
"""Added to every unit's variance, of at most 1, so that frozen units do not make the covariance singular."""


@dataclass(frozen=True)
class Distance:
    """A lower bound on a total-variation distance, or the distance itself."""

    value: float
    """2 (balanced accuracy) - 1; may fall below 0 by chance where the laws agree."""
    low: float
    """Lower end of the 95 % interval, not below 0; the value itself if exact."""
    high: float
    """Upper end of the 95 % interval of the bound (not of the distance); the value itself if exact."""
    exact: bool = False
    """True if it is the distance itself, by enumeration."""


def linear_distance(first: FloatArray, second: FloatArray) -> Distance:
    """Bound the distance between the laws of two sets of as many states, "m w" each."""
    half = len(first) // 2
    training = first[:half], second[:half]
    direction, threshold = max(
        (_best_threshold(rule, *training) for rule in (_fisher(*training), _independent(*training))),
        key=lambda found: found[0],
    )[1:]
    right = float(
        (first[half:] @ direction > threshold).sum() + (second[half:] @ direction <= threshold).sum()
    )
    scored = len(first) + len(second) - 2 * half
    low, high = wilson(right, scored)
    return Distance(2 * right / scored - 1, max(0.0, 2 * low - 1), max(0.0, 2 * high - 1))


def _fisher(first: FloatArray, second: FloatArray) -> FloatArray:
    """The direction that separates two laws of equal covariance."""
    spread = np.cov(first.T) + np.cov(second.T) + 2 * _RIDGE * np.eye(first.shape[1])
    return np.linalg.solve(np.atleast_2d(spread), first.mean(axis=0) - second.mean(axis=0))


def _independent(first: FloatArray, second: FloatArray) -> FloatArray:
    """The log-odds direction of two laws of independent units: differences of their fields."""
    # a unit never seen to flip gets the mean that half a flip would give
    most = 1.0 - 1.0 / len(first)
    means = [np.clip(states.mean(axis=0), -most, most) for states in (first, second)]
    return np.arctanh(means[0]) - np.arctanh(means[1])


def _best_threshold(
    direction: FloatArray, first: FloatArray, second: FloatArray
) -> tuple[float, FloatArray, float]:
    """The threshold along a direction that tells most samples right: their share, the direction, and it."""
    places = np.concatenate([first @ direction, second @ direction])
    of_first = np.repeat([1.0, -1.0], [len(first), len(second)])
    order = np.argsort(places, kind="stable")
    # with everything above a cut called "first": right = first above + second below
    gains = np.concatenate([[0.0], -np.cumsum(of_first[order])])
    sorted_places = places[order]
    # cuts lie between different places, or outside
    allowed = np.concatenate([[True], np.diff(sorted_places) > 0, [True]])
    cut = int(np.argmax(np.where(allowed, gains, -np.inf)))
    bounds = np.concatenate([[sorted_places[0] - 1.0], sorted_places, [sorted_places[-1] + 1.0]])
    return float(gains[cut]), direction, float(0.5 * (bounds[cut] + bounds[cut + 1]))
