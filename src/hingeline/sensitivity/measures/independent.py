"""What the network makes of inputs that have nothing to do with each other, nor with the user's.

Inputs of one kind, or all on one side of the origin, share a class for good reason; that says nothing of the
network. Independent ones share it only where it is nearly constant: for these the theory's angles hold.

Cost: `COUNT` answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model

COUNT = 64


@dataclass(frozen=True)
class IndependentInputs:
    """Answers at random inputs."""

    inputs: int
    agreement: float
    """Share of pairs of different inputs with the same class."""
    constant: bool
    """Whether no output varies over them, to rounding."""
    where: str
    """How they were drawn."""


def independent_inputs(
    model: Model,
    decision: Decision,
    points: FloatArray,
    box: tuple[float, float] | None,
    rng: np.random.Generator,
) -> IndependentInputs:
    """Answers at inputs drawn uniformly in the box, or in random directions as far out as `points` ("n d").

    Args:
        model: What is asked.
        decision: How outputs become classes.
        points: Whose lengths are taken where there is no box.
        box: Smallest and largest value of a coordinate.
        rng: Draws them.
    """
    shape = (COUNT, points.shape[1])
    if box is not None:
        drawn, where = rng.uniform(*box, shape), "drawn in the box"
    else:
        drawn, where = rng.standard_normal(shape), "drawn in random directions, as long as yours"
        lengths = np.linalg.norm(points, axis=1)
        lengths = np.where(lengths > 0, lengths, np.sqrt(points.shape[1]))
        drawn *= (rng.choice(lengths, COUNT) / np.linalg.norm(drawn, axis=1))[:, np.newaxis]
    outputs = model.outputs(drawn)
    met = np.bincount(decision.of(outputs), minlength=decision.classes)
    agreement = float((met * (met - 1)).sum() / (COUNT * (COUNT - 1)))
    scale = np.abs(outputs.mean(axis=0)) + outputs.std(axis=0)
    constant = bool((np.ptp(outputs, axis=0) <= 1e-12 * scale).all())
    return IndependentInputs(COUNT, agreement, constant, where)
