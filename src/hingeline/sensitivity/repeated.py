"""What a door answers when inputs and their flips are asked again: a flip by chance is no flip.

A change is kept as a difference, and the input plus that difference may be a neighbour of the point that was
asked; where answers are noisy, the point on the boundary flips every other time. So each flip is asked for
again as it will be read, and carried a little further until it comes twice.

Cost: one query for each input and one for each flip, two where answers do not repeat to the bit, all asked
afresh; as many more for each of `STEPS` where a flip does not come again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import frozen
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.bounds import Bounds
from hingeline.sensitivity.models.asked_model import AskedModel

STEPS = (1.0, 1 + 1e-12, 1 + 1e-9, 1 + 1e-6, 1.001, 1.01, 1.05, 1.2)
"""How far a flip is carried, as a share of its size."""
_TIMES = 2


@dataclass(frozen=True)
class Repeated:
    """How inputs and flips fared when they were asked again."""

    inputs: int
    inputs_changed: int
    """Inputs with another class, though unchanged."""
    flips: int
    flips_lost: int
    """Flips that did not come again, even carried further."""


def asked_again(model: AskedModel, scene: Scene, bounds: Bounds) -> tuple[Repeated, Bounds]:
    """Ask inputs and flips again.

    Args:
        model: The door.
        scene: Inputs, their classes and the threat.
        bounds: Flips known of it.

    Returns:
        What was seen, and the bounds with flips carried as far as they had to be. A flip that never came
        again keeps its size, and is counted.

    Raises:
        BudgetExhausted: Nothing is known then.
    """
    moved = scene.decision.of(model.outputs(scene.points, fresh=True)) != scene.classes
    times = 1 if model.card.deterministic else _TIMES
    known = np.isfinite(bounds.upper)
    pending, changes, upper = known.copy(), np.array(bounds.changes), np.array(bounds.upper)
    flipped_to = bounds.flipped_to.copy()
    for step in STEPS:
        rows = np.nonzero(pending)[0]
        if not len(rows):
            break
        tried = scene.threat.inside(scene.points[rows] + step * bounds.changes[rows])
        came = [scene.decision.of(model.outputs(tried, fresh=True)) for _ in range(times)]
        done = np.all([classes != scene.classes[rows] for classes in came], axis=0)
        where = rows[done]
        if step > 1.0:
            changes[where] = (tried - scene.points[rows])[done]
            upper[where] = scene.threat.size(changes[where])
        flipped_to[where], pending[where] = came[-1][done], False
    seen = Repeated(len(moved), int(moved.sum()), int(known.sum()), int(pending.sum()))
    return seen, replace(bounds, changes=frozen(changes), upper=frozen(upper), flipped_to=flipped_to)
