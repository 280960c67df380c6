"""Ask a neural network through whatever door it has; learn how much of it leaks."""

from __future__ import annotations

__version__ = "0.1.0"
