"""What the experiments with absolute-value networks share: teachers, and where results go."""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.figure_data import Figure
from hingeline.core.version import __version__
from hingeline.networks.absolute_value import AbsoluteValueNetwork
from hingeline.report.figures import csv_text, svg_text

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "papers" / "absolute-value-networks.md"
FIRST_SEED = 4100
"""Of the teachers; none of them served to choose a constant."""


def arguments_of(description: str | None, given: list[str] | None) -> argparse.Namespace:
    """The command line that all experiments understand."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs")
    parser.add_argument("--out", type=Path, help="where results go; docs/figures if not given")
    parser.add_argument("--page", action="store_true", help="put the table into the page")
    options = parser.parse_args(given)
    options.out = options.out or (ROOT / "runs" / "abs-experiments" if options.quick else FIGURES)
    return options


def teacher(d: int, m: int, seed: int, *, signed: bool = False) -> AbsoluteValueNetwork:
    """Unit normal rows, coefficients between 0.3 / m and 3 / m."""
    rng = np.random.default_rng([FIRST_SEED, d, m, seed])
    rows = rng.standard_normal((m, d))
    signs = rng.choice(np.array([-1.0, 1.0]), m) if signed else np.ones(m)
    sizes = signs * rng.uniform(0.3, 3.0, m) / m
    return AbsoluteValueNetwork(rows / np.linalg.norm(rows, axis=1, keepdims=True), sizes)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    line = "|---|" + "--:|" * (len(columns) - 1)
    body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"| {' | '.join(columns)} |", line, *body]) + "\n"


def publish(
    name: str,
    options: argparse.Namespace,
    *,
    figures: Sequence[Figure],
    numbers: Any,
    table: str,
    began: float,
) -> None:
    """Write figures (SVG and CSV), numbers (JSON) and table; put the table into the page if asked."""
    options.out.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (options.out / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
        (options.out / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")
    told = {
        "experiment": name,
        "quick": options.quick,
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "seconds": round(time.perf_counter() - began, 1),
        "table": table.splitlines(),
        "numbers": numbers,
    }
    (options.out / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table)
    if options.page and not options.quick:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(f"<!-- {name}:start -->\n")
        tail = rest.split(f"<!-- {name}:end -->")[1]
        PAGE.write_text(f"{head}<!-- {name}:start -->\n{table}<!-- {name}:end -->{tail}", encoding="utf-8")
