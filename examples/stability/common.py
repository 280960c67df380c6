"""What the experiments on stability share: their page, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, read_options
from publishing import publish as publish_on
from publishing import table_of as table_of

PAGE = PAPERS / "renormalisation.md"
publish = partial(publish_on, page=PAGE)
"""Figures, numbers and tables of one experiment; `publishing.publish` tells the arguments."""


def arguments_of(description: str | None, given: list[str] | None) -> argparse.Namespace:
    """The command line that all experiments understand."""
    return read_options(parser_of(description, PAGE), given, "stability-experiments")
