"""What can be chosen about a judgement of defences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput

PARTS = ("leak", "span", "robustness")
"""What can be measured beside utility, in the order of the columns."""
FEWEST_SEEDS = 3
"""Nothing is judged by fewer: one seed tells nothing about the spread."""


@dataclass(frozen=True)
class DefendSettings:
    """What is measured, and how thoroughly."""

    parts: tuple[str, ...] = PARTS
    """Columns beside utility: "leak", "span", "robustness"."""
    seeds: int = 5
    """Repetitions with other chance: of the attacker, of the defence's draws, of what is trained."""
    radius: float | None = None
    """Size of the changes an attacker may make, in the norm; None: half of the inputs flip undefended."""
    inputs: int = 100
    """Most inputs that are attacked."""
    steps: int = 40
    """Steps of each restart of a gradient attack."""
    restarts: int = 2
    """Restarts of each gradient attack."""
    repeats: int = 20
    """Times that a door which answers at random is asked the same."""
    seconds: float = 60.0
    """Most seconds of one extraction or one search for the span; what it has by then counts."""
    span_budget: int | None = None
    """Most rows that one search for the span may ask; as many as an extraction if not given."""

    def __post_init__(self) -> None:
        strange = [part for part in self.parts if part not in PARTS]
        if strange:
            raise InvalidInput(f"no part is called {', '.join(strange)}; known are {', '.join(PARTS)}")
        for name in ("seeds", "inputs", "steps", "restarts", "repeats", "span_budget"):
            value = getattr(self, name)
            if value is not None and (not is_whole(value) or value < 1):
                raise InvalidInput(f"{name} wants a whole number from 1 up; got {value!r}")
            if value is not None:
                object.__setattr__(self, name, int(value))  # NumPy's whole numbers are not JSON-ready
        if self.seeds < FEWEST_SEEDS:
            raise InvalidInput(
                f"a grid wants at least {FEWEST_SEEDS} seeds, for one alone tells nothing about chance; "
                f"got {self.seeds}"
            )
        if self.radius is not None and not (_is_number(self.radius) and 0 < self.radius < float("inf")):
            raise InvalidInput(f"radius wants a number above 0; got {self.radius!r}")
        if not (_is_number(self.seconds) and 0 < self.seconds < float("inf")):
            raise InvalidInput(f"seconds wants a number above 0; got {self.seconds!r}")

    @classmethod
    def of(cls, said: DefendSettings | Mapping[str, Any] | None) -> DefendSettings:
        """Settings, or a mapping of their fields.

        Raises:
            InvalidInput: A field that there is not, or a value that cannot be meant.
        """
        if said is None or isinstance(said, DefendSettings):
            return said or cls()
        given: Any = said
        if not isinstance(given, Mapping):
            raise InvalidInput(
                f"settings want DefendSettings or a mapping of their names; got {type(given).__name__}"
            )
        known = [field.name for field in fields(cls)]
        strange = [name for name in said if name not in known]
        if strange:
            raise InvalidInput(f"unknown setting {', '.join(strange)}; known are {', '.join(known)}")
        given = dict(said)
        if "parts" in given:
            given["parts"] = tuple(given["parts"])
        return cls(**given)

    def told(self) -> dict[str, Any]:
        """JSON-ready, for the provenance."""
        return asdict(self) | {"parts": list(self.parts)}


def is_whole(value: Any) -> bool:
    """Whether a caller's value is a whole number; True and False are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
