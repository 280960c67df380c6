"""Try a recovered network on fresh queries: points at three scales, and a line whose every bend it predicts.

Points measure the largest output gap. A fresh line is stronger: the network predicts every piece, and each
piece is tried at both of its ends, out to 1e5 times the typical input norm. A neuron that is missing bends
the line somewhere and is wrong from there on; then the line is swept and the bend that nothing predicts is
handed back.

Cost: 2 queries per predicted piece, and the points. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.settings import ExtractSettings
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import Line, LineSweep, sweep_line
from hingeline.probing.probe import Probe

SIGMAS = 25.0
"""Gaps within this many standard deviations of the answers' noise agree."""
PARAMETER_SIGMAS = 8.0
"""Gaps within so many times what the claimed parameter error explains agree."""
PERTURBATIONS = 4
"""Random perturbations that tell what a parameter error does to the outputs."""


@dataclass(frozen=True, eq=False)
class Verification:
    """What fresh queries said about a recovered network."""

    largest_gap: float
    """Largest difference between the oracle and the network on fresh points."""
    tolerance: float
    """Gap allowed at the typical input norm."""
    worst_ratio: float
    """Largest gap over the gap allowed there; at most 1 when everything agrees."""
    points: int
    """Fresh rows compared."""
    unexplained: FloatArray
    """Parameters of bends on the fresh line that the network does not predict."""
    predicted: int
    """Bends that the network predicts on the fresh line."""
    sweep: LineSweep | None
    """The fresh line, swept closely because something on it disagreed; None if all agreed."""

    @property
    def passed(self) -> bool:
        """True if every gap is allowed and every bend is explained."""
        return self.worst_ratio <= 1.0 and not len(self.unexplained)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready summary."""
        return {
            "largest_gap": self.largest_gap,
            "tolerance": self.tolerance,
            "worst_ratio": self.worst_ratio,
            "points": self.points,
            "unexplained_bends": len(self.unexplained),
            "bends_on_fresh_line": self.predicted,
        }


def random_line(probe: Probe, rng: np.random.Generator, settings: ExtractSettings) -> Line:
    """A line through a random point of the domain in a random direction."""
    scale, dim = probe.calibration.scale, probe.input_dim
    origin = rng.standard_normal(dim) * scale / np.sqrt(dim)
    direction = rng.standard_normal(dim)
    direction /= np.linalg.norm(direction)
    reach = settings.line_reach * scale
    radius = probe.calibration.radius
    if np.isfinite(radius):
        reach = min(
            reach, np.sqrt(max(radius**2 - origin @ origin, 1e-12 * radius**2)) - abs(origin @ direction)
        )
    return Line(origin, direction, scale, -reach, reach)


def verify(
    probe: Probe,
    network: PiecewiseLinearNetwork,
    parameter_error: float,
    rng: np.random.Generator,
    settings: ExtractSettings,
) -> Verification:
    """Compare `network` with the oracle on fresh points and a fresh line.

    Args:
        probe: Where queries go; they count like all others.
        network: The candidate.
        parameter_error: Error that its rows are claimed to have; widens the allowed gap.
        rng: Draws points and line.
        settings: How many points.

    Raises:
        BudgetExhausted: The budget ended.
    """
    points = fresh_points(probe, rng, settings.check_points)
    line = random_line(probe, rng, settings)
    predicted = bends_of(network, line)
    on_line = line.at(_beside(line, predicted))
    asked = np.concatenate([points, on_line])
    gaps = np.abs(probe.ask(asked) - network(asked)).max(axis=1)
    ratios = gaps / allowed_gap(probe, network, parameter_error, asked)
    sweep, unexplained = None, np.zeros(0)
    if ratios[len(points) :].max() > 1.0:
        # something is wrong on the line: look at it closely, to say what is missing
        sweep = sweep_line(probe, line, predicted=predicted)
        unexplained = unexplained_bends(sweep, predicted, parameter_error)
    typical = np.zeros((1, probe.input_dim))
    typical[0, 0] = probe.calibration.scale
    return Verification(
        largest_gap=float(gaps[: len(points)].max()),
        tolerance=float(allowed_gap(probe, network, parameter_error, typical)[0]),
        worst_ratio=float(ratios.max()),
        points=len(asked),
        predicted=len(predicted),
        unexplained=unexplained,
        sweep=sweep,
    )


def _beside(line: Line, bends: FloatArray) -> FloatArray:
    """Parameters just inside both ends of every predicted piece, and the ends of the line."""
    edges = np.concatenate([[line.low], bends, [line.high]])
    width = np.minimum(np.diff(edges), line.scale + np.abs(edges[:-1]))
    inside = np.concatenate([edges[:-1] + 0.01 * width, edges[1:] - 0.01 * width])
    return np.unique(inside)


def fresh_points(probe: Probe, rng: np.random.Generator, count: int) -> FloatArray:
    """`count` random points at a third, once and three times the typical norm, within the usable radius."""
    dim = probe.input_dim
    sizes = probe.calibration.scale * np.array([1 / 3, 1.0, 3.0])
    sizes = np.minimum(sizes, 0.9 * probe.calibration.radius)
    points = rng.standard_normal((count, dim))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points * sizes[np.arange(count) % 3, np.newaxis]


def allowed_gap(
    probe: Probe, network: PiecewiseLinearNetwork, parameter_error: float, points: FloatArray
) -> FloatArray:
    """Gap that noise and the claimed parameter error explain at each point, shape "n"."""
    norms = np.linalg.norm(points, axis=1)
    values = network(points)
    noise = probe.noise.at_norm(norms) + EPSILON * np.abs(values).max(axis=1)
    return SIGMAS * noise + PARAMETER_SIGMAS * expected_gap(network, parameter_error, points)


def expected_gap(network: PiecewiseLinearNetwork, error: float, points: FloatArray) -> FloatArray:
    """How far outputs move, root mean square, if every row has random errors of that size: "n".

    Found by moving the parameters at random, offline: rows of unit norm by `error` per entry, offsets by
    `error` times the input they saw, output weights by `error` of their size.
    """
    if error == 0:
        return np.zeros(len(points))
    canonical = network.canonical()
    # steps far above rounding, scaled back: the gap is linear in small errors
    step = max(error, 1e-7)
    rng = np.random.default_rng(0)
    total = np.zeros(len(points))
    before = canonical(points)
    for _ in range(PERTURBATIONS):
        moved = _perturbed(canonical, step, rng)
        total += np.abs(moved(points) - before).max(axis=1) ** 2
    return np.sqrt(total / PERTURBATIONS) * (error / step)


def _perturbed(
    network: PiecewiseLinearNetwork, step: float, rng: np.random.Generator
) -> PiecewiseLinearNetwork:
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        size = np.linalg.norm(weight, axis=1, keepdims=True)
        weights.append(weight + step * size * rng.standard_normal(weight.shape))
        biases.append(bias + step * (size[:, 0] + np.abs(bias)) * rng.standard_normal(bias.shape))
    return PiecewiseLinearNetwork(weights, biases)


def bends_of(network: PiecewiseLinearNetwork, line: Line) -> FloatArray:
    """Parameters at which a network bends on a line, ascending; offline and exact."""
    edges = np.array([line.low, line.high])
    for layer in range(len(network.weights) - 1):
        # within each piece of the layers before, this layer's pre-activations are affine in t
        low, high = edges[:-1], edges[1:]
        inner = np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])
        heights = network.pre_activations(line.at(inner.ravel()))[layer].reshape(2, len(low), -1)
        slope = (heights[1] - heights[0]) / (inner[1] - inner[0])[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = inner[0][:, np.newaxis] - heights[0] / slope
        inside = np.isfinite(t) & (t > low[:, np.newaxis]) & (t < high[:, np.newaxis])
        edges = np.unique(np.concatenate([edges, t[inside]]))
    return edges[1:-1][_changes_slope(network, line, edges)]


def _changes_slope(network: PiecewiseLinearNetwork, line: Line, edges: FloatArray) -> BoolArray:
    """Which inner edges change the output's slope: neurons above a dead one do not show."""
    low, high = edges[:-1], edges[1:]
    inner = np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])
    values = network(line.at(inner.ravel())).reshape(2, len(low), -1)
    slopes = (values[1] - values[0]) / (inner[1] - inner[0])[:, np.newaxis]
    size = float(np.abs(slopes).max(initial=0.0))
    change: BoolArray = np.abs(np.diff(slopes, axis=0)).max(axis=1) > 1e-9 * size
    return change


def unexplained_bends(sweep: LineSweep, predicted: FloatArray, parameter_error: float) -> FloatArray:
    """Bends of a sweep that no prediction comes near."""
    bends = sweep.bends
    if not len(bends) or not len(predicted):
        return bends
    after = np.clip(np.searchsorted(predicted, bends), 1, len(predicted) - 1) if len(predicted) > 1 else None
    nearest = (
        np.abs(bends - predicted[0])
        if after is None
        else np.minimum(np.abs(bends - predicted[after - 1]), np.abs(bends - predicted[after]))
    )
    slack = np.maximum(1e-6, 1e3 * parameter_error) * (sweep.line.scale + np.abs(bends))
    return bends[nearest > slack + 20 * sweep.bend_errors]
