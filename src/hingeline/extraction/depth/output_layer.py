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
from hingeline.extraction.depth.robust_solve import agreeing_solution

UNFIT = 1e-7
"""Residual, of what the answers vary, above which a sample shows that something is missing."""
TYPICAL = 0.5
"""Quantile of the residuals that stands for all."""


@dataclass(frozen=True, eq=False)
class OutputFit:
    """Weights of the outputs over the last channels, the constant last."""

    weights: FloatArray
    """Shape "k c+1"."""
    residual: float
    """Median residual within ten times the typical norm, as a fraction of what the answers vary."""
    unfit: float
    """Share of the samples that are missed by much more, of what answers vary at that distance."""
    strange: FloatArray
    """Those samples, worst first, shape "u r"."""
    met: FloatArray
    """The others, shape "s r"."""
    variation: float = 1.0
    """What answers vary within ten times the typical norm."""


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
    near = norms < 11 * scale
    if not near.any():
        weights = np.zeros((given.shape[1], offered.shape[1]))
        return OutputFit(weights, np.inf, 1.0, np.zeros((0, known.dim)), np.zeros((0, known.dim)))
    variation = float(np.ptp(given[near], axis=0).max()) or 1.0
    # answers far out are as exact relative to the distance: divide by it
    matrix, answers = offered / norms[:, np.newaxis], given / norms[:, np.newaxis]
    solution = agreeing_solution(matrix, answers, record.typical[reliable], UNFIT * variation / scale)
    share = np.abs(matrix @ solution - answers).max(axis=1) * scale / variation
    unfit = share > UNFIT
    return OutputFit(
        solution.T, float(np.quantile(share[near], TYPICAL)), float(unfit.mean()),
        samples[unfit][np.argsort(-share[unfit])], samples[~unfit], variation,
    )  # fmt: skip
