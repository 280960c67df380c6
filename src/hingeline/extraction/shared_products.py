"""The normal equations of a network with several outputs, all outputs of a sample at once.

Idea: a row of the derivative is, layer by layer, what an output makes of the layer's values times the layer's
inputs. All outputs of a sample share its inputs, so a block of the products of all pairs of columns is
(products of two layers' derivatives, summed over outputs) x (products of their inputs), summed over samples:
one product of matrices for each pair of layers, as dear for ten outputs as for one.

Source: the factors are those of K-FAC (Martens and Grosse 2015), the sum is exact; ours.
Cost: n P^2 flops for n samples and P parameters, in place of n k P^2 for k outputs; no queries.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import FloatArray
from hingeline.extraction.linearised import Linearised

SAMPLES = 512
"""Samples worked on at a time."""
BLOCK_ENTRIES = 2**24
"""Entries of a block at a time, about: 64 MiB in single precision."""

Positions = npt.NDArray[np.int64]


def shared_products(linearised: Linearised) -> FloatArray:
    """The products of all pairs of columns, lower triangle and more: "unknowns unknowns", by columns."""
    unknowns = linearised.unknowns
    matrix = np.zeros((unknowns, unknowns), dtype=linearised.importance.dtype, order="F")
    places = _places(linearised)
    effects = _effects(linearised)
    for later in range(len(places)):
        for earlier in range(later + 1):
            for chosen in _rows_at_a_time(places[later], places[earlier]):
                block = _block(linearised, effects, (later, earlier), chosen)
                rows, columns = places[later][chosen].ravel(), places[earlier].ravel()
                matrix[np.ix_(rows, columns)] = block
    return matrix


def _places(linearised: Linearised) -> list[Positions]:
    """Per layer where its parameters stand among all of them, biases last: "out in+1"."""
    found: list[Positions] = []
    start = 0
    for weight, bias in linearised.layers:
        middle = start + weight.size
        weights = np.arange(start, middle).reshape(weight.shape)
        found.append(np.concatenate([weights, middle + np.arange(bias.size)[:, np.newaxis]], axis=1))
        start = middle + bias.size
    return found


def _effects(linearised: Linearised) -> list[FloatArray]:
    """Per layer: derivative of every weighted output by the layer's values, "n k width"."""
    by_output = list(linearised.sensitivities(slice(None)))
    return [np.stack(parts, axis=1) for parts in zip(*by_output, strict=True)]


def _rows_at_a_time(later: Positions, earlier: Positions) -> Iterator[slice]:
    """Neurons of the later layer whose blocks are made together."""
    step = max(1, BLOCK_ENTRIES // (later.shape[1] * earlier.size))
    for start in range(0, len(later), step):
        yield slice(start, min(start + step, len(later)))


def _block(
    linearised: Linearised, effects: list[FloatArray], pair: tuple[int, int], chosen: slice
) -> FloatArray:
    """Products of columns of some neurons of one layer with all columns of another."""
    later, earlier = pair
    total: FloatArray | None = None
    for start in range(0, len(linearised.values), SAMPLES):
        rows = slice(start, start + SAMPLES)
        together = np.matmul(effects[later][rows, :, chosen].transpose(0, 2, 1), effects[earlier][rows])
        mine, others = (
            _with_ones(linearised.inputs[later][rows]),
            _with_ones(linearised.inputs[earlier][rows]),
        )
        given = mine[:, :, np.newaxis] * others[:, np.newaxis, :]
        part = together.reshape(len(mine), -1).T @ given.reshape(len(mine), -1)
        total = part if total is None else np.add(total, part, out=total)
    if total is None:
        raise ValueError("no samples to form products of")
    count = chosen.stop - chosen.start
    widths = effects[earlier].shape[2], linearised.inputs[later].shape[1], linearised.inputs[earlier].shape[1]
    split = total.reshape(count, widths[0], widths[1] + 1, widths[2] + 1).transpose(0, 2, 1, 3)
    return split.reshape(count * (widths[1] + 1), -1)


def _with_ones(inputs: FloatArray) -> FloatArray:
    return np.concatenate([inputs, np.ones((len(inputs), 1), dtype=inputs.dtype)], axis=1)
