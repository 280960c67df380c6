"""What can be chosen for `fragility`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.exact.search import ExactSettings

PARTS = ("distance", "biases", "depth", "linearity", "layers", "fisher", "curves", "universal")
"""What can be measured besides the smallest flips, in the order in which it is."""
DEAR = ("linearity", "layers")
"""Parts that take several gradients for each input; a door is asked for them only by name."""


@dataclass(frozen=True)
class FragilitySettings:
    """What is measured, and how much it may take."""

    parts: tuple[str, ...] | None = None
    """Measurements, of `PARTS`; None for all that the target allows at a fair price."""
    attacks: tuple[str, ...] | None = None
    """Names of attacks or of sets; None for the standard set of the norm."""
    exact: bool = True
    """Prove smallest flips where the network is piecewise linear and its weights are seen."""
    nodes: int = 20_000
    """Most nodes of that search for one input."""
    seconds: float | None = 480.0
    """Most seconds of that search for all inputs together; None for no limit, so that only nodes count."""
    workers: int = 1
    """Processes for that search."""
    random_directions: int = 20
    """Random directions at each input, for the curves."""
    exact_settings: ExactSettings = field(init=False)

    def __post_init__(self) -> None:
        strange = sorted(set(self.parts or ()) - set(PARTS))
        if strange:
            raise InvalidInput(f"no part is called {', '.join(strange)}; known are {', '.join(PARTS)}")
        if self.workers < 1 or self.random_directions < 1:
            raise InvalidInput("workers and random_directions want at least 1")
        if self.seconds is not None and not self.seconds > 0:
            raise InvalidInput(f"seconds want to be more than 0; got {self.seconds}")
        object.__setattr__(self, "exact_settings", ExactSettings(nodes=self.nodes))

    @classmethod
    def of(cls, said: FragilitySettings | Mapping[str, Any] | None) -> FragilitySettings:
        """Settings from what a caller passed.

        Raises:
            InvalidInput: A name that is no setting.
        """
        if said is None:
            return cls()
        if isinstance(said, FragilitySettings):
            return said
        known = [f.name for f in fields(cls) if f.init]
        strange = [name for name in said if name not in known]
        if strange:
            raise InvalidInput(f"fragility has no setting {', '.join(strange)}; known are {', '.join(known)}")
        listed = {"parts", "attacks"}
        values: dict[str, Any] = {
            name: tuple(value) if name in listed and value is not None else value
            for name, value in said.items()
        }
        return cls(**values)

    def told(self) -> dict[str, Any]:
        """JSON-ready."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}
