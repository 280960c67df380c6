"""What every pre-activation of one network can be over a box. Cost: n d (d + neurons) per layer."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.affine_forms import AffineForms, Symbols, of_box, product, relu
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def layer_ranges(network: PiecewiseLinearNetwork, low: FloatArray, high: FloatArray) -> list[AffineForms]:
    """Pre-activations of every layer, the outputs last, at all points from `low` to `high` ("d")."""
    symbols = Symbols(0)
    inputs = of_box(low, high, symbols)
    found: list[AffineForms] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        found.append(product(weight, inputs).plus_constant(bias, np.zeros(len(bias))))
        inputs = relu(found[-1], symbols)
    return found
