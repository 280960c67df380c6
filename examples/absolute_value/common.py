"""What the experiments with absolute-value networks share: teachers, and where results go."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

from hingeline.networks.absolute_value import AbsoluteValueNetwork

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, read_options
from publishing import publish as publish_on
from publishing import table_of as table_of

PAGE = PAPERS / "absolute-value-networks.md"
publish = partial(publish_on, page=PAGE)
"""Figures, numbers and tables of one experiment; `publishing.publish` tells the arguments."""
FIRST_SEED = 4100
"""Of the teachers; none of them served to choose a constant."""


def arguments_of(description: str | None, given: list[str] | None) -> argparse.Namespace:
    """The command line that all experiments understand."""
    return read_options(parser_of(description, PAGE), given, "abs-experiments")


def teacher(d: int, m: int, seed: int, *, signed: bool = False) -> AbsoluteValueNetwork:
    """Unit normal rows, coefficients between 0.3 / m and 3 / m."""
    rng = np.random.default_rng([FIRST_SEED, d, m, seed])
    rows = rng.standard_normal((m, d))
    signs = rng.choice(np.array([-1.0, 1.0]), m) if signed else np.ones(m)
    sizes = signs * rng.uniform(0.3, 3.0, m) / m
    return AbsoluteValueNetwork(rows / np.linalg.norm(rows, axis=1, keepdims=True), sizes)
