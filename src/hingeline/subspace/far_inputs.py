"""Answers that stand still far out: are inputs clipped, or is the network dead there?

The doctor sees that answers stop changing beyond some size and keeps attacks within it. A network that dies
far out looks the same, and its span must be searched out there too. The two differ:

    clipped     each far ray ends in another corner of the box: flat along the ray, different between rays
    dead        all far answers are the same

Cost: 8 queries, only where the doctor saw answers stand still.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.errors import UnsupportedOracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard

_RAYS = 4
_FAR = (1e2, 1e3)
"""Distances asked, in typical norms."""


def with_far_inputs(session: QuerySession, card: DoctorCard, rng: np.random.Generator) -> DoctorCard:
    """The card, its radius freed where answers far out stand still because the network is dead there.

    Raises:
        UnsupportedOracle: The door clips its inputs; their range must be declared.
    """
    if card.flat_beyond is None or card.bounds is not None or card.head.kind != "none":
        return card
    directions = rng.standard_normal((_RAYS, card.input_dim))
    directions *= card.scale / np.linalg.norm(directions, axis=1, keepdims=True)
    with session.phase("far inputs"):
        near, far = np.split(session.ask(np.concatenate([d * directions for d in _FAR])), 2)
    slack = 1e-9 * card.variation
    flat = np.abs(near - far).max() <= slack
    if flat and np.ptp(far, axis=0).max() > slack:
        low, high = card.flat_beyond
        raise UnsupportedOracle(
            f"The door seems to clip its inputs: answers stand still outside about {low:.3g} .. {high:.3g}. "
            "Every direction matters somewhere then. Declare the range with --bounds LO HI."
        )
    return replace(card, radius=np.inf)
