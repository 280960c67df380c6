"""Axes: where a number lies on the page, and the numbers written along it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hingeline.report.numbers import count, small

_MOST_DIGITS = 12  # of a tick; rounding shows beyond


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high` laid from pixel `start` to pixel `end`."""

    low: float
    high: float
    log: bool
    start: float
    end: float
    whole: bool = False
    """No ticks between whole numbers."""
    most: int = 8
    """Ticks, one more at most."""

    @classmethod
    def over(
        cls,
        values: Iterable[float],
        *,
        log: bool,
        start: float,
        end: float,
        whole: bool = False,
        most: int = 8,
    ) -> Scale:
        """The scale that just holds `values`; whole powers of ten if logarithmic."""
        low, high = _decade_ends(values) if log else _linear_ends(values)
        return cls(low, high, log, start, end, whole, most)

    def place(self, value: float) -> float:
        """The pixel of a number."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Numbers to write along the axis: powers of ten, or multiples of 1, 2 or 5 of one."""
        if self.log:
            low, high = decades((self.low, self.high))
            return [10.0**power for power in decade_ticks(low, high, self.most)]
        step = max(_step((self.high - self.low) / self.most), 1.0 if self.whole else 0.0)
        first = math.ceil(self.low / step - 1e-9)  # rounding must not lose a tick at the end
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def decades(values: Iterable[float]) -> tuple[int, int]:
    """Whole powers of ten around positive `values`."""
    logs = [math.log10(v) for v in values]
    low, high = math.floor(min(logs, default=0.0)), math.ceil(max(logs, default=1.0))
    return low, max(high, low + 1)


def decade_ticks(low: int, high: int, most: int = 8) -> range:
    """Powers of ten from `low` to `high`, at most one more than `most`."""
    return range(low, high + 1, max(1, math.ceil((high - low) / most)))


def tick_words(value: float) -> str:
    """A number on an axis: 0, 0.25, 60,000, 1e-12."""
    return count(value) if value == round(value) and abs(value) < 1e7 else small(value)


def ticks_in_words(ticks: Sequence[float]) -> list[str]:
    """The numbers along one axis, with as many digits as it takes to tell them apart."""
    told, digits = [tick_words(tick) for tick in ticks], 3
    while len(set(told)) < len(ticks) and digits <= _MOST_DIGITS:
        told, digits = [f"{tick:.{digits}g}" for tick in ticks], digits + 1
    return told


def _decade_ends(values: Iterable[float]) -> tuple[float, float]:
    low, high = decades(v for v in values if v > 0)
    return 10.0**low, 10.0**high


def _linear_ends(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    low, high = min(known, default=0.0), max(known, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
