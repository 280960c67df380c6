"""Doors of every kind around one small random network, and a counter of the rows they really see."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec

Function = Callable[[FloatArray], Any]


def random_network(sizes: tuple[int, ...], seed: int, bias: float = 0.3) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.normal(size=(out, into)) * np.sqrt(2 / into) for into, out in pairs]
    return PiecewiseLinearNetwork(weights, [bias * rng.normal(size=out) for _, out in pairs])


def forward(network: PiecewiseLinearNetwork, x: Any, activation: Function, dtype: Any = np.float64) -> Any:
    hidden = np.asarray(x, dtype)
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        hidden = activation(hidden @ weight.T.astype(dtype) + bias.astype(dtype)).astype(dtype)
    return hidden @ network.weights[-1].T.astype(dtype) + network.biases[-1].astype(dtype)


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


def gelu(z: FloatArray) -> FloatArray:
    return z * 0.5 * (1 + erf(z / np.sqrt(2)))


def softmax(z: Any) -> Any:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(z: Any) -> Any:
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def noisy(f: Function, deviation: float, seed: int = 5) -> Function:
    rng = np.random.default_rng(seed)
    return lambda x: f(x) + deviation * rng.normal(size=f(x).shape)


def with_dead_output(f: Function) -> Function:
    return lambda x: np.hstack([f(x), np.full((len(x), 1), 0.25)])


# Every door is a function of (network, logits); values, rounding and heads as a server may put them.
DOORS: dict[str, Callable[[PiecewiseLinearNetwork], Function]] = {
    "float64": lambda n: n,
    "float32": lambda n: lambda x: forward(n, x, relu, np.float32),
    "float16 answers": lambda n: lambda x: n(x).astype(np.float16),
    "inputs cast to float32": lambda n: lambda x: n(x.astype(np.float32)),
    "inputs rounded to bytes": lambda n: lambda x: n(np.round(x * 255) / 255),
    "4 decimals": lambda n: lambda x: np.round(n(x), 4),
    "2^-15 grid": lambda n: lambda x: np.round(n(x) * 2**15) / 2**15,
    "6 digits": lambda n: lambda x: np.vectorize(lambda v: float(f"{v:.5e}"))(n(x)),
    "whole numbers": lambda n: lambda x: np.round(5 * n(x)),
    "noise 1e-6": lambda n: noisy(n, 1e-6),
    "softmax": lambda n: lambda x: softmax(n(x)),
    "softmax float32": lambda n: lambda x: softmax(forward(n, x, relu, np.float32)),
    "softmax 4 decimals": lambda n: lambda x: np.round(softmax(n(x)), 4),
    "log-softmax": lambda n: lambda x: n(x) - np.logaddexp.reduce(n(x), axis=1, keepdims=True),
    "softmax of tanh": lambda n: lambda x: softmax(forward(n, x, np.tanh)),
    "sigmoid": lambda n: lambda x: sigmoid(n(x)),
    "sigmoid float32": lambda n: lambda x: sigmoid(forward(n, x, relu, np.float32)),
    "labels": lambda n: lambda x: n(x).argmax(axis=1),
    "one-hot": lambda n: lambda x: np.eye(n.output_dim)[n(x).argmax(axis=1)],
    "two labels": lambda n: lambda x: n(x)[:, 0] > n(np.zeros((1, n.input_dim)))[0, 0],
    "tanh": lambda n: lambda x: forward(n, x, np.tanh),
    "GELU": lambda n: lambda x: forward(n, x, gelu),
    "sigmoid inside": lambda n: lambda x: forward(n, x, sigmoid),
    "tanh float32": lambda n: lambda x: forward(n, x, np.tanh, np.float32),
    "constant": lambda n: lambda x: np.full((len(x), n.output_dim), 0.3),
    "all zero": lambda n: lambda x: np.zeros((len(x), n.output_dim)),
    "softmax over one": lambda n: lambda x: np.ones((len(x), 1)),
    "clipped to 0..1": lambda n: lambda x: n(np.clip(x, 0, 1)),
    "clipped to -1..1": lambda n: lambda x: n(np.clip(x, -1, 1)),
    "centred in its batch": lambda n: lambda x: n(x) - 0.1 * n(x).mean(axis=0),
    "dead output": with_dead_output,
}


class CountingOracle(CallableOracle):
    """A door that remembers all rows it was sent."""

    def __init__(self, function: Function, input_dim: int, **known: Any) -> None:
        super().__init__(function, OracleSpec(name="door", input_dim=input_dim, **known))
        self.seen: list[FloatArray] = []

    def query(self, points: FloatArray) -> FloatArray:
        self.seen.append(points.copy())
        return super().query(points)

    @property
    def rows(self) -> int:
        return sum(len(points) for points in self.seen)


def open_door(name: str, sizes: tuple[int, ...], seed: int = 0, **known: Any) -> CountingOracle:
    network = random_network(sizes, seed)
    return CountingOracle(DOORS[name](network), network.input_dim, **known)
