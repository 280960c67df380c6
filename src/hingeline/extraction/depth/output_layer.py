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
UNFIT = 1e-7
"""Residual, of what the answers vary, above which a sample shows that something is missing."""
TRIMS = 12
"""Times that samples which are missed are left out."""
TRIMMED = 20.0
"""Samples missed by so many times the median are left out."""
TYPICAL = 0.5
"""Quantile of the residuals that stands for all."""


@dataclass(frozen=True, eq=False)
class OutputFit:
    """Weights of the outputs over the last channels, the constant last."""

    weights: FloatArray
    """Shape "k c+1"."""
    residual: float
    """Median residual as a fraction of what the answers vary."""
    unfit: float
    """Share of the samples within ten times the typical norm that are missed by much more."""
    strange: FloatArray
    """Those samples, worst first, shape "u r"."""
    met: FloatArray
    """The others, shape "s r"."""


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
    matrix = matrix / columns
    keep = np.ones(len(samples), dtype=np.bool_)
    scaled = np.zeros((matrix.shape[1], answers.shape[1]))
    for _ in range(TRIMS):
        scaled = np.linalg.lstsq(matrix[keep], answers[keep], rcond=SMALL)[0]
        missed = np.abs(matrix @ scaled - answers).max(axis=1)
        # where a neuron is missing the answers are far off: the others must not suffer
        now = missed <= TRIMMED * np.median(missed[keep]) + 1e-300
        if (now == keep).all() or now.sum() < 2 * matrix.shape[1]:
            break
        keep = now
    solution = scaled / columns[:, np.newaxis]
    rest = np.abs(offered @ solution - given).max(axis=1)
    near = np.linalg.norm(samples, axis=1) < 10 * scale
    if not near.any():
        return OutputFit(solution.T, np.inf, 1.0, np.zeros((0, known.dim)), np.zeros((0, known.dim)))
    variation = float(np.ptp(given[near], axis=0).max()) or 1.0
    share = rest[near] / variation
    unfit = share > UNFIT
    return OutputFit(
        solution.T, float(np.quantile(share, TYPICAL)), float(unfit.mean()),
        samples[near][unfit][np.argsort(-share[unfit])], samples[near][~unfit],
    )  # fmt: skip
