"""What the Fisher experiments share: trained networks, and where figures, numbers and tables go."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.network_model import NetworkModel

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, read_options
from publishing import publish as publish_on
from publishing import table_of as table_of

PAGE = PAPERS / "fisher-directions.md"
publish = partial(publish_on, page=PAGE)
"""Figures, numbers and tables of one experiment; `publishing.publish` tells the arguments."""
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
    parser = parser_of(description, PAGE)
    parser.add_argument("--seeds", type=int, help=f"networks of each kind; {seeds} if not given")
    options = read_options(parser, given, "fisher-experiments")
    options.seeds = options.seeds or (1 if options.quick else seeds)
    return options
