"""Networks that benchmarks draw by widths and seed, or read from files."""

from __future__ import annotations

import itertools

import numpy as np

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

BIAS = 0.3
"""Deviation of the biases: without them every hyperplane would go through the origin."""


def target(name: str, seed: int) -> PiecewiseLinearNetwork:
    """A network of a file, or a random one of widths such as 40-20-1."""
    if not name.endswith(".npz"):
        widths = [int(width) for width in name.split("-")]
        rng = np.random.default_rng(seed)
        weights = [
            rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)
            for inputs, outputs in itertools.pairwise(widths)
        ]
        return PiecewiseLinearNetwork(weights, [BIAS * rng.standard_normal(width) for width in widths[1:]])
    arrays = np.load(name)
    layers = range(sum(key.startswith("W") for key in arrays.files))
    return PiecewiseLinearNetwork([arrays[f"W{i}"] for i in layers], [arrays[f"b{i}"] for i in layers])
