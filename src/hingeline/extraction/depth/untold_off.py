"""Weights for what is untold of a neuron that make it off wherever that matters.

A neuron of which nothing is told where some neuron below is on was never seen to do anything there. So it is
made to be off there; the answers at all places asked must agree. The weights are not the true ones, and are
reported as undetermined.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import MATTERS
from hingeline.extraction.depth.partial_neuron import PartialNeuron

LARGEST = 1e3
"""Bound of such a weight, the others together having length one."""


def turned_off(neuron: PartialNeuron, offered: FloatArray, side: float | None = None) -> FloatArray:
    """Coefficients (a, b) with which the neuron is off wherever what is untold matters, if there are any.

    Args:
        neuron: In any orientation.
        offered: Channels and one at all places asked, shape "p c+1".
        side: Its sign where it is on; None: it passes for on on the side with fewer places.
    """
    from scipy.optimize import linprog

    if neuron.whole:
        return neuron.theta
    size = np.linalg.norm(offered, axis=1, keepdims=True)
    parts = offered @ neuron.untold / size
    there = np.linalg.norm(parts, axis=1) > MATTERS
    unknown = parts.shape[1]
    if not there.any() or there.all():
        return neuron.theta
    height = offered @ neuron.theta / size[:, 0]
    if side is None:
        side = 1.0 if 2 * (height[~there] > 0).sum() <= (~there).sum() else -1.0
    height = side * height[there]
    # smallest bound s with -s <= c <= s and height + parts c <= 0
    rows = [np.concatenate([parts[there], np.zeros((int(there.sum()), 1))], axis=1)]
    for sign in (1.0, -1.0):
        rows.append(np.concatenate([sign * np.eye(unknown), -np.ones((unknown, 1))], axis=1))
    limits = np.concatenate([-height, np.zeros(2 * unknown)])
    cost = np.append(np.zeros(unknown), 1.0)
    bounds = [(-LARGEST, LARGEST)] * unknown + [(0.0, LARGEST)]
    found = linprog(cost, A_ub=np.concatenate(rows), b_ub=limits, bounds=bounds, method="highs")
    if found.status != 0:
        return neuron.theta
    return np.asarray(neuron.theta + side * neuron.untold @ found.x[:-1])
