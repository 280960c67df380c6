"""What steps of an extraction write of single neurons into the evidence; JSON-ready.

One line per neuron: layer, number, status, standard error of an entry of its unit row. Statuses: "measured";
"pooled" from several places or positions; "undetermined" by what was asked; "not identifiable" by any
question within the domain; "contradicted" by a later check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.membership import Sightings
from hingeline.extraction.recovery import Bench
from hingeline.extraction.walking import WalkingResult
from hingeline.probing.line import LineSweep

NEVER_SWITCHES = (
    "stands for what never bends, together with the others of its kind; not a neuron of the target"
)


def neuron_evidence(errors: FloatArray, layer: int = 1) -> list[dict[str, Any]]:
    """One JSON-ready line per neuron."""
    return [
        {"layer": layer, "neuron": index, "status": "measured", "error": float(error)}
        for index, error in enumerate(errors)
    ]


def note_untold(lines: list[dict[str, Any]], weights: Iterable[tuple[int, int, int]]) -> None:
    """Write weights (layer, neuron, input) that no answer tells to the lines of their neurons."""
    by_neuron = {(line["layer"], line["neuron"]): line for line in lines}
    for layer, neuron, weight in weights:
        line = by_neuron.get((layer, neuron))
        if line is not None:
            line.setdefault("undetermined_weights", []).append(weight)
            line["status"] = "undetermined"
            line["why"] = "its boundary was not seen to meet these neurons' hyperplanes"


def note_bypass(lines: list[dict[str, Any]], count: int) -> None:
    """Mark the last neurons, which stand for what never bends."""
    for line in lines[len(lines) - count :]:
        line["status"], line["why"] = "not identifiable", NEVER_SWITCHES


def note_votes(bench: Bench, looks: Sightings) -> None:
    """At how many far points each candidate for the first layer was still there, and was not."""
    votes = {
        "seen": looks.seen.tolist(),
        "stopped": looks.stopped.tolist(),
        "members": int(looks.members.sum()),
    }
    bench.evidence.setdefault("membership", []).append(votes)


def note_hyperplanes(bench: Bench, sweep: LineSweep, measured: int) -> None:
    """How many bends the first line has, and of how many the hyperplane is measured."""
    outputs = sweep.slopes.shape[1]
    bench.evidence["hyperplanes"] = {"bends": len(sweep.bends), "measured": measured, "outputs": outputs}


def note_walk(bench: Bench, errors: FloatArray, result: WalkingResult) -> None:
    """What a walk came to: its counts, hyperplanes that it withdrew, and the boundaries met if that is all.

    Args:
        bench: Where the evidence is.
        errors: Of the first layer's rows as the walk was given them, shape "n".
        result: What the walk came to.
    """
    bench.evidence["walk"] = walk = dict(result.evidence)
    if result.corrections.false:
        bench.evidence["withdrawn"] = [
            {"layer": 1, "neuron": int(i), "status": "contradicted", "why": "no deeper boundary bends at it"}
            for i in result.corrections.false
        ]
    if result.network is not None or result.corrections.any or result.suspects.any:
        return
    second = [{**line, "error": None} for line in neuron_evidence(np.zeros(walk["second_layer"]), 2)]
    bench.evidence["neurons"] = lines = neuron_evidence(errors) + second
    note_untold(lines, [(2, int(k), int(i)) for _, k, i in walk["undetermined_weights"]])
