"""Stacks and networks trained on one half of scikit-learn's 8x8 digits, and the other half to test them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.renormalisation.stacks.settings import TrainingSettings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.training import train_stack

HIDDEN = (48, 32)
QUICK = TrainingSettings(epochs=10, head_draws=2)
_DARKEST = 16  # a pixel counts the inked dots of a 4x4 block


@dataclass(frozen=True, eq=False)
class Halves:
    """The digits in two halves, drawn once for all seeds."""

    train: FloatArray
    """Images in [0, 1], shape "n 64"."""
    train_labels: IntArray
    test: FloatArray
    """The other half."""
    test_labels: IntArray

    def binarised(self) -> Halves:
        """Pixels darker than half of full are 1, others 0."""
        dark = ((half > 0.5).astype(np.float64) for half in (self.train, self.test))
        train, test = dark
        return Halves(train, self.train_labels, test, self.test_labels)


def halves() -> Halves:
    """The same halves as in the experiments on Fisher information."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    images, classes = pixels[order] / _DARKEST, labels[order].astype(np.int64)
    middle = len(images) // 2
    return Halves(images[:middle], classes[:middle], images[middle:], classes[middle:])


def trained_stack(data: Halves, seed: int, *, quick: bool = False) -> StochasticStack:
    """64-48-32 units and 10 classes, with the defaults of `train_stack`."""
    rng = np.random.default_rng(seed)
    settings = QUICK if quick else None
    return train_stack(data.train, data.train_labels, hidden=HIDDEN, rng=rng, settings=settings).stack


def trained_network(
    data: Halves, hidden: tuple[int, ...], seed: int, *, quick: bool = False
) -> PiecewiseLinearNetwork:
    """ReLU layers with scikit-learn's own defaults, until the loss is flat."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden, max_iter=50 if quick else 1000, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a quick run does not wait for the loss to be flat
        model.fit(data.train, data.train_labels)
    return PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)
