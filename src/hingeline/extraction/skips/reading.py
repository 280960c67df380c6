"""Signs and skip connections read off an unsigned form: the simplest reading that explains it exactly.

With signs s of the first and t of the second layer the form of `unsigned_form` is

    to the second layer from the input:   m - v diag(s) N / 2
    to the outputs from the first layer:  g - c' diag(t) v / 2
    to the outputs from the input:        L - (last line) diag(s) N / 2 - c' diag(t) m / 2

with rows n_i of N. A skip that is absent makes its line zero, which are equations with a 0/1 solution for the
signs. An identity skip leaves directions that are known. A free dense skip takes in any sign: relu(-z) =
relu(z) - z. Then those signs are not told by any answer, and the skip only up to the lines that a turned
neuron adds; one representative is named, the one of least size.

Source: skip weights one layer after the other, Rolnick and Körding 2020, section 5.3; the reading with signs,
and what it leaves open, are ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.skips.aligned import align
from hingeline.extraction.skips.refined import RefinedForm
from hingeline.extraction.skips.unmet import settled, told, without
from hingeline.extraction.skips.unsigned_form import UnsignedForm
from hingeline.numerics.binary_system import BinaryStatus, solve_binary

SECONDS = 10.0
"""Longest search for one system of signs."""
SIGMAS = 30.0
"""Error bars within which a line of skip weights counts as zero, or as along a direction."""
FLOOR = 1e-9
"""The same, as a fraction of the largest number of the form."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One reading of a form."""

    form: UnsignedForm
    first: FloatArray
    """Signs s, a representative where they are not told; shape "n"."""
    first_told: bool
    second: FloatArray
    """Signs t, shape "m"."""
    second_told: bool
    error: float
    """Standard deviation of a number of the form, the worst."""
    into_second: str = ""
    """Kind of the skip from the input to the second layer: "", "dense" or "identity"."""
    around_second: str = ""
    """Kind of the skip around the second layer, from the first to what the second one gives."""

    @property
    def tolerance(self) -> float:
        """Largest size of numbers that count as zero."""
        return tolerance_of(self.form, self.error)

    @property
    def to_second(self) -> FloatArray:
        """Skip weights from the input to z (not turned), shape "m d"."""
        if not self.into_second:
            return np.zeros_like(self.form.linear)
        return self.form.linear - (self.form.inner * self.first / 2) @ self.form.planes.normals

    @property
    def from_first(self) -> FloatArray:
        """Skip weights from the first layer's unit rows to the outputs, shape "k n"."""
        if not self.around_second:
            return np.zeros_like(self.form.first_jumps)
        return self.form.first_jumps - self.form.jumps.T @ (self.second[:, np.newaxis] * self.form.inner) / 2

    @property
    def direct(self) -> FloatArray:
        """Skip weights from the input to the outputs, shape "k d"."""
        form = self.form
        rest = form.outer - (self.from_first * self.first / 2) @ form.planes.normals
        rest = rest - form.jumps.T @ (self.second[:, np.newaxis] * form.linear) / 2
        return np.where(np.abs(rest).max(initial=0.0) <= self.tolerance, 0.0, rest)

    @property
    def direct_told(self) -> bool:
        """Whether the skip from the input to the outputs is the same for all signs that are left open."""
        return (self.first_told or not self.around_second) and (self.second_told or not self.into_second)

    @property
    def any(self) -> bool:
        """Whether there is a skip at all."""
        return bool(self.into_second or self.around_second or self.direct.any())


def tolerance_of(form: UnsignedForm, error: float) -> float:
    """Largest size of numbers that count as zero."""
    largest = max(float(np.abs(part).max()) for part in (form.theta[:, :-1], form.rest[:, :-1]))
    return SIGMAS * error + FLOOR * largest


def read(refined: RefinedForm) -> Reading:
    """The reading with the fewest skips."""
    form, count = refined.form, refined.form.planes.count
    errors = (refined.plane_errors, refined.theta_errors[:, :-1], refined.jump_errors)
    error = max(float(part.max()) for part in (*errors, refined.rest_errors[:, :-1]))
    start = Reading(form, np.ones(count), False, np.ones(len(form.theta)), False, error)
    return _by_direct(_second_signs(_first_signs(start)))


def _bits(matrix: FloatArray, target: FloatArray, tolerance: float) -> tuple[FloatArray | None, bool]:
    """Signs x in {-1, 1} with matrix @ x = target, and whether they are the only ones."""
    found = solve_binary(2 * matrix, target + matrix.sum(axis=1), tolerance / 10, time_limit=SECONDS)
    if found.bits is None or found.status not in (BinaryStatus.EXACT, BinaryStatus.AMBIGUOUS):
        return None, False
    return 2.0 * found.bits.astype(np.float64) - 1.0, found.unique is True


def _nearest(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """Signs nearest to the real solution: a skip that is nearly as small as it can be."""
    return np.where(np.linalg.lstsq(matrix, target, rcond=1e-9)[0] >= 0, 1.0, -1.0)


def _first_signs(reading: Reading) -> Reading:
    """Signs of the first layer: without a skip into the second, with an identity, or not told."""
    form = reading.form
    dim, normals = form.planes.normals.shape[1], form.planes.normals
    # rows (k, axis): sum_i v_ki n_ia s_i / 2 = m_ka, but for what unmet weights add along their normals
    clean = np.array([without(normals[_planes(form, k)], dim) for k in range(len(form.theta))])
    matrices = clean @ np.einsum("ki,ia->kai", form.inner, normals) / 2
    targets = np.einsum("kab,kb->ka", clean, form.linear)
    matrix, target = matrices.reshape(-1, form.planes.count), targets.ravel()
    signs, unique = _bits(matrix, target, reading.tolerance)
    if signs is not None:
        return _settled_by_linear(replace(reading, first=signs, first_told=unique))
    if len(form.theta) == dim and not form.unmet:
        aligned = align(form.linear, matrices, np.eye(dim), reading.tolerance)
        if aligned is not None:
            # neurons of the second layer in the order of the inputs that are added to them
            order = np.argsort(aligned.match)
            ordered = replace(form, theta=form.theta[order], jumps=form.jumps[order])
            return replace(
                reading, form=ordered, first=aligned.signs, first_told=True, into_second="identity"
            )
    return replace(reading, first=_nearest(matrix, target), into_second="dense")


def _settled_by_linear(reading: Reading) -> Reading:
    """Unmet weights of neurons into which no skip goes, where the first layer's neuron is on at home."""
    form = reading.form
    for k in range(len(form.theta)):
        pairs = [p for p in form.unmet if p.neuron == k and reading.first[p.plane] == p.home]
        if not pairs:
            continue
        directions = np.array([p.home * form.planes.normals[p.plane] for p in pairs])
        rest = form.linear[k] - (form.inner[k] * reading.first / 2) @ form.planes.normals
        deltas = told(directions, rest)
        for pair, delta in zip(pairs, deltas if deltas is not None else (), strict=False):
            form = settled(form, pair, float(delta))
    return replace(reading, form=form)


def _second_signs(reading: Reading) -> Reading:
    """Signs of the second layer: without a skip around it, with an identity, or not told."""
    form = reading.form
    outputs = form.jumps.shape[1]
    # rows (i, output): sum_k c_ko v_ki t_k / 2 = g_oi, but for what unmet weights add along their jumps
    clean = np.array([without(form.jumps[_neurons(form, i)], outputs) for i in range(form.planes.count)])
    matrices = clean @ np.einsum("ko,ki->iok", form.jumps, form.inner) / 2
    targets = np.einsum("iab,ib->ia", clean, form.first_jumps.T)
    matrix, target = matrices.reshape(-1, len(form.theta)), targets.ravel()
    signs, unique = _bits(matrix, target, reading.tolerance)
    if signs is not None:
        return _settled_by_jumps(replace(reading, second=signs, second_told=unique))
    if len(form.theta) == form.planes.count and not form.unmet:
        aligned = align(form.first_jumps.T, matrices, form.jumps, reading.tolerance)
        # positive scale of either layer keeps the signs of an identity
        if aligned is not None and (aligned.sizes > 0).all():
            # neurons of the second layer in the order of those that are added to them
            order = aligned.match
            ordered = replace(form, theta=form.theta[order], jumps=form.jumps[order])
            signs = aligned.signs[order]
            return replace(reading, form=ordered, second=signs, second_told=True, around_second="identity")
    return replace(reading, second=_nearest(matrix, target), around_second="dense")


def _settled_by_jumps(reading: Reading) -> Reading:
    """Unmet weights of neurons around which no skip goes, where they are on beyond the hyperplane."""
    form, second = reading.form, reading.second
    for i in range(form.planes.count):
        pairs = [p for p in form.unmet if p.plane == i and second[p.neuron] == p.side]
        if not pairs:
            continue
        directions = np.array([second[p.neuron] * form.jumps[p.neuron] for p in pairs])
        rest = form.first_jumps[:, i] - form.jumps.T @ (second * form.inner[:, i]) / 2
        deltas = told(directions, rest)
        for pair, delta in zip(pairs, deltas if deltas is not None else (), strict=False):
            form = settled(form, pair, float(delta))
    return replace(reading, form=form)


def _planes(form: UnsignedForm, neuron: int) -> list[int]:
    return [pair.plane for pair in form.unmet if pair.neuron == neuron]


def _neurons(form: UnsignedForm, plane: int) -> list[int]:
    return [pair.neuron for pair in form.unmet if pair.plane == plane]


def _by_direct(reading: Reading) -> Reading:
    """Signs that are still open, from the absence of a skip from the input to the outputs."""
    form, turned = reading.form, reading.second[:, np.newaxis]
    if not reading.first_told and reading.second_told and reading.around_second:
        # sum_i h_oi n_ia s_i / 2 = L - c' diag(t) m / 2
        matrix = np.einsum("oi,ia->oai", reading.from_first, form.planes.normals) / 2
        target = form.outer - form.jumps.T @ (turned * form.linear) / 2
        signs, unique = _bits(matrix.reshape(-1, form.planes.count), target.ravel(), reading.tolerance)
        if signs is not None and unique:
            return replace(reading, first=signs, first_told=True)
    if not reading.second_told and reading.first_told and reading.into_second:
        # sum_k c_ko w_ka t_k / 2 = L - g diag(s) N / 2 with skip weights w into the second layer
        matrix = np.einsum("ko,ka->oak", form.jumps, reading.to_second) / 2
        target = form.outer - (form.first_jumps * reading.first / 2) @ form.planes.normals
        signs, unique = _bits(matrix.reshape(-1, len(form.theta)), target.ravel(), reading.tolerance)
        if signs is not None and unique:
            return replace(reading, second=signs, second_told=True)
    return reading
