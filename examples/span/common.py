"""What the span experiments share: networks, digits, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import gzip
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles
from scipy.ndimage import zoom

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import Event, QueriesAnswered
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.subspace.workbench import DirectionsFound

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, ROOT, parser_of, read_options
from publishing import publish as publish_on
from publishing import table_of as table_of

PAGE = PAPERS / "span-recovery.md"
publish = partial(publish_on, page=PAGE)
"""Figures, numbers and tables of one experiment; `publishing.publish` tells the arguments."""
MNIST_FOLDERS = (ROOT.parent / "shared" / "data" / "mnist", ROOT / "data" / "mnist")
"""Where MNIST may lie, as its four .gz files."""
FIRST_SEED = 101
"""Of the networks; none of them served to choose a constant of the methods."""
BIAS = 0.1
_HE = 2**0.5  # deviation of He weights in units of 1 / sqrt(inputs)
_MNIST_TRAINED = 20_000  # images; enough for 96 %, a minute on one core


def arguments_of(description: str | None, given: list[str] | None, seeds: int) -> argparse.Namespace:
    """The command line that all experiments understand."""
    parser = parser_of(description, PAGE)
    parser.add_argument("--seeds", type=int, help=f"networks of each kind; {seeds} if not given")
    options = read_options(parser, given, "span-experiments")
    options.seeds = options.seeds or (1 if options.quick else seeds)
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


def power(value: float) -> str:
    """2.4e-11; a dash where there is no number."""
    return f"{value:.1e}" if np.isfinite(value) else "-"
