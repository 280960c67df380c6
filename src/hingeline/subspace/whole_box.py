"""Whether precise probabilities can be told all over a box, though the doctor promised less.

The doctor promises probabilities no farther out than it looked. Where every one of them can be told at
examples, corners, blocks of corners and uniform points of the box, the whole box is searched.

Cost: 48 queries and up to 48 examples, only where probabilities were promised near the origin alone.
Source: our design.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.domain import Domain
from hingeline.subspace.laws import BoxLaw

# Points of the box and examples that are asked: where more than 6 % are unusable, one of 48 nearly always is.
_TYPICAL = 48


def with_whole_box(
    session: QuerySession, card: DoctorCard, data: FloatArray, rng: np.random.Generator
) -> DoctorCard:
    """The card, its radius freed where probabilities can be told at typical inputs of a box.

    Args:
        session: Where queries go.
        card: What the doctor wrote.
        data: The user's examples, input units, shape "n d"; may be empty.
        rng: Draws points of the box, and examples.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: at most 96 queries.
    """
    promised = card.head.kind not in ("softmax", "sigmoid") or card.radius >= card.scale
    if card.bounds is None or promised or not np.isfinite(card.bounds).all():
        return card
    low, high = card.bounds
    middle = np.full(card.input_dim, (low + high) / 2)
    law = BoxLaw(card.input_dim, Domain(half_width=(high - low) / 2), middle)
    examples = np.clip(data[rng.permutation(len(data))[:_TYPICAL]], low, high)
    with session.phase("whole box"):
        answers = session.ask(np.concatenate([law.points(rng, _TYPICAL), examples]))
    return replace(card, radius=np.inf) if card.head.usable(answers).all() else card
