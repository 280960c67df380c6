"""A network with skip connections as a plain chain: what skips a layer passes through it as pairs.

relu(v) - relu(-v) = v, so each direction that jumps over a layer costs two of its neurons.

Cost: no queries. Source: textbook.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.skips.reading import Reading
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NEGLIGIBLE = 1e-13
"""Directions this much fainter than the strongest one are rounding and do not pass."""


def chain_of(reading: Reading) -> PiecewiseLinearNetwork:
    """The plain network: first the true neurons of each layer, then pairs that pass skips on."""
    form, s, t = reading.form, reading.first, reading.second
    into, around, direct = reading.to_second, reading.from_first, reading.direct
    sizes = np.ones(len(s))
    if reading.around_second == "identity":
        # scaled so that an identity around the second layer has weights one
        sizes = np.einsum("oi,io->i", around, form.jumps)
    heights = s * sizes
    passed = _directions(np.concatenate([into, direct]))
    first_weights = np.concatenate([heights[:, np.newaxis] * form.planes.normals, passed, -passed])
    first_biases = np.concatenate([heights * form.planes.offsets, np.zeros(2 * len(passed))])
    # z = v h + into x + e - v diag(s) o / 2
    constant = form.theta[:, -1] - (form.inner * s / 2) @ form.planes.offsets
    inner = np.column_stack([form.inner / sizes, into @ passed.T, -into @ passed.T])
    # what jumps over the second layer, in the first one's neurons and in the passed directions
    over = np.column_stack([around / sizes, direct @ passed.T])
    left, strength, right = _strong(over)
    spread = np.column_stack([right, -right[:, len(s) :]])
    second_weights = np.concatenate([t[:, np.newaxis] * inner, spread, -spread])
    second_biases = np.concatenate([t * constant, np.zeros(2 * len(strength))])
    through = left * strength
    last = np.column_stack([form.jumps.T, through, -through])
    # c |z| / 2 = c relu(t z) - t c z / 2, and the constants of what is moved into skips
    bias = form.rest[:, -1] - form.jumps.T @ (t * form.theta[:, -1]) / 2
    bias -= (around * s / 2) @ form.planes.offsets
    return PiecewiseLinearNetwork([first_weights, second_weights, last], [first_biases, second_biases, bias])


def _directions(rows: FloatArray) -> FloatArray:
    """Orthonormal rows that span the given ones."""
    return _strong(rows)[2]


def _strong(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    left, strength, right = np.linalg.svd(matrix, full_matrices=False)
    kept = strength > NEGLIGIBLE * strength.max(initial=0.0)
    return left[:, kept], strength[kept], right[kept]
