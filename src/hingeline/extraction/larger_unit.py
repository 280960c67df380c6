"""How far out to stand at a door whose answers have an absolute error.

Seen in a unit of length R, the error is divided by R. The unit is the largest that helps: beyond it the
error of the door's floats, which grows with the norm, takes over; or the door no longer answers.

Cost: 24 queries where there is something to gain, 24 more each time the door fails so far out. Source: ours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.probing.growing_noise import noise_far_out
from hingeline.probing.probe import Probe

WORTH = 1e-13
"""An absolute error of less than this share of how much answers vary is no reason to look from afar."""
DOMINANT = 10.0
"""Nor is one that is not so many times what grows with the norm."""
FINEST = 1e-15
"""Share of the variation to which the error is brought down at first: float64 has no more to give."""
SHARE_OF_RADIUS = 1 / 30
"""Where answers end somewhere: typical norms seen from afar, as a share of that."""
FAR_TRIES = 4
"""Norms at which the error far out is looked for."""
NEARER_TRY = 1e4
"""The norm shrinks so much where the door does not answer."""
SMALLEST_UNIT = 8.0
"""Units below this are not worth it."""


def largest_unit(probe: Probe, variation: float, rng: np.random.Generator) -> float:
    """The unit of length in which the door's absolute error is that of float64; 1 where that is no help.

    Args:
        probe: The door at its natural scale; its calibration is corrected for what is seen far out.
        variation: How much its values vary at typical norms.
        rng: Draws where the error is looked at: 24 queries, only where there is something to gain.

    Raises:
        BudgetExhausted: The budget ended.
    """
    measured = probe.calibration
    absolute, growing = measured.noise.absolute, measured.noise.per_norm * measured.scale
    nothing_to_gain = absolute <= max(WORTH * variation, DOMINANT * growing)
    if nothing_to_gain or np.isfinite(measured.half_width) or measured.centre is not None or variation <= 0:
        return 1.0
    most = min(absolute / (FINEST * variation), SHARE_OF_RADIUS * measured.radius / measured.scale)
    if most < SMALLEST_UNIT:
        return 1.0
    with probe.session.phase("noise far out"):
        for _ in range(FAR_TRIES):
            seen = noise_far_out(probe, most * measured.scale, rng)
            if seen is not None:
                break
            # the door answers up to some norm only: stay well within what was seen to work
            most /= NEARER_TRY
            measured = replace(measured, radius=most * measured.scale)
        else:
            return 1.0
    growing = max(seen - absolute, 0.0) / most
    noise = replace(measured.noise, per_norm=min(measured.noise.per_norm, seen / most / measured.scale))
    probe.calibration = replace(measured, noise=noise)
    most = min(most, SHARE_OF_RADIUS * measured.radius / measured.scale)
    unit = min(most, absolute / growing) if growing > 0 else most
    return 1.0 if unit < SMALLEST_UNIT else float(2.0 ** np.floor(np.log2(unit)))
