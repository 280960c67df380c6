"""Signs of the first layer from the linear parts of second-layer neurons.

Neuron k's linear part is m_k = sum_i v_ki s_i n_i / 2 with the first layer's signs s. With s_i = 1 - 2 t_i
that is linear in the bits t, and all neurons share them.

Source: signs from local normals, Rolnick and Körding 2020; the 0/1 reading is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.numerics.binary_system import BinarySolution, BinaryStatus, solve_binary

ERROR_FLOOR = 1e-8
"""Relative error of an equation whatever its error bar says."""
LENIENCE = (30.0, 1000.0)
"""Factors on the error bars if nothing fits: they miss systematic errors; the final fit is judged anyway."""
SECONDS = 20.0
"""Time for one system of bits."""


def first_signs(planes: Planes, neurons: Sequence[UnsignedNeuron]) -> BinarySolution:
    """Bits t of the first layer: 1 where a hyperplane's normal points to the side on which its neuron is off.

    Args:
        planes: The first layer.
        neurons: Second-layer neurons; coefficients may be unknown.
    """
    rows, targets, errors = list[FloatArray](), list[FloatArray](), list[FloatArray]()
    for neuron in neurons:
        weighted = (neuron.row[:, np.newaxis] * planes.normals).T
        target = neuron.affine[:-1] - weighted.sum(axis=1) / 2
        clean = _without(planes.normals[~neuron.known])
        error = float(neuron.gradient_errors(neuron.home[np.newaxis])[0]) + ERROR_FLOOR * neuron.size
        rows.append(-clean @ weighted)
        targets.append(clean @ target)
        errors.append(np.full(len(target), error))
    return solve_leniently(np.concatenate(rows), np.concatenate(targets), np.concatenate(errors))


def solve_leniently(matrix: FloatArray, target: FloatArray, errors: FloatArray) -> BinarySolution:
    """0/1 solution within the error bars, or within larger ones if there is none."""
    found = solve_binary(matrix, target, errors, time_limit=SECONDS)
    for factor in LENIENCE:
        if found.status is not BinaryStatus.NONE:
            break
        found = solve_binary(matrix, target, factor * errors, time_limit=SECONDS)
    return found


def _without(normals: FloatArray) -> FloatArray:
    """Projection that removes unmet hyperplanes' normals: there the linear part holds unknown weights."""
    dim = normals.shape[1]
    return np.eye(dim) - np.linalg.pinv(normals) @ normals if len(normals) else np.eye(dim)
