"""How exact a recovered network is, in decimal digits, layer by layer.

Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.verify import RowErrors, expected_gap
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def digits(error: float) -> float:
    """Decimal digits after the point that an error leaves; inf without an error."""
    return float(-np.log10(error)) if error > 0 else float("inf")


def largest_claim(network: PiecewiseLinearNetwork, rows: FloatArray) -> float:
    """What every weight and bias of one hidden layer and the outputs is within, if its rows' entries are.

    Args:
        network: One hidden layer; further neurons than those with errors carry a linear part.
        rows: Claimed error of an entry of each unit row, "n".
    """
    canonical, count = network.canonical(), len(rows)
    # an offset is read off a witness, whose distance is the lever; a length may be the row's or the output's
    offsets = rows * (1.0 + np.abs(canonical.biases[0][:count]))
    outgoing = np.abs(canonical.weights[-1][:, :count])
    constants = np.linalg.norm(outgoing * offsets, axis=1)
    return float(
        max(offsets.max(initial=0.0), (outgoing * rows).max(initial=0.0), constants.max(initial=0.0))
    )


def digits_of(
    network: PiecewiseLinearNetwork, errors: RowErrors | None, points: FloatArray
) -> dict[str, Any] | None:
    """What the errors claimed for hidden rows come to; None if they do not fit the network.

    Args:
        network: What was recovered.
        errors: Of its hidden rows, biases included.
        points: Typical inputs, "n d".
    """
    if errors is None or not network.hidden_widths:
        return None
    if isinstance(errors, float | int):
        errors = [np.full(width, float(errors)) for width in network.hidden_widths]
    rows = [np.asarray(part, dtype=np.float64) for part in errors]
    if tuple(len(part) for part in rows) != tuple(network.hidden_widths):
        return None
    gap = float(np.sqrt(np.mean(expected_gap(network, rows, points) ** 2)))
    return {"layers": digits_by_layer(rows, _of_biases(network, rows, points)), "expected_gap": gap}


def _of_biases(
    network: PiecewiseLinearNetwork, rows: Sequence[FloatArray], points: FloatArray
) -> list[FloatArray]:
    """Errors of biases: what the errors of a row's entries come to at a layer input of typical size.

    A bias is read off points on its hyperplane, b = -w x, so it is as wrong as w is, times the norm of x.
    """
    canonical = network.canonical()
    inputs = [points, *(np.maximum(z, 0.0) for z in canonical.pre_activations(points))]
    sizes = [float(np.median(np.linalg.norm(part, axis=1))) for part in inputs]
    return [
        errors * np.hypot(1.0 + np.abs(bias), size)
        for errors, bias, size in zip(rows, canonical.biases, sizes, strict=False)
    ]


def digits_by_layer(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray] | None = None
) -> list[dict[str, Any]]:
    """One JSON-ready line per layer: worst and median digits of its neurons, rows at unit norm.

    Args:
        weights: Standard deviation of an entry of each row, by layer.
        biases: Standard deviation of each bias, by layer; as for the rows if None.
    """
    lines: list[dict[str, Any]] = []
    for index, rows in enumerate(weights):
        line: dict[str, Any] = {"layer": index + 1}
        for name, errors in (("weights", rows), ("biases", rows if biases is None else biases[index])):
            known = errors[np.isfinite(errors)]
            if known.size:
                line[name] = {
                    "worst": round(digits(float(known.max())), 2),
                    "median": round(digits(float(np.median(known))), 2),
                    "error": float(known.max()),
                }
            if known.size < errors.size:
                line[f"{name}_not_told"] = int(errors.size - known.size)
        lines.append(line)
    return lines
