"""Coordinates whose origin is the middle of what a door allows.

Within declared bounds the attacks work around the middle of the box: lines, typical inputs and radii are
all centred there.
Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.probing.ground import Ground
from hingeline.probing.probe import Calibration

TYPICAL = 1 / 3
"""Standard deviation of a typical coordinate, in half widths of the box."""


def centred(measured: Calibration, ground: Ground) -> Calibration:
    """The calibration as seen from the middle of the box, typical inputs well inside what may be asked.

    Args:
        measured: As the doctor measured it, around the origin.
        ground: Where may be asked.
    """
    if ground.bounds is None:
        return replace(measured, scale=min(measured.scale, measured.radius / 2))
    low, high = ground.bounds
    half, centre = (high - low) / 2, np.full(ground.input_dim, (low + high) / 2)
    distance = float(np.linalg.norm(centre))
    # the radius of the box itself says no more than the box
    ball = measured.radius - distance if measured.radius < ground.corner_norm * (1 - 1e-9) else np.inf
    radius = max(ball, half / 2)
    noise = measured.noise
    return replace(
        measured,
        noise=replace(noise, absolute=noise.absolute + noise.per_norm * distance),
        scale=min(TYPICAL * half * float(np.sqrt(ground.input_dim)), radius / 2),
        radius=radius,
        centre=centre,
        half_width=half,
    )
