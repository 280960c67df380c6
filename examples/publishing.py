"""What all experiments share: the command line, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.figure_data import Figure
from hingeline.core.version import __version__
from hingeline.report.figures import csv_text, svg_text

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
PAPERS = ROOT / "docs" / "papers"


def parser_of(description: str | None, page: Path) -> argparse.ArgumentParser:
    """The options that all experiments understand."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs")
    parser.add_argument("--out", type=Path, help="where figures and numbers go; docs/figures if not given")
    parser.add_argument("--page", action="store_true", help=f"put the tables into {page.relative_to(ROOT)}")
    return parser


def read_options(
    parser: argparse.ArgumentParser, given: Sequence[str] | None, quick_folder: str
) -> argparse.Namespace:
    """The command line; quick results go to a folder of their own unless told otherwise."""
    options = parser.parse_args(given)
    options.out = options.out or (ROOT / "runs" / quick_folder if options.quick else FIGURES)
    return options


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column words, the others figures."""
    head = f"| {' | '.join(columns)} |"
    line = "|---|" + "--:|" * (len(columns) - 1)
    return "\n".join([head, line, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def publish(
    name: str,
    options: argparse.Namespace,
    *,
    page: Path,
    figures: Sequence[Figure],
    numbers: Any,
    tables: Mapping[str, str] | str,
    began: float,
) -> None:
    """Write figures (SVG and CSV), numbers and tables (JSON); put the tables into the page if asked.

    Args:
        name: Of the experiment and its JSON file.
        options: From `read_options`; what counts the runs, such as `seeds`, is written down too.
        page: Markdown with a pair of markers for each table.
        figures: Each is written under its own name.
        numbers: Anything that JSON can hold, without infinities.
        tables: By the names of their markers; a single table has the name of the experiment.
        began: `time.perf_counter()` at the start.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (options.out / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
        (options.out / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")
    named = {name: tables} if isinstance(tables, str) else dict(tables)
    lines = {key: table.splitlines() for key, table in named.items()}
    told = {
        "experiment": name,
        **{key: value for key, value in vars(options).items() if key not in ("out", "page")},
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        **({"table": lines[name]} if isinstance(tables, str) else {"tables": lines}),
        "numbers": numbers,
    }
    text = json.dumps(told, indent=1, allow_nan=False)
    (options.out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print("\n".join(named.values()))
    if options.page and not options.quick:
        words = page.read_text(encoding="utf-8")
        for key, table in named.items():
            words = with_table(words, key, table)
        page.write_text(words, encoding="utf-8")


def with_table(page: str, name: str, table: str) -> str:
    """The page with the table between the markers of that name.

    Raises:
        ValueError: The markers are not there, once each.
    """
    start, end = f"<!-- {name}:start -->\n", f"<!-- {name}:end -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one line {start.strip()} and after it one line {end}")
    head, rest = page.split(start)
    return head + start + table + end + rest.split(end)[1]
