"""A target for command lines, `counted_target:model`: counts what it answers and stops when told."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

_RNG = np.random.default_rng(11)
NETWORK = PiecewiseLinearNetwork(
    [_RNG.standard_normal((7, 6)), _RNG.standard_normal((3, 7))],
    [_RNG.standard_normal(7), _RNG.standard_normal(3)],
)


class Counter:
    """Rows answered since the last `begin`."""

    answered: int = 0
    stop_after: int | None = None


def answered() -> int:
    """Rows answered since the last `begin`."""
    return Counter.answered


def begin(stop_after: int | None = None) -> None:
    """Count from zero, and act as Ctrl-C once so many rows have been answered."""
    Counter.answered, Counter.stop_after = 0, stop_after


def model(points: FloatArray) -> FloatArray:
    """The network's answers; a batch that goes beyond the stop is not answered at all."""
    if Counter.stop_after is not None and Counter.answered + len(points) > Counter.stop_after:
        raise KeyboardInterrupt
    Counter.answered += len(points)
    return np.asarray(NETWORK(points))


def smooth(points: FloatArray) -> FloatArray:
    """A network that has no hinges."""
    return np.tanh(points @ NETWORK.weights[0].T + NETWORK.biases[0]) @ NETWORK.weights[1].T


def labels(points: FloatArray) -> FloatArray:
    """The winning class only."""
    return NETWORK(points).argmax(axis=1)[:, np.newaxis].astype(np.float64)


def constant(points: FloatArray) -> FloatArray:
    """Always the same."""
    return np.ones((len(points), 3))
