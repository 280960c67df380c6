"""What two networks have in common and where they differ: a frozen value with a readable text.

The numbers are measured by `compare`; this module only says what they mean.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from hingeline.networks.reduction import SetAside


@dataclass(frozen=True)
class NeuronMatch:
    """One hidden neuron found in both networks, in the scale where its row has norm one."""

    a: tuple[int, ...]
    """Its row in network a, counted from 0; several if a has exact copies of it."""
    b: tuple[int, ...]
    """Its row in network b; several if b has exact copies of it."""
    weight_error: float
    """Largest difference of the incoming weights."""
    bias_error: float
    """Difference of the biases."""
    outgoing_error: float
    """Largest difference of the weights with which matched neurons of the next layer read it."""
    orientation: int
    """+1, or -1 if both bend along the same hyperplane but are on at opposite sides."""

    @property
    def error(self) -> float:
        """Largest of the three."""
        return max(self.weight_error, self.bias_error, self.outgoing_error)


@dataclass(frozen=True)
class Unmatched:
    """A hidden neuron without a partner."""

    neuron: tuple[int, ...]
    """Its row in its own network, counted from 0; several if there are exact copies."""
    on: float
    """Share of the sampled points where it is on, 0 to 1."""


@dataclass(frozen=True)
class LayerDifference:
    """One hidden layer of both networks."""

    layer: int
    """1 for the first hidden layer."""
    matched: tuple[NeuronMatch, ...]
    unmatched_a: tuple[Unmatched, ...]
    unmatched_b: tuple[Unmatched, ...]
    set_aside_a: tuple[SetAside, ...]
    """Neurons of a that cannot matter, left out of the comparison."""
    set_aside_b: tuple[SetAside, ...]

    @property
    def weight_error(self) -> float:
        """Largest difference of incoming weights among matched neurons."""
        return max((pair.weight_error for pair in self.matched), default=0.0)

    @property
    def bias_error(self) -> float:
        """Largest difference of biases among matched neurons."""
        return max((pair.bias_error for pair in self.matched), default=0.0)

    @property
    def flipped(self) -> int:
        """Matched neurons of opposite orientation."""
        return sum(pair.orientation < 0 for pair in self.matched)


@dataclass(frozen=True)
class OutputGap:
    """How far the outputs are apart on one set of fresh points."""

    where: str
    """Which points."""
    points: int
    gap: float
    """Largest difference of any output coordinate."""
    relative: float
    """The same as a fraction of how much the outputs of a vary over these points."""
    allowed: float
    """Largest gap that still counts as the same function: tolerance times that variation, plus rounding."""


@dataclass(frozen=True)
class NetworkDifference:
    """Two networks compared up to neuron order and positive scale."""

    sizes_a: tuple[int, ...]
    sizes_b: tuple[int, ...]
    tolerance: float
    """Largest `max_relative_error` that counts as the same network."""
    equivalent: bool
    """The same network up to neuron order, positive scale and parts that cannot matter."""
    same_function: bool
    """No gap on the sampled points beyond `tolerance`; says nothing about other points."""
    max_parameter_error: float
    """Largest difference of any weight or bias, normalised and matched; inf if a neuron is unmatched."""
    max_relative_error: float
    """The same, biases relative to 1 + their size and the output layer relative to its largest entry."""
    max_output_gap: float
    """Largest output difference at N(0, 1) inputs and at ten times those; inf if shapes differ."""
    gaps: tuple[OutputGap, ...]
    """Output gaps by set of points: the above, and points beside the bend of every first-layer neuron."""
    neurons: tuple[LayerDifference, ...]
    """Per hidden layer: who is who, and who is missing."""
    output_error: float
    """Largest difference in the output layer after matching; inf if its shapes do not compare."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Neurons of a that b lacks, by name."""
        return tuple(_name(layer.layer, n) for layer in self.neurons for n in layer.unmatched_a)

    @property
    def extra(self) -> tuple[str, ...]:
        """Neurons of b that a lacks, by name."""
        return tuple(_name(layer.layer, n) for layer in self.neurons for n in layer.unmatched_b)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was merged or left out before matching, and neurons on at opposite sides."""
        return tuple(note for layer in self.neurons for note in _layer_notes(layer))

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.equivalent:
            return (
                "The same network up to neuron order and positive scale: largest parameter difference "
                f"{self.max_parameter_error:.2g}."
            )
        if self.same_function:
            return f"Not the same parameters ({self._why()}), but the same function on the sampled points."
        return f"Different networks: {self._why()}."

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; infinite values become None."""
        return {
            "schema": 1,
            "verb": "diff",
            "verdict": self.verdict,
            **_finite(asdict(self)),
            "missing": list(self.missing),
            "extra": list(self.extra),
            "notes": list(self.notes),
        }

    def _why(self) -> str:
        if self.sizes_a[0] != self.sizes_b[0]:
            return f"inputs of a: {self.sizes_a[0]}, of b: {self.sizes_b[0]}"
        if self.sizes_a[-1] != self.sizes_b[-1]:
            return f"outputs of a: {self.sizes_a[-1]}, of b: {self.sizes_b[-1]}"
        if len(self.sizes_a) != len(self.sizes_b):
            return f"hidden layers in a: {len(self.sizes_a) - 2}, in b: {len(self.sizes_b) - 2}"
        if self.missing or self.extra:
            return f"neurons only in a: {len(self.missing)}, only in b: {len(self.extra)}"
        flipped = sum(layer.flipped for layer in self.neurons)
        if flipped:
            return f"neurons on at the opposite side of their hyperplane: {flipped}"
        return f"largest parameter difference {self.max_parameter_error:.2g}"

    def __repr__(self) -> str:
        return (
            f"<NetworkDifference {'equivalent' if self.equivalent else 'not equivalent'}: parameter error "
            f"{self.max_parameter_error:.2g}, output gap {self.max_output_gap:.2g}>"
        )

    def __str__(self) -> str:
        sizes = ["-".join(map(str, sizes)) for sizes in (self.sizes_a, self.sizes_b)]
        columns = "  layer   in a   in b  matched  flipped  only a  only b  weight error  bias error"
        lines = [
            self.verdict,
            f"  a {sizes[0]}, b {sizes[1]}, tolerance {self.tolerance:.2g}",
            columns,
            *(_layer_line(layer) for layer in self.neurons),
            f"  output{self.output_error:>61.2g}",
            *(f"  output gap {gap.gap:.2g} at {gap.points:,} points: {gap.where}" for gap in self.gaps),
            *(f"  {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def _layer_line(layer: LayerDifference) -> str:
    one, other, both = len(layer.unmatched_a), len(layer.unmatched_b), len(layer.matched)
    counts = f"{one + both:>7}{other + both:>7}{both:>9}{layer.flipped:>9}{one:>8}{other:>8}"
    return f"  {layer.layer:<5}{counts}{layer.weight_error:>14.2g}{layer.bias_error:>12.2g}"


def _name(layer: int, missing: Unmatched) -> str:
    rows = ", ".join(f"W{layer - 1}[{row}]" for row in missing.neuron)
    return f"layer {layer} neuron {rows} (on at {100 * missing.on:.3g} % of the sampled points)"


def _layer_notes(layer: LayerDifference) -> list[str]:
    notes: list[str] = []
    for who, aside in (("a", layer.set_aside_a), ("b", layer.set_aside_b)):
        notes += [
            f"layer {layer.layer}: W{layer.layer - 1}[{n.neuron}] of {who} left out: {n.reason}"
            for n in aside
        ]
    for pair in layer.matched:
        if len(pair.a) > 1 or len(pair.b) > 1:
            notes.append(
                f"layer {layer.layer}: exact copies count as one neuron: rows {list(pair.a)} of a, "
                f"{list(pair.b)} of b"
            )
    return notes


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
