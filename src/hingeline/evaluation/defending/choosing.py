"""Which defences are judged, and the ones that are trained for each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.typed import defence_from
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

_MANY = (
    "round:4",
    "round:2",
    "float32",
    "noise:0.01",
    "softmax",
    "softmax+round:2",
    "softmax+top-k:1",
    "labels",
)
_ONE = ("round:4", "round:2", "float32", "noise:0.01", "softmax", "softmax+round:2", "labels")


@dataclass(frozen=True, eq=False)
class Training:
    """What trained defences are made from.

    Attributes:
        x: Training inputs, shape "n d".
        y: Their classes, shape "n".
        model: The model that is defended.
        threat: What adversarial examples may change.
        radius: By how much.
        on_event: Where progress goes.
    """

    x: FloatArray
    y: IntArray
    model: Model
    threat: Threat
    radius: float
    on_event: EventSink


@dataclass(frozen=True)
class Chosen:
    """One defence of the grid.

    Attributes:
        text: As it was typed.
        words: For people.
        make: The defence for one seed; trains it where it has to be trained.
        trains: Whether it wants training data.
    """

    text: str
    words: str
    make: Callable[[int, Training | None], Defence]
    trains: bool = False


def default_defences(outputs: int) -> tuple[str, ...]:
    """What is judged if nothing is named, for a model of so many outputs."""
    return _ONE if outputs == 1 else _MANY


def chosen_defences(named: Iterable[Any], classes: int) -> tuple[Chosen, ...]:
    """The defences that were named, as text or as objects, each once.

    Args:
        named: Texts and `Defence` objects.
        classes: Classes of the model.

    Raises:
        InvalidInput: A text that names none, or an object that is none.
    """
    found: dict[str, Chosen] = {}
    for one in named:
        chosen = _chosen(one)
        found.setdefault(chosen.text, chosen)
    return tuple(found.values())


def _chosen(one: Any) -> Chosen:
    if isinstance(one, Defence):
        return Chosen(one.text, one.words, lambda seed, training: one)
    if not isinstance(one, str):
        raise InvalidInput(f"a defence is a text such as 'round:3' or a Defence; got {type(one).__name__}")
    defence = defence_from(one)
    return Chosen(defence.text, defence.words, lambda seed, training: defence)
