"""Neurons that do not vanish on their other side: leaky ReLU, a slope per neuron, absolute value.

A neuron of slope a on its negative side is c (1 - a)/2 |z| + c (1 + a)/2 z: across its hyperplane the output
jumps by c (1 - a), and the linear parts of all neurons add up to the network's, sum_j t_j jump_j row_j / 2
with t = s (1 + a)/(1 - a), s = +-1 for the orientation of the row. These are the equations that name the
signs of a ReLU layer (|t| = 1) with real unknowns instead of bits: t = 0 is the absolute value, one |t| > 1
for all is a leaky ReLU. Where there are more neurons than equations, one slope for all is looked for: what is
left of the equations across the linear part is a problem in bits again.

A neuron with slopes 1 and a is one with slopes 1/a and 1 turned round: the steeper side counts as the
positive one, so |a| <= 1. Source: ours. Cost: neurons / outputs + 6 queries, for slopes to the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.recovery import Bench
from hingeline.extraction.single_layer import RegionView, SingleLayer, sign_equations, system_tolerance
from hingeline.extraction.verify import fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import SLACK, BinaryStatus, solve_binary
from hingeline.numerics.tolerances import EPSILON

SPARE_EQUATIONS = 1
"""Equations that must hold beyond those that a slope per neuron needs: else any linear part would do."""
SHARED_SIGMAS = 8.0
"""Slopes within so many of their deviations are one slope, or are exactly that of a ReLU."""
VAGUEST = 0.02
"""A balance that is uncertain by more than this, relatively, tells no activation."""
SPARE_BITS = 20
"""Bits that the equations of one shared slope must tell beyond one per neuron."""
TIGHT = 1e-6
"""Balances are taken for 0 or +-1 if they are so near to it, and so near is what the errors allow."""
SPARE_POINTS = 5
"""Points beyond the unknowns at which balances are fitted."""
SEARCH_SECONDS = 20.0
"""Longest that a search for the orientations of one shared slope may take."""


@dataclass(frozen=True, eq=False)
class SlopedLayer(SingleLayer):
    """A layer whose neurons are jumps_j (relu(z_j) + (t_j - 1)/2 z_j); `linear` carries the second part."""

    balances: FloatArray
    """t_j: 1 and -1 for a ReLU of this and of the other orientation, 0 for the absolute value, shape "n"."""
    balance_errors: FloatArray
    """Standard deviation of each, shape "n"."""
    shared: bool
    """Whether all have one slope, so that |t_j| is one number."""

    @property
    def slopes(self) -> FloatArray:
        """Slope of each neuron's flatter side, where the steeper has 1, shape "n"."""
        size = np.abs(self.balances)
        return (size - 1) / (size + 1)

    @property
    def slope_errors(self) -> FloatArray:
        """Standard deviation of each slope, shape "n"."""
        return 2 * self.balance_errors / (np.abs(self.balances) + 1) ** 2

    @property
    def doubled(self) -> BoolArray:
        """Which neurons take two ReLUs, shape "n"."""
        return np.abs(self.balances) != 1.0

    @property
    def row_errors(self) -> FloatArray:
        """Standard deviation of an entry of each hidden row of `to_network()`."""
        return np.concatenate([self.errors, self.errors[self.doubled]])

    def to_network(self) -> PiecewiseLinearNetwork:
        """As a plain ReLU network: the steeper sides first, then the flatter ones of all that have one."""
        side = np.where(self.balances < 0, -1.0, 1.0)
        rows, offsets = self.normals * side[:, np.newaxis], self.offsets * side
        size = np.abs(self.balances)[:, np.newaxis]
        steep, flat = self.jumps * (1 + size) / 2, self.jumps * (1 - size) / 2
        two = self.doubled
        return PiecewiseLinearNetwork(
            [np.concatenate([rows, -rows[two]]), np.concatenate([steep, flat[two]]).T],
            [np.concatenate([offsets, -offsets[two]]), self.constant],
        )

    def with_balances(self, balances: FloatArray, errors: FloatArray, constant: FloatArray) -> SlopedLayer:
        """The layer with other balances and the linear part that follows from them."""
        linear = ((balances - 1) / 2 * self.jumps.T) @ self.normals
        return replace(self, balances=balances, balance_errors=errors, linear=linear, constant=constant)


def with_slopes(layer: SingleLayer, view: RegionView) -> SlopedLayer | None:
    """The layer with a slope per neuron, or one for all, that gives the linear part; None if none does.

    Args:
        layer: All neurons in any orientation, with the bypass and constant that hold at the view.
        view: One measured region.
    """
    columns, right = sign_equations(layer, view)
    tolerance = system_tolerance(layer, view, columns)
    found = _one_each(columns, right, tolerance)
    shared = found is None
    if found is None:
        found = _one_for_all(columns, right, tolerance)
    if found is None:
        return None
    balances, errors = found
    if (errors > VAGUEST * (1 + np.abs(balances))).any():
        return None
    parts = (layer.normals, layer.offsets, layer.jumps, layer.errors, layer.linear, layer.constant)
    sloped = SlopedLayer(*parts, balances=balances, balance_errors=errors, shared=shared)
    new = sloped.with_balances(balances, errors, layer.constant)
    return replace(new, constant=layer.constant + (layer.linear - new.linear) @ view.centre)


def _one_each(
    columns: FloatArray, right: FloatArray, tolerance: float
) -> tuple[FloatArray, FloatArray] | None:
    """Balances from equations enough for a real number per neuron, if they all hold."""
    if len(right) < columns.shape[1] + SPARE_EQUATIONS:
        return None
    inverse = np.linalg.pinv(columns, rcond=EPSILON * len(right))
    wrong = inverse @ right
    if np.abs(columns @ wrong - right).max() > SLACK * tolerance:
        return None
    return 1 - 2 * wrong, 2 * tolerance * np.linalg.norm(inverse, axis=1)


def _one_for_all(
    columns: FloatArray, right: FloatArray, tolerance: float
) -> tuple[FloatArray, FloatArray] | None:
    """Balances of one size from fewer equations than neurons: columns @ t = linear, t = rho s."""
    count = columns.shape[1]
    linear = columns.sum(axis=1) - 2 * right
    size = float(np.linalg.norm(linear))
    if size <= 2 * SLACK * tolerance * len(right) ** 0.5:
        # no linear part at all: the absolute value, whichever way rows point
        error = 2 * tolerance / float(np.linalg.svd(columns, compute_uv=False)[0])
        return np.zeros(count), np.full(count, error)
    # across the linear part nothing is left: Q columns s = 0; the first sign is free, with that of rho
    along = linear / size
    across = columns - np.outer(along, along @ columns)
    # the linear part is known to within 2 tolerances, which what it takes away inherits
    doubt = tolerance * (1 + 2 * float(np.linalg.norm(along @ columns, 1)) / size)
    if _told_bits(across[:, 1:], doubt) < count + SPARE_BITS:
        return None
    solution = solve_binary(2 * across[:, 1:], across.sum(axis=1), 2 * doubt, time_limit=SEARCH_SECONDS)
    if solution.bits is None or solution.status is not BinaryStatus.EXACT or not solution.unique:
        return None
    signs = np.append(1.0, 1.0 - 2.0 * solution.bits)
    along = columns @ signs
    rho = float(along @ linear) / float(along @ along)
    if np.abs(rho * along - linear).max() > 2 * SLACK * tolerance * max(1.0, abs(rho)):
        return None
    return rho * signs, np.full(count, 2 * tolerance / float(np.linalg.norm(along)))


def _told_bits(columns: FloatArray, tolerance: float) -> float:
    """How many bits equations with these `columns` tell at most: with too few, chance makes them hold."""
    singular = np.linalg.svd(columns, compute_uv=False)
    return float(np.log2(np.maximum(singular / (SLACK * tolerance), 1.0)).sum())


def refitted(bench: Bench, layer: SlopedLayer, attempt: int) -> SlopedLayer:
    """The layer with balances and constant fitted to fresh answers, once its rows are exact.

    Raises:
        BudgetExhausted: The budget ended.
    """
    outputs = layer.jumps.shape[1]
    unknowns = 1 if layer.shared else layer.width
    count = int(np.ceil(unknowns / outputs)) + SPARE_POINTS
    points = fresh_points(bench.probe, bench.randomness.step("slopes", attempt), count)
    with bench.probe.session.phase("slopes"):
        answers = bench.probe.ask(points)
    noise = bench.probe.noise.at(points) + EPSILON * np.abs(answers).max(axis=1)
    # what the rows' errors do, to either side
    sizes = np.linalg.norm(layer.jumps, axis=1) * (1 + np.abs(layer.balances)) / 2
    noise = np.hypot(noise, np.linalg.norm(points, axis=1) * float(np.linalg.norm(layer.errors * sizes)))
    layer = _fitted(layer, points, answers, noise)
    if not layer.shared and _is_shared(layer):
        layer = _fitted(replace(layer, shared=True), points, answers, noise)
    return _settled(layer)


def _settled(layer: SlopedLayer) -> SlopedLayer:
    """Balances that are 0 or +-1 within tight errors made exactly that: one ReLU, or the absolute value."""
    nearest = np.clip(np.round(layer.balances), -1.0, 1.0)
    doubt = np.minimum(SHARED_SIGMAS * (layer.balance_errors + EPSILON), TIGHT)
    settled = np.where(np.abs(layer.balances - nearest) < doubt, nearest, layer.balances)
    return layer.with_balances(settled, layer.balance_errors, layer.constant)


def _fitted(layer: SlopedLayer, points: FloatArray, answers: FloatArray, noise: FloatArray) -> SlopedLayer:
    """Least squares for the balances (or their one size) and the constant; errors from noise and misfit."""
    outputs = answers.shape[1]
    heights = points @ layer.normals.T + layer.offsets
    # f = sum_j jump_j |z_j| / 2 + sum_j t_j jump_j z_j / 2 + constant
    part = np.einsum("pn,nk->pkn", heights / 2, layer.jumps)
    signs = np.where(layer.balances < 0, -1.0, 1.0)
    if layer.shared:
        part = (part @ signs)[:, :, np.newaxis]
    constant = np.broadcast_to(np.eye(outputs), (len(points), outputs, outputs))
    matrix = np.concatenate([part, constant], axis=2).reshape(len(points) * outputs, -1)
    right = (answers - np.abs(heights) / 2 @ layer.jumps).reshape(-1)
    weight = 1 / np.repeat(noise, outputs)
    inverse = np.linalg.pinv(matrix * weight[:, np.newaxis], rcond=EPSILON)
    solution = inverse @ (right * weight)
    misfit = np.sqrt(np.sum(((right - matrix @ solution) * weight) ** 2) / (len(right) - matrix.shape[1]))
    found = solution[: part.shape[2]]
    errors = max(1.0, float(misfit)) * np.linalg.norm(inverse, axis=1)[: len(found)]
    if layer.shared:
        found, errors = found[0] * signs, np.full(layer.width, errors[0])
    return layer.with_balances(found, errors, solution[part.shape[2] :])


def _is_shared(layer: SlopedLayer) -> bool:
    """Whether the balances are of one size within their errors."""
    size, doubt = np.abs(layer.balances), layer.balance_errors + EPSILON
    mean = float(np.average(size, weights=doubt**-2.0))
    if (size < SHARED_SIGMAS * doubt).all():
        return True
    return bool(layer.width > 1 and (np.abs(size - mean) < SHARED_SIGMAS * doubt).all())


def plain_relu(layer: SlopedLayer) -> bool:
    """Whether no neuron's balance differs clearly from that of a ReLU: then slopes explain nothing."""
    away = np.abs(np.abs(layer.balances) - 1)
    return bool((away < SHARED_SIGMAS * (layer.balance_errors + EPSILON)).all())
