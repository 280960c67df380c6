"""Functions behind a probe with a stated noise floor, and the true bends of a network on a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.line import Line
from hingeline.probing.probe import Calibration, Probe

EXACT = NoiseFloor(2e-16, 2e-16)


class Counted:
    """A function that counts the rows it was asked, apart from every other count."""

    def __init__(self, function: Callable[[FloatArray], Any]) -> None:
        self.function, self.rows = function, 0

    def __call__(self, points: FloatArray) -> Any:
        self.rows += len(points)
        return self.function(points)


def probe_of(
    function: Callable[[FloatArray], Any], dim: int, noise: NoiseFloor = EXACT, scale: float = 1.0
) -> Probe:
    session = QuerySession(CallableOracle(function, OracleSpec(name="function", input_dim=dim)))
    return Probe(session, Calibration(noise, scale, np.inf))


def hinges(bends: dict[float, float], slope: float = 1.0) -> Callable[[FloatArray], FloatArray]:
    """A function of the first input: `slope` at the left, changing by the given jump at each bend."""

    def function(points: FloatArray) -> FloatArray:
        t = points[:, 0]
        return slope * t + sum((jump * np.maximum(t - at, 0.0) for at, jump in bends.items()), 0.0 * t)

    return function


def segment(low: float, high: float, scale: float = 1.0) -> Line:
    """The first axis of one input dimension."""
    return Line(np.zeros(1), np.ones(1), scale, low, high)


def random_network(*sizes: int, seed: int = 0) -> PiecewiseLinearNetwork:
    """He weights, N(0, 1) biases."""
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return PiecewiseLinearNetwork(
        [rng.standard_normal(shape) * np.sqrt(2 / shape[1]) for shape in shapes],
        [rng.standard_normal(out) for out, _ in shapes],
    )


def true_bends(network: PiecewiseLinearNetwork, line: Line) -> FloatArray:
    """Where the outputs change slope, found by walking from zero crossing to zero crossing."""
    found, t = list[float](), line.low
    slope = _slope(network, line, t)
    while (after := _next_crossing(network, line, t)) < line.high:
        t = after + 1e-11 * (1 + abs(after))
        slope, before = _slope(network, line, t), slope
        if np.abs(slope - before).max() > 1e-9 * (1 + np.abs(slope).max()):
            found.append(after)
    return np.array(found)


def _slope(network: PiecewiseLinearNetwork, line: Line, t: float) -> FloatArray:
    return network.affine_map(line.at(np.array([t])))[0] @ line.direction


def _next_crossing(network: PiecewiseLinearNetwork, line: Line, t: float) -> float:
    """The next parameter at which any hidden pre-activation of the region at t vanishes."""
    value, change = line.at(np.array([t]))[0], line.direction
    times = [np.inf]
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        value, change = weight @ value + bias, weight @ change
        moving = change != 0
        wait = -value[moving] / change[moving]
        times += (t + wait[wait > 0]).tolist()
        value, change = np.where(value > 0, value, 0.0), np.where(value > 0, change, 0.0)
    return min(times)
