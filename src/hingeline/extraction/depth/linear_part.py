"""What is untold of a neuron that is on nearly everywhere, from the linear part of the answers.

Over the channels below, answers are a sum of u_k relu(z_k) and a linear part B. Turned to the side with fewer
places, B is the sum of -u_k (a, b)_k over the neurons turned the wrong way, and u (a, b) of one that was left
out because it is not wholly known, if it is on. As many equations as there are channels; that the share of
every other neuron comes out as 0 or 1 is the proof.

Cost: no queries. Source: ours; affine bypass for unresolved signs, specs on extraction, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.partial_neuron import PartialNeuron

WHOLE = 1e-5
"""Distance from 0 or 1 up to which a share counts as one of them."""
TOLD = 1e-6
"""Singular values of unit equations above which a direction is told."""
PRESENT = 1e-4
"""Share of the largest jump above which a neuron left out is in the linear part."""


def completed(
    rows: FloatArray, jumps: FloatArray, linear: FloatArray, partial: Sequence[PartialNeuron]
) -> dict[int, PartialNeuron]:
    """Those of the neurons left out that the linear part tells wholly, by their index.

    Args:
        rows: (a, b) of the neurons that are known, shape "n c+1".
        jumps: Of the answers at each, shape "n k".
        linear: Linear part of the answers, shape "c+1 k".
        partial: Neurons that were left out of the solve.
    """
    if not partial:
        return {}
    untold = np.concatenate([one.untold for one in partial], axis=1)
    size, outputs = linear.shape
    left, strength, _ = np.linalg.svd(untold, full_matrices=False)
    open_ = left[:, strength > TOLD]
    told = np.eye(size) - open_ @ open_.T
    # unknowns: one share for each known neuron, a jump per output for each one left out
    shares = [-np.outer(jump, told @ row).reshape(1, -1) for row, jump in zip(rows, jumps, strict=True)]
    blocks = [np.kron(np.eye(outputs), told @ one.theta) for one in partial]
    matrix = np.concatenate([*shares, *blocks]).T
    scale = np.linalg.norm(matrix, axis=0)
    if not (scale > 0).all() or np.linalg.svd(matrix / scale)[1].min() < TOLD:
        return {}
    target = (told @ linear).T.ravel()
    solution, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    count = len(rows)
    share = solution[:count]
    wrong = np.abs(share - np.round(share)).max(initial=0.0)
    missed = np.abs(matrix @ solution - target).max() / max(float(np.abs(linear).max()), 1e-300)
    if max(wrong, missed) > WHOLE or not np.isin(np.round(share), (0.0, 1.0)).all():
        return {}
    own = solution[count:].reshape(len(partial), outputs)
    rest = linear + rows.T @ (np.round(share)[:, np.newaxis] * jumps)
    there = np.abs(own).max(axis=1) > PRESENT * max(float(np.abs(jumps).max(initial=0.0)), 1e-300)
    found: dict[int, PartialNeuron] = {}
    for index in np.nonzero(there)[0].tolist():
        others = [partial[other] for other in np.nonzero(there)[0].tolist() if other != index]
        if any(np.abs(partial[index].untold.T @ other.untold).max() > TOLD for other in others):
            continue
        jump = own[index]
        added = partial[index].untold @ (partial[index].untold.T @ rest @ jump) / (jump @ jump)
        theta = partial[index].theta + added
        found[index] = PartialNeuron(
            theta / np.linalg.norm(theta), np.zeros((size, 0)), partial[index].members
        )
    return found
