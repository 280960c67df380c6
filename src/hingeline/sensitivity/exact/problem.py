"""One question: which is the smallest change of this input that another class survives?

The network is rewritten in coordinates of the change: the input becomes part of the first bias, coordinates
that may not change are dropped, and where the norm is Euclidean and nothing is boxed, only the part of a
change in the row space of the first layer can matter, so that 784 inputs become at most as many coordinates
as the first layer has neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.inequalities import Inequalities, SharedRows, shared_rows
from hingeline.sensitivity.threat import Threat


@dataclass(frozen=True, eq=False)
class FlipProblem:
    """A network around one input, in coordinates of the change.

    Attributes:
        point: The input, shape "d".
        own: Its class.
        weights: Layer by layer; the first has a column for each coordinate of the change, c.
        biases: Layer by layer; the first holds the input.
        lead_rows: Combinations of outputs that lead each rival, shape "r k".
        lead_offsets: What is taken from them, shape "r".
        rivals: Class numbers of the rivals, length r.
        ties: Rivals that a lead of zero already lets pass, shape "r": of equals the first class is taken.
        threat: Norm and box; which coordinates may change is settled by then.
        low: Smallest change of each coordinate, shape "c"; minus infinity without a box.
        high: Largest change of each coordinate, shape "c".
        lift: How coordinates become a change of the input, shape "d c"; None if they are its entries.
        entries: Inputs that may change; the coordinates, where `lift` is None.
        first_offset_size: Size of the terms that make up the first bias, against rounding, shape "f".
        first_size: Largest effect of a change of size 1 on the first layer, shape "f".
        shared: First-layer rows that inequalities combine; None if these are written out.
    """

    point: FloatArray
    own: int
    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    lead_rows: FloatArray
    lead_offsets: FloatArray
    rivals: tuple[int, ...]
    ties: BoolArray
    threat: Threat
    low: FloatArray
    high: FloatArray
    lift: FloatArray | None
    entries: IntArray
    first_offset_size: FloatArray
    first_size: FloatArray
    shared: SharedRows | None

    @property
    def dim(self) -> int:
        """Coordinates of a change, c."""
        return self.weights[0].shape[1]

    @property
    def boxed(self) -> bool:
        """Whether coordinates have ends."""
        return self.threat.box is not None

    @property
    def hidden(self) -> int:
        """Hidden layers."""
        return len(self.weights) - 1

    def inequalities(
        self, parts: FloatArray, least: FloatArray, sizes: FloatArray, unit: float
    ) -> Inequalities:
        """Several programs "parts . (first layer's rows) . change >= least", for changes of about `unit`.

        Shapes "n m f", "n m", "n m".
        """
        whole = sizes + unit * (np.abs(parts) @ self.first_size)
        written = parts if self.shared is not None else parts @ self.weights[0]
        return Inequalities(self.shared, written, least, whole)

    def pre_activations(self, changes: FloatArray) -> list[FloatArray]:
        """Pre-activations after `changes` ("n c"): one "n w" array for each layer, outputs last."""
        values: list[FloatArray] = []
        hidden = changes
        for weight, bias in zip(self.weights, self.biases, strict=True):
            values.append(hidden @ weight.T + bias)
            hidden = np.maximum(values[-1], 0.0)
        return values

    def leads(self, changes: FloatArray) -> FloatArray:
        """Leads over the rivals after `changes`: "n c" to "n r"."""
        return self.pre_activations(changes)[-1] @ self.lead_rows.T - self.lead_offsets

    def input_change(self, changes: FloatArray) -> FloatArray:
        """Changes of the whole input: "n c" to "n d"."""
        if self.lift is not None:
            return changes @ self.lift.T
        whole = np.zeros((len(changes), len(self.point)))
        whole[:, self.entries] = changes
        return whole

    def within(self, changes: FloatArray) -> FloatArray:
        """Changes moved into the box."""
        return np.clip(changes, self.low, self.high) if self.boxed else changes

    def scale(self) -> float:
        """Size of the input, or of a change of one unit in all coordinates if it is near the origin."""
        return float(max(self.threat.size(self.point), self.threat.size(np.ones_like(self.point))))

    def reach(self) -> float:
        """Size of the largest change that the box admits; infinite without one."""
        if not self.boxed:
            return np.inf
        return float(self.threat.size(np.maximum(self.high, -self.low)))


def flip_problem(
    network: PiecewiseLinearNetwork, decision: Decision, point: FloatArray, own: int, threat: Threat
) -> FlipProblem:
    """The question for one input ("d") of class `own`."""
    free = np.ones(len(point), dtype=np.bool_) if threat.free is None else threat.free
    entries = np.nonzero(free)[0]
    first, shift = network.weights[0][:, free], network.weights[0] @ point + network.biases[0]
    lift: FloatArray | None = None
    if threat.norm == "l2" and threat.box is None and first.shape[1] > first.shape[0]:
        # W = R'Q' with Q orthonormal: the change Qc has the norm of c, and no shorter one has its effect
        basis, triangle = np.linalg.qr(first.T)
        lift = np.zeros((len(point), basis.shape[1]))
        lift[free] = basis
        first = triangle.T
    classes = np.array([own], dtype=np.int64)
    ends = _ends(point[free], threat) if lift is None else (np.full(first.shape[1], -np.inf),) * 2
    return FlipProblem(
        point=point,
        own=own,
        weights=(first, *network.weights[1:]),
        biases=(shift, *network.biases[1:]),
        lead_rows=decision.rows(classes)[0],
        lead_offsets=decision.offsets(classes)[0],
        rivals=tuple(int(c) for c in decision.rivals_of(classes)[0]),
        ties=decision.rivals_of(classes)[0] < own,
        threat=Threat(threat.norm, threat.box),
        low=ends[0],
        high=-ends[0] if lift is not None else ends[1],
        lift=lift,
        entries=entries.astype(np.int64),
        first_offset_size=np.abs(network.weights[0]) @ np.abs(point) + np.abs(network.biases[0]),
        first_size=Threat(threat.norm).dual(first),
        shared=shared_rows(first) if threat.norm == "linf" or threat.box is not None else None,
    )


def _ends(point: FloatArray, threat: Threat) -> tuple[FloatArray, FloatArray]:
    if threat.box is None:
        return np.full(len(point), -np.inf), np.full(len(point), np.inf)
    # an input on the edge up to rounding may stay where it is
    return np.minimum(threat.box[0] - point, 0.0), np.maximum(threat.box[1] - point, 0.0)
