"""Lines on which a missing neuron of a layer surely switches: from where it is on to where it is off.

Where the layers below move in more directions than a layer's known neurons that are on, a gradient outside
their span shows that a neuron which was not found is on; one inside it, that none is. Between the two it
switches, whatever lies on the way.

Cost: no queries. Source: equation (1) of the specs on reverse engineering; the lines are ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers, chunks
from hingeline.extraction.depth.observed_lines import Record
from hingeline.probing.line import Line

LOOKED = 600
"""Regions looked at."""
AT_ONCE = 64
"""Regions whose slopes are held at a time."""
OUTSIDE = 1e-5
"""Part of a unit gradient outside the span that counts."""
INSIDE = 1e-7
"""And that is nothing."""
SIGMAS = 30.0
"""Deviations by which either must exceed the error of a gradient."""
WEAK = 1e-7
"""Singular values of unit gradients below this count as zero."""
DISTINCT = 1e-4
"""Singular values of the channels' slopes below this share of the largest are not counted as room."""
FEWEST = 3
"""Regions that must show it: one may be misjudged that is close to a boundary."""
NEAREST = 8
"""Places at which nothing is missing among which the other end is drawn, the nearest ones."""


def lines_across(
    record: Record, below: KnownLayers, layer: KnownLayer, wanted: int, rng: np.random.Generator
) -> tuple[bool, list[Line]]:
    """Whether gradients show that a neuron is missing, and some lines from there to where none is on.

    Args:
        record: All lines.
        below: The layers below.
        layer: What was found of this one.
        wanted: Most lines.
        rng: Draws places.
    """
    looked = rng.permutation(len(record.centres))[:LOOKED]
    reliable = below.with_layer(layer).reliable(record.centres[looked])
    looked = looked[reliable]
    missing, none = np.zeros(len(looked), dtype=np.bool_), np.zeros(len(looked), dtype=np.bool_)
    for part in chunks(len(looked), AT_ONCE):
        missing[part], none[part] = _shown(record, below, layer, looked[part])
    there, elsewhere = record.centres[looked[missing]], record.centres[looked[none]]
    if len(there) < FEWEST or not len(elsewhere):
        return len(there) >= FEWEST, []
    lines: list[Line] = []
    for place in there[:wanted]:
        away = np.linalg.norm(elsewhere - place, axis=1)
        other = elsewhere[rng.choice(np.argsort(away)[:NEAREST])]
        length = float(np.linalg.norm(other - place))
        lines.append(Line(place, (other - place) / length, length / 2, 0.0, length, length / 2))
    return True, lines


def _shown(
    record: Record, below: KnownLayers, layer: KnownLayer, looked: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Regions in which gradients leave the span of the neurons that may be on, and those in which none do."""
    points, gradients = record.centres[looked], record.gradients[looked]
    slopes = below.slopes(points)
    height = below.offered(points)[:, :-1] @ layer.weights.T + layer.biases
    rows: FloatArray = (layer.weights @ slopes) * ((height > 0) | ~layer.decided)[:, :, np.newaxis]
    rows /= np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-300)
    _, strength, right = np.linalg.svd(rows, full_matrices=False)
    moving = np.linalg.svd(slopes, compute_uv=False)
    room = (moving > DISTINCT * moving[:, :1]).sum(axis=1)
    telling = (strength > WEAK).sum(axis=1) < room
    right = right * (strength > WEAK)[:, :, np.newaxis]
    size = np.maximum(np.linalg.norm(gradients, axis=2), 1e-300)
    unit = gradients / size[:, :, np.newaxis]
    rest = np.linalg.norm(unit - (unit @ right.transpose(0, 2, 1)) @ right, axis=2).max(axis=1)
    doubt = SIGMAS * record.gradient_errors[looked] / size.min(axis=1)
    return telling & (rest > OUTSIDE + doubt), telling & (rest < INSIDE + doubt) & (doubt < OUTSIDE)
