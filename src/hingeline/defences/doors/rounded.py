"""Answers rounded to decimals, or to multiples of a power of two. Cost: one pass over the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.order import need_all_scores
from hingeline.oracles.protocol import Oracle

MOST_DECIMALS = 17
MOST_BITS = 60


@dataclass(frozen=True)
class Rounded(Defence):
    """Every number of an answer to the nearest grid point, halves to the even one.

    Raises:
        InvalidInput: Not exactly one of the two grids, or one that is out of range.
    """

    decimals: int | None = None
    """Decimals kept, 0 to 17."""
    bits: int | None = None
    """Fractional bits kept, 0 to 60: multiples of 2^-bits."""

    def __post_init__(self) -> None:
        given: list[tuple[Any, int]] = [
            (value, most)
            for value, most in ((self.decimals, MOST_DECIMALS), (self.bits, MOST_BITS))
            if value is not None
        ]
        if len(given) != 1:
            raise InvalidInput("rounding wants decimals or bits, one of the two: 'round:3' or 'bits:15'")
        value, most = given[0]
        if not isinstance(value, int | np.integer) or not 0 <= value <= most:
            what = "round takes 0 to 17 decimals" if self.bits is None else "bits takes 0 to 60 bits"
            raise InvalidInput(f"{what}; got {value}")

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"round:{self.decimals}" if self.bits is None else f"bits:{self.bits}"

    @property
    def words(self) -> str:
        """For tables."""
        if self.bits is None:
            return f"rounded to {self.decimals} decimals"
        return f"rounded to multiples of 2^-{self.bits}"

    @property
    def follows_scores(self) -> bool:
        """True: the same scores on a grid."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door whose answers are rounded; `seed` is not used.

        Raises:
            InvalidInput: The door inside answers labels, or its largest logits only.
        """
        need_all_scores(oracle, self.text)
        return _RoundedDoor(oracle, self)

    def rounded(self, values: FloatArray) -> FloatArray:
        """The values on the grid, same shape."""
        # A value so large that scaling overflows lies on the grid already.
        with np.errstate(over="ignore", invalid="ignore"):
            if self.bits is None:
                on_grid = np.round(values, self.decimals or 0)
            else:
                on_grid = np.ldexp(np.rint(np.ldexp(values, self.bits)), -self.bits)
        return np.where(np.isfinite(on_grid), on_grid, values)


class _RoundedDoor(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Rounded) -> None:
        super().__init__(inner, defence.words)
        self._defence = defence

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        return self._defence.rounded(answers)
