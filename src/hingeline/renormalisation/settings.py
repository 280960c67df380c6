"""What can be chosen for `stability`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

import numpy as np

from hingeline.core.errors import InvalidInput

Operators = Literal["single units", "pairs", "class means", "total"]
"""What is measured of each layer: its units; units and pairs that carry a signal; the differences between
classes as weighted sums of units; the sum of all units."""
Declared = Literal["collective", "tied units"]
"""Which operators of neighbouring layers are said to be the same."""

OPERATORS: tuple[str, ...] = get_args(Operators)
DECLARED: tuple[str, ...] = get_args(Declared)
# Operators that can be the same in neighbouring layers, the usual choice first.
_FITTING: dict[str, tuple[str, ...]] = {
    "collective": ("class means", "total"),
    "tied units": ("single units", "pairs"),
}
ONLY_OF_STACKS = (
    "samples",
    "samples_per_answer",
    "closely",
    "operators",
    "identification",
    "permutations",
)
"""Settings that mean nothing for a network, whose layers answer without chance."""
_COUNTS = (
    "samples",
    "samples_per_answer",
    "closely",
    "curve_inputs",
    "random_directions",
    "permutations",
)


@dataclass(frozen=True)
class StabilitySettings:
    """How much is measured, and with what."""

    samples: int = 20_000
    """Samples of a stack for each input that is looked at closely, and for each class."""
    samples_per_answer: int = 400
    """Samples behind one answer of a stack when it is asked for its class."""
    closely: int = 4
    """Inputs looked at closely: relevant directions, convergence, depth."""
    curve_inputs: int = 100
    """Most inputs of the flip curves; evenly spread over all of them where there are more."""
    operators: Operators | None = None
    """What is measured of each layer of a stack; if None, what the identification wants, or single units."""
    identification: Declared | None = None
    """Which operators of neighbouring layers are the same; without it no eigenvalue is computed."""
    sizes: tuple[float, ...] | None = None
    """Lengths of the steps of the flip curves; around the linearised distances if None."""
    values: tuple[float, float] | None = None
    """The two values of binary inputs, such as (0, 1): then the best pixels to exchange are looked for."""
    random_directions: int = 20
    """Random directions at each input, as controls."""
    permutations: int = 20
    """Shufflings behind the null distribution of canonical correlations."""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, np.integer):
                value = int(value)
                object.__setattr__(self, name, value)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} wants a whole number of at least 1; got {value!r}")
        if self.samples < 400:
            raise InvalidInput(f"error bars want at least 400 samples; got samples={self.samples}")
        if self.operators is not None and self.operators not in OPERATORS:
            raise InvalidInput(
                f"no operators are called {self.operators!r}; known are {', '.join(OPERATORS)}"
            )
        if self.identification is not None and self.identification not in DECLARED:
            raise InvalidInput(
                f"no identification is called {self.identification!r}; known are {', '.join(DECLARED)}"
            )
        fitting = _FITTING.get(self.identification or "", OPERATORS)
        if self.operators is not None and self.operators not in fitting:
            raise InvalidInput(
                f"identification {self.identification!r} is about {' or '.join(fitting)}; got operators "
                f"{self.operators!r}"
            )
        if self.sizes is not None and not (
            self.sizes and all(math.isfinite(size) and size > 0 for size in self.sizes)
        ):
            raise InvalidInput(f"sizes are finite numbers above 0; got {self.sizes}")
        if self.values is not None and not (
            len(self.values) == 2 and self.values[0] < self.values[1] and all(map(math.isfinite, self.values))
        ):
            raise InvalidInput(f"values of binary inputs are two, the smaller first; got {self.values}")

    def changed(self) -> tuple[str, ...]:
        """Names of what is not at its default."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) != f.default)

    @property
    def measured(self) -> str:
        """The operators that are taken."""
        return self.operators or _FITTING.get(self.identification or "", OPERATORS)[0]

    @classmethod
    def of(cls, said: StabilitySettings | Mapping[str, Any] | None) -> StabilitySettings:
        """Settings from what a caller passed.

        Raises:
            InvalidInput: A name that is no setting, or a value that cannot be meant.
        """
        if said is None:
            return cls()
        if isinstance(said, StabilitySettings):
            return said
        if not isinstance(cast(object, said), Mapping):
            raise InvalidInput(
                f"settings are StabilitySettings or a mapping of their names; got {type(said).__name__}"
            )
        known = [f.name for f in fields(cls)]
        strange = [str(name) for name in said if name not in known]
        if strange:
            raise InvalidInput(f"stability has no setting {', '.join(strange)}; known are {', '.join(known)}")
        values: dict[str, Any] = {
            name: _numbers(name, value) if name in ("sizes", "values") and value is not None else value
            for name, value in said.items()
        }
        return cls(**values)

    def told(self) -> dict[str, Any]:
        """JSON-ready."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} wants several numbers, such as (0.1, 0.2); got {value!r}") from error
