"""Span recovery from labels alone.

Source: our own design. That the span can be recovered from a threshold of the network's value, for
differentiable activations, is the promise of Jayaram, Woodruff and Zhang, ICLR 2020; networks of ReLUs are
recovered here too.

    1  points of two labels; do labels repeat?
    2  what is the boundary like: flat pieces or curved, and how blurred (`label_scene`)?
    3  again and again: boundary points, the one with the largest part of its normal outside V
       (`label_candidates`), that part to all digits (`label_normals`), into V
    4  where nearby steps show nothing new: long moves (`label_moves`), until enough show nothing
    5  checks at fresh points (`label_checks`), and the standing (`label_verdict`)

Cost: about sum over r of (d - r) (log2(1 / error) + 3) queries, twice that where the boundary is curved.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.label_verdict import gathered, one_label, unrepeatable
from hingeline.subspace.label_walk import LabelWalk
from hingeline.subspace.workbench import Bench, Gathered

# Points of the law asked for a second label before giving up, doubling batch by batch.
_MOST_POINTS = 2048
# Points asked twice: labels of which one in 20 is random show with probability 96 %.
_REPEATED = 64


def recover_from_labels(bench: Bench) -> Gathered:
    """Recover the span that labels depend on.

    Args:
        bench: Where to ask, where to look; its probe is not used.

    Returns:
        What was found; "exact" only if moves of boundary points outside the span changed no label, every
        direction answered again, and the gap is clear.

    Raises:
        BudgetExhausted: `bench.partial` says what was found.
        UnsupportedOracle: The answers are no labels.
    """
    walk = LabelWalk(bench)
    with bench.session.phase("two labels"):
        bench.partial = lambda: one_label(walk)
        if not _both_labels(walk):
            return one_label(walk)
        if not walk.door.repeats(walk.points.known[:_REPEATED]):
            return unrepeatable(walk)
    bench.partial = lambda: gathered(walk)
    walk.survey()
    while walk.more():
        pass
    walk.check()
    return gathered(walk)


def _both_labels(walk: LabelWalk) -> bool:
    """Ask points until two labels have been met: typical ones, then the user's, then others."""
    rng = walk.bench.randomness.step("labels/two labels")
    count, law = 32, walk.bench.law
    batches: list[FloatArray] = [law.points(rng, _REPEATED)]
    if walk.bench.data is not None:
        batches.append(walk.bench.data.points(rng, _MOST_POINTS))
    while count < _MOST_POINTS:
        batches.append(np.concatenate([law.points(rng, count), law.wide(rng, count)]))
        count *= 2
    return any(walk.points.meet(batch) for batch in batches)
