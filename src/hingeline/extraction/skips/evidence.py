"""What a reading says, JSON-ready: layers, skips, and which of their weights are told.

Cost: no queries.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.skips.reading import Reading

TIE = (
    "A free dense skip takes in any sign of a neuron, relu(-z) = relu(z) - z: {whose} signs are not told by "
    "any answer, and the skip only up to what a turned neuron adds; the weights are one representative."
)

SILENT = " Second-layer neurons that never switch would leave the same trace."


def layers_of(reading: Reading) -> list[dict[str, Any]]:
    """The true neurons, layer by layer, and the output; no activation where a free skip takes in slopes."""
    form = reading.form
    hidden = (
        (form.planes.count, reading.first_told, "first"),
        (len(form.theta), reading.second_told, "second"),
    )
    layers = list[dict[str, Any]]()
    for width, told, name in hidden:
        layer: dict[str, Any] = {"kind": "dense", "width": width, "activation": "relu"}
        if not told:
            layer |= {"activation": "undecided", "slopes_status": "not identifiable"}
            layer["reason"] = TIE.format(whose=f"the {name} layer's")
        layers.append(layer)
    return [*layers, {"kind": "dense", "width": form.rest.shape[0], "activation": "linear"}]


def skip(
    start: str | int, end: str | int, weights: FloatArray, error: float, *, kind: str = "dense", why: str = ""
) -> dict[str, Any]:
    """One skip connection; undetermined if there is a reason why.

    Args:
        start: "input" or a hidden layer, counted from 1.
        end: A hidden layer or "output".
        weights: Shape "end start".
        error: Standard deviation of one weight, of the representative if undetermined.
        kind: "dense" or "identity".
        why: Why the weights are undetermined; empty if they are measured.
    """
    return {
        "from": start,
        "to": end,
        "kind": kind,
        "weights": np.asarray(weights).tolist(),
        "status": "undetermined" if why else "measured",
        "error": float(error),
        "why": why,
    }


def skips_of(reading: Reading, error: float) -> list[dict[str, Any]]:
    """Every skip of a reading, in the units of the chain that is shipped: its rows, its neurons' order."""
    form, found = reading.form, list[dict[str, Any]]()
    count, dim = form.planes.normals.shape
    if reading.into_second:
        rows = reading.second[:, np.newaxis] * reading.to_second
        scales = rows.sum(axis=1) if reading.into_second == "identity" else np.zeros(1)
        if (scales > 0).all():
            # positive scale of a row is free: undone, the weights are one
            unscaled = skip("input", 2, rows / scales[:, np.newaxis], error / scales.min(), kind="identity")
            found.append({**unscaled, "scales": scales.tolist()})
        else:
            # each row of it is told outside the span of the first layer's normals
            told = (dim - np.linalg.matrix_rank(form.planes.normals)) * len(rows)
            why = "" if reading.first_told else TIE.format(whose="the first layer's")
            found.append(_counted(skip("input", 2, rows, error, why=why), int(told), rows.size))
    if reading.around_second == "identity":
        found.append(_after(skip(1, 2, np.eye(count), error, kind="identity")))
    elif reading.around_second:
        # each column of it is told outside the span of the second layer's jumps
        told = (form.jumps.shape[1] - np.linalg.matrix_rank(form.jumps)) * count
        why = "" if reading.second_told else TIE.format(whose="the second layer's") + SILENT
        around = reading.from_first
        found.append(_counted(skip(1, "output", around, error, why=why), int(told), around.size))
    direct = reading.direct
    if direct.any():
        kind = "identity" if is_identity(direct, reading.tolerance) else "dense"
        why = "" if reading.direct_told else "It changes with signs that are not told; see the other skips."
        found.append(skip("input", "output", direct, error, kind=kind, why=why))
    return found


def is_identity(weights: FloatArray, tolerance: float) -> bool:
    """Whether a matrix is the identity within a tolerance."""
    rows, columns = weights.shape
    return rows == columns and bool(np.abs(weights - np.eye(rows)).max() <= tolerance)


def sentence(skips: list[dict[str, Any]]) -> str:
    """All skips in words."""
    return "; ".join(
        f"{'an identity' if s['kind'] == 'identity' else 'a dense'} skip from {_name(s['from'])} to "
        f"{_name(s['to'])} ({s['status']})"
        for s in skips
    )


def _name(end: str | int) -> str:
    return f"the {end}" if isinstance(end, str) else f"layer {end}"


def _counted(found: dict[str, Any], told: int, numbers: int) -> dict[str, Any]:
    """With how many of its dimensions are told whatever the signs."""
    if found["status"] == "undetermined":
        found["determined_dimensions"], found["dimensions"] = told, numbers
    return found


def _after(found: dict[str, Any]) -> dict[str, Any]:
    """Added to what the layer gives, after its activation."""
    return {**found, "joins": "after the activation"}
