"""How the error of answers grows with |x|, measured far out: the doctor's 40 questions cannot separate it.

Near the origin an absolute error (rounding, added noise) hides the much smaller error of the door's floats,
which grows with |x|. Far out, second differences over steps too short to meet a bend show both together.

Cost: 24 queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.errors import OutsideDomain, QueryFailed
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

TRIPLES = 8
"""Second differences asked."""
STEP = 1e-6
"""Step, as a share of the norm: far shorter than the way to a bend, far longer than the inputs' rounding."""
MEDIAN = 0.6745
"""Median of |N(0, 1)|."""


def noise_far_out(probe: Probe, norm: float, rng: np.random.Generator) -> float | None:
    """Standard deviation of an answer at inputs of `norm`; None if the door does not answer there.

    Args:
        probe: The door; free up to `norm`.
        norm: How far out, in the probe's coordinates.
        rng: Draws the points.

    Raises:
        BudgetExhausted: The budget ended.
    """
    centres, steps = rng.standard_normal((2, TRIPLES, probe.input_dim))
    centres *= norm / np.linalg.norm(centres, axis=1, keepdims=True)
    steps *= STEP * norm / np.linalg.norm(steps, axis=1, keepdims=True)
    try:
        answers = probe.ask(np.concatenate([centres, centres + steps, centres - steps]))
    except (OutsideDomain, QueryFailed):
        return None
    if not np.isfinite(answers).all():
        return None
    middle, ahead, behind = answers.reshape(3, TRIPLES, -1)
    bends = np.abs(ahead + behind - 2 * middle)
    typical = float(np.median(bends, axis=0).max()) / (MEDIAN * np.sqrt(6.0))
    return max(typical, EPSILON / np.sqrt(12.0) * float(np.abs(answers).max()))
