"""Join two sets of bends that turn out to be one neuron's.

A neuron that grew in two places far apart is known as two, each in other coefficients. What each may be is a
linear space; two of them hardly ever meet by chance if together they leave fewer unknowns than there are
coefficients. Where they meet, the neuron is known in what either of them told.

Source: intersection of solution spaces, specs on reverse engineering 3.5; its use for joining is ours.
Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.partial_neuron import PartialNeuron

MEETS = 1e-6
"""Singular values of two spaces' equations below this are a direction that they share."""
APART = 1e-4
"""And above this are none; in between nothing is concluded."""


def joined(one: PartialNeuron, other: PartialNeuron) -> PartialNeuron | None:
    """Both as one neuron, if their equations agree with some to spare; else None.

    Args:
        one: Over the same channels as the other.
        other: Its members are put after those of the first.
    """
    equations = np.concatenate([_equations(one), _equations(other)])
    size = len(one.theta)
    _, singular, right = np.linalg.svd(equations, full_matrices=True)
    singular = np.concatenate([singular, np.zeros(size - len(singular))])
    if ((singular > MEETS) & (singular < APART)).any():
        return None
    shared = right[singular <= MEETS]
    # what may be added without changing either is untold by both; one more direction is the neuron itself
    own = np.stack([shared @ one.theta, shared @ other.theta])
    spare = len(equations) - (size - len(shared))
    if not len(shared) or spare < 1 or np.abs(own).max(axis=1).min() < APART:
        return None
    _, strength, turn = np.linalg.svd(own, full_matrices=True)
    if len(strength) > 1 and strength[1] > MEETS:
        return None
    theta = turn[0] @ shared
    theta = theta if theta @ one.theta > 0 else -theta
    return PartialNeuron(theta, shared.T @ turn[1:].T, (*one.members, *other.members))


def _equations(neuron: PartialNeuron) -> FloatArray:
    """Orthonormal rows that vanish on everything the neuron may be: "c+1-1-f c+1"."""
    may_be = np.concatenate([neuron.theta[:, np.newaxis], neuron.untold], axis=1)
    return np.asarray(np.linalg.svd(may_be, full_matrices=True)[0][:, may_be.shape[1] :].T)
