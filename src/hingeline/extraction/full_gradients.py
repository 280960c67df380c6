"""Gradients measured in all input directions, as equations for first-layer rows outside their span.

Along a direction n that no first-layer row has a part of, the answers change by dF/dz (W n) per unit of it: a
gradient there is a combination of the rows' true components, with gains dF/dz that the network knows.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.row_space import row_directions

WORST = 30.0
"""Deviations by which a gradient may contradict the others before it is left out."""
VAGUE = 1e-3
"""Standard deviation of a component before anything is known of it."""
WEAK = 1e-9
"""Directions weaker than this, of the strongest, are not told."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Components of the rows and what is known of their errors."""

    unknowns: FloatArray
    """Shape "n o" for n neurons and o directions."""
    errors: FloatArray
    """Standard deviation of a component of each neuron, shape "n"."""
    excess: float
    """By how much equations contradict each other, in deviations; 1 if no more than their errors explain."""


@dataclass(frozen=True, eq=False)
class Equations:
    """Linear equations gains X = right for the components X of all rows along some directions."""

    gains: FloatArray
    """Shape "e n"."""
    right: FloatArray
    """Shape "e o"."""
    errors: FloatArray
    """Standard deviation of an entry of each right side, shape "e"."""

    @classmethod
    def none(cls, neurons: int, directions: int) -> Equations:
        """No equation."""
        return cls(np.zeros((0, neurons)), np.zeros((0, directions)), np.zeros(0))

    @property
    def count(self) -> int:
        """Equations."""
        return len(self.errors)

    @property
    def sharp(self) -> FloatArray:
        """Gains in deviations of their right sides: "e n"."""
        return self.gains / self.errors[:, np.newaxis]

    def with_others(self, others: Equations) -> Equations:
        """Both."""
        return Equations(
            np.concatenate([self.gains, others.gains]),
            np.concatenate([self.right, others.right]),
            np.concatenate([self.errors, others.errors]),
        )

    def solved(self) -> Solved:
        """The components that fit best; where nothing tells of them they are zero and vague."""
        size, right = row_directions(self.sharp)
        clear = size > WEAK * size.max(initial=0.0)
        sharp, wanted = self.sharp, self.right / self.errors[:, np.newaxis]
        unknowns = np.linalg.lstsq(sharp, wanted, rcond=WEAK)[0]
        spare = (self.count - int(clear.sum())) * self.right.shape[1]
        missed = float(np.linalg.norm(sharp @ unknowns - wanted)) / max(spare, 1) ** 0.5
        told = right[clear]
        seen = (told**2 / size[clear, np.newaxis] ** 2).sum(axis=0)
        unseen = np.maximum(0.0, 1 - (told**2).sum(axis=0))
        errors = np.sqrt(seen + np.where(unseen > WEAK, unseen, 0.0) * VAGUE**2)
        return Solved(np.asarray(unknowns, dtype=np.float64), errors, max(1.0, missed))


@dataclass(frozen=True, eq=False)
class FullGradients:
    """Jacobians measured in all input directions."""

    points: FloatArray
    """Where, shape "p d"."""
    jacobians: FloatArray
    """Shape "p k d"."""
    errors: FloatArray
    """Standard deviation of an entry of each, shape "p"."""

    @classmethod
    def of(cls, lines: Sequence[MeasuredLine]) -> FullGradients | None:
        """Those of some lines; None if there are none."""
        chosen = [(line, line.full & np.isfinite(line.jacobian_errors)) for line in lines]
        chosen = [(line, some) for line, some in chosen if some.any()]
        if not chosen:
            return None
        return cls(
            np.concatenate([line.centres[some] for line, some in chosen]),
            np.concatenate([line.jacobians[some] for line, some in chosen]),
            np.concatenate([line.jacobian_errors[some] for line, some in chosen]),
        )

    def equations(self, network: PiecewiseLinearNetwork, directions: FloatArray) -> Equations:
        """What they tell of the rows along directions that the rows do not span ("o d").

        Gradients that the others contradict are left out: they left their region, or a neuron is missing.
        """
        gains, (points, outputs, _) = gains_at(network, self.points), self.jacobians.shape
        told = Equations(
            gains.reshape(points * outputs, -1),
            (self.jacobians @ directions.T).reshape(points * outputs, -1),
            np.repeat(self.errors, outputs),
        )
        while told.count:
            gaps = np.abs(told.gains @ told.solved().unknowns - told.right).max(axis=1, initial=0.0)
            worst = int(np.argmax(gaps / told.errors))
            if gaps[worst] < WORST * told.errors[worst]:
                break
            keep = np.arange(told.count) != worst
            told = Equations(told.gains[keep], told.right[keep], told.errors[keep])
        return told


def gains_at(network: PiecewiseLinearNetwork, points: FloatArray) -> FloatArray:
    """dF/dz of the first layer's pre-activations at each point: "p k n"."""
    patterns = network.activation_pattern(points)
    gains = np.repeat(network.weights[-1][np.newaxis], len(points), axis=0)
    for weight, on in zip(reversed(network.weights[1:-1]), reversed(patterns[1:]), strict=True):
        gains = (gains * on[:, np.newaxis]) @ weight
    return gains * patterns[0][:, np.newaxis]


def most_telling(
    known: Equations, gains: FloatArray, noise: FloatArray, wanted: FloatArray, most: int
) -> IntArray | None:
    """The fewest candidates that make all components as sharp as wanted, greedily; None if `most` do not.

    Args:
        known: What is known.
        gains: Of each candidate, shape "c k n".
        noise: Standard deviation of what is asked at each, shape "c".
        wanted: Standard deviation of a component of each neuron, shape "n".
        most: Candidates that may be chosen.
    """
    # components in units of what is wanted; roots of covariances, which squares would blur
    sharp = gains * wanted / noise[:, np.newaxis, np.newaxis]
    rows, chosen = known.sharp * wanted, list[int]()
    vague = float(wanted.min()) / VAGUE
    while True:
        size, right = row_directions(np.concatenate([rows, vague * np.eye(len(wanted))]))
        size = np.maximum(size, vague)
        if float(np.sqrt(((right / size[:, np.newaxis]) ** 2).sum(axis=0)).max()) <= 1.0:
            return np.array(chosen, dtype=np.int64)
        if len(chosen) >= most:
            return None
        # an answer g with noise 1 takes |C g|^2 / (1 + g C g) off the sum of the variances
        moved = (sharp @ right.T) / size
        gain = (((moved / size) ** 2).sum(axis=2) / (1 + (moved**2).sum(axis=2))).sum(axis=1)
        best = int(np.argmax(gain))
        chosen.append(best)
        rows = np.concatenate([rows, sharp[best]])
