"""The output layer by one linear solve over everything that was answered, and what it leaves unexplained.

Given all hidden layers the answers are linear in the last layer's channels. If the depth is right and no
neuron is missing, what is left over is noise; otherwise it is many orders more. So this residual tells when
the last layer has been reached.

Source: specs on reverse engineering 3.7 and 7.7. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import Record

SMALL = 1e-12
"""Directions of the channels weaker than this are not determined."""
TYPICAL = 0.5
"""Quantile of the residuals that stands for all."""


@dataclass(frozen=True, eq=False)
class OutputFit:
    """Weights of the outputs over the last channels, the constant last."""

    weights: FloatArray
    """Shape "k c+1"."""
    residual: float
    """Median residual as a fraction of what the answers vary."""
    worst: float
    """Largest residual of all answers within ten times the typical norm, as such a fraction."""
    worst_point: FloatArray
    """Where, shape "r"."""


def fit_output(record: Record, known: KnownLayers, scale: float) -> OutputFit:
    """Solve for the output layer.

    Args:
        record: All lines.
        known: All hidden layers.
        scale: Typical input norm.
    """
    reliable = known.reliable(record.samples)
    samples, given = record.samples[reliable], record.answers[reliable]
    norms = scale + np.linalg.norm(samples, axis=1)
    offered = known.offered(samples)
    # answers far out are as exact relative to the distance: divide by it
    matrix, answers = offered / norms[:, np.newaxis], given / norms[:, np.newaxis]
    columns = np.linalg.norm(matrix, axis=0)
    columns = np.where(columns > 0, columns, 1.0)
    solution = np.linalg.lstsq(matrix / columns, answers, rcond=SMALL)[0] / columns[:, np.newaxis]
    rest = np.abs(offered @ solution - given).max(axis=1)
    near = np.linalg.norm(samples, axis=1) < 10 * scale
    if not near.any():
        return OutputFit(solution.T, np.inf, np.inf, np.zeros(known.dim))
    variation = float(np.ptp(given[near], axis=0).max()) or 1.0
    worst = int(np.argmax(np.where(near, rest, 0.0)))
    typical = float(np.quantile(rest[near], TYPICAL)) if near.any() else np.inf
    return OutputFit(solution.T, typical / variation, float(rest[worst]) / variation, samples[worst])
