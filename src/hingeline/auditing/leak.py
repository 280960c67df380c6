"""How much of a network has leaked, layer by layer, in units: neurons, digits, bits per 1,000 questions.

A weight that is known with the standard error e, in rows of length one, is known to -log10(e) digits; float64
holds 16 of them. A layer of n neurons with digits g and p parameters a neuron has leaked n p g log2(10) bits.
Only what extraction pinned down counts; what is pooled into an equivalent form, or not decided, does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import Any

from hingeline.core.outcome import Finding, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

MOST_DIGITS = 16.0
"""Of a float64."""
_KNOWN = "measured"


@dataclass(frozen=True)
class LayerLeak:
    """One hidden layer."""

    layer: int
    """1 for the first."""
    known: int
    """Neurons whose weights were measured."""
    seen: int
    """Neurons that are known to be there."""
    digits: float | None
    """Median digits of the weights of the known ones; None where no error is known."""
    bits: float | None
    """Leaked by this layer; None where no error is known."""

    @property
    def whole(self) -> bool:
        """Whether every neuron that is known to be there was measured."""
        return self.known > 0 and self.known == self.seen

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = {"layer": self.layer, "known": self.known, "seen": self.seen}
        return told | {"digits": self.digits, "bits": self.bits}


@dataclass(frozen=True)
class Leak:
    """All hidden layers of which something was seen."""

    layers: tuple[LayerLeak, ...]
    complete: bool
    """Whether the copy is complete and verified; no neuron can then be missing."""
    queries: int
    """Rows that extraction asked of the target, those of the doctor included."""

    @property
    def whole_layers(self) -> int:
        """Hidden layers that are known to the last neuron, from the first on; none without a verified copy.

        Neurons of a deeper layer are no evidence: they are found, and all their bends explained, also where a
        neuron between is missing.
        """
        return len(list(takewhile(lambda layer: layer.whole, self.layers))) if self.complete else 0

    @property
    def bits_per_1000(self) -> float | None:
        """Bits leaked for 1,000 questions; None where no error is known."""
        bits = [layer.bits for layer in self.layers if layer.bits is not None]
        return 1000 * sum(bits) / self.queries if bits and self.queries else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "complete": self.complete,
            "whole_layers": self.whole_layers,
            "layers": [layer.to_dict() for layer in self.layers],
            "bits_per_1000_queries": self.bits_per_1000,
            "queries": self.queries,
        }


def leak_of(finding: Finding[PiecewiseLinearNetwork] | None, queries: int, input_dim: int) -> Leak:
    """What an extraction leaked.

    Args:
        finding: What `extract` returned; None where it was not run.
        queries: Rows that it cost.
        input_dim: Numbers in one query row.
    """
    if finding is None:
        return Leak((), False, queries)
    found = dict(_by_layer(finding.evidence))
    complete = finding.outcome.status is Status.COMPLETE
    widths = _widths(finding)
    layers: list[LayerLeak] = []
    into = input_dim
    for layer, neurons in sorted(found.items()):
        known = [neuron for neuron in neurons if _is_known(neuron)]
        seen = max(len(neurons), widths.get(layer, 0))
        digits = _digits(known)
        bits = None if digits is None else len(known) * (into + 1) * digits * math.log2(10)
        layers.append(LayerLeak(layer, len(known), seen, digits, bits))
        into = seen
    return Leak(tuple(layers), complete, queries)


def _is_known(neuron: Mapping[str, Any]) -> bool:
    """Whether all of a neuron was pinned down: every weight, and the side on which it is active."""
    open_ends = neuron.get("sign") == "undetermined" or bool(neuron.get("undetermined_weights"))
    return neuron.get("status") == _KNOWN and not open_ends


def _by_layer(evidence: Mapping[str, Any]) -> Iterable[tuple[int, list[Mapping[str, Any]]]]:
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for neuron in evidence.get("neurons", ()):
        if neuron["neuron"] is None:  # a sentence about what a layer may have besides
            continue
        grouped.setdefault(int(neuron["layer"]), []).append(neuron)
    return grouped.items()


def _widths(finding: Finding[PiecewiseLinearNetwork]) -> dict[int, int]:
    """Widths of the hidden layers in neurons of the target, where they are known."""
    layers = finding.evidence.get("architecture", {}).get("layers", [])[:-1]
    return {number: int(layer["width"]) for number, layer in enumerate(layers, start=1) if "width" in layer}


def _digits(neurons: Iterable[Mapping[str, Any]]) -> float | None:
    errors = [neuron.get("error") for neuron in neurons]
    told = [float(e) for e in errors if isinstance(e, int | float) and math.isfinite(e)]
    if not told:
        return None
    return min(MOST_DIGITS, max(0.0, -math.log10(max(median(told), 10.0**-MOST_DIGITS))))
