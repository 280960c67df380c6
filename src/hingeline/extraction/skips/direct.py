"""A single hidden layer with a skip from the input to the output: y = C relu(W x + b) + S x + c.

Turning a neuron moves c_j w_j^T from the neuron into S, so a free S takes in any signs: it is told outside
the span of these matrices, and the signs are not told. An identity (or a multiple of it) has one free number:
then the signs are a 0/1 system again, and both are told.

Source: the tie is relu(-z) = relu(z) - z; the rest is ours. Cost: no queries, but for `asked_again`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.single_layer import (
    SIGN_SECONDS,
    RegionView,
    SingleLayer,
    flipped,
    sign_equations,
)
from hingeline.extraction.skips.evidence import TIE, is_identity, skip
from hingeline.extraction.skips.refined import RefinedForm, refine, unknowns
from hingeline.extraction.skips.unsigned_form import UnsignedForm
from hingeline.extraction.unsigned import Planes
from hingeline.extraction.verify import fresh_points
from hingeline.numerics.binary_system import BinaryStatus, solve_binary
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

SIGMAS = 30.0
"""Error bars within which a number is what it seems to be."""
FLOOR = 1e-9
"""The same, as a fraction of the largest number."""
SPARE, SIZES = 60, (1.0, 0.4, 3.0, 10.0)
"""Answers beyond the unknowns from which a layer is fitted again, and their norms in typical ones."""
LARGEST = 4000
"""Most numbers of a layer that are fitted at once."""
SLOPED = " So are slopes of neurons on their other side, relu(z) - a relu(-z) = (1 - a) relu(z) + a z."
OPPOSITE = " Pairs of opposite neurons, which share a hyperplane, would leave the same trace."
UNSEEN = " Neurons that never switch within the bounds would leave the same trace."


def with_identity(layer: SingleLayer, view: RegionView) -> SingleLayer | None:
    """The layer with signs such that a multiple of the identity is left; None if there are no such signs.

    Args:
        layer: Neurons in any orientation, with the bypass that fits the view.
        view: One measured region.
    """
    outputs, dim = layer.linear.shape
    if outputs != dim or dim < 2 or not layer.width:
        return None
    columns, right = sign_equations(layer, view)
    ray = np.eye(dim).ravel() / np.sqrt(dim)
    error = linear_error(layer, view)
    found = solve_binary(
        columns - np.outer(ray, ray @ columns), right - ray * (ray @ right), error, time_limit=SIGN_SECONDS
    )
    if found.bits is None or found.status is not BinaryStatus.EXACT or found.unique is not True:
        return None
    scale = float(ray @ (columns @ found.bits - right)) / np.sqrt(dim)
    tolerance = SIGMAS * error + FLOOR
    if abs(scale) <= tolerance:
        return None
    shift = layer.offsets[found.bits] @ layer.jumps[found.bits]
    linear = (1.0 if abs(scale - 1) <= tolerance else scale) * np.eye(dim)
    return replace(flipped(layer, found.bits), linear=linear, constant=layer.constant + shift)


def asked_again(probe: Probe, layer: SingleLayer, rng: np.random.Generator) -> SingleLayer:
    """The layer with everything fitted at once to fresh answers; of large ones only what is linear.

    The ordinary measurement takes the linear part as exact, and its error goes into rows and offsets.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 1.5 queries per number of the layer and its skip, divided by the outputs, and 60.
    """
    form = _form(layer)
    small = unknowns(form) <= LARGEST
    wanted = 1.5 * unknowns(form) / len(layer.constant) if small else probe.input_dim + 1
    points = fresh_points(probe, rng, int(np.ceil(wanted)) + SPARE, SIZES)
    with probe.session.phase("skip"):
        values = probe.ask(points)
    norms = np.linalg.norm(points, axis=1)
    noise = probe.noise.at(points) + EPSILON * np.abs(values).max(axis=1)
    recorded = Recorded(points, values, probe.calibration.scale + norms, noise)
    if small:
        return _layer(refine(form, recorded, layer.errors, form.theta))
    bare = replace(layer, linear=np.zeros_like(layer.linear), constant=np.zeros_like(layer.constant))
    features = np.column_stack([points, np.ones(len(points))])
    weights = 1 / noise[:, np.newaxis]
    solution = np.linalg.lstsq(features * weights, (values - bare(points)) * weights, rcond=None)[0].T
    return replace(layer, linear=solution[:, :-1], constant=solution[:, -1])


def _form(layer: SingleLayer) -> UnsignedForm:
    """Unsigned, with no second layer: c relu(z) = c |z| / 2 + c z / 2."""
    affine = np.column_stack([layer.normals, layer.offsets])
    linear = np.column_stack([layer.linear, layer.constant]) + layer.jumps.T @ affine / 2
    rest = np.column_stack([layer.jumps.T, linear])
    outputs = len(layer.constant)
    nothing = np.zeros((0, rest.shape[1]))
    return UnsignedForm(Planes(layer.normals, layer.offsets), nothing, np.zeros((0, outputs)), rest)


def _layer(refined: RefinedForm) -> SingleLayer:
    form, jumps = refined.form, refined.form.first_jumps.T
    planes = form.planes
    affine = form.rest[:, planes.count :] - jumps.T @ np.column_stack([planes.normals, planes.offsets]) / 2
    errors = np.maximum(refined.plane_errors, refined.rest_errors[:, : planes.count].max(axis=0) / 2)
    return SingleLayer(planes.normals, planes.offsets, jumps, errors, affine[:, :-1], affine[:, -1])


def linear_error(layer: SingleLayer, view: RegionView | None = None) -> float:
    """Standard deviation of a number of the linear part: it inherits the errors of all rows.

    Args:
        layer: As it was when its linear part was measured.
        view: The region that told it; None if it was fitted with the rows.
    """
    loudness = np.linalg.norm(layer.jumps, axis=1)
    seen = 0.0 if view is None else view.error
    return float(np.hypot(seen, np.linalg.norm(loudness * layer.errors)))


def direct_skip(layer: SingleLayer, error: float, *, told: bool, free: bool) -> dict[str, Any]:
    """The skip of a layer, JSON-ready.

    Args:
        layer: As it is shipped; its linear part is the skip.
        error: Standard deviation of a number of the linear part.
        told: Whether signs are decided beside the skip.
        free: Whether any input may be asked.
    """
    weights = layer.linear
    size = float(np.abs(weights).max())
    tolerance = SIGMAS * error + FLOOR * size
    if told:
        kind = "identity" if is_identity(weights, tolerance) else "dense"
        found = skip("input", "output", weights, error, kind=kind)
    else:
        why = TIE.format(whose="the neurons'") + SLOPED
        why += "" if _leaves_span(layer.normals, weights, tolerance) else OPPOSITE
        found = skip("input", "output", weights, error, why=why + ("" if free else UNSEEN))
        products = np.einsum("nk,nd->nkd", layer.jumps, layer.normals).reshape(layer.width, -1)
        rank = int(np.linalg.matrix_rank(products)) if layer.width else 0
        found["determined_dimensions"], found["dimensions"] = weights.size - rank, weights.size
    return found


def _leaves_span(normals: FloatArray, weights: FloatArray, tolerance: float) -> bool:
    """Whether a linear part has directions that no neuron has."""
    rest = weights - weights @ np.linalg.pinv(normals) @ normals
    return bool(np.abs(rest).max() > tolerance)
