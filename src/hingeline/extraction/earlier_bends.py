"""Bends of lines swept before that a recovered network does not explain.

A bend that is clear only of the noise at random inputs, but not of the larger noise that a line within the
span of few rows may have, is contested: the door is asked again there, and the noise is what those answers
scatter by.

Cost: no queries, but twice `AGAIN` for a contested bend. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.crossings import TINY, bends_of
from hingeline.extraction.verify import SIGMAS, unexplained_bends
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import ROUNDING, Probe

CLEAR_SIGMAS = 30.0
"""A bend is clear if its slope jump exceeds this many standard deviations."""
SEEN_ROWS = 1e-12
"""Directions that the first rows hold less strongly than this, of the strongest, are not seen at all."""
AGAIN = 40
"""Answers asked on either side of a contested bend."""
SHOWN_AGAIN = 8.0
"""Standard deviations, of as many answers, beyond which a slope jump is there and not by chance."""
INNER = 0.05
"""Part of a piece left out at its ends, where other bends may lie a little off."""


def contradictions(
    network: PiecewiseLinearNetwork,
    parameter_error: float,
    sweeps: Sequence[LineSweep],
    probe: Probe | None = None,
    door: Probe | None = None,
) -> int:
    """How many clear bends of lines swept before the network does not explain.

    A neuron of tiny effect may escape every comparison of values, but not this one. With a `probe`, of coarse
    answers, a bend is let pass where the network meets the pieces on both sides within the noise: a bend
    clear of the noise lifts the far end of a piece above it, one that noise made up does not.

    A line within the span of the first rows moves the network more than random inputs of the same norm do, at
    which the noise was measured: a bend that is not clear of so much noise is asked for again at the `door`.
    Without one it counts.

    Raises:
        BudgetExhausted: The budget ended before a contested bend was settled.
    """
    count = 0
    rows = _orthonormal_rows(network)
    for sweep in sweeps:
        crossings = bends_of(network, sweep.line, visible=False)
        unexplained = unexplained_bends(sweep, crossings, parameter_error)
        jumps = np.abs(sweep.jumps).max(axis=1)
        doubt = CLEAR_SIGMAS * np.hypot(sweep.slope_errors[:-1], sweep.slope_errors[1:])
        wrong = np.isin(sweep.bends, unexplained) & (jumps > doubt)
        if probe is not None and wrong.any():
            met = _meets_pieces(network, sweep, probe)
            wrong &= ~(met[:-1] & met[1:])
        if door is not None and wrong.any():
            contested = wrong & (jumps <= _within_span(sweep, rows) * doubt)
            for index in np.nonzero(contested)[0]:
                wrong[index] = _bends_there(network, sweep, int(index), door)
        count += int(wrong.sum())
    return count


def _bends_there(network: PiecewiseLinearNetwork, sweep: LineSweep, index: int, door: Probe) -> bool:
    """Whether what the network leaves over of new answers bends at a bend, by how much they scatter."""
    slopes, variances = list[FloatArray](), list[FloatArray]()
    for piece in (index, index + 1):
        low, high = sweep.lows[piece], sweep.highs[piece]
        t = low + (high - low) * np.linspace(INNER, 1 - INNER, AGAIN)
        points = sweep.line.at(t)
        with door.session.phase("verify"):
            values = door.ask(points)
        rest = values - network(points)
        lever = t - t.mean()
        spread = float(lever @ lever)
        slope = lever @ rest / spread
        scatter = rest - rest.mean(axis=0) - lever[:, np.newaxis] * slope
        rounding = ROUNDING * EPSILON * np.abs(values).max(axis=0)
        slopes.append(slope)
        variances.append(np.maximum((scatter**2).sum(axis=0) / (AGAIN - 2), rounding**2) / spread)
    jump = np.abs(slopes[1] - slopes[0])
    return bool((jump > SHOWN_AGAIN * np.sqrt(variances[0] + variances[1])).any())


def _orthonormal_rows(network: PiecewiseLinearNetwork) -> FloatArray:
    """Rows spanning what the network sees of an input, shape "r d"."""
    singular, right = np.linalg.svd(network.weights[0], full_matrices=False)[1:]
    return np.asarray(right[singular > SEEN_ROWS * singular[:1].max(initial=TINY)])


def _within_span(sweep: LineSweep, rows: FloatArray) -> float:
    """How much more of a line lies within a span than of random points, at least 1."""
    if not len(rows) or not len(sweep.lows):
        return 1.0
    points = sweep.line.at(np.concatenate([sweep.lows, sweep.highs]))
    norms = np.linalg.norm(points, axis=1)
    share = np.linalg.norm(points @ rows.T, axis=1) / np.maximum(norms, TINY)
    return max(1.0, float(np.median(share)) * float(np.sqrt(rows.shape[1] / len(rows))))


def _meets_pieces(network: PiecewiseLinearNetwork, sweep: LineSweep, probe: Probe) -> BoolArray:
    """Which pieces of a sweep the network meets at both ends within the noise of the answers, "b+1"."""
    lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
    met = np.ones(len(sweep.lows), dtype=np.bool_)
    for at, seen in ((sweep.lows, sweep.values), (sweep.highs, sweep.values + lengths * sweep.slopes)):
        points = sweep.line.at(at)
        noise = probe.noise.at(points) + EPSILON * np.abs(seen).max(axis=1)
        met &= np.abs(network(points) - seen).max(axis=1) <= SIGMAS * noise
    return met
