"""What a defence can be put around: scores, or anything; refused in words where the order cannot be meant."""

from __future__ import annotations

from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.oracles.protocol import Oracle


def need_scores(oracle: Oracle, what: str) -> None:
    """Refuse a door that is known to answer labels.

    Raises:
        InvalidInput: It does.
    """
    if oracle.spec.answers == "labels":
        raise InvalidInput(
            f"{oracle.spec.name} answers labels, where there are no scores for {what}; put {what} first, "
            f"such as '{what}+labels'"
        )


def need_logits(oracle: Oracle, what: str) -> None:
    """Refuse a door that is known to answer anything but logits.

    Raises:
        InvalidInput: It does.
    """
    need_scores(oracle, what)
    if oracle.spec.answers == "probabilities":
        raise InvalidInput(f"{oracle.spec.name} answers probabilities already; {what} wants logits inside")


def need_all_scores(oracle: Oracle, what: str) -> None:
    """Refuse also a door that shows only its largest logits.

    Hidden logits are shown as the smallest one that is told. What changes values afterwards would move them
    past each other, and with them the decision.

    Raises:
        InvalidInput: It does.
    """
    need_scores(oracle, what)
    if _first_said(oracle, "hides_logits"):
        raise InvalidInput(
            f"{oracle.spec.name} shows its largest logits only; put {what} first, such as '{what}+top-k:3'"
        )


def classes_inside(oracle: Oracle) -> int | None:
    """How many classes a door that answers labels tells apart; None where none of the doors inside knows."""
    return _first_said(oracle, "classes")


def _first_said(oracle: Oracle, name: str) -> Any:
    """What the outermost door that has `name` says; None where none has."""
    door: Any = oracle
    while door is not None:
        if hasattr(door, name):
            return getattr(door, name)
        door = getattr(door, "inner", None)
    return None
