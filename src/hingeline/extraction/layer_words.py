"""What a recovered hidden layer is, in its own neurons: activation, slopes, thresholds; for the evidence."""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import IntArray
from hingeline.extraction.activation_slopes import SlopedLayer
from hingeline.extraction.clipped import in_pairs, thresholds
from hingeline.extraction.single_layer import SingleLayer
from hingeline.probing.probe import Calibration

STEEPER = "the steeper side of each neuron has slope 1; turned round, slope a is slope 1/a"
CLIPPED = "between its thresholds a neuron follows its unit row times the input, beyond them it is constant"


def true_width(layer: SingleLayer, pairs: IntArray) -> int:
    """Neurons of the layer where each of `pairs` is one clipped neuron."""
    return layer.width - len(pairs)


def activation_of(layer: SingleLayer, pairs: IntArray) -> str:
    """The activation in words."""
    if isinstance(layer, SlopedLayer) and layer.doubled.any():
        if not layer.balances.any():
            return "absolute value"
        return "leaky relu" if layer.shared else "prelu"
    if not len(pairs):
        return "relu"
    return "hard tanh" if 2 * len(pairs) == layer.width else "relu and hard tanh"


def activation_words(layer: SingleLayer, pairs: IntArray) -> str:
    """For the reason: empty for a ReLU layer, else the activation with its slopes."""
    name = activation_of(layer, pairs)
    if name == "relu":
        return ""
    if isinstance(layer, SlopedLayer) and name == "leaky relu":
        return f", leaky ReLU of slope {layer.slopes[0]:.6g}"
    if isinstance(layer, SlopedLayer) and name == "prelu":
        return f", PReLU with slopes from {layer.slopes.min():.3g} to {layer.slopes.max():.3g}"
    return {
        "absolute value": ", activation absolute value",
        "hard tanh": ", clipped on both sides (hard tanh)",
        "relu and hard tanh": f", {len(pairs)} of them clipped on both sides (hard tanh)",
    }[name]


def architecture(
    layer: SingleLayer, pairs: IntArray, undecided: str, calibration: Calibration
) -> dict[str, Any]:
    """JSON-ready: the hidden layer in its own neurons, and the output; thresholds for plain inputs."""
    described: dict[str, Any] = {"kind": "dense", "width": true_width(layer, pairs)}
    if undecided:
        described |= {"activation": "undecided", "reason": undecided, "slopes_status": "not identifiable"}
    else:
        described["activation"] = activation_of(layer, pairs)
    if isinstance(layer, SlopedLayer):
        described |= _slopes(layer)
    if len(pairs):
        described |= _thresholds(layer, pairs, calibration)
    return {"layers": [described, {"kind": "dense", "width": layer.jumps.shape[1], "activation": "linear"}]}


def _slopes(layer: SlopedLayer) -> dict[str, Any]:
    slopes, errors = layer.slopes, layer.slope_errors
    told = [
        {
            "neuron": j,
            "slope": float(slopes[j]),
            "error": float(errors[j]),
            "status": "pooled" if layer.shared else "measured",
            "sign": "not identifiable" if layer.balances[j] == 0 else "measured",
        }
        for j in range(layer.width)
    ]
    pooled = {"slope": float(slopes[0]), "slope_error": float(errors[0])} if layer.shared else {}
    return {**pooled, "slopes": told, "convention": STEEPER}


def _thresholds(layer: SingleLayer, pairs: IntArray, calibration: Calibration) -> dict[str, Any]:
    single = in_pairs(layer, pairs)
    # an attack sees inputs from the centre, in units of its own
    places = calibration.unit * thresholds(layer, pairs)
    if calibration.centre is not None:
        places = places + (layer.normals[pairs[:, 0]] @ calibration.centre)[:, np.newaxis]
    told = [
        {
            "neurons": [int(i) for i in pair],
            "thresholds": [float(low), float(high)],
            "error": float(layer.errors[pair].max()),
            "status": "measured",
            "sign": "not identifiable",
        }
        for pair, (low, high) in zip(pairs, places, strict=True)
    ]
    return {"clipped": told, "relu_neurons": int((~single).sum()), "convention": CLIPPED}
