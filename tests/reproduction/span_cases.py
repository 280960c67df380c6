"""Networks drawn fresh for the acceptance table, doors to them, and the limits that each row must keep.

Seeds start at 101: none of them served to choose a constant.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles
from scipy.ndimage import zoom

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

FIRST_SEED = 101
HE = 2**0.5
"""Deviation of He weights, in units of 1 / sqrt(inputs)."""


@dataclass(frozen=True)
class Limits:
    """What a row of the table must keep, whatever the seed."""

    rank: int
    angle: float
    """Largest principal angle to the true span, radians."""
    queries: int
    seconds: float = np.inf
    """Of one core."""
    doubt: bool = False
    """Whether the votes may differ, with the true rank among them."""


@dataclass(frozen=True)
class Case:
    """One row: a kind of network, how it answers, how it is asked."""

    name: str
    sizes: tuple[int, ...]
    limits: Limits
    seeds: int = 10
    door: str = "values"
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


SPANS = (
    Case("1 scalar", (784, 80, 40, 20, 1), Limits(80, 1e-9, 64_768)),  # 1.15 times the floor of 56,320
    Case("2 one hidden layer", (784, 80, 1), Limits(80, 5e-9, 70_000)),
    Case("3 polish", (784, 80, 40, 20, 1), Limits(80, 1e-11, 300_000), 2, settings={"polish": True}),
    Case("8 softmax", (784, 80, 40, 10), Limits(80, 1e-7, 70_000), 3, "softmax"),
    # the table allows 10,000 to search; gradients, redone columns and dropped places are counted here too
    Case("9 thin", (784, 80, 3, 3, 3, 3, 3, 1), Limits(80, 1e-4, 90_112, doubt=True)),  # 1.6 times the floor
    Case("11 labels", (784, 80, 40, 1), Limits(80, 1e-8, 2_000_000, 60.0), 3, "labels"),
    Case("12 labels of tanh", (64, 8, 8, 1), Limits(8, 1e-6, 60_000), 20, "tanh labels"),
    Case("16 dependent rows", (300, 80, 40, 1), Limits(30, 1e-8, 10_530), 5, "dependent"),
    Case("17 weak 1e-3", (200, 20, 1), Limits(20, 1e-9, 10_000), 5, "weak 1e-3"),
    Case("17 weak 1e-5", (200, 20, 1), Limits(20, 1e-7, 10_000), 5, "weak 1e-5"),
    Case("17 weak 1e-7", (200, 20, 1), Limits(20, 1e-5, 10_000, doubt=True), 5, "weak 1e-7"),
    Case("17 weak 1e-9", (200, 20, 1), Limits(20, 1e-3, 10_000, doubt=True), 5, "weak 1e-9"),
)
"""Rows that ask for the whole span."""


def he_network(sizes: tuple[int, ...], seed: int, bias: float = 0.1) -> PiecewiseLinearNetwork:
    """He weights, normal biases of deviation `bias`."""
    return random_network(sizes, np.random.default_rng(seed), weight=HE, bias=bias)


def case_network(case: Case, seed: int) -> PiecewiseLinearNetwork:
    """The network of one row and seed."""
    network = he_network(case.sizes, seed)
    while is_constant(network):
        seed += 1_000
        network = he_network(case.sizes, seed)
    weights = [w.copy() for w in network.weights]
    if case.door == "dependent":
        rng, rank = np.random.default_rng(seed + 10_000), case.limits.rank
        mixed = rng.standard_normal((case.sizes[1], rank)) @ weights[0][:rank]
        weights[0] = mixed * np.sqrt(HE**2 / np.mean(np.sum(mixed**2, axis=1)))
    if case.door.startswith("weak"):
        weights[-1][:] = np.where(weights[-1] > 0, 1.0, -1.0)
        weights[-1][0, 0] = float(case.door.split()[1])
    return PiecewiseLinearNetwork(weights, network.biases)


def is_constant(network: PiecewiseLinearNetwork) -> bool:
    """Whether 4,000 points of very different size get one answer: a thin network may be dead everywhere."""
    rng = np.random.default_rng(1)
    points = rng.standard_normal((4000, network.input_dim)) * 10 ** rng.uniform(-1, 1, (4000, 1))
    return bool(np.ptp(network(points)) == 0)


def case_oracle(case: Case, network: PiecewiseLinearNetwork) -> hl.Oracle:
    """The door of one row."""
    dim = network.input_dim
    match case.door:
        case "softmax":
            return hl.oracle(lambda x: softmax(network(x)), input_dim=dim)
        case "labels":
            return hl.oracle(centred_labels(network, dim), input_dim=dim, answers="labels")
        case "tanh labels":
            return hl.oracle(centred_labels(tanh_function(network), dim), input_dim=dim, answers="labels")
        case _:
            return hl.oracle(network)


Function = Callable[[FloatArray], FloatArray]


def centred_labels(function: Function, dim: int) -> Function:
    """1 above the median over typical inputs and 0 below, so that both labels are common."""
    middle = float(np.median(function(np.random.default_rng(7).standard_normal((2000, dim)))))
    return lambda x: (function(x) > middle).astype(float)


def tanh_function(network: PiecewiseLinearNetwork) -> Function:
    """The same weights with tanh for ReLU."""

    def values(x: FloatArray) -> FloatArray:
        for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
            x = np.tanh(x @ weight.T + bias)
        return x @ network.weights[-1].T + network.biases[-1]

    return values


def float32_function(network: PiecewiseLinearNetwork) -> Function:
    """Everything computed in float32."""
    weights = [w.astype(np.float32) for w in network.weights]
    biases = [b.astype(np.float32) for b in network.biases]

    def values(x: FloatArray) -> FloatArray:
        y = x.astype(np.float32)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            y = np.maximum(y @ weight.T + bias, np.float32(0))
        return y @ weights[-1].T + biases[-1]

    return values


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities."""
    parts = np.exp(logits - logits.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)


def angle_to(basis: FloatArray, network: PiecewiseLinearNetwork) -> float:
    """Largest principal angle to what the first layer's rows span (dependent rows count once)."""
    return float(subspace_angles(basis, row_basis(network.weights[0])).max())


def row_basis(rows: FloatArray) -> FloatArray:
    """Orthonormal columns that span the rows."""
    _, sizes, right = np.linalg.svd(rows, full_matrices=False)
    return right[sizes > 1e-9 * sizes[0]].T


def excess_angle(basis: FloatArray, network: PiecewiseLinearNetwork) -> float:
    """How far the worst direction found lies outside the true span; missing ones do not count."""
    outside = basis - row_basis(network.weights[0]) @ (row_basis(network.weights[0]).T @ basis)
    return float(np.arcsin(min(1.0, np.linalg.norm(outside, 2))))


@functools.cache
def trained_digits(hidden: tuple[int, ...]) -> tuple[PiecewiseLinearNetwork, FloatArray]:
    """A trained 784-...-10 classifier of enlarged scikit-learn digits, and all 1,797 images in [0, 1].

    Some neurons die in training: their rows shrink to 1e-5 and fire nowhere near. See `alive_span`.
    """
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, classes = load_digits(return_X_y=True)
    large = np.clip(zoom(images.reshape(-1, 8, 8) / 16, (1, 3.5, 3.5), order=1), 0, 1).reshape(-1, 784)
    model = MLPClassifier(hidden, max_iter=40, random_state=0, learning_rate_init=2e-3, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loss need not be flat
        model.fit(large[:1500], classes[:1500])
    return PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_), large


def alive_span(network: PiecewiseLinearNetwork) -> FloatArray:
    """What a trained network's gradients span at 1,000 Gaussian points, from its weights; columns."""
    points = 3 * np.random.default_rng(2).standard_normal((1000, network.input_dim))
    return hl.white_box_span(network, points, where="free").basis
