"""One neuron that was found twice: recognised when both are solved from all their bends.

What grows in two places far apart, or from bends measured poorly, may be joined too late: each is then solved
by itself and both come to the same row, or one to a part of it. A bend is one neuron's, so two that bend the
same lines at the same places are one.

Source: ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.extraction.depth.candidates import FEWEST_HITS, FoundNeuron

SHARED = 0.9
"""Bends of the lesser of two that must be the other's, as a share."""
WITHIN = 30.0
"""Claimed errors within which the rows of two are the same."""
ALIKE = 1e-6
"""Length of the difference of two unit rows up to which they are the same in any case."""


def without_twins(found: Sequence[FoundNeuron]) -> list[FoundNeuron]:
    """Neurons without those that are others, known as well or better; their order stays.

    One that is wholly known is let go only for one with the same row.
    """
    hits = [frozenset(one.vote.hits) for one in found]
    surest = sorted(range(len(found)), key=lambda index: _worth(found[index]), reverse=True)
    kept: list[int] = []
    for index in surest:
        one = found[index]
        if not any(_twins(found[other], one, len(hits[other] & hits[index])) for other in kept):
            kept.append(index)
    return [found[index] for index in sorted(kept)]


def _worth(one: FoundNeuron) -> tuple[int, int, float]:
    """What is told of a neuron, by how many bends, and how well."""
    return -one.neuron.untold.shape[1], len(one.vote.hits), -float(np.median(one.refit.errors))


def _twins(surer: FoundNeuron, one: FoundNeuron, shared: int) -> bool:
    """Whether a neuron is the same as a surer one, of so many bends that are both's."""
    fewer = min(len(one.vote.hits), len(surer.vote.hits))
    if fewer < FEWEST_HITS or shared < SHARED * fewer:
        return False
    return _same_row(surer, one) if one.neuron.whole else shared >= SHARED * len(one.vote.hits)


def _same_row(surer: FoundNeuron, one: FoundNeuron) -> bool:
    """Whether two unit rows are the same to a sign, within their errors."""
    theta, other = one.neuron.theta, surer.neuron.theta
    theta = theta * (1.0 if theta @ other > 0 else -1.0)
    errors = np.hypot(one.refit.errors, surer.refit.errors)
    apart = np.abs(theta - other)
    return bool(np.linalg.norm(apart) < ALIKE or (apart < WITHIN * errors).all())
