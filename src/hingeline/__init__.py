"""Ask a neural network through whatever door it has; learn how much of it leaks."""

from __future__ import annotations

from hingeline.core.version import __version__

__all__ = ["__version__"]
