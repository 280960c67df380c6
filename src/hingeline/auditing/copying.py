"""What the audit does with a rebuilt network: a classifier with the door's classes, bends on a line."""

from __future__ import annotations

import math

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.outcome import Finding, Status
from hingeline.extraction.crossings import bends_of
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.heads import Head
from hingeline.probing.line import Line

_ZERO = 1e-12
"""Of the largest pre-activation of a layer: what rounding may leave of zero."""
_TRUSTED = (Status.COMPLETE, Status.EQUIVALENT)


def verified_copy(finding: Finding[PiecewiseLinearNetwork], head: Head) -> PiecewiseLinearNetwork | None:
    """The rebuilt network with one output for each class; None unless it was verified.

    A door that answers probabilities tells log-ratios only: the logit of the reference class, from which
    nothing is told, is put back as zero, which changes no decision and no distance.

    Args:
        finding: What `extract` returned.
        head: How answers of the door become values.
    """
    if finding.value is None or finding.outcome.status not in _TRUSTED:
        return None
    if head.kind not in ("softmax", "log-softmax"):
        return finding.value
    weights, biases = list(finding.value.weights), list(finding.value.biases)
    weights[-1] = np.insert(weights[-1], head.reference, 0.0, axis=0)
    biases[-1] = np.insert(biases[-1], head.reference, 0.0)
    return PiecewiseLinearNetwork(weights, biases)


def verified_gap(finding: Finding[PiecewiseLinearNetwork]) -> float:
    """By how much the copy was off at most where extraction verified it; 0 where that was not told."""
    gap = finding.evidence.get("verification", {}).get("largest_gap")
    return float(gap) if isinstance(gap, int | float) and math.isfinite(gap) else 0.0


def hinges_between(
    network: PiecewiseLinearNetwork, start: FloatArray, end: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Where a network bends between two inputs, and in which layer.

    Args:
        network: Any depth.
        start: One end, shape "d".
        end: The other, shape "d".

    Returns:
        Positions from 0 at the start to 1 at the end, shape "b", and layers, 1 for the first, shape "b".
    """
    length = float(np.linalg.norm(end - start))
    if length == 0.0:
        return np.empty(0), np.empty(0, dtype=np.int64)
    line = Line(start, (end - start) / length, scale=length, low=0.0, high=length)
    bends = bends_of(network, line)
    if not len(bends):
        return bends, np.empty(0, dtype=np.int64)
    points = line.at(bends)
    # the neuron that bends has a pre-activation of zero there, to rounding; where it feeds neurons without
    # bias these may be zero with it, so the first such layer is meant
    hidden = network.pre_activations(np.vstack([start, end, points]))[: len(network.weights) - 1]
    sizes = np.array([max(np.abs(heights).max(), np.finfo(np.float64).tiny) for heights in hidden])
    nearest = np.stack([np.abs(heights[2:]).min(axis=1) for heights in hidden]) / sizes[:, np.newaxis]
    return bends / length, np.argmax(nearest <= np.maximum(_ZERO, nearest.min(axis=0)), axis=0) + 1
