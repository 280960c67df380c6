"""Networks and doors of the bars for restricted answers: rounding, added noise, softmax and sigmoid."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

TARGETS = Path(__file__).resolve().parents[2].parent / "shared" / "targets"
WIDTHS = ((20, 10, 1), (40, 20, 1), (10, 15, 15, 1))
PUBLIC = (
    "carlini_20-10-1_seed42",
    "carlini_20-10-1_seed43",
    "carlini_40-20-1_seed42",
    "carlini_40-20-1_seed43",
)
Door = Callable[[FloatArray], FloatArray]


def drawn(widths: tuple[int, ...], seed: int, biases: bool = True) -> PiecewiseLinearNetwork:
    """He weights; biases of size 0.1, 0.3 or 1 by layer, or none."""
    rng = np.random.default_rng(4000 + seed)
    weights = [rng.standard_normal((o, i)) * np.sqrt(2 / i) for i, o in pairwise(widths)]
    sizes = [rng.choice([0.1, 0.3, 1.0]) * rng.standard_normal(o) for o in widths[1:]]
    return PiecewiseLinearNetwork(weights, sizes if biases else [0 * size for size in sizes])


def public(name: str) -> PiecewiseLinearNetwork | None:
    """A published network; None if its file is not here."""
    path = TARGETS / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path) as file:
        count = sum(key.startswith("W") for key in file.files)
        return PiecewiseLinearNetwork(
            [file[f"W{i}"] for i in range(count)], [file[f"b{i}"] for i in range(count)]
        )


def rounded(network: PiecewiseLinearNetwork, step: float) -> Door:
    """Outputs rounded to multiples of `step`."""
    return lambda x: np.round(network(x) / step) * step


def fresh_noise(network: PiecewiseLinearNetwork, deviation: float, seed: int) -> Door:
    """Normal noise, new at every question."""
    rng = np.random.default_rng(seed)
    return lambda x: network(x) + deviation * rng.standard_normal((len(x), network.output_dim))


def keyed_noise(network: PiecewiseLinearNetwork, deviation: float, seed: int) -> Door:
    """Normal noise that is a function of the question, so that asking again brings nothing."""

    def noise(row: FloatArray) -> FloatArray:
        key = hashlib.sha256(seed.to_bytes(8, "little") + row.tobytes()).digest()
        return np.random.default_rng(np.frombuffer(key, np.uint32)).standard_normal(network.output_dim)

    return lambda x: network(x) + deviation * np.array([noise(row) for row in x])


def softmax(network: PiecewiseLinearNetwork) -> Door:
    """Probabilities of classes."""

    def door(points: FloatArray) -> FloatArray:
        values = network(points)
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return door


def sigmoid(network: PiecewiseLinearNetwork) -> Door:
    """Probability of one class."""
    return lambda x: 1 / (1 + np.exp(-np.clip(network(x), -700, 700)))


def log_ratios(network: PiecewiseLinearNetwork, reference: int) -> PiecewiseLinearNetwork:
    """What a softmax door tells of a network: outputs less the reference's."""
    last, bias = network.weights[-1], network.biases[-1]
    return PiecewiseLinearNetwork(
        [*network.weights[:-1], np.delete(last - last[reference], reference, axis=0)],
        [*network.biases[:-1], np.delete(bias - bias[reference], reference)],
    )


def parameter_errors(
    found: PiecewiseLinearNetwork, network: PiecewiseLinearNetwork
) -> tuple[float, float, float]:
    """Worst weight and bias error of hidden neurons, rows at unit norm, and worst error of all parameters."""
    difference = hl.diff(found, network, tolerance=0.1)
    neurons = [match for layer in difference.neurons for match in layer.matched]
    weights = max((match.weight_error for match in neurons), default=np.inf)
    biases = max((match.bias_error for match in neurons), default=np.inf)
    return weights, biases, difference.max_parameter_error


def stated_error(evidence: Mapping[str, Any], part: str) -> float:
    """Largest error of hidden rows ("weights") or biases that an extraction states."""
    lines = evidence["digits"]["layers"]
    return max(line[part]["error"] for line in lines[:-1])
