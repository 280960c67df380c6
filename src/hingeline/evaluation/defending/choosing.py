"""Which defences are judged: as they are typed or given, and the usual choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.typed import defence_from
from hingeline.evaluation.defending.trained import TRAINED_FORMS, Training, chained, trained_form
from hingeline.oracles.protocol import Oracle

UNDEFENDED = "none"
"""The row of the model without a defence."""
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
    around: tuple[Defence, ...] = ()
    """Of a trained defence, those put around it."""

    def check(self, door: Oracle) -> None:
        """Refuse at once what could only be refused when its turn comes.

        Raises:
            InvalidInput: It cannot be put around what the door answers.
        """
        parts = Chained(self.around) if self.trains else self.make(0, None)
        parts.around(door)

    def fits(self, door: Oracle) -> bool:
        """Whether it can be put around what the door answers."""
        try:
            self.check(door)
        except InvalidInput:
            return False
        return True


def default_defences(outputs: int) -> tuple[str, ...]:
    """What is judged if nothing is named, for a model of so many outputs."""
    return _ONE if outputs == 1 else _MANY


def chosen_defences(named: Iterable[Any]) -> tuple[Chosen, ...]:
    """The defences that were named, as text or as objects, each once.

    Raises:
        InvalidInput: A text that names none, or an object that is none.
    """
    found: dict[str, Chosen] = {}
    for one in named:
        chosen = _given(one) if isinstance(one, Defence) else _typed(one)
        if chosen.text == UNDEFENDED:
            continue  # the first row, whatever is named
        if chosen.text in found and isinstance(one, Defence):
            raise InvalidInput(f"two defences are called {chosen.text!r}; the grid could not tell them apart")
        found.setdefault(chosen.text, chosen)
    return tuple(found.values())


def _given(one: Defence) -> Chosen:
    return Chosen(one.text, one.words, lambda seed, training: one)


def _typed(one: Any) -> Chosen:
    if not isinstance(one, str):
        raise InvalidInput(f"a defence is a text such as 'round:3' or a Defence; got {type(one).__name__}")
    first, _, rest = one.strip().partition("+")
    trained = trained_form(first)
    if trained is None:
        try:
            return _given(defence_from(one))
        except InvalidInput as error:
            raise InvalidInput(f"{error}; trained for each seed: {', '.join(TRAINED_FORMS)}") from error
    words, make = trained
    around = (defence_from(rest),) if rest else ()

    def made(seed: int, training: Training | None) -> Defence:
        if training is None:
            raise InvalidInput(f"{one} wants training data")
        return chained(make(seed, training), around)

    text = "+".join([first, *(part.text for part in around)])
    return Chosen(
        text, ", ".join([words, *(part.words for part in around)]), made, trains=True, around=around
    )
