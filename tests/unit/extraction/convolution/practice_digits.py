"""A small convolutional classifier trained on scikit-learn's digits, with plain gradient steps."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

IMAGE = (1, 8, 8)
STEPS, RATE = 150, 0.02


def digits_network(seed: int) -> tuple[ConvolutionLayer, PiecewiseLinearNetwork, float]:
    """Four 3x3 filters and a dense layer; the network and the share of training digits it gets right."""
    from sklearn.datasets import load_digits

    data, target = load_digits(return_X_y=True)
    images, labels = np.asarray(data)[:800] / 16.0, np.asarray(target)[:800]
    rng = np.random.default_rng(seed)
    parameters = [
        rng.standard_normal((4, 1, 3, 3)) * 0.5, 0.1 * rng.standard_normal(4),
        rng.standard_normal((10, 144)) * 0.1, np.zeros(10),
    ]  # fmt: skip
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    for step in range(1, STEPS + 1):
        for index, slope in enumerate(_slopes(parameters, images, labels)):
            first[index] = 0.9 * first[index] + 0.1 * slope
            second[index] = 0.99 * second[index] + 0.01 * slope**2
            mean, size = first[index] / (1 - 0.9**step), second[index] / (1 - 0.99**step)
            parameters[index] = parameters[index] - RATE * mean / (np.sqrt(size) + 1e-8)
    layer = ConvolutionLayer(parameters[0], parameters[1], 1, 0, IMAGE)
    weights, biases = layer.to_dense()
    network = PiecewiseLinearNetwork([weights, parameters[2]], [biases, parameters[3]])
    return layer, network, float((network(images).argmax(axis=1) == labels).mean())


def _slopes(parameters: list[FloatArray], images: FloatArray, labels: FloatArray) -> list[FloatArray]:
    """Gradients of the cross entropy."""
    filters, biases, weights, constant = parameters
    layer = ConvolutionLayer(filters, biases, 1, 0, IMAGE)
    heights = layer(images)
    hidden = np.maximum(heights, 0.0)
    scores = hidden @ weights.T + constant
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    shares /= len(labels)
    back = ((shares @ weights) * (heights > 0)).reshape(-1, 4, 6, 6)
    windows = np.lib.stride_tricks.sliding_window_view(images.reshape(-1, 8, 8), (3, 3), axis=(1, 2))
    to_filters = np.einsum("noij,nijab->oab", back, windows)[:, np.newaxis]
    return [to_filters, back.sum(axis=(0, 2, 3)), shares.T @ hidden, shares.sum(axis=0)]
