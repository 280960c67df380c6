"""The answers of a search as a polish may fit them: at the very points that were asked, with their errors.

In the coordinates of the span a point of the first lines is only nearly the one that was asked, for the
span is known to some digits; so points are taken from the lines themselves.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.recorded import Recorded
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

FARTHEST = 100.0
"""Answers farther out, in typical input norms, tell too little for their rounding."""


def recorded_answers(
    probe: Probe,
    measured: Sequence[tuple[MeasuredLine, FloatArray]],
    samples: Sequence[tuple[FloatArray, FloatArray]],
    rows: FloatArray,
) -> Recorded:
    """Answers at both ends of every piece and within measured ones, and at points asked beside lines.

    Args:
        probe: The door, in input coordinates.
        measured: Lines with the rows that take their coordinates to the span's.
        samples: Points of the span with their answers.
        rows: Orthonormal rows that take inputs to the span, "r d".
    """
    points, values, sizes, slopes = (
        list[FloatArray](),
        list[FloatArray](),
        list[FloatArray](),
        list[FloatArray](),
    )
    for line, to_span in measured:
        sweep = line.sweep
        lengths = sweep.highs - sweep.lows
        far = np.maximum(np.abs(sweep.lows), np.abs(sweep.highs)) + np.linalg.norm(sweep.line.origin)
        at = [sweep.line.at(sweep.lows), sweep.line.at(sweep.highs), line.centres]
        given = [sweep.values, sweep.values + lengths[:, np.newaxis] * sweep.slopes, line.values]
        # the second answer of a piece is its first one and the slope: as rough as the rougher of both
        known = [np.isfinite(far), np.isfinite(far), np.isfinite(line.jacobian_errors)]
        for where, answers, seen in zip(at, given, known, strict=True):
            inside = where[seen] if to_span.shape[1] == rows.shape[1] else where[seen] @ rows
            points.append(inside)
            values.append(answers[seen])
            sizes.append(np.maximum(far[seen], np.linalg.norm(inside, axis=1)))
            slopes.append(np.abs(sweep.slopes[seen]).max(axis=1))
    for asked, answers in samples:
        points.append(asked @ rows)
        values.append(answers)
        sizes.append(np.linalg.norm(asked, axis=1))
        slopes.append(np.zeros(len(asked)))
    every, size = np.concatenate(points), np.concatenate(sizes)
    answers = np.concatenate(values)
    noise = probe.noise.at_norm(size) + EPSILON * np.abs(answers).max(axis=1)
    noise = np.hypot(noise, probe.input_noise(np.concatenate(slopes)) * size)
    near = np.linalg.norm(every, axis=1) < FARTHEST * probe.calibration.scale
    scale = probe.calibration.scale
    return Recorded(every[near], answers[near], scale + size[near], noise[near])
