"""How much memory the machine has, without a further package. Source: POSIX sysconf. Cost: none."""

from __future__ import annotations

import os

UNKNOWN = float("inf")
"""Where the system does not tell."""


def physical_memory() -> float:
    """Bytes of the machine's memory; infinity where the system does not tell."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN
    return float(pages) * size if pages > 0 and size > 0 else UNKNOWN
