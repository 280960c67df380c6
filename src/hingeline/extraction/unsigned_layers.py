"""From unsigned neurons to a network: orientations, biases, output layer, and what no crossing told.

With unit jumps c_k and unsigned neurons z_k the network is

    f(x) = b + sum_k c_k relu(z_k) - sum_k d_k c_k z_k,    d_k = 1 where neuron k points the other way,

so recorded answers give linear equations with a 0/1 solution d. A coefficient v_ki whose hyperplane the
boundary never meets is read off neuron k's linear part if neuron i is on at the home side; otherwise from
answers beyond the hyperplane if neuron k is on there; otherwise it has no effect and is reported. If no
orientation fits, everything that never bends is put into a bypass: y = relu(y) - relu(-y) for a combination y
of first-layer neurons. That is exactly equivalent, and reported too.

Source: affine-remainder form of the signs, specs on signs; unmet coefficients and bypass are ours.
Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.first_signs import ERROR_FLOOR, first_signs
from hingeline.extraction.mixed_system import separable, solve_mixed
from hingeline.extraction.recorded import Recorded, typical_slope
from hingeline.extraction.unsigned import Planes, UnsignedNeuron, states_beyond
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import BinarySolution

RESIDUAL = 1e-5
"""Largest misfit of recorded answers, as a fraction of a neuron's typical slope times the distance."""


class Verdict(StrEnum):
    """How an assembly ended."""

    COMPLETE = "complete"
    """Every sign and every coefficient is decided."""
    EQUIVALENT = "equivalent"
    """The network fits all recorded answers, but some of its parameters are not decided by them."""
    NEURONS_MISSING = "neurons missing"
    """No orientation fits the recorded answers: some neuron never switches, or was not found."""
    SIGNS_CONTRADICT = "signs contradict"
    """No first-layer signs fit: a hyperplane is missing or wrong, or the network is deeper."""
    SIGNS_OPEN = "signs open"
    """Several sign assignments fit."""


@dataclass(frozen=True, eq=False)
class Assembly:
    """A network put together from unsigned neurons, or why there is none."""

    verdict: Verdict
    detail: str
    """What was seen, for people."""
    network: PiecewiseLinearNetwork | None = None
    """Hidden rows of the first layer have length one."""
    residual: float = np.inf
    """Largest misfit of recorded answers, relative; inf without a network."""
    undetermined: tuple[tuple[int, int], ...] = ()
    """Second-layer weights (neuron, input) that no recorded answer tells."""
    bypass: int = 0
    """Neurons at the end of the second layer that stand for what never bends."""
    signs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the first layer's sign equations came to, JSON-ready: status, rank, signs that no rank pins."""


def assemble(
    planes: Planes, neurons: Sequence[UnsignedNeuron], recorded: Recorded, *, bypass: bool = False
) -> Assembly:
    """Put the network together.

    Args:
        planes: The first layer.
        neurons: The second layer, unsigned; coefficients may be unknown.
        recorded: Answers received so far.
        bypass: Whether to use a bypass if no orientation fits.
    """
    bits = first_signs(planes, neurons)
    told = {"status": str(bits.status), "rank": bits.rank, "free_bits": bits.free_bits}
    return replace(_assembled(planes, neurons, recorded, bits, bypass), signs=told)


def _assembled(
    planes: Planes, neurons: Sequence[UnsignedNeuron], recorded: Recorded, bits: BinarySolution, bypass: bool
) -> Assembly:
    if bits.bits is None:
        numbers = f"{bits.deviation:.2g} from 0/1, residual {bits.residual:.2g}"
        return Assembly(Verdict.SIGNS_CONTRADICT, f"first-layer signs: {bits.status}, {numbers}")
    if bits.unique is not True:
        which = ", ".join(map(str, bits.differing)) or "not settled in time"
        return Assembly(Verdict.SIGNS_OPEN, f"several first-layer signs fit (neurons {which})")
    parts = _Parts.of(planes, neurons, 1.0 - 2.0 * bits.bits.astype(np.float64))
    readable = recorded.select((parts.states(recorded.points) != 0).all(axis=1))
    if len(readable.points) < 2 * (planes.count + len(neurons) + 1):
        return Assembly(Verdict.NEURONS_MISSING, "too few recorded answers where all neurons are known")
    assembly = parts.oriented(readable)
    if bypass and assembly.verdict in (Verdict.NEURONS_MISSING, Verdict.SIGNS_OPEN):
        assembly = parts.bypassed(readable, assembly.detail)
    return parts.judged(assembly, recorded)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Both hidden layers but for orientations and for coefficients that only answers can tell."""

    planes: Planes
    neurons: Sequence[UnsignedNeuron]
    signs: FloatArray
    """Of the first layer, shape "n"."""
    rows: FloatArray
    """Second-layer weights in the orientation of z, zero where unread, shape "m n"."""
    unread: tuple[tuple[int, int], ...]
    """Weights (neuron, input) that act only beyond their hyperplane."""
    vague: tuple[tuple[int, int], ...]
    """Weights that act on the home side, but so many that only combinations are told."""

    @staticmethod
    def of(planes: Planes, neurons: Sequence[UnsignedNeuron], signs: FloatArray) -> _Parts:
        """Fill in the unmet coefficients that act on their neuron's home side."""
        rows = np.array([neuron.row for neuron in neurons])
        unread, vague = list[tuple[int, int]](), list[tuple[int, int]]()
        for k, neuron in enumerate(neurons):
            unknown = np.nonzero(~neuron.known)[0]
            acting = signs[unknown] == neuron.home[unknown]
            shown = unknown[acting]
            rest = neuron.affine[:-1] - (neuron.row * signs / 2) @ planes.normals
            if len(shown):
                columns = (signs[shown, np.newaxis] * planes.normals[shown]).T
                rows[k, shown] = np.linalg.lstsq(columns, rest, rcond=None)[0]
                vague += [(k, int(i)) for i in shown[~separable(columns)]]
            unread += [(k, int(i)) for i in unknown[~acting]]
        return _Parts(planes, neurons, signs, rows, tuple(unread), tuple(vague))

    @property
    def jumps(self) -> FloatArray:
        """Output directions, shape "m k"."""
        return np.array([neuron.jump for neuron in self.neurons])

    def activations(self, points: FloatArray) -> FloatArray:
        """First layer's outputs: "p d" to "p n"."""
        return np.maximum(self.signs * self.planes.heights(points), 0.0)

    def values(self, points: FloatArray) -> FloatArray:
        """Z of every neuron, as if unread weights were zero: "p d" to "p m"."""
        biases = [self._bias(neuron, row) for neuron, row in zip(self.neurons, self.rows, strict=True)]
        return self.activations(points) @ self.rows.T + np.array(biases)

    def states(self, points: FloatArray) -> FloatArray:
        """Sign of z, also beyond hyperplanes whose weight is unread; 0 where not known: "p d" to "p m"."""
        inside = np.where(self.values(points) > 0, 1.0, -1.0)
        states = np.empty_like(inside)
        patterns = self.planes.patterns(points)
        for k, neuron in enumerate(self.neurons):
            unread = np.zeros(self.planes.count, dtype=np.bool_)
            unread[[i for j, i in self.unread if j == k]] = True
            states[:, k] = states_beyond(inside[:, k], (patterns != neuron.home) & unread, neuron.beyond)
        return states

    def oriented(self, recorded: Recorded) -> Assembly:
        """The network with orientations and unread coefficients from recorded answers."""
        outputs = recorded.values.shape[1]
        z = self.values(recorded.points)
        hidden = self.activations(recorded.points)
        # rows output by output: b_o + sum w_ki c_ko h_i(x) - sum_k d_k c_ko z_k(x) = rest_o(x)
        columns = np.concatenate([-z * self.jumps[:, o] for o in range(outputs)])
        constants = np.kron(np.eye(outputs), np.ones((len(z), 1)))
        beyond = [np.outer(self.neurons[k].jump, hidden[:, i]).ravel() for k, i in self.unread]
        free = np.column_stack([constants, *beyond])
        bends = np.where(self.states(recorded.points) > 0, z, 0.0) @ self.jumps
        rest = (recorded.values - bends).T.ravel()
        floor = ERROR_FLOOR * typical_slope(self.neurons) * recorded.sizes
        weights = np.tile(1 / (recorded.doubt(self.neurons) + floor), outputs)[:, np.newaxis]
        solution, misfit = solve_mixed(columns * weights, free * weights, rest * weights[:, 0])
        if solution is None or solution.bits is None:
            return Assembly(
                Verdict.NEURONS_MISSING, f"no orientation fits: {misfit:.2g} error bars are left unexplained"
            )
        if solution.unique is not True:
            return Assembly(
                Verdict.SIGNS_OPEN, f"{solution.free_bits} orientations of the second layer are not decided"
            )
        backward = solution.bits.astype(np.float64)
        left = (rest - columns @ backward) * weights[:, 0]
        real: FloatArray = np.linalg.lstsq(free * weights, left, rcond=1e-11)[0].astype(np.float64)
        told = separable((free * weights)[:, outputs:])
        return self._filled(1.0 - 2.0 * backward, real[:outputs], real[outputs:], told)

    def bypassed(self, recorded: Recorded, why: str) -> Assembly:
        """The network with everything that never bends in a bypass."""
        rows = self.rows.copy()
        for k, i in self.unread:
            rows[k, i] = self._holding(k, i)
        outputs = recorded.values.shape[1]
        plain = self._network(rows, np.ones(len(rows)), np.zeros(outputs))
        columns = np.column_stack([self.activations(recorded.points), np.ones(len(recorded.points))])
        gap = (recorded.values - plain(recorded.points)) / recorded.sizes[:, np.newaxis]
        linear = np.linalg.lstsq(columns / recorded.sizes[:, np.newaxis], gap, rcond=1e-12)[0].T
        weight, eye = linear[:, :-1], np.eye(outputs)
        network = PiecewiseLinearNetwork(
            [plain.weights[0], np.vstack([plain.weights[1], weight, -weight]),
             np.hstack([plain.weights[2], eye, -eye])],
            [plain.biases[0], np.concatenate([plain.biases[1], np.zeros(2 * outputs)]), linear[:, -1]],
        )  # fmt: skip
        detail = f"second-layer orientations are not decided ({why}); a linear bypass stands for them"
        return Assembly(
            Verdict.EQUIVALENT, detail, network, undetermined=(*self.vague, *self.unread), bypass=2 * outputs
        )

    def judged(self, assembly: Assembly, recorded: Recorded) -> Assembly:
        """The same, if it fits all recorded answers."""
        if assembly.network is None:
            return assembly
        gaps = np.abs(assembly.network(recorded.points) - recorded.values).max(axis=1)
        excess = np.maximum(gaps - 20 * recorded.noise, 0.0) / recorded.sizes
        misfit = float(excess.max(initial=0.0)) / typical_slope(self.neurons)
        if misfit > RESIDUAL:
            detail = f"recorded answers are missed by {misfit:.2g} of a typical slope"
            return Assembly(Verdict.NEURONS_MISSING, detail, residual=misfit)
        return Assembly(
            assembly.verdict,
            assembly.detail,
            assembly.network,
            misfit,
            assembly.undetermined,
            assembly.bypass,
        )

    def _filled(
        self, turns: FloatArray, constant: FloatArray, beyond: FloatArray, told: BoolArray
    ) -> Assembly:
        """Put unread coefficients in: from answers where the neuron is on, so that it stays off elsewhere."""
        rows, silent = self.rows.copy(), list(self.vague)
        for (k, i), weight, sure in zip(self.unread, beyond, told, strict=True):
            on = turns[k] * self.neurons[k].beyond[i] > 0
            # beyond, the remainder holds (1 - d) v h where z > 0, and -d v h where z < 0
            rows[k, i] = turns[k] * weight if on else self._holding(k, i)
            if not (on and sure):
                silent.append((k, i))
        network = self._network(rows, turns, constant)
        if not silent:
            return Assembly(Verdict.COMPLETE, "every sign and coefficient is decided", network)
        pairs = ", ".join(f"{i} to {k}" for k, i in silent)
        detail = f"no answer tells the second-layer weights from first-layer neuron to neuron {pairs}"
        return Assembly(Verdict.EQUIVALENT, detail, network, undetermined=tuple(silent))

    def _holding(self, k: int, i: int) -> float:
        """A weight that keeps neuron k on the side of zero on which it meets hyperplane i."""
        neuron = self.neurons[k]
        return float(
            np.nan_to_num(neuron.beyond[i])
            * (np.abs(self.rows[k]).sum() + np.linalg.norm(neuron.affine[:-1]))
        )

    def _network(self, rows: FloatArray, turns: FloatArray, constant: FloatArray) -> PiecewiseLinearNetwork:
        signs, planes = self.signs, self.planes
        biases = [self._bias(neuron, row) for neuron, row in zip(self.neurons, rows, strict=True)]
        return PiecewiseLinearNetwork(
            [signs[:, np.newaxis] * planes.normals, turns[:, np.newaxis] * rows, self.jumps.T],
            [signs * planes.offsets, turns * np.array(biases), constant],
        )

    def _bias(self, neuron: UnsignedNeuron, row: FloatArray) -> float:
        # an unmet hyperplane's |zhat| counts as home * zhat in the neuron's constant
        side = np.where(neuron.known, 0.0, neuron.home)
        return float(neuron.affine[-1] - (row * (self.signs + side)) @ self.planes.offsets / 2)
