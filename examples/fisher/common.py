"""What the Fisher experiments share: trained networks, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.figure_data import Figure
from hingeline.core.version import __version__
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.figures import csv_text, svg_text
from hingeline.sensitivity.models.network_model import NetworkModel

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "papers" / "fisher-directions.md"
_DARKEST = 16  # a pixel counts the inked dots of a 4x4 block


@dataclass(frozen=True, eq=False)
class Digits:
    """A classifier of scikit-learn's 8x8 digits, trained on one half of them."""

    name: str
    model: NetworkModel
    train: FloatArray
    """Images in [0, 1], shape "n 64"."""
    test: FloatArray
    """The other half."""
    labels: IntArray
    """Of the test images."""

    @property
    def right(self) -> FloatArray:
        """Test images that are classified correctly."""
        return self.test[self.model.outputs(self.test).argmax(axis=1) == self.labels]

    @property
    def accuracy(self) -> float:
        """Share of test images with the right label."""
        return len(self.right) / len(self.test)


def digits(hidden: tuple[int, ...], seed: int, epochs: int = 1000) -> Digits:
    """scikit-learn's own defaults until the loss is flat; the halves are drawn once for all seeds."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    images, classes = pixels[order] / _DARKEST, labels[order].astype(np.int64)
    half = len(images) // 2
    trained = MLPClassifier(hidden, max_iter=epochs, random_state=seed).fit(images[:half], classes[:half])
    network = PiecewiseLinearNetwork([w.T for w in trained.coefs_], trained.intercepts_)
    name = "-".join(map(str, network.sizes))
    return Digits(name, NetworkModel(network), images[:half], images[half:], classes[half:])


def arguments_of(description: str | None, given: list[str] | None, seeds: int) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, help=f"networks of each kind; {seeds} if not given")
    parser.add_argument("--quick", action="store_true", help="one network, to see that it runs")
    parser.add_argument("--out", type=Path, help="where figures and numbers go; docs/figures if not given")
    parser.add_argument("--page", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(given)
    options.seeds = options.seeds or (1 if options.quick else seeds)
    options.out = options.out or (ROOT / "runs" / "fisher-experiments" if options.quick else FIGURES)
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
    figures: Sequence[Figure],
    numbers: Any,
    tables: Mapping[str, str],
    began: float,
) -> None:
    """Write figures (SVG and CSV), numbers and tables (JSON); put the tables into the page if asked."""
    options.out.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (options.out / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
        (options.out / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")
    told = {
        "experiment": name,
        "seeds": options.seeds,
        "quick": options.quick,
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        "tables": {key: table.splitlines() for key, table in tables.items()},
        "numbers": numbers,
    }
    text = json.dumps(told, indent=1, allow_nan=False)
    (options.out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print("\n".join(tables.values()))
    if options.page and not options.quick:
        page = PAGE.read_text(encoding="utf-8")
        for key, table in tables.items():
            page = with_table(page, key, table)
        PAGE.write_text(page, encoding="utf-8")


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
