"""Segments that would tell more of the neurons of a search that did not come to its end.

Source: the segments are those of `boundary_walk`. Cost: no queries.
"""

from __future__ import annotations

from typing import Any

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.search import Search

MOST = 3
"""Neurons for which a segment is looked for, those with least to tell."""


def suggested_segments(search: Search, rows: FloatArray) -> list[dict[str, Any]]:
    """For neurons not wholly known: both ends of a segment in plain inputs, JSON-ready.

    Args:
        search: After its end.
        rows: Orthonormal rows that take inputs to the span, shape "r d".
    """
    open_ = sorted(
        (one.neuron.untold.shape[1], number, index)
        for number, step in enumerate(search.found)
        for index, one in enumerate(step.neurons)
        if not one.neuron.whole
    )
    told: list[dict[str, Any]] = []
    scale, settings = search.probe.calibration.scale, search.settings
    for _, number, index in open_[:MOST]:
        one = search.found[number].neurons[index]
        lines = telling_segments(
            search.known_below(number), one.neuron, search.record.points[one.bends], scale=scale,
            reach=settings.reach * scale, walkers=settings.walkers, wanted=1,
            rng=search.randomness.step(f"suggested {number}", one.key),
        )  # fmt: skip
        for line in lines:
            ends = [(line.origin + t * line.direction) @ rows for t in (line.low, line.high)]
            told.append(
                {
                    "layer": number + 1, "neuron": index,
                    "from": [float(x) for x in ends[0]], "to": [float(x) for x in ends[1]],
                }
            )  # fmt: skip
    return told
