"""Opening the box: the recovered digit classifier beside the true one, after undoing order and scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.evaluation.demo_data import HeldOutDigits
from hingeline.networks.compare import compare
from hingeline.networks.difference import NetworkDifference
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


@dataclass(frozen=True, eq=False)
class Pair:
    """A hidden neuron of the truth and the recovered one that it was matched with; rows of length one."""

    true_index: int
    """Its row in the true network."""
    copy_index: int
    """Its row in the recovered network."""
    true: FloatArray
    """Shape "64"."""
    copy: FloatArray
    """Shape "64"."""


@dataclass(frozen=True, eq=False)
class Proof:
    """How the copy compares with the truth."""

    difference: NetworkDifference
    """Parameters and outputs, neuron by neuron."""
    pairs: tuple[Pair, ...]
    """First-layer neurons found in both, the most influential first."""
    labels_equal: int
    """Held-out digits that both give the same label."""
    digits: int
    """How many there are."""
    accuracy: float
    """Share of them that the true network gets right."""


def prove(truth: PiecewiseLinearNetwork, copy: PiecewiseLinearNetwork, digits: HeldOutDigits) -> Proof:
    """Compare the copy with the truth; asks nothing, since the copy is already finished."""
    difference = compare(truth, copy)
    equal = truth(digits.points).argmax(axis=1) == copy(digits.points).argmax(axis=1)
    return Proof(
        difference, _pairs(truth, copy, difference), int(equal.sum()), len(equal), digits.accuracy(truth)
    )


def _pairs(
    truth: PiecewiseLinearNetwork, copy: PiecewiseLinearNetwork, difference: NetworkDifference
) -> tuple[Pair, ...]:
    if truth.input_dim != copy.input_dim or not difference.neurons:
        return ()
    true, other = truth.canonical(), copy.canonical()
    influence = np.linalg.norm(true.weights[1], axis=0)
    matches = sorted(difference.neurons[0].matched, key=lambda match: -influence[match.a[0]])
    return tuple(Pair(m.a[0], m.b[0], true.weights[0][m.a[0]], other.weights[0][m.b[0]]) for m in matches)
