"""The rows of the layers found so far, as a network that a user can run, and as words.

A search that ends early, by its budget or because a layer above is missing, has whole layers in hand. They
are kept as a network from the inputs to the weighted sums of the deepest of them, and told layer by layer in
the same lines as a search that ends well tells them.

Cost: no queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.recovery import Bench
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


@dataclass(frozen=True, eq=False)
class FoundRows:
    """One layer as far as it is found, over the outputs of the one below or the inputs."""

    weights: FloatArray
    """Unit rows, shape "n c"."""
    biases: FloatArray
    """Shape "n"."""
    errors: FloatArray
    """Standard deviation of an entry of each row, shape "n"."""
    decided: BoolArray
    """Rows whose active side is known; the others may be on where the sum is negative, shape "n"."""
    note: str = ""
    """What is to be said of the layer; may be empty."""
    told: BoolArray | None = None
    """Weights that are known, shape "n c"; None: all of them."""

    @property
    def usable(self) -> bool:
        """Whether a network can be built on it: all weights and sides are known."""
        return bool(self.decided.all()) and self.told is None


def note_layers(bench: Bench, layers: Sequence[FoundRows]) -> None:
    """Write the layers to the evidence, and keep them as a network; nothing above them is known.

    Args:
        bench: Where to write.
        layers: From the inputs up; all but the last must be wholly decided to be put together.
    """
    bench.evidence["layers"] = [_layer_line(number, layer) for number, layer in enumerate(layers, start=1)]
    bench.evidence["neurons"] = [
        line for number, layer in enumerate(layers, start=1) for line in _neuron_lines(number, layer)
    ]
    keep_rows(bench, layers)


def rows_in_words(layer: FoundRows) -> dict[str, Any]:
    """Rows of which not all weights are known, JSON-ready; None where a weight is not told."""
    told = np.ones(layer.weights.shape, dtype=np.bool_) if layer.told is None else layer.told
    rows = np.where(told, layer.weights, np.nan).tolist()
    weights = [[None if value != value else value for value in row] for row in rows]
    return {"weights": weights, "biases": layer.biases.tolist()}


def keep_rows(bench: Bench, layers: Sequence[FoundRows]) -> None:
    """Keep the layers as a network, for the case that nothing more is found."""
    below = next((n for n, layer in enumerate(layers) if not layer.usable), len(layers) - 1)
    usable = [layer for layer in layers[: below + 1] if layer.told is None]
    if usable and all(len(layer.biases) for layer in usable):
        bench.lower_layers = PiecewiseLinearNetwork(
            [layer.weights for layer in usable], [layer.biases for layer in usable]
        )


def found_in_words(evidence: dict[str, Any]) -> str:
    """How many neurons of which layers were found; empty if none."""
    counts = Counter(int(line["layer"]) for line in evidence.get("neurons", []))
    return ", ".join(f"{counts[layer]} neurons of layer {layer}" for layer in sorted(counts))


def _layer_line(number: int, layer: FoundRows) -> dict[str, Any]:
    line: dict[str, Any] = {
        "layer": number,
        "neurons": len(layer.biases),
        "built_on": len(layer.biases),
        "signs_undetermined": int((~layer.decided).sum()),
        "not_wholly_known": 0 if layer.told is None else int((~layer.told.all(axis=1)).sum()),
    }
    if len(layer.errors):
        line["typical_error"], line["largest_error"] = (
            float(np.median(layer.errors)),
            float(layer.errors.max()),
        )
    return {**line, "note": layer.note} if layer.note else line


def _neuron_lines(number: int, layer: FoundRows) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for index, (error, decided) in enumerate(zip(layer.errors, layer.decided, strict=True)):
        line: dict[str, Any] = {
            "layer": number, "neuron": index, "status": "measured", "error": float(error)
        }  # fmt: skip
        untold = np.zeros(0) if layer.told is None else np.nonzero(~layer.told[index])[0]
        if len(untold):
            line["status"], line["undetermined_weights"] = "pooled", [int(weight) for weight in untold]
        lines.append(line if decided else {**line, "sign": "undetermined"})
    return lines
