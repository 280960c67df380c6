"""The few directions in which gradients can point where layers are known.

All that the answers do in a region is a combination of what the channels of a layer do there: with half of
ten neurons on, a gradient costs five questions instead of one for each direction of the first layer's span.
A neuron that is missing shows as a slope along the line that those directions cannot make.

Cost: no queries. Source: equation (1) of the specs on reverse engineering; its use for measuring is ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import Record

MOVES = 1e-9
"""Singular values of the channels' unit slopes below this are zero."""
OUTSIDE = 1e-6
"""Part of a unit gradient outside the span that counts as not explained."""
LATEST = 100
"""Regions looked at, those measured last."""


def moving_directions(known: KnownLayers, points: FloatArray) -> list[FloatArray]:
    """Orthonormal rows that span the slopes of the last channels at each point: "p r" to p arrays "m r"."""
    slopes = known.slopes(points)
    size = np.linalg.norm(slopes, axis=2, keepdims=True)
    unit = np.where(size > 0, slopes / np.maximum(size, 1e-300), 0.0)
    _, strength, right = np.linalg.svd(unit, full_matrices=False)
    return [rows[strong > MOVES] for rows, strong in zip(right, strength, strict=True)]


def explained_share(record: Record, known: KnownLayers) -> float:
    """Share of the gradients measured last that lie in the span of what the last channels do; 0 if none.

    Args:
        record: All lines.
        known: Layers from the bottom up.
    """
    points, gradients = record.centres[-LATEST:], record.gradients[-LATEST:]
    size = np.linalg.norm(gradients, axis=2)
    clear = size > record.gradient_errors[-LATEST:, np.newaxis] / OUTSIDE
    if not clear.any():
        return 0.0
    explained = 0
    for index, rows in enumerate(moving_directions(known, points)):
        unit = gradients[index, clear[index]] / size[index, clear[index], np.newaxis]
        rest = np.linalg.norm(unit - unit @ rows.T @ rows, axis=1)
        explained += int((rest < OUTSIDE).sum())
    return explained / int(clear.sum())
