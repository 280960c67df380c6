"""From derivatives of the class probabilities and their replicates to spectra with errors.

The d x d matrix is never made. With the root R_c = D_c / sqrt(P(c|x)) in r coordinates F = R'R, and the
smaller of RR' and R'R is decomposed. If D is a mean over b blocks, the jackknife's correction of this matrix,

    b G - (b - 1) mean_k G_(-k) = sum over j != k of R_j R_k' / (b (b - 1)),

is the block U-statistic: only products of different blocks, and so no square of noise.

Cost: b eigenvalue problems of the size of the smaller of C and r, for each input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.information.first_layer import FirstLayer
from hingeline.renormalisation.information.input_information import InputInformation, Method


@dataclass(frozen=True, eq=False)
class EstimatedSlopes:
    """Class laws and slopes of n inputs, in r coordinates, with replicates that leave out one of b blocks.

    Attributes:
        law: P(c|x), shape "n C".
        slopes: Its derivatives, shape "n C r".
        left_laws: Replicates, shape "b n C"; None if there is no noise.
        left_slopes: Replicates, shape "b n C r"; None if there is no noise.
        halves: Roots from two halves of the samples, shape "2 n C r"; None if there is no noise.
    """

    law: FloatArray
    slopes: FloatArray
    left_laws: FloatArray | None = None
    left_slopes: FloatArray | None = None
    halves: FloatArray | None = None


def root_of(law: FloatArray, slopes: FloatArray) -> FloatArray:
    """R with F = R'R: "... C" and "... C r" to "... C r"; a class that has no probability has no part."""
    weights = np.zeros_like(law)
    np.divide(1.0, np.sqrt(law), out=weights, where=law > 0)
    return slopes * weights[..., np.newaxis]


def top_direction(root: FloatArray) -> FloatArray:
    """Right singular vector that weighs most: "... C r" to "... r"."""
    return np.linalg.svd(root, full_matrices=False)[2][..., 0, :]


def informations(
    points: FloatArray,
    found: EstimatedSlopes,
    layer: FirstLayer,
    first_traces: FloatArray,
    *,
    method: Method,
    samples: int,
    directions: int,
) -> tuple[InputInformation, ...]:
    """Spectra, errors and directions of n inputs.

    Args:
        points: Inputs, shape "n d".
        found: What was estimated there.
        layer: The coordinates it is told in.
        first_traces: Traces of the information of the first layer, shape "n".
        method: How it was estimated.
        samples: Drawn for each input; 0 if exact.
        directions: Eigenvectors kept for each.
    """
    classes, coordinates = found.slopes.shape[1:]
    count = max(1, min(classes - 1, coordinates))
    root = root_of(found.law, found.slopes)
    gram = _gram(root)
    eigenvalues = _largest(gram, count)
    errors, corrected, law_errors = np.zeros_like(eigenvalues), eigenvalues, np.zeros_like(found.law)
    traces = corrected_traces = np.trace(gram, axis1=1, axis2=2)
    trace_errors = np.zeros(len(points))
    if found.left_laws is not None and found.left_slopes is not None:
        left = _gram(root_of(found.left_laws, found.left_slopes))
        blocks = len(left)
        corrected_gram = blocks * gram - (blocks - 1) * left.mean(axis=0)
        errors = jackknife_error(_largest(left, count))
        corrected = _largest(corrected_gram, count)
        law_errors = jackknife_error(found.left_laws)
        trace_errors = jackknife_error(np.trace(left, axis1=2, axis2=3))
        corrected_traces = np.trace(corrected_gram, axis1=1, axis2=2)
    found_directions = _directions(root, min(directions, count)) @ layer.basis
    repeated = _repeatability(found.halves, len(points))
    bias = (classes - 1) * first_traces / samples if samples else np.zeros(len(points))
    return tuple(
        InputInformation(
            method,
            frozen(point),
            frozen(found.law[i]),
            frozen(law_errors[i]),
            frozen(np.maximum(eigenvalues[i], 0.0)),
            frozen(errors[i]),
            frozen(corrected[i]),
            float(traces[i]),
            float(trace_errors[i]),
            float(corrected_traces[i]),
            float(bias[i]),
            frozen(found_directions[i]),
            frozen(found.slopes[i] @ layer.basis),
            float(repeated[i]),
            samples,
        )
        for i, point in enumerate(points)
    )


def _gram(root: FloatArray) -> FloatArray:
    """The smaller of RR' and R'R, "... C r" to "... k k"."""
    turned = np.swapaxes(root, -1, -2)
    return root @ turned if root.shape[-2] <= root.shape[-1] else turned @ root


def _largest(gram: FloatArray, count: int) -> FloatArray:
    return np.asarray(np.linalg.eigvalsh(gram), dtype=np.float64)[..., ::-1][..., :count]


def _directions(root: FloatArray, count: int) -> FloatArray:
    """Right singular vectors, zero where the singular value is: "n C r" to "n k r"."""
    _, sizes, right = np.linalg.svd(root, full_matrices=False)
    alive = sizes > np.finfo(np.float64).eps * max(root.shape[1:]) * sizes[:, :1]
    return (right * alive[..., np.newaxis])[:, :count]


def _repeatability(halves: FloatArray | None, inputs: int) -> FloatArray:
    if halves is None:
        return np.ones(inputs)
    first, second = top_direction(halves)
    return np.abs((first * second).sum(axis=-1))
