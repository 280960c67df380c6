"""What stands between the network's last layer and the answer: nothing, a softmax, a sigmoid.

A softmax or a sigmoid bends everything, but log-ratios undo it exactly:

    softmax       log p_i - log p_r        (k - 1 values; the common normaliser cancels)
    log-softmax   l_i - l_r                (k - 1 values)
    sigmoid       log p - log(1 - p)       (k values)

The reference r is the output with the largest mean log-probability over the probes: the one farthest from
underflow, and the one whose log suffers least from an absolute rounding of p. A float softmax keeps the
relative precision of small p, so its log-ratios stay good until p underflows. A sigmoid near 1 does not:
1 - p has lost its digits; and rounded probabilities lose them near 0.

Source: extraction through softmax by log-ratios is standard; the usable range is measured, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import QueryFailed
from hingeline.oracles.protocol import Answers
from hingeline.probing.resolution import Resolution

HeadKind = Literal["none", "softmax", "log-softmax", "sigmoid"]

# A float sigmoid is used while 1 - p keeps seven tenths of its digits: in float64 up to a logit of 11, where
# the logit's error is 7e-12.
_LOST_DIGITS = 0.3
# The radius is chosen with headroom, so that logits reach about this share of their limit within it.
_CLOSENESS = 0.75


@dataclass(frozen=True)
class Head:
    """Turns raw answers into values that are piecewise linear in the input."""

    kind: HeadKind = "none"
    """What the network ends with."""
    reference: int = 0
    """Output whose logarithm is subtracted from the others (softmax only)."""
    lowest: float = 0.0
    """Smallest probability that still gives a good value."""
    gap: float = 0.0
    """Smallest 1 - p that still gives a good value (sigmoid only)."""

    @property
    def largest_value(self) -> float:
        """Size of a log-ratio at which a probability reaches the limits; inf without limits."""
        limits = [-np.log(limit) for limit in (self.lowest, self.gap) if limit > 0]
        return float(min(limits, default=np.inf))

    def usable(self, answers: FloatArray) -> BoolArray:
        """Which rows of `answers` give good values: "n k" to "n"."""
        if self.kind in ("softmax", "sigmoid"):
            good = (answers >= self.lowest) & (answers > 0) & (1 - answers >= self.gap)
            return np.asarray(good.all(axis=1))
        return np.asarray(np.isfinite(answers).all(axis=1))

    def values(self, answers: FloatArray) -> FloatArray:
        """Log-ratios (or the answers themselves): "n k" to "n k-1" or "n k".

        Raises:
            QueryFailed: A probability is exactly 0 or 1, so its log-ratio does not exist.
        """
        if self.kind == "none":
            return answers
        if self.kind == "log-softmax":
            return np.delete(answers - answers[:, [self.reference]], self.reference, axis=1)
        _refuse_saturated(answers, upper=1.0 if self.kind == "sigmoid" else np.inf)
        if self.kind == "sigmoid":
            return np.log(answers) - np.log1p(-answers)
        logs = np.log(answers)
        return np.delete(logs - logs[:, [self.reference]], self.reference, axis=1)

    def rounding(self, answers: FloatArray, resolution: Resolution) -> FloatArray:
        """Standard deviation that rounding of the answers gives the worst value of each row: "n k" to "n"."""
        error = resolution.rounding(np.abs(answers))
        if self.kind == "none":
            return error.max(axis=1)
        if self.kind == "log-softmax":
            return np.sqrt(2.0) * error.max(axis=1)
        slope = answers if self.kind == "softmax" else answers * (1 - answers)
        # Beside p's own error: the door computed logits of this size, with a relative error each.
        logits = np.abs(self.values(answers)).max(axis=1)
        return np.hypot((error / slope).max(axis=1), resolution.unit * logits / np.sqrt(3.0))

    def noise_at_radius(self, resolution: Resolution) -> float:
        """Deviation of a value where a float sigmoid nears its limit: 1 - p has few digits left there."""
        if self.kind != "sigmoid" or resolution.step is not None:
            return 0.0
        return float(resolution.unit / np.sqrt(3.0) * self.gap**-_CLOSENESS)


def read_head(answers: FloatArray, resolution: Resolution, said: Answers) -> Head:
    """Recognise the head from `answers` ("n k"); what the user said about them counts more.

    A single output (or several that do not sum to 1) within (0, 1) is only *suspected* to be a sigmoid:
    the caller must see that log-odds are straight where the answers are not.
    """
    if said == "logits":
        return Head()
    if _sum_to_one(answers, resolution):
        return _softmax(answers, resolution)
    if _are_log_probabilities(answers, resolution):
        return Head("log-softmax", reference=int(answers.mean(axis=0).argmax()))
    if np.all((answers >= 0) & (answers <= 1)) and np.ptp(answers) > 0:
        return _sigmoid(resolution)
    return Head()


def _softmax(answers: FloatArray, resolution: Resolution) -> Head:
    logs = np.log(np.maximum(answers, resolution.tiny))
    return Head("softmax", int(logs.mean(axis=0).argmax()), lowest=_lowest(resolution))


def _sigmoid(resolution: Resolution) -> Head:
    if resolution.step is not None:
        return Head("sigmoid", lowest=_lowest(resolution), gap=_lowest(resolution))
    return Head("sigmoid", lowest=resolution.tiny, gap=resolution.unit**_LOST_DIGITS)


def _lowest(resolution: Resolution) -> float:
    """Smallest probability whose logarithm is good: a float keeps its digits, a rounded one half of them."""
    return resolution.tiny if resolution.step is None else float(np.sqrt(resolution.step / np.sqrt(12.0)))


def _sum_to_one(answers: FloatArray, resolution: Resolution) -> bool:
    width = answers.shape[1]
    slack = width * (0.5 * (resolution.step or 0.0) + 8 * resolution.unit)
    in_range = bool(np.all((answers >= 0) & (answers <= 1 + slack)))
    return width > 1 and in_range and bool(np.all(np.abs(answers.sum(axis=1) - 1) <= slack))


def _are_log_probabilities(answers: FloatArray, resolution: Resolution) -> bool:
    if answers.shape[1] < 2 or np.any(answers > 0):
        return False
    slack = answers.shape[1] * ((resolution.step or 0.0) + 8 * resolution.unit * (1 - answers.min()))
    return bool(np.all(np.abs(np.exp(answers).sum(axis=1) - 1) <= slack))


def _refuse_saturated(answers: FloatArray, upper: float) -> None:
    saturated = ((answers <= 0) | (answers >= upper)).any(axis=1)
    if saturated.any():
        raise QueryFailed(
            f"{int(saturated.sum())} of {len(answers)} answers hold a probability of exactly 0 or 1: "
            "there is no log-ratio. Ask closer to the origin, or ask the door for logits.",
            sent=True,
            out_of_range=True,
        )
