"""Is the door at the end the one it was at the start? A few questions, asked first and again last.

A model that is trained on, exchanged or scaled while it is asked has no weights that could be found: the fit
follows its last answers, the last check agrees with them, and neither the first nor the last model is known.

Cost: 6 queries. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.extraction.verify import SIGMAS, fresh_points
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

MARKERS = 3
"""Rows asked at the start and at the end."""
ROUNDINGS = 8.0
"""Roundings of an answer that order and number of the rows of a batch may change."""


@dataclass(frozen=True, eq=False)
class Markers:
    """Rows and what they were answered first."""

    points: FloatArray
    answers: FloatArray

    @staticmethod
    def asked(probe: Probe, rng: np.random.Generator) -> Markers:
        """Ask them; the budget may end here like anywhere."""
        points = fresh_points(probe, rng, MARKERS)
        with probe.session.phase("steadiness"):
            return Markers(points, probe.ask(points))

    def complaint(self, probe: Probe, *, batch_change: float = 0.0) -> str:
        """Ask again: why the door is not the one it was, one sentence; empty if it is or the budget is spent.

        Args:
            probe: The same door, with its noise as it is known by now.
            batch_change: By how much other rows of a batch change an answer.
        """
        try:
            with probe.session.phase("steadiness"):
                again = probe.ask(self.points, fresh=True)
        except BudgetExhausted:
            return ""
        moved = np.abs(again - self.answers).max(axis=1)
        sizes = np.abs(self.answers).max(axis=1)
        allowed = SIGMAS * probe.noise.at(self.points) + ROUNDINGS * EPSILON * sizes + 2 * batch_change
        if (moved <= allowed).all():
            return ""
        worst = int(np.argmax(moved / allowed))
        return (
            f"The door changed while it was asked: at the end an answer differs by {moved[worst]:.2g} "
            f"from what it was, where its error is at most {allowed[worst]:.2g}."
        )
