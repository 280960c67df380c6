"""From the layers found to one plain ReLU network, and what is to be said of every neuron.

A neuron whose active side is not decided stands for both: z = relu(z) - relu(-z), so that the function is
the same whichever it is.

Source: affine bypass for unresolved signs, specs on extraction, section 4. Cost: no queries.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.layer_step import FoundLayer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def assembled(layers: list[KnownLayer], output: FloatArray, rows: FloatArray) -> PiecewiseLinearNetwork:
    """The whole network in input coordinates.

    Args:
        layers: Hidden layers, the first over the coordinates of the span.
        output: Weights of the outputs over the last channels, the constant last, shape "k c+1".
        rows: Orthonormal rows that take inputs to the span, shape "r d".
    """
    spread: FloatArray = rows
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    for layer in layers:
        both = np.concatenate([layer.weights, -layer.weights[~layer.decided]])
        weights.append(both @ spread)
        biases.append(np.concatenate([layer.biases, -layer.biases[~layer.decided]]))
        spread = _channels(layer)
    weights.append(output[:, :-1] @ spread)
    biases.append(output[:, -1])
    return PiecewiseLinearNetwork(weights, biases)


def _channels(layer: KnownLayer) -> FloatArray:
    """The layer's channels from its neurons and the mirror images of the undecided, shape "c n+u"."""
    open_ = np.nonzero(~layer.decided)[0]
    spread = np.zeros((layer.channels, layer.width + len(open_)))
    spread[: layer.width, : layer.width] = np.eye(layer.width)
    for index, neuron in enumerate(open_):
        spread[layer.width + index, neuron] = 1.0
        spread[layer.width + index, layer.width + index] = -1.0
    return spread


def row_errors(layers: list[FoundLayer]) -> list[FloatArray]:
    """Standard deviation of an entry of each unit row of the assembled network, per hidden layer."""
    found: list[FloatArray] = []
    for step in layers:
        settled = step.neurons[: step.layer.width]
        errors = np.array(
            [
                float(np.median(one.refit.errors)) / max(float(np.linalg.norm(one.neuron.theta[:-1])), 1e-300)
                for one in settled
            ]
        )
        found.append(np.concatenate([errors, errors[~step.layer.decided]]))
    return found


def neuron_lines(layers: list[FoundLayer]) -> list[dict[str, Any]]:
    """One JSON-ready line per neuron: its layer, status, error and what is not known of it."""
    lines: list[dict[str, Any]] = []
    for number, step in enumerate(layers, start=1):
        for index, one in enumerate(step.neurons):
            untold = np.nonzero(~one.neuron.told)[0].tolist()
            line: dict[str, Any] = {
                "layer": number,
                "neuron": index,
                "status": "measured" if one.neuron.whole else "pooled",
                "error": float(one.refit.errors.max()),
                "bends": len(one.vote.hits),
            }
            if not one.neuron.whole:
                line["missing_numbers"] = int(one.neuron.untold.shape[1])
            if untold:
                line["undetermined_weights"] = [int(weight) for weight in untold]
            if index >= step.layer.width:
                line["status"] = "undetermined"
                line["why"] = "known in too few regions to build on; lines that cross it elsewhere would help"
            elif not step.layer.decided[index]:
                line["sign"] = "undetermined"
            lines.append(line)
    return lines


def layer_lines(layers: list[FoundLayer]) -> list[dict[str, Any]]:
    """One JSON-ready line per layer."""
    return [
        {
            "layer": number,
            "neurons": len(step.neurons),
            "built_on": step.layer.width,
            "signs_undetermined": int((~step.layer.decided).sum()),
            "not_wholly_known": sum(not one.neuron.whole for one in step.neurons),
            "bends_not_explained_from_below": step.unfit,
        }
        for number, step in enumerate(layers, start=1)
    ]
