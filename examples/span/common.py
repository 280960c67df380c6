"""What the span experiments share: networks, digits, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles
from scipy.ndimage import zoom

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import Event, QueriesAnswered
from hingeline.core.figure_data import Figure
from hingeline.core.version import __version__
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.figures import csv_text, svg_text
from hingeline.subspace.workbench import DirectionsFound

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "papers" / "span-recovery.md"
MNIST_FOLDERS = (ROOT.parent / "shared" / "data" / "mnist", ROOT / "data" / "mnist")
"""Where MNIST may lie, as its four .gz files."""
FIRST_SEED = 101
"""Of the networks; none of them served to choose a constant of the methods."""
BIAS = 0.1
_HE = 2**0.5  # deviation of He weights in units of 1 / sqrt(inputs)
_MNIST_TRAINED = 20_000  # images; enough for 96 %, a minute on one core


def arguments_of(description: str | None, given: list[str] | None, seeds: int) -> argparse.Namespace:
    """The command line that all experiments understand."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, help=f"networks of each kind; {seeds} if not given")
    parser.add_argument("--quick", action="store_true", help="small networks, to see that it runs")
    parser.add_argument("--out", type=Path, help="where figures and numbers go; docs/figures if not given")
    parser.add_argument("--page", action="store_true", help="put the table into docs/papers/span-recovery.md")
    options = parser.parse_args(given)
    options.seeds = options.seeds or (1 if options.quick else seeds)
    options.out = options.out or (ROOT / "runs" / "span-experiments" if options.quick else FIGURES)
    return options


def he_network(sizes: Sequence[int], seed: int, bias: float = BIAS) -> PiecewiseLinearNetwork:
    """He weights and normal biases."""
    return random_network(tuple(sizes), np.random.default_rng(FIRST_SEED + seed), weight=_HE, bias=bias)


def alive_network(sizes: Sequence[int], seed: int) -> PiecewiseLinearNetwork:
    """The same, drawn again while it is constant: a thin network may be dead everywhere."""
    while True:
        network, rng = he_network(sizes, seed), np.random.default_rng(1)
        points = rng.standard_normal((4000, sizes[0])) * 10 ** rng.uniform(-1, 1, (4000, 1))
        if np.ptp(network(points)) > 0:
            return network
        seed += 1_000


def angle(basis: FloatArray, network: PiecewiseLinearNetwork) -> float:
    """Largest principal angle between the columns of `basis` and the rows of the first layer, radians."""
    return float(subspace_angles(basis, network.weights[0].T).max())


class Growth:
    """Listens to a run: questions asked and directions known, each time the span grew."""

    def __init__(self) -> None:
        self.pairs: list[tuple[int, int]] = [(0, 0)]
        self._spent = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, QueriesAnswered):
            self._spent = event.spent
        elif isinstance(event, DirectionsFound) and event.found != self.pairs[-1][1]:
            self.pairs.append((self._spent, event.found))


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network and images it was not trained on."""

    name: str
    network: PiecewiseLinearNetwork
    train: FloatArray
    """Images in [0, 1], shape "n 784"."""
    test: FloatArray
    labels: IntArray
    """Of the test images."""

    @property
    def accuracy(self) -> float:
        """Share of test images with the right label."""
        return float(np.mean(self.network(self.test).argmax(axis=1) == self.labels))


def digits_classifier(hidden: tuple[int, ...], epochs: int = 100) -> Classifier:
    """Trained on 1,500 scikit-learn digits enlarged to 28x28; the other 297 are the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    large = np.clip(zoom(images.reshape(-1, 8, 8) / 16, (1, 3.5, 3.5), order=1), 0, 1).reshape(-1, 784)
    return _trained("digits", hidden, epochs, (large[:1500], labels[:1500]), (large[1500:], labels[1500:]))


def mnist_classifier(hidden: tuple[int, ...], epochs: int = 12) -> Classifier | None:
    """Trained on the first 20,000 MNIST images, tested on its 10,000 test images; None if not there."""
    folder = next((f for f in MNIST_FOLDERS if (f / "train-images-idx3-ubyte.gz").exists()), None)
    if folder is None:
        return None
    train = (_idx(folder / "train-images-idx3-ubyte.gz"), _idx(folder / "train-labels-idx1-ubyte.gz"))
    test = (_idx(folder / "t10k-images-idx3-ubyte.gz"), _idx(folder / "t10k-labels-idx1-ubyte.gz"))
    first = (train[0][:_MNIST_TRAINED] / 255, train[1][:_MNIST_TRAINED].astype(np.int64))
    return _trained("MNIST", hidden, epochs, first, (test[0] / 255, test[1].astype(np.int64)))


def _idx(path: Path) -> Any:
    """The rows of one idx file (big-endian header: magic, then one count for each axis)."""
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, dtype=">u4", count=axes, offset=4)
    rows = np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * axes)
    return rows.reshape(int(shape[0]), -1) if axes > 1 else rows


def _trained(
    name: str, hidden: tuple[int, ...], epochs: int, train: tuple[Any, Any], test: tuple[Any, Any]
) -> Classifier:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden, max_iter=epochs, random_state=0, learning_rate_init=2e-3, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loss need not be flat
        model.fit(*train)
    network = PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)
    return Classifier(f"{name} {dashed(network.sizes)}", network, train[0], *test)


def dashed(sizes: Iterable[int]) -> str:
    """784-80-40-1."""
    return "-".join(map(str, sizes))


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column words, the others figures."""
    head = f"| {' | '.join(columns)} |"
    line = "|---|" + "--:|" * (len(columns) - 1)
    return "\n".join([head, line, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def power(value: float) -> str:
    """2.4e-11; a dash where there is no number."""
    return f"{value:.1e}" if np.isfinite(value) else "-"


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
        "seeds": options.seeds,
        "quick": options.quick,
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        "table": table.splitlines(),
        "numbers": numbers,
    }
    (options.out / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table)
    if options.page and not options.quick:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), name, table), encoding="utf-8")


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
