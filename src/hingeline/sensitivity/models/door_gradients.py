"""Whether the gradients of a door are to be had, and what they cost of its budget."""

from __future__ import annotations

from dataclasses import dataclass

from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import Model

SHARE = 0.5
"""Of what is left of a budget: what gradients may take, one for each input and what follows on its ray."""
_RAY_ROWS = 100
_STRAIGHT, _STRAIGHT_MORE = 1.1, 30.0
_CURVED, _CURVED_MORE = 4.0, 50.0


@dataclass(frozen=True)
class DoorGradients:
    """What can be said before the first gradient of a door is measured."""

    rows: float | None
    """Queries for all gradients at one input, about; None if there are none or nothing is asked."""
    limit: int | None = None
    """Most queries that they may take together; None for no limit."""
    refused: str | None = None
    """Why there are none; None if there are."""
    saturated: bool = False
    """Whether that is because answers do not change little by little, though they are values."""
    unaffordable: bool = False
    """Whether it is for the budget."""


def door_gradients(model: Model, inputs: int, remaining: int | None) -> DoorGradients:
    """What to expect of a model's gradients at so many inputs, with so many rows left to ask."""
    if not isinstance(model, AskedModel):
        return DoorGradients(None)
    if model.card.answers == "labels":
        return DoorGradients(
            None,
            refused="This door tells labels only: there are no gradients, and flips are searched by labels "
            "alone.",
        )
    if not model.has_values:
        return DoorGradients(
            None,
            refused="The probabilities of this door are saturated or too coarse for gradients; flips are "
            "searched by labels alone.",
            saturated=True,
        )
    rows = _rows(model)
    if remaining is None:
        return DoorGradients(rows)
    wanted, limit = inputs * (rows + _RAY_ROWS), int(SHARE * remaining)
    if wanted <= limit:
        return DoorGradients(rows, limit)
    return DoorGradients(
        None,
        refused=f"Gradients at {inputs} inputs want about {wanted:,.0f} queries, more than half of the "
        f"{remaining:,} left: they were not measured.",
        unaffordable=True,
    )


def _rows(model: AskedModel) -> float:
    """Queries for all derivatives at one point, as measured: see `AskedModel`."""
    straight = _STRAIGHT * model.input_dim + _STRAIGHT_MORE
    curved = _CURVED * model.input_dim + _CURVED_MORE
    match model.card.straight:
        case True:
            return straight
        case False:
            return curved
        case None:
            return straight + curved
