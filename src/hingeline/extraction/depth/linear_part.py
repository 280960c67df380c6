"""What is untold of a neuron that is on nearly everywhere, from the linear part of the answers.

Over the channels below, answers are a sum of u_k relu(z_k) and a linear part B. Turned to the side with fewer
places, B is the sum of -u_k (a, b)_k over the neurons turned the wrong way, and u (a, b) of one that was left
out because it is not wholly known, if it is on. As many equations as there are channels; that the share of
every other neuron is 0 or 1, and in one way only, is the proof.

Cost: no queries. Source: ours; affine bypass for unresolved signs, specs on extraction, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.from_answers import MadeNeuron
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.numerics.binary_system import BinaryStatus, solve_binary

MISSED = 1e-8
"""Part of the linear part that zeros and ones may leave over."""
TOLD = 1e-6
"""Singular values of unit equations above which a direction is told."""
EXACT = 1e-10
"""Standard deviation of an equation, of the largest, where all rows are exact."""
CLAIMED = 10.0
"""Standard deviations that zeros and ones may leave over."""
PRESENT = 1e-4
"""Share of the largest jump above which a neuron left out is in the linear part."""


def completed(
    rows: FloatArray,
    jumps: FloatArray,
    linear: FloatArray,
    partial: Sequence[PartialNeuron],
    errors: FloatArray | None = None,
) -> dict[int, MadeNeuron]:
    """Those of the neurons left out that the linear part tells wholly, by their index.

    Args:
        rows: (a, b) of the neurons that are known, shape "n c+1".
        jumps: Of the answers at each, shape "n k".
        linear: Linear part of the answers, shape "c+1 k".
        partial: Neurons that were left out of the solve.
        errors: Standard deviation of a coefficient of each row, then of each neuron left out, "n+m"; None if
            they are exact.
    """
    if not partial:
        return {}
    exact = _deviation(jumps, linear, errors)
    size, outputs = linear.shape
    # the outputs have a constant of their own, so that nothing is told of the neurons' ones
    constant = np.eye(size)[:, -1:]
    if any(np.abs(one.untold[-1]).max(initial=0.0) > TOLD for one in partial):
        return {}
    untold = np.concatenate([constant, *(one.untold for one in partial)], axis=1)
    left, strength, _ = np.linalg.svd(untold, full_matrices=True)
    told = left[:, int((strength > TOLD).sum()) :].T
    if not len(told):
        return {}
    # unknowns: 0 or 1 for each known neuron, a jump per output for each one left out
    shares = [-np.outer(jump, told @ row).ravel() for row, jump in zip(rows, jumps, strict=True)]
    per_neuron = [np.kron(np.eye(outputs), told @ one.theta) for one in partial]
    own_part = np.concatenate(per_neuron, dtype=np.float64).T
    share_part = np.array(shares).reshape(len(shares), len(own_part)).T
    target = (told @ linear).T.ravel()
    share = _shares(share_part, own_part, target, exact)
    if share is None:
        return {}
    solution, *_ = np.linalg.lstsq(own_part, target - share_part @ share, rcond=None)
    missed = np.abs(own_part @ solution + share_part @ share - target).max(initial=0.0)
    if missed > max(MISSED * float(np.abs(linear).max()), CLAIMED * exact):
        return {}
    own = solution.reshape(len(partial), outputs)
    rest = linear + rows.T @ (share[:, np.newaxis] * jumps)
    there = np.abs(own).max(axis=1) > PRESENT * max(float(np.abs(jumps).max(initial=0.0)), 1e-300)
    found: dict[int, MadeNeuron] = {}
    matters = np.abs(own).max(axis=1) > CLAIMED * exact
    for index in np.nonzero(there)[0].tolist():
        one, jump = partial[index], own[index]
        others = [other for other in np.nonzero(matters)[0].tolist() if other != index]
        if any(np.abs(one.untold.T @ partial[other].untold).max() > TOLD for other in others):
            continue
        alone = rest - sum(np.outer(partial[other].theta, own[other]) for other in others)
        theta = one.theta + one.untold @ (one.untold.T @ alone @ jump) / (jump @ jump)
        length = float(np.linalg.norm(theta))
        error = exact / (float(np.linalg.norm(jump)) * length)
        found[index] = MadeNeuron(theta / length, np.zeros((size, 0)), error)
    return found


def turned(
    neurons: Sequence[PartialNeuron], jumps: FloatArray, slopes: FloatArray, errors: FloatArray
) -> FloatArray | None:
    """Which neurons are turned the wrong way, 1 or 0 each, by the linear part where nothing untold matters.

    There many sets of slopes make the same linear part; only one is made of sides.

    Args:
        neurons: All of the layer.
        jumps: Of the answers at each, shape "n k".
        slopes: Any weights of the z that make the linear part, shape "n k".
        errors: Standard deviation of a coefficient of each, "n".

    Returns:
        Shape "n"; None if no choice makes it, or more than one.
    """
    rows = np.array([one.theta for one in neurons])
    # the outputs have a constant of their own
    untold = [np.eye(rows.shape[1])[:, -1:], *(one.untold for one in neurons)]
    left, strength, _ = np.linalg.svd(np.concatenate(untold, axis=1), full_matrices=True)
    told = rows @ left[:, int((strength > TOLD).sum()) :]
    target = (told.T @ slopes).T.ravel()
    parts = np.array([-np.outer(jump, row).ravel() for row, jump in zip(told, jumps, strict=True)]).T
    if not target.size:
        return None
    found = solve_binary(parts, target, _deviation(jumps, target, errors), time_limit=1.0)
    if found.status is not BinaryStatus.EXACT or not found.unique or found.bits is None:
        return None
    return found.bits.astype(np.float64)


def _deviation(jumps: FloatArray, linear: FloatArray, errors: FloatArray | None) -> float:
    """Standard deviation of an entry of the linear part, which every turned row shares its errors with.

    A neuron left out counts with the largest jump. Arguments as for `completed`.
    """
    exact = EXACT * max(float(np.abs(linear).max(initial=0.0)), 1e-300)
    if errors is None:
        return exact
    largest = float(np.abs(jumps).max(initial=0.0))
    sizes = np.append(np.abs(jumps).max(axis=1), np.full(len(errors) - len(jumps), largest))
    return float(np.hypot(exact, np.linalg.norm(sizes * errors)))


def _shares(
    share_part: FloatArray, own_part: FloatArray, target: FloatArray, exact: float
) -> FloatArray | None:
    """The zeros and ones that leave what the neurons left out can make; None if not just one choice does."""
    left, strength, _ = np.linalg.svd(own_part, full_matrices=True)
    if not len(strength) or strength.min() < TOLD * strength.max():
        return None
    others = left[:, len(strength) :].T
    if not len(others) or not share_part.shape[1]:
        return np.zeros(0) if not share_part.shape[1] else None
    found = solve_binary(others @ share_part, others @ target, exact, time_limit=1.0)
    if found.status is not BinaryStatus.EXACT or not found.unique or found.bits is None:
        return None
    return found.bits.astype(np.float64)
