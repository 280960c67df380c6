"""How far can any network answer from this one, if every parameter is known up to an error?

Both are taken with hidden rows of norm one, the scale carried into the next layer. With a row known up to
rho (Euclidean norm) and its bias up to beta, the differences d of the activations obey

    c = W d + e  with  |e| <= rho (|h| + |d|) + beta,    d' = max(z + c, 0) - max(z, 0)

layer by layer, with Euclidean norms of bounds on the activations h and on d. Each e gets a symbol of its
own (`affine_forms`), so that what one neuron's error does to different later neurons may cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.affine_forms import (
    UNIT,
    AffineForms,
    Symbols,
    errors_as_symbols,
    no_forms,
    of_box,
    product,
    relu,
    relu_change,
)
from hingeline.networks.boxes import as_box, largest_of_pieces, usual_pieces
from hingeline.networks.evaluation_rounding import evaluation_rounding, network_rounding
from hingeline.networks.gap_bounds import gap_bounds
from hingeline.networks.gap_certificate import GapCertificate, concluded
from hingeline.networks.loading import as_network
from hingeline.networks.partners import same_order
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork, row_norms

_METHOD = "affine forms of the difference that the errors of the parameters allow"


def gap_from_errors(
    network: Any, row_errors: Sequence[Any], low: Any, high: Any, *, bias_errors: Sequence[Any] | None = None
) -> GapCertificate:
    """Bound the output gap to every network whose parameters are no further than given errors.

    Args:
        network: A network, a finding, a path to one, or (weights, biases); `network.canonical()` is what
            the errors are of.
        row_errors: For each layer, the outputs last: how far each row of the other network, in that form
            and order, may be in Euclidean norm; a number or one for each row, "n".
        low: Least value of every input coordinate: a number, or one for each, "d".
        high: Largest value, likewise.
        bias_errors: The same for the biases; as `row_errors` if not given.

    Returns:
        A certificate whose bound holds for every such network, as exact functions and evaluated in float64
        (where nothing underflows); nothing is sampled.

    Raises:
        InvalidInput: Errors that are negative, not numbers or not as many as there are rows, or no network.
        FormatError: A file that is not a network.
    """
    given = as_network(network)
    box = as_box(low, high, given.input_dim)
    rows = _errors("row_errors", row_errors, given)
    biases = rows if bias_errors is None else _errors("bias_errors", bias_errors, given)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        try:
            unit = given.canonical()
        except InvalidInput:
            return concluded(np.full(given.output_dim, np.inf), np.zeros(given.output_dim), box, _METHOD)
        who = [same_order(len(bias)) for bias in given.biases]
        # making the rows unit rounds
        exact = gap_bounds(given, unit, who, box.low, box.high).largest
        rounding = _propagated(unit, rows, biases, box.low, box.high)[1]
        rounding = rounding + network_rounding(given, box.low, box.high)
        gap, pieces = largest_of_pieces(
            lambda low, high: _propagated(unit, rows, biases, low, high)[0],
            box,
            usual_pieces(given.input_dim),
        )
        return concluded((1.0 + 8 * UNIT) * (exact + gap), rounding, box, _METHOD, pieces=pieces)


def _propagated(
    network: PiecewiseLinearNetwork,
    row_errors: list[FloatArray],
    bias_errors: list[FloatArray],
    low: FloatArray,
    high: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Largest exact gap of each output, and what rounding may add in the other network, "k" each."""
    symbols = Symbols(0)
    inputs, moved = of_box(low, high, symbols), no_forms(len(low))
    sizes: list[FloatArray] = []
    largest: list[FloatArray] = []
    highs: list[FloatArray] = []
    change = moved
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        rho, beta = row_errors[layer], bias_errors[layer]
        base = product(weight, inputs).plus_constant(bias, np.zeros(len(bias)))
        change = errors_as_symbols(product(weight, moved).loosened(_error(rho, beta, inputs, moved)), symbols)
        sizes.append(np.abs(weight) + rho[:, np.newaxis])
        largest.append(inputs.largest + moved.largest)
        highs.append(np.nextafter(base.high + change.high, np.inf))
        if layer + 1 < len(network.weights):
            inputs, moved = relu(base, symbols), relu_change(base, change, symbols)
    biases = [np.abs(bias) + beta for bias, beta in zip(network.biases, bias_errors, strict=True)]
    return change.largest, (1.0 + 16 * UNIT) * evaluation_rounding(sizes, biases, largest, highs)


def _error(rho: FloatArray, beta: FloatArray, inputs: AffineForms, moved: AffineForms) -> FloatArray:
    """Largest e of each neuron, "n", rounded up."""
    reach = row_norms((inputs.largest + moved.largest)[np.newaxis])[0] if len(inputs.low) else 0.0
    return (1.0 + 4.0 * (len(inputs.low) + 16) * UNIT) * (rho * reach + beta)


def _errors(name: str, given: Sequence[Any], network: PiecewiseLinearNetwork) -> list[FloatArray]:
    if len(given) != len(network.biases):
        raise InvalidInput(
            f"{name} must have an entry for each of {len(network.biases)} layers; got {len(given)}"
        )
    return [_layer(name, layer, error, len(network.biases[layer])) for layer, error in enumerate(given)]


def _layer(name: str, layer: int, given: Any, count: int) -> FloatArray:
    try:
        error = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as reason:
        raise InvalidInput(f"{name} of layer {layer + 1} must be numbers: {reason}") from reason
    if error.shape not in ((), (count,)) or not np.isfinite(error).all() or not (error >= 0).all():
        raise InvalidInput(
            f"{name} of layer {layer + 1} must be a number from 0 up, or {count} of them; got {given!r}"
        )
    return np.broadcast_to(error, (count,))
