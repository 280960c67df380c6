"""Convolutions of known weights, doors that hide them, and lines swept through them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding
from hingeline.core.randomness import Randomness
from hingeline.extraction.recovery import Bench
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.verify import random_line
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.line import LineSweep, sweep_line
from hingeline.probing.probe import Calibration, Probe

Door = Callable[[FloatArray], FloatArray]


def he_convolution(
    image: tuple[int, int, int],
    kernel: int | tuple[int, int] = 3,
    filters: int = 4,
    stride: int = 1,
    padding: int = 0,
    seed: int = 0,
) -> ConvolutionLayer:
    """He weights, normal biases."""
    rng = np.random.default_rng(seed)
    kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
    weights = rng.standard_normal((filters, image[0], kh, kw)) * np.sqrt(2 / (image[0] * kh * kw))
    return ConvolutionLayer(weights, 0.3 * rng.standard_normal(filters), stride, padding, image)


def network_above(layer: ConvolutionLayer, *widths: int, seed: int = 1) -> PiecewiseLinearNetwork:
    """A convolution, written out, and dense layers of the given widths, the last one linear."""
    rng = np.random.default_rng(seed)
    first, biases = layer.to_dense()
    sizes = (len(first), *widths)
    weights = [rng.standard_normal((out, into)) * np.sqrt(2 / into) for into, out in pairwise(sizes)]
    return PiecewiseLinearNetwork(
        [first, *weights], [biases, *(0.3 * rng.standard_normal(out) for out in widths)]
    )


def relu(heights: FloatArray) -> FloatArray:
    return np.maximum(heights, 0.0)


def extracted(door: Door, image: tuple[int, int, int], **options: Any) -> Finding[PiecewiseLinearNetwork]:
    """The door's network, the image told and nothing else."""
    spec = OracleSpec("images", int(np.prod(image)), bounds=options.pop("bounds", None))
    options.setdefault("budget", 20_000)
    return hl.extract(CallableOracle(door, spec), settings={"image": image}, **options)


def first_of(finding: Finding[PiecewiseLinearNetwork]) -> dict[str, Any]:
    """What the evidence says of the first layer."""
    return finding.evidence["architecture"]["layers"][0]


def filter_errors(described: dict[str, Any], truth: ConvolutionLayer, *, signed: bool = True) -> FloatArray:
    """Distance of each found filter with its bias from the nearest true one, both of norm 1."""
    filters = np.array(described["filters"]).reshape(len(described["filters"]), -1)
    found = np.column_stack([filters, described["biases"]])
    true = truth.filters.reshape(len(truth.filters), -1)
    true = np.column_stack([true, truth.biases]) / np.linalg.norm(true, axis=1, keepdims=True)
    distances = np.abs(found[:, np.newaxis] - true).max(axis=2)
    if not signed:
        distances = np.minimum(distances, np.abs(found[:, np.newaxis] + true).max(axis=2))
    return distances.min(axis=1)


def swept(door: Door, dim: int, seed: int = 0) -> tuple[Bench, LineSweep]:
    """A bench at a door, and its first line."""
    session = QuerySession(CallableOracle(door, OracleSpec("images", dim)))
    probe = Probe(session, Calibration(NoiseFloor(3e-16, 3e-16), float(np.sqrt(dim)), np.inf))
    bench = Bench(probe, Randomness(seed), ExtractSettings())
    sweep = sweep_line(probe, random_line(probe, bench.randomness.step("line", 0), bench.settings))
    bench.sweeps.append(sweep)
    return bench, sweep


def asked(bench: Bench) -> int:
    """Rows asked so far."""
    return bench.probe.session.spending.queries
