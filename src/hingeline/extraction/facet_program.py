"""Can z have the other sign on the part of a hyperplane that borders the known region? Decide it exactly.

z is a sum of weights times |zhat_j|, plus a linear part. To make it large, a term with a negative weight is
concave and a linear program takes it as it is; a term with a positive weight is replaced by its chord, an
upper bound, until branching has fixed the side of its hyperplane. A bound below zero closes a branch; a point
with the wanted sign ends the search. (A mixed integer program says the same, but its tolerance on |zhat|
grows with the box.)

Source: branch and bound, Land and Doig 1960. Cost: no queries; two linear programs per weight, then one per
branch: tens of milliseconds to a second or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import UnsignedNeuron

BRANCHES = 300
"""Most branches opened."""
ZERO = 1e-9
"""Values of z below this, per unit of gradient and box, are zero."""


@dataclass(frozen=True, eq=False)
class Reach:
    """Answer to the question."""

    settled: bool
    """False if the branches ended first."""
    point: FloatArray | None
    """Where z has the wanted sign, shape "d"; None if nowhere (or not settled)."""


def find_sign(neuron: UnsignedNeuron, plane: int, box: float, sign: float) -> Reach:
    """Look for a point of hyperplane `plane`, bordering the known region, where sign * z > 0.

    Args:
        neuron: Whose z.
        plane: Index of a hyperplane whose coefficient is unknown.
        box: Half the side of the box searched, input units.
        sign: 1 or -1.
    """
    program = _Program(neuron, plane, box, sign)
    chords = program.chords()
    if chords is None:
        return Reach(True, None)
    open_branches = [np.zeros(neuron.planes.count)]
    for _ in range(BRANCHES):
        if not open_branches:
            return Reach(True, None)
        sides = open_branches.pop()
        found = program.largest(sides, chords)
        if found is None or found[0] <= ZERO:
            continue
        x = found[1]
        if program.value(x) > ZERO:
            return Reach(True, box * x)
        gap = program.gaps(x, chords) * (sides == 0)
        worst = int(np.argmax(gap))
        if gap[worst] <= 0:
            continue
        # the side on which the relaxed point lies is tried first
        near = 1.0 if program.heights(x)[worst] > 0 else -1.0
        for side in (-near, near):
            branch = sides.copy()
            branch[worst] = side
            open_branches.append(branch)
    return Reach(False, None)


class _Program:
    """The question in units of the box and of the neuron's size."""

    def __init__(self, neuron: UnsignedNeuron, plane: int, box: float, sign: float) -> None:
        self.normals, self.offsets = neuron.planes.normals, neuron.planes.offsets / box
        self.weights = sign * neuron.row / 2 / neuron.size
        self.linear = sign * neuron.affine[:-1] / neuron.size
        self.constant = sign * float(neuron.affine[-1]) / neuron.size / box
        hidden = ~neuron.known
        hidden[plane] = False
        # rows @ x <= limits: the home side of the other unknown hyperplanes
        self.rows = -neuron.home[hidden, np.newaxis] * self.normals[hidden]
        self.limits = neuron.home[hidden] * self.offsets[hidden]
        self.plane = plane
        self.concave = np.nonzero(self.weights < 0)[0]
        self.convex = np.nonzero(self.weights > 0)[0]

    def heights(self, x: FloatArray) -> FloatArray:
        """Zhat at x, shape "n"."""
        return self.normals @ x + self.offsets

    def value(self, x: FloatArray) -> float:
        """Sign * z at x."""
        return float(self.weights @ np.abs(self.heights(x)) + self.linear @ x) + self.constant

    def chords(self) -> FloatArray | None:
        """Smallest and largest zhat of each convex term, shape "n 2"; None if there is no border."""
        chords = np.zeros((len(self.offsets), 2))
        for j in self.convex:
            for column, direction in enumerate((self.normals[j], -self.normals[j])):
                found = self._solve(direction, np.zeros((0, len(direction))), np.zeros(0))
                if found is None:
                    return None
                chords[j, column] = self.normals[j] @ found + self.offsets[j]
        return chords

    def gaps(self, x: FloatArray, chords: FloatArray) -> FloatArray:
        """By how much each chord overestimates its term at x, shape "n"."""
        slope, level = _lines(chords)
        heights = self.heights(x)
        return np.maximum(self.weights, 0.0) * (slope * heights + level - np.abs(heights))

    def largest(self, sides: FloatArray, chords: FloatArray) -> tuple[float, FloatArray] | None:
        """Upper bound of sign * z where the sides are as given (0: either), and where; None if nowhere."""
        slope, level = _lines(chords)
        slope, level = np.where(sides == 0, slope, sides), np.where(sides == 0, level, 0.0)
        up = np.maximum(self.weights, 0.0)
        # up * (slope * zhat + level) for convex terms, weight * a with a >= |zhat| for concave ones
        gain = self.linear + (up * slope) @ self.normals
        constant = self.constant + float(up @ (slope * self.offsets + level))
        count = len(self.concave)
        normals, offsets = self.normals[self.concave], self.offsets[self.concave]
        fixed = np.nonzero(sides)[0]
        rows = np.vstack(
            [
                np.hstack([-sides[fixed, np.newaxis] * self.normals[fixed], np.zeros((len(fixed), count))]),
                np.hstack([normals, -np.eye(count)]),
                np.hstack([-normals, -np.eye(count)]),
            ]
        )
        limits = np.concatenate([sides[fixed] * self.offsets[fixed], -offsets, offsets])
        objective = -np.concatenate([gain, self.weights[self.concave]])
        found = self._solve(objective, rows, limits)
        if found is None:
            return None
        return constant - float(objective @ found), found[: len(gain)]

    def _solve(self, objective: FloatArray, rows: FloatArray, limits: FloatArray) -> FloatArray | None:
        """Minimise over x in the border and extra variables a >= 0."""
        # Loaded here because importing hingeline must not load scipy.optimize.
        from scipy.optimize import linprog

        dim, extra = self.normals.shape[1], len(objective) - self.normals.shape[1]
        border = np.hstack([self.rows, np.zeros((len(self.rows), extra))])
        everything = np.vstack([border, rows])
        on_plane = np.append(self.normals[self.plane], np.zeros(extra))
        result = linprog(
            objective,
            A_ub=everything if len(everything) else None,
            b_ub=np.concatenate([self.limits, limits]) if len(everything) else None,
            A_eq=on_plane[np.newaxis],
            b_eq=-self.offsets[self.plane : self.plane + 1],
            bounds=[(-1.0, 1.0)] * dim + [(0.0, None)] * extra,
        )
        return None if result.x is None else np.asarray(result.x, dtype=np.float64)


def _lines(chords: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Slope and level of the chord of |h| between the given ends."""
    low, high = chords[:, 0], chords[:, 1]
    width = np.maximum(high - low, 1e-12)
    slope = (np.abs(high) - np.abs(low)) / width
    return slope, np.abs(low) - slope * low
