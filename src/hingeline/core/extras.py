"""Packages that may be absent: imported when something needs them, or asked for in words."""

from __future__ import annotations

import importlib
from typing import Any

from hingeline.core.errors import MissingExtra


def optional(module: str, what: str, extra: str) -> Any:
    """Import `module`, or say how to get it.

    Args:
        module: Its full name.
        what: Who needs it, as the beginning of a sentence.
        extra: The extra of ours that installs it.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(what, extra) from error
