"""What the neurons that are known, and a linear part, leave of the answers.

Cost: no queries. Source: specs on reverse engineering 3.7 for the linear solve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.robust_solve import agreeing_solution

LEFT_OVER = 1e-8
"""Residual, of what answers vary, above which a missing neuron is on."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered, as the layers below see it."""

    points: FloatArray
    """Shape "p r"."""
    offered: FloatArray
    """Channels and one, shape "p c+1"."""
    given: FloatArray
    """Shape "p k"."""
    typical: BoolArray
    """Those that were not asked because answers nearby are missed, shape "p"."""

    @classmethod
    def of(
        cls, known: KnownLayers, points: FloatArray, given: FloatArray, typical: BoolArray | None = None
    ) -> Answers:
        """Those at which everything below is known; none is typical unless it is said."""
        good = known.reliable(points)
        typical = np.zeros(len(points), dtype=np.bool_) if typical is None else typical
        return cls(points[good], known.offered(points[good]), given[good], typical[good])


@dataclass(frozen=True, eq=False)
class LeftOver:
    """The part of the answers that some neurons and a linear part do not explain."""

    rows: FloatArray
    """(a, b) of the neurons, shape "n c+1"."""
    solution: FloatArray
    """Jumps of the answers at each, then their linear part: shape "n+c+1 k"."""
    scale: float
    """Typical input norm."""
    variation: float
    """What answers vary within ten times that."""
    median: float
    """Median of what is left over, as a share of that."""

    @classmethod
    def of(cls, rows: FloatArray, answers: Answers, scale: float, *, settled: bool = True) -> LeftOver:
        """Solve for the jumps and the linear part; `settled` as for `agreeing_solution`."""
        far = np.linalg.norm(answers.points, axis=1)
        near, norms = far < 10 * scale, scale + far
        matrix = parts(rows, answers.offered) / norms[:, np.newaxis]
        target = answers.given / norms[:, np.newaxis]
        variation = float(np.ptp(answers.given[near], axis=0).max()) if near.any() else 0.0
        variation = variation or 1.0
        tolerance = LEFT_OVER * variation / scale
        solution = agreeing_solution(matrix, target, answers.typical, tolerance, settled=settled)
        found = cls(rows, solution, scale, variation, np.inf)
        usual = found.share(answers)[near & answers.typical]
        return replace(found, median=float(np.median(usual)) if len(usual) else np.inf)

    @property
    def jumps(self) -> FloatArray:
        """Of the answers at each neuron, shape "n k"."""
        return self.solution[: len(self.rows)]

    @property
    def linear(self) -> FloatArray:
        """The linear part, shape "c+1 k"."""
        return self.solution[len(self.rows) :]

    def at(self, answers: Answers) -> FloatArray:
        """What is left over: "p k"."""
        return np.asarray(answers.given - parts(self.rows, answers.offered) @ self.solution)

    def share(self, answers: Answers) -> FloatArray:
        """Its size, of what answers vary at that distance from the origin: "p"."""
        far = 1 + np.linalg.norm(answers.points, axis=1) / self.scale
        return np.asarray(np.abs(self.at(answers)).max(axis=1) / far / self.variation)


def parts(rows: FloatArray, offered: FloatArray) -> FloatArray:
    """Relu(z) of all neurons, then the channels and one: "p n+c+1"."""
    return np.concatenate([np.maximum(offered @ rows.T, 0.0), offered], axis=1)


def only(answers: Answers, chosen: IntArray | BoolArray) -> Answers:
    """Some of them."""
    return Answers(
        answers.points[chosen], answers.offered[chosen], answers.given[chosen], answers.typical[chosen]
    )


def together(*parts: Answers) -> Answers:
    """Several as one."""
    return Answers(
        np.concatenate([one.points for one in parts]),
        np.concatenate([one.offered for one in parts]),
        np.concatenate([one.given for one in parts]),
        np.concatenate([one.typical for one in parts]),
    )
