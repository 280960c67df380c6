"""Options of the verbs that look at given inputs, and values that are lists with commas between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

Verb = TypeVar("Verb", bound=Callable[..., Any])
Item = TypeVar("Item")

FILE = click.Path(path_type=Path)


class Listed(click.ParamType[tuple[Item, ...]], Generic[Item]):
    """Items with commas between them.

    Args:
        name: What the items are, such as "sizes".
        item: Reads one of them, without the spaces around it; a ValueError refuses it.
        wanted: What would be right, for people.
    """

    def __init__(self, name: str, item: Callable[[str], Item], wanted: str) -> None:
        self.name, self._item, self._wanted = name, item, wanted

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Item, ...]:
        """Split at the commas."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self._item(word.strip()) for word in str(value).split(","))
        except ValueError as error:
            self.fail(f"{value!r}: {error}; want {self._wanted}", param, ctx)


def data_options(verb: Verb) -> Verb:
    """Add --data, --labels and --rows; the verb gets `data`, `labels` and `rows`."""
    for option in reversed(_DATA):
        option(verb)
    return verb


_DATA = (
    click.option(
        "--data",
        type=FILE,
        metavar="FILE",
        required=True,
        help="Inputs, one in each row: .npy, .npz (key x) or .csv.",
    ),
    click.option(
        "--labels", type=FILE, metavar="FILE", help="What they should be: .npy, .npz (key y) or .csv."
    ),
    click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Take only the first N inputs."),
)


# As in `sensitivity.threat`, which would bring NumPy; a test holds both together.
NORMS = ("l2", "linf", "l1")
"""How changes can be measured."""


def _name(word: str) -> str:
    if not word:
        raise ValueError("it has an empty name")
    return word


NAMES = Listed("names", _name, "names with commas between them")
"""Names of parts or attacks."""


def change_options(norm: str) -> Callable[[Verb], Verb]:
    """Add --norm, `norm` if not said, and --box: which changes of an input count; the verb gets both."""

    def added(verb: Verb) -> Verb:
        click.option("--box", type=float, nargs=2, metavar="LO HI", help=_BOX)(verb)
        click.option("--norm", type=click.Choice(NORMS), default=norm, show_default=True, help=_NORM)(verb)
        return verb

    return added


_NORM = "How the size of a change is measured."
_BOX = "Range a changed input must stay in."
