"""Networks of known weights on a bench, and the hyperplanes that their first layers really have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.recovery import Bench
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.single_layer import RegionView, SingleLayer
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.line import sweep_line
from hingeline.probing.probe import Calibration, Probe

EXACT = NoiseFloor(3e-16, 3e-16)


def he_network(*sizes: int, seed: int = 0, biases: float = 0.5) -> PiecewiseLinearNetwork:
    """He weights, normal biases."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((out, into)) * np.sqrt(2 / into) for into, out in pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [biases * rng.standard_normal(out) for out in sizes[1:]])


def probe_of(
    function: Callable[[FloatArray], Any], dim: int, noise: NoiseFloor = EXACT, **known: Any
) -> Probe:
    """A probe with the typical norm of N(0, 1) inputs; `known` goes to the calibration."""
    session = QuerySession(CallableOracle(function, OracleSpec("practice", dim)))
    return Probe(session, Calibration(noise, float(np.sqrt(dim)), known.pop("radius", np.inf), **known))


def bench_of(network: PiecewiseLinearNetwork, seed: int = 0, **known: Any) -> Bench:
    """A bench at the door of `network`."""
    probe = probe_of(network, network.input_dim, **known)
    return Bench(probe, Randomness(seed), ExtractSettings())


def measured_line(bench: Bench, index: int = 0) -> MeasuredLine:
    """A random line, swept and measured in all directions."""
    line = random_line(bench.probe, bench.randomness.step("line", index), bench.settings)
    sweep = sweep_line(bench.probe, line)
    return measure_bends(bench.probe, sweep, bench.randomness.step("hyperplanes", index))


def true_layer(network: PiecewiseLinearNetwork, errors: float = 1e-15) -> SingleLayer:
    """A network with one hidden layer, as the attack would know it."""
    network = network.canonical()
    (rows, outgoing), (offsets, constant) = network.weights, network.biases
    return SingleLayer(
        rows, offsets, outgoing.T, np.full(len(offsets), errors),
        np.zeros((network.output_dim, network.input_dim)), constant,
    )  # fmt: skip


def true_planes(network: PiecewiseLinearNetwork, errors: float = 1e-15) -> Hyperplanes:
    """The first layer's hyperplanes; jumps as if it fed the output (or ones)."""
    network = network.canonical()
    rows, offsets = network.weights[0], network.biases[0]
    jumps = network.weights[1].T if len(network.weights) == 2 else np.ones((len(rows), network.output_dim))
    witnesses = -offsets[:, np.newaxis] * rows
    return Hyperplanes(rows, offsets, jumps, np.full(len(rows), errors), witnesses)


def true_view(network: PiecewiseLinearNetwork, centre: FloatArray) -> RegionView:
    """The exact Jacobian around a point."""
    return RegionView(centre, network.affine_map(centre)[0], 1e-15)


def moved(network: PiecewiseLinearNetwork, size: float, seed: int = 0) -> PiecewiseLinearNetwork:
    """The same network with all parameters wrong by about `size`."""
    rng = np.random.default_rng(seed)
    return PiecewiseLinearNetwork(
        [w + size * rng.standard_normal(w.shape) for w in network.weights],
        [b + size * rng.standard_normal(b.shape) for b in network.biases],
    )


def without(network: PiecewiseLinearNetwork, neuron: int, layer: int = 0) -> PiecewiseLinearNetwork:
    """The same network, one hidden neuron left out."""
    weights, biases = list(network.weights), list(network.biases)
    weights[layer], biases[layer] = np.delete(weights[layer], neuron, 0), np.delete(biases[layer], neuron)
    weights[layer + 1] = np.delete(weights[layer + 1], neuron, 1)
    return PiecewiseLinearNetwork(weights, biases)


def distance_to(rows: FloatArray, truth: FloatArray) -> FloatArray:
    """For each unit row the distance to the nearest true one, either way round."""
    cosine = rows @ truth.T
    nearest = np.abs(cosine).argmax(axis=1)
    signs = np.sign(cosine[np.arange(len(rows)), nearest])
    return np.linalg.norm(rows - signs[:, np.newaxis] * truth[nearest], axis=1)
