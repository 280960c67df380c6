"""Asking for the biases of a network whose weights were found from far away.

Every answer tells the same about the biases, whatever its norm, as long as the weights' errors do not show.
Half of them are asked as far out as that allows, where patterns are those that the network was found by;
half at typical norms, where it will be used.

Cost: the queries are the settings' answers per bias, at least 96. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bias_fit import fit_biases, with_repeats, with_rounding
from hingeline.extraction.recovery import Bench
from hingeline.extraction.typical_check import Returned
from hingeline.extraction.verify import expected_gap, fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe

HIDDEN = 0.3
"""Weights' errors may move the answers that biases are fitted to by this share of the answers' own error."""
NEAREST = 1 / 3
"""Smallest norm at which biases are fitted, in typical norms."""
FAR_SPAN = 10.0
"""Half of the answers for the biases are asked within this factor of the farthest norm."""
FEWEST = 96
"""Fewest answers for the biases."""
FEWEST_ON, POOL = 8, 20
"""Answers wanted where each neuron is on, and points per answer among which such are looked for."""
EDGE = 1e-9
"""Keeps intervals of norms from being empty."""


def with_biases(
    bench: Bench,
    network: PiecewiseLinearNetwork,
    rows: list[FloatArray],
    unit: float,
    rng: np.random.Generator,
) -> Returned:
    """Ask for the biases between typical norms and where the weights' errors begin to show, and fit them.

    The noise is told by the far half of the answers: there a neuron that only acts near the origin, and is
    missing, does not add to it.
    """
    probe = bench.probe
    reach = _reach(network, rows, bench, unit)
    points = _bias_points(bench, network, reach, rng)
    with probe.session.phase("biases"):
        answers = probe.ask(points)

    def noise(at: FloatArray) -> FloatArray:
        return np.hypot(_answers_error(probe, at), _weights_gap(network, rows, at))

    said = noise(points)
    sizes = np.linalg.norm(points, axis=1) / probe.calibration.scale
    far = sizes >= 0.999 * max(reach / FAR_SPAN, 1.0)
    distant = fit_biases(network, points[far], answers[far], said[far])
    fit = fit_biases(distant.network, points, answers, said)
    factor = distant.factor
    fit = fit.scaled(max(factor / fit.factor, 1.0))
    step = probe.calibration.rounding
    if step is not None:
        fit = with_rounding(fit, points, said, step, rng)
    else:
        fit = with_repeats(fit, points, answers, said)
    return Returned(fit, lambda at: factor * noise(at), reach)


def _answers_error(probe: Probe, points: FloatArray) -> FloatArray:
    """Standard deviation of the answers as it was measured, or as rounding to a known step makes it: "n"."""
    step, growing = probe.calibration.rounding, probe.calibration.noise.per_norm
    if step is None:
        return probe.noise.at(points)
    return np.hypot(step / np.sqrt(12.0), growing * np.linalg.norm(points, axis=1))


def _bias_points(
    bench: Bench, network: PiecewiseLinearNetwork, reach: float, rng: np.random.Generator
) -> FloatArray:
    """Half of them far out, half at typical norms, and some where a neuron is on that seldom is."""
    count = sum(len(bias) for bias in network.biases)
    half = max(FEWEST, int(np.ceil(bench.settings.answers_per_bias * count / network.output_dim))) // 2
    far = np.exp(rng.uniform(np.log(max(reach / FAR_SPAN, 1.0)), np.log(reach + EDGE), half))
    near = np.exp(rng.uniform(np.log(NEAREST), np.log(3.0), half))
    points = _at_norms(bench, np.concatenate([far, near]), rng)
    if not network.hidden_widths:
        return points
    pool = _at_norms(bench, np.exp(rng.uniform(np.log(NEAREST / 10), np.log(reach + EDGE), POOL * half)), rng)
    on = np.concatenate(network.activation_pattern(points), axis=1)
    offered = np.concatenate(network.activation_pattern(pool), axis=1)
    lacking = np.flatnonzero(on.sum(axis=0) < FEWEST_ON)
    rare = [np.flatnonzero(offered[:, neuron])[: FEWEST_ON * 2] for neuron in lacking]
    return np.concatenate([points, *(pool[chosen] for chosen in rare)])


def _at_norms(bench: Bench, sizes: FloatArray, rng: np.random.Generator) -> FloatArray:
    return fresh_points(bench.probe, rng, len(sizes), (1.0,)) * sizes[:, np.newaxis]


def _weights_gap(network: PiecewiseLinearNetwork, rows: list[FloatArray], points: FloatArray) -> FloatArray:
    """What the weights' errors do to the answers, biases apart: "n"."""
    bare = PiecewiseLinearNetwork(network.weights, [np.zeros_like(bias) for bias in network.biases])
    return expected_gap(bare, rows, points)


def _reach(network: PiecewiseLinearNetwork, rows: list[FloatArray], bench: Bench, unit: float) -> float:
    """Norm, in typical norms, up to which the weights' errors are well below the answers' own."""
    points = fresh_points(bench.probe, np.random.default_rng(0), FEWEST, (1.0,))
    gap = float(_weights_gap(network, rows, points).max())
    noise = float(bench.probe.noise.at(points).min())
    most = HIDDEN * noise / gap if gap > 0 else unit
    return float(np.clip(most, 1.0, np.sqrt(unit)))
