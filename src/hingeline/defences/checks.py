"""One thing that must be so if attacks on a defence are to be believed, and whether it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A check of an attack."""

    name: str
    """What must be so."""
    passed: bool
    """Whether it is."""
    words: str
    """The numbers it rests on."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)
