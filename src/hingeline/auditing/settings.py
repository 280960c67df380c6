"""What can be chosen about an audit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.defending.settings import is_whole
from hingeline.sensitivity.threat import NORMS

PARTS = ("extraction", "line", "span", "fragility", "stability", "defences")
"""What can be left out; the door is always examined, and given inputs are always asked once."""
_COUNTS = (
    "inputs",
    "flips",
    "asked_flips",
    "hidden_inputs",
    "line_points",
    "defence_seeds",
    "defence_inputs",
)
_PROBABLE_DEFENCES = ("round:4", "round:2", "labels")


@dataclass(frozen=True)
class AuditSettings:
    """Which parts, how many inputs, what a question costs."""

    parts: tuple[str, ...] = PARTS
    """Of `PARTS`, in that order."""
    cost_per_1000: float | None = None
    """What the owner of the door charges for 1,000 questions, in `currency`; None: nothing is said of it."""
    currency: str = "EUR"
    reserve: float = 0.25
    """Share of the budget that extraction may not use, so that something is left for what it cannot tell."""
    inputs: int = 1000
    """Most given inputs that are asked for their class."""
    flips: int = 60
    """Most inputs whose smallest flip is searched on the copy."""
    asked_flips: int = 8
    """The same where there is no copy, and every attempt is a question to the door."""
    hidden_inputs: int = 6
    """Inputs that are replaced by others the network cannot tell from them."""
    line_points: int = 101
    """Questions for the picture of one line."""
    norm: str = "l2"
    """How changes are measured."""
    box: tuple[float, float] | None = None
    """Smallest and largest value of a coordinate of changed inputs; the bounds of the door, if any."""
    threshold: float = 0.0
    """Where the class changes, if the door gives one number."""
    defences: tuple[str, ...] = _PROBABLE_DEFENCES
    """What is judged beside no defence."""
    defence_seeds: int = 3
    """Repetitions of each judgement."""
    defence_inputs: int = 20
    """Inputs that are attacked behind each defence."""

    def __post_init__(self) -> None:
        strange = [part for part in self.parts if part not in PARTS]
        if strange:
            raise InvalidInput(
                f"an audit has no part {', '.join(map(repr, strange))}; known are {', '.join(PARTS)}"
            )
        object.__setattr__(self, "parts", tuple(part for part in PARTS if part in self.parts))
        for name in _COUNTS:
            value: Any = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise InvalidInput(f"{name} wants a whole number from 1 up; got {value!r}")
            object.__setattr__(self, name, int(value))  # NumPy's whole numbers are not JSON-ready
        if not (_is_finite(self.reserve) and 0 <= self.reserve < 1):
            raise InvalidInput(f"reserve wants a share of the budget, 0 to below 1; got {self.reserve!r}")
        cost = self.cost_per_1000
        if cost is not None and not (_is_finite(cost) and cost >= 0):
            raise InvalidInput(f"cost_per_1000 wants an amount of money from 0 up; got {cost!r}")
        told: Any = self.currency
        if not (isinstance(told, str) and told.strip() and told.isprintable()):
            raise InvalidInput(f"currency wants a name such as EUR; got {told!r}")
        if not _is_finite(self.threshold):
            raise InvalidInput(f"threshold wants a finite number; got {self.threshold!r}")
        if self.norm not in NORMS:
            raise InvalidInput(f"norm must be one of {', '.join(NORMS)}; got {self.norm!r}")
        if self.box is not None:
            object.__setattr__(self, "box", _ends(self.box))

    @classmethod
    def of(cls, said: AuditSettings | Mapping[str, Any] | None) -> AuditSettings:
        """Settings, or a mapping of their fields.

        Raises:
            InvalidInput: A field that there is not, or a value that cannot be meant.
        """
        if said is None or isinstance(said, AuditSettings):
            return said or cls()
        given: Any = said
        if not isinstance(given, Mapping):
            raise InvalidInput(
                f"settings want AuditSettings or a mapping of their names; got {type(given).__name__}"
            )
        known = [field.name for field in fields(cls)]
        strange = [name for name in said if name not in known]
        if strange:
            raise InvalidInput(f"unknown setting {', '.join(strange)}; known are {', '.join(known)}")
        lists = ("parts", "defences", "box")
        single = [name for name in lists if given.get(name) is not None and not np.iterable(given[name])]
        if single:
            raise InvalidInput(f"{single[0]} wants several values; got {given[single[0]]!r}")
        values: dict[str, Any] = {
            name: tuple(value) if name in lists and value is not None else value
            for name, value in given.items()
        }
        return cls(**values)

    def told(self) -> dict[str, Any]:
        """JSON-ready, for the provenance."""
        return asdict(self) | {"parts": list(self.parts), "defences": list(self.defences)}


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _ends(box: Any) -> tuple[float, float]:
    ends = tuple(box) if isinstance(box, tuple | list) else ()
    if len(ends) != 2 or not all(map(_is_finite, ends)) or not ends[0] < ends[1]:
        raise InvalidInput(f"box wants two finite ends, the smaller first; got {box!r}")
    return float(ends[0]), float(ends[1])
