"""Where words go: results to standard output, progress and messages to standard error."""

from __future__ import annotations

import sys

from rich.console import Console


def output() -> Console:
    """For results; without colour where NO_COLOR is set or nobody watches."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def messages() -> Console:
    """For progress and messages, so that output can be piped on."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())
