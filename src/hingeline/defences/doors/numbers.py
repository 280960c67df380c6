"""Numbers as they are typed."""

from __future__ import annotations


def short(value: float) -> str:
    """The shortest text that reads back as the same number: 0.001, 50, 1e-06."""
    brief = f"{value:g}"
    return brief if float(brief) == value else repr(float(value))
