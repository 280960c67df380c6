"""Answers that stand still far out: the network may be dead or saturated there, or the door clips its inputs.

The doctor sees that answers stop changing beyond some size and keeps attacks within it. For the span over all
inputs that is too narrow: a network that dies or saturates far out has more to show outside, and must be
searched there. Clipped inputs look the same from outside (a hard tanh is a clip); then every direction
matters somewhere, and the user is told to declare the range.

Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.probing.card import DoctorCard


def freed(card: DoctorCard) -> tuple[DoctorCard, str]:
    """The card with its radius freed where only standing answers limit it, and what to tell the user."""
    if card.flat_beyond is None or card.bounds is not None or card.head.kind != "none":
        return card, ""
    low, high = card.flat_beyond
    note = (
        f"Answers stand still when all inputs leave about {low:.3g} .. {high:.3g}. If the door clips its "
        "inputs, every direction matters somewhere: declare the range with --bounds LO HI."
    )
    return replace(card, radius=np.inf), note
