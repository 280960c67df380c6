"""Neurons that are clipped on both sides: hard tanh, hard sigmoid, ReLU6.

Such a neuron bends twice, at two parallel hyperplanes, and the second jump undoes the first: it is the
difference of two ReLUs with one row. As ReLU neurons the two have no signs that answers could tell (turning
both round changes only the output bias), and as one neuron it has none either: clip(z) upside down is
clip(-z). So both are given one orientation, and only the others' signs are asked for.

Source: ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.single_layer import SingleLayer, flipped

SIGMAS = 20.0
"""Rows and jumps of a pair agree within so many of their errors."""
EXACT = 1e-9
"""And within this where the errors are smaller."""


def clipped_pairs(layer: SingleLayer) -> IntArray:
    """Pairs of neurons with one row and opposite jumps: "p 2".

    Args:
        layer: Neurons in any orientation.
    """
    cosine = layer.normals @ layer.normals.T
    slack = EXACT + SIGMAS * np.sqrt(layer.normals.shape[1]) * (layer.errors[:, np.newaxis] + layer.errors)
    sizes = np.linalg.norm(layer.jumps, axis=1)
    # nearly parallel rows of unit norm are as far apart as the square root of 2 - 2 |cosine|
    near = np.triu(1 - np.abs(cosine) < np.maximum(slack**2, 1e-15) + 1e-14, 1)
    used = np.zeros(layer.width, dtype=np.bool_)
    pairs: list[tuple[int, int]] = []
    for i, j in zip(*np.nonzero(near), strict=True):
        sign = 1.0 if cosine[i, j] > 0 else -1.0
        apart = np.linalg.norm(layer.normals[i] - sign * layer.normals[j])
        undone = np.linalg.norm(layer.jumps[i] + layer.jumps[j])
        if used[i] or used[j] or apart > slack[i, j] or undone > slack[i, j] * (sizes[i] + sizes[j]):
            continue
        used[i] = used[j] = True
        pairs.append((i, j))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def in_pairs(layer: SingleLayer, pairs: IntArray) -> BoolArray:
    """Which neurons belong to a pair, shape "n"."""
    mask = np.zeros(layer.width, dtype=np.bool_)
    mask[pairs.ravel()] = True
    return mask


def aligned(layer: SingleLayer, pairs: IntArray) -> SingleLayer:
    """The layer with both neurons of each pair the same way round."""
    first, second = pairs.T
    opposite = np.einsum("pd,pd->p", layer.normals[first], layer.normals[second]) < 0
    wrong = np.zeros(layer.width, dtype=np.bool_)
    wrong[second[opposite]] = True
    return flipped(layer, wrong)


def merged(layer: SingleLayer, pairs: IntArray) -> SingleLayer:
    """The layer with exactly one row and exactly opposite jumps in each pair: means by their errors."""
    if not len(pairs):
        return layer
    first, second = pairs.T
    weight = 1 / np.maximum(layer.errors, 1e-17) ** 2
    share = (weight[first] / (weight[first] + weight[second]))[:, np.newaxis]
    rows = share * layer.normals[first] + (1 - share) * layer.normals[second]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    jumps = (layer.jumps[first] - layer.jumps[second]) / 2
    normals, all_jumps, errors = layer.normals.copy(), layer.jumps.copy(), layer.errors.copy()
    normals[first] = normals[second] = rows
    all_jumps[first], all_jumps[second] = jumps, -jumps
    errors[first] = errors[second] = np.hypot(layer.errors[first], layer.errors[second]) / np.sqrt(2)
    return replace(layer, normals=normals, jumps=all_jumps, errors=errors)


def thresholds(layer: SingleLayer, pairs: IntArray) -> FloatArray:
    """Unit row times input where each pair, one way round, starts and stops to follow it: "p 2"."""
    return np.sort(-layer.offsets[pairs], axis=1)
