"""Numbers as people read them."""

from __future__ import annotations

import math


def count(value: float) -> str:
    """A whole number with thousands marked: 12,345."""
    return f"{value:,.0f}"


def small(value: float) -> str:
    """A number of any size with two digits: 0, 3.1e-13, 0.25, 12."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if 1e-2 <= abs(value) < 1e4:
        return f"{value:.2g}" if abs(value) < 99.5 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def duration(seconds: float) -> str:
    """Time as 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plural(number: int, noun: str, many: str = "") -> str:
    """`1 neuron`, `32 neurons`; `many` is for words that do not just take an s."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"
