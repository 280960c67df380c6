"""Signs that gradients mislead: they vanish, foretell the wrong thing, or other attacks do better without.

Such a network may look hard to attack and be easy (Athalye, Carlini and Wagner 2018; Carlini et al. 2019);
the limits are ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import median
from hingeline.sensitivity.measures.flip_distance import FlipDistance
from hingeline.sensitivity.measures.local_linearity import TINY, LocalLinearity
from hingeline.sensitivity.results import number, over

MOST_WITHOUT_GRADIENT = 0.01
VANISHED = 1e4
"""Linear distance over the input's size from which a gradient is no gradient: rounding or saturation."""
UNDERSTATED = 0.5
"""Smallest change known over linear distance, in the median, below which gradients understate the danger."""
_BETTER_BY = 0.2  # share of inputs by which attacks without gradients must be ahead
_PREDICTABLE = 10.0  # linear distance over size up to which a tiny step's change stands clear of rounding
_WRONG = 0.5  # E of a prediction that is not one
_MOST_WRONG = 0.05  # share of inputs, beyond those that meet a kink at the tiny radius
_CLEARLY = 0.7  # of a size, to call another one smaller: any attack may end in a local minimum a bit larger


def signs_of_masking(
    distance: FlipDistance | None,
    linearity: LocalLinearity | None,
    with_gradients: FloatArray | None,
    without: FloatArray | None,
) -> tuple[list[str], dict[str, Any]]:
    """What speaks against the gradients, in words, and all figures looked at.

    Args:
        distance: Distances to another class.
        linearity: Where the linear prediction fails.
        with_gradients: Smallest changes that attacks with gradients found, shape "n", infinite for none.
        without: The same for attacks without gradients.

    Raises:
        InvalidInput: Attack sizes of different shapes.
    """
    reasons, figures = list[str](), dict[str, Any]()
    if distance is not None:
        gone = distance.without_gradient
        # an input of zeros has no size to compare with
        beyond = (distance.linear > VANISHED * distance.sizes) & (distance.sizes > 0)
        zero, vanished = float(gone.mean()), float((gone | beyond).mean())
        figures |= {"without_gradient": zero, "vanishing_gradient": vanished}
        if vanished > MOST_WITHOUT_GRADIENT:
            reasons.append(f"the gradient is zero or vanishes at {vanished:.0%} of the inputs")
        understated = median(over(distance.best, distance.linear, np.inf))
        figures["best_over_linear"] = number(understated)
        if understated < UNDERSTATED:
            reasons.append(
                f"half of the inputs flip within {understated:.2g} of the linear distance, so that gradients "
                "understate how steep the network is"
            )
    if distance is not None and linearity is not None:
        wrong = _wrongly_predicted(distance, linearity)
        figures["wrongly_predicted"] = wrong
        if wrong > _MOST_WRONG:
            reasons.append(
                f"a step of {TINY:g} |x| changes the lead as the gradient says at no more than "
                f"{1 - wrong:.0%} of the inputs"
            )
    if with_gradients is not None and without is not None:
        better, worse = _comparison(with_gradients, without)
        figures |= {"gradient_free_better": better, "gradient_better": worse}
        if better > worse + _BETTER_BY:
            reasons.append(
                f"attacks without gradients find smaller changes at {better:.0%} of the inputs, "
                f"larger ones at {worse:.0%}"
            )
    return reasons, figures


def _wrongly_predicted(distance: FlipDistance, linearity: LocalLinearity) -> float:
    """Share of inputs at which a tiny step does something else than predicted, where it can be told."""
    told = distance.linear <= _PREDICTABLE * distance.sizes
    return float(np.mean(linearity.error_tiny[told] > _WRONG)) if told.any() else 0.0


def _comparison(with_gradients: FloatArray, without: FloatArray) -> tuple[float, float]:
    """Shares of inputs at which attacks without gradients do clearly better, and clearly worse."""
    one, other = np.asarray(with_gradients), np.asarray(without)
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise InvalidInput(f"attack sizes want one number per input each; got {one.shape}, {other.shape}")
    return float(np.mean(other < _CLEARLY * one)), float(np.mean(one < _CLEARLY * other))
