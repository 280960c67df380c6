"""Logarithms of the largest singular values of a Jacobian from the input, by three ways.

By sweeps of QR up and down the chain of layers, where it is seen; from the Jacobian itself; or by subspace
iteration where it is too large to form. Each works on a batch of inputs, whose memory the caller bounds.

Source: QR in place of products, Benettin et al. 1980; subspace iteration with spare directions, Halko et
al. 2011.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.feed_forward.layer_chain import LayerChain
from hingeline.sensitivity.models.model import LayeredModel

SPARE = 8
"""Directions more than wanted, so that those wanted converge."""
_POWER_STEPS = 3
_SWEEPS = 3
"""Down and up again; the frame starts at the singular directions of the rounded product."""


def by_steps(chain: LayerChain, points: FloatArray, last: int, kept: int) -> FloatArray:
    """Log s_k(D_last ... D_1) by sweeps of QR: "n q"."""
    slopes = chain.slopes(points)[:last]
    steps = range(1, last + 1)
    count = min(kept, *chain.widths[: last + 1])
    frame = _start(chain, slopes, count)
    logs = np.zeros((len(points), count))
    for sweep in range(_SWEEPS):
        if sweep:
            for step in reversed(steps):
                frame, _ = _orthonormal(chain.pull(step, slopes[step - 1], frame))
        logs = np.zeros((len(points), count))
        for step in steps:
            frame, grown = _orthonormal(chain.push(step, slopes[step - 1], frame))
            logs = logs + grown
    return -np.sort(-logs, axis=1)


def _start(chain: LayerChain, slopes: tuple[FloatArray, ...], kept: int) -> FloatArray:
    """First right singular vectors of the rounded product, as rows: "n q d"."""
    last, count = len(slopes), len(slopes[0])
    short = chain.widths[last] <= chain.widths[0]
    size = chain.widths[last] if short else chain.widths[0]
    product = np.broadcast_to(np.eye(size), (count, size, size))
    # from the side with fewer numbers: rows of J, or columns
    for step in range(last, 0, -1) if short else range(1, last + 1):
        product = (chain.pull if short else chain.push)(step, slopes[step - 1], product)
        # the scale plays no part in the directions, and must not run away
        product = product / np.maximum(np.abs(product).max(axis=(1, 2), keepdims=True), np.finfo(float).tiny)
    # squares lose half the digits, which the sweeps bring back
    _, vectors = np.linalg.eigh(product @ np.swapaxes(product, 1, 2))
    top = np.swapaxes(vectors[..., ::-1][..., :kept], 1, 2)
    return _orthonormal(top @ product)[0] if short else top


def _orthonormal(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An orthonormal frame "n p w" of rows, and log |R_ii|; minus infinity where rounding alone is left."""
    frame, triangle = np.linalg.qr(np.swapaxes(vectors, 1, 2))
    sizes = np.abs(np.diagonal(triangle, axis1=1, axis2=2))
    rounding = sizes.max(axis=1, keepdims=True) * vectors.shape[2] * np.finfo(np.float64).eps
    with np.errstate(divide="ignore"):
        return np.swapaxes(frame, 1, 2), np.log(np.where(sizes > rounding, sizes, 0.0))


def pushed(model: LayeredModel, points: FloatArray, place: int, width: int, kept: int) -> FloatArray:
    """Log s_k of the Jacobian to one layer, formed from the side with fewer numbers: "n q"."""
    if place == len(model.layer_names):
        matrix = model.jacobians(points)
    else:
        every = np.eye(min(width, model.input_dim))
        units = np.broadcast_to(every, (len(points), *every.shape))
        short = width <= model.input_dim
        matrix = (model.pull_back if short else model.push_forward)(points, place, units)
    return _log_values(matrix, kept)


def iterated(
    model: LayeredModel, points: FloatArray, place: int, kept: int, rng: np.random.Generator
) -> FloatArray:
    """Bounds from below on log s_k of the Jacobian to one layer, by subspace iteration: "n q"."""
    frame = rng.standard_normal((len(points), kept + SPARE, model.input_dim))
    for _ in range(_POWER_STEPS):
        frame, _ = _orthonormal(frame)
        frame = model.pull_back(points, place, model.push_forward(points, place, frame))
    return _log_values(model.push_forward(points, place, _orthonormal(frame)[0]), kept)


def _log_values(matrix: FloatArray, kept: int) -> FloatArray:
    """Logarithms of the largest singular values, minus infinity below rounding: "n a b" to "n q"."""
    # R of QR has the same singular values, and is the smaller
    tall = matrix if matrix.shape[1] >= matrix.shape[2] else np.swapaxes(matrix, 1, 2)
    sizes = np.linalg.svd(np.linalg.qr(tall, mode="r"), compute_uv=False)[:, :kept]
    rounding = sizes[:, :1] * max(matrix.shape[1:]) * np.finfo(np.float64).eps
    with np.errstate(divide="ignore"):
        return np.log(np.where(sizes > rounding, sizes, 0.0))
