"""Try a recovered network on fresh queries: points at three scales, and a line whose every bend it predicts.

Points measure the largest output gap. A fresh line is stronger: the network predicts every piece, and each
piece is tried at both of its ends, out to 1e5 times the typical input norm. A neuron that is missing bends
the line somewhere and is wrong from there on; then the line is swept and the bend that nothing predicts is
handed back.

Cost: 2 queries per predicted piece, and the points. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.box_points import one_sided_points
from hingeline.extraction.crossings import bends_of
from hingeline.extraction.resolution import resolution
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.telling_points import telling_points
from hingeline.extraction.verification import Verification
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import Line, LineSweep, sweep_line
from hingeline.probing.probe import Probe, is_coarse

SIGMAS = 25.0
"""Gaps within this many standard deviations of the answers' noise agree."""
PARAMETER_SIGMAS = 8.0
"""Gaps within so many times what the claimed parameter error explains agree."""
UNEXPLAINED = (
    "{count} bends seen on swept lines belong to no recovered neuron: one of tiny effect is missing; "
    "the network answers right within the tolerance all the same."
)
CLAIMED = 3.0
"""Callers claim so many standard deviations of a row's error."""
FAR_POINTS = 24
"""Points far out along the hyperplanes of a single hidden layer, altogether."""
FEWEST_FAR_POINTS = 3
"""Such points along each of many hyperplanes."""
BOX_POINTS = 60
"""Points all over a declared box: neurons that only cut off a corner show nowhere else."""
TYPICAL_POINTS = 150
"""Points at which the tolerance is computed, offline."""
PERTURBATIONS = 4
"""Random perturbations that tell what a parameter error does to the outputs."""

RowErrors = float | Sequence[FloatArray]
"""Standard deviation of an entry of each hidden unit row: one for all, or an array per hidden layer."""


def random_line(probe: Probe, rng: np.random.Generator, settings: ExtractSettings) -> Line:
    """A line through a random point of the domain in a random direction."""
    scale, dim = probe.calibration.scale, probe.input_dim
    origin = rng.standard_normal(dim) * scale / np.sqrt(dim)
    origin = probe.domain.pulled_in(origin[np.newaxis])[0]
    return line_towards(probe, origin, origin + rng.standard_normal(dim), settings)


def line_towards(probe: Probe, origin: FloatArray, target: FloatArray, settings: ExtractSettings) -> Line:
    """The line from one point through another, as far as answers are usable."""
    scale = probe.calibration.scale
    direction = (target - origin) / np.linalg.norm(target - origin)
    reach = settings.line_reach * scale
    low, high = probe.domain.along(origin, direction)
    return Line(origin, direction, scale, max(low, -reach), min(high, reach))


def verify(
    probe: Probe,
    network: PiecewiseLinearNetwork,
    parameter_error: RowErrors,
    rng: np.random.Generator,
    settings: ExtractSettings,
) -> Verification:
    """Compare `network` with the oracle on fresh points and a fresh line.

    Args:
        probe: Where queries go; they count like all others.
        network: The candidate.
        parameter_error: Error that its rows are claimed to have, one for all or one per hidden row; it
            widens the allowed gap.
        rng: Draws points and line.
        settings: How many points.

    Raises:
        BudgetExhausted: The budget ended.
    """
    points = fresh_points(probe, rng, settings.check_points)
    line = random_line(probe, rng, settings)
    predicted = bends_of(network, line)
    places = points_at(line, predicted)
    on_line = line.at(places)
    telling = telling_points(network, probe.calibration.scale, probe.domain, rng)
    corners = probe.domain.spread(BOX_POINTS, probe.input_dim, rng)
    one_sided = one_sided_points(network, probe.domain, rng)
    asked = np.concatenate([points, on_line, telling, _far_along(network, probe, rng), corners, one_sided])
    answers = probe.ask(asked)
    gaps = np.abs(answers - network(asked)).max(axis=1)
    allowed = allowed_gap(probe, network, parameter_error, asked)
    ratios = gaps / allowed
    # what a corner shows is met on the way to other points, too, and lines to those tell more
    elsewhere = ratios[: len(ratios) - len(one_sided)]
    worst = int(np.argmax(elsewhere if elsewhere.max() > 1.0 else ratios))
    sweep, unexplained = None, np.zeros(0)
    if ratios[len(points) : len(points) + len(on_line)].max() > 1.0:
        # something is wrong on the line: look at it closely, to say what is missing
        sweep = sweep_line(probe, line, predicted=predicted)
        unexplained = unexplained_bends(sweep, predicted, largest_error(parameter_error))
    typical = fresh_points(probe, rng, TYPICAL_POINTS)
    return Verification(
        largest_gap=float(gaps[: len(points)].max()),
        tolerance=float(allowed_gap(probe, network, parameter_error, typical).max()),
        variation=float(np.ptp(answers[: len(points)], axis=0).max() or np.ptp(answers, axis=0).max()),
        noise=float(probe.noise.at(typical).max()),
        worst_ratio=float(ratios.max()),
        points=len(asked),
        reach=float(np.linalg.norm(asked, axis=1).max()),
        predicted=len(predicted),
        unexplained=unexplained,
        sweep=sweep,
        worst_point=asked[worst],
        misfit=_misfit(probe, network, parameter_error, points, gaps[: len(points)]),
        resolution=resolution(network, line, places, allowed[len(points) : len(points) + len(places)]),
    )


def _misfit(
    probe: Probe, network: PiecewiseLinearNetwork, errors: RowErrors, points: FloatArray, gaps: FloatArray
) -> float:
    """Root mean square of the gaps in deviations of noise and rows; 0 unless answers are coarse."""
    if not is_coarse(probe):
        return 0.0
    moved = expected_gap(network, errors, points) / CLAIMED
    noise = probe.noise.at(points) + EPSILON * np.abs(network(points)).max(axis=1)
    return float(np.sqrt(np.mean((gaps / np.hypot(noise, moved)) ** 2)))


def _far_along(network: PiecewiseLinearNetwork, probe: Probe, rng: np.random.Generator) -> FloatArray:
    """Points far out beside each hyperplane of a single hidden layer: a deeper neuron bends away there.

    The boundary of a second-layer neuron may run straight for a hundred typical norms, and pass for a
    first-layer hyperplane on every line near the origin. Far out along it the two differ.
    """
    if len(network.weights) != 2 or not probe.domain.free:
        return np.zeros((0, network.input_dim))
    width = max(1, network.hidden_widths[0])
    count = max(FEWEST_FAR_POINTS, FAR_POINTS // width)
    layer = network.canonical()
    normals, offsets = np.repeat(layer.weights[0], count, axis=0), np.repeat(layer.biases[0], count)
    return _beside_far(normals, offsets, probe, rng)


def _beside_far(
    normals: FloatArray, offsets: FloatArray, probe: Probe, rng: np.random.Generator
) -> FloatArray:
    """One point per row, far out on its hyperplane and a little to its active side."""
    tangents = rng.standard_normal(normals.shape)
    tangents -= np.einsum("nd,nd->n", tangents, normals)[:, np.newaxis] * normals
    lengths = np.linalg.norm(tangents, axis=1, keepdims=True)
    tangents = tangents / np.where(lengths > 0, lengths, 1.0)
    reach = probe.calibration.scale * 10 ** rng.uniform(2.0, 4.5, (len(normals), 1))
    return (1e-4 * reach - offsets[:, np.newaxis]) * normals + reach * tangents


def points_beside(line: Line, bends: FloatArray) -> FloatArray:
    """Parameters just inside both ends of every predicted piece, and the ends of the line."""
    edges = np.concatenate([[line.low], bends, [line.high]])
    width = np.minimum(np.diff(edges), line.scale + np.abs(edges[:-1]))
    inside = np.concatenate([edges[:-1] + 0.01 * width, edges[1:] - 0.01 * width])
    return np.unique(inside)


def points_at(line: Line, bends: FloatArray) -> FloatArray:
    """Parameters of every predicted bend, just inside the beginning of every piece, and the end of the line.

    Two neurons that pass for one show between their hyperplanes only, and that is where the one is.
    """
    beside = points_beside(line, bends)
    return np.unique(np.concatenate([bends, beside[::2], beside[-1:]]))


def fresh_points(
    probe: Probe, rng: np.random.Generator, count: int, sizes: tuple[float, ...] = (1 / 3, 1.0, 3.0)
) -> FloatArray:
    """`count` random points at `sizes` times the typical norm in turn, pulled into the domain."""
    norms = probe.calibration.scale * np.array(sizes)
    points = rng.standard_normal((count, probe.input_dim))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return probe.domain.pulled_in(points * norms[np.arange(count) % len(sizes), np.newaxis])


def allowed_gap(
    probe: Probe, network: PiecewiseLinearNetwork, parameter_error: RowErrors, points: FloatArray
) -> FloatArray:
    """Gap that noise and the claimed parameter error explain at each point, shape "n"."""
    norms = np.linalg.norm(points, axis=1)
    values = network(points)
    noise = probe.noise.at_norm(norms) + EPSILON * np.abs(values).max(axis=1)
    return SIGMAS * noise + PARAMETER_SIGMAS * expected_gap(network, parameter_error, points)


def expected_gap(network: PiecewiseLinearNetwork, errors: RowErrors, points: FloatArray) -> FloatArray:
    """How far outputs move, root mean square, if rows have random errors of that size: "n".

    Found by moving the parameters at random, offline: rows of unit norm by their error per entry, offsets
    by the error times the input they saw, outgoing weights by the error of their size, the output bias by
    what wrong offsets do to it. Without hidden rows the error is that of a Jacobian entry.
    """
    rows = _per_row(network, errors)
    if not rows:
        return 2 * largest_error(errors) * np.linalg.norm(points, axis=1)
    largest = largest_error(rows)
    if largest == 0:
        return np.zeros(len(points))
    # steps far above rounding, scaled back: the gap is linear in small errors
    stretch = max(1.0, 1e-7 / largest)
    rng = np.random.default_rng(0)
    total = np.zeros(len(points))
    canonical = network.canonical()
    before = canonical(points)
    norms = np.linalg.norm(points, axis=1)
    seen = canonical.activation_pattern(points[norms <= np.median(norms)])[-1].mean(axis=0)
    for _ in range(PERTURBATIONS):
        moved = perturbed(canonical, [stretch * e for e in rows], rng, seen)
        total += np.abs(moved(points) - before).max(axis=1) ** 2
    return np.sqrt(total / PERTURBATIONS) / stretch


def largest_error(errors: RowErrors) -> float:
    """The largest of all claimed errors."""
    if isinstance(errors, float | int):
        return errors
    return max((float(e.max(initial=0.0)) for e in errors), default=0.0)


def _per_row(network: PiecewiseLinearNetwork, errors: RowErrors) -> list[FloatArray]:
    if isinstance(errors, float | int):
        errors = [np.full(width, float(errors)) for width in network.hidden_widths]
    # a unit row cannot be more wrong than by its own size
    return [np.minimum(e, 1.0) for e in errors]


def perturbed(
    network: PiecewiseLinearNetwork,
    errors: Sequence[FloatArray],
    rng: np.random.Generator,
    seen: FloatArray | float = 1.0,
) -> PiecewiseLinearNetwork:
    """The network moved at random: each hidden row, and what its neuron feeds, by that row's error.

    Args:
        network: Hidden rows of unit norm.
        errors: Error of each row of each hidden layer.
        rng: Draws.
        seen: How often each neuron of the last layer was on where the output bias was measured, "n".
    """
    weights, biases = list(network.weights), list(network.biases)
    for layer, error in enumerate(errors):
        offset = error * (1 + np.abs(biases[layer]))
        onward = weights[layer + 1]
        weights[layer] = weights[layer] + error[:, np.newaxis] * rng.standard_normal(weights[layer].shape)
        biases[layer] = biases[layer] + offset * rng.standard_normal(len(offset))
        weights[layer + 1] = onward * (1 + error * rng.standard_normal(onward.shape))
        if layer + 1 == len(errors):
            biases[-1] = biases[-1] + onward @ (seen * offset * rng.standard_normal(len(offset)))
    return PiecewiseLinearNetwork(weights, biases)


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
