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

WORST = 30.0
"""Deviations by which a gradient may contradict the others before it is left out."""
VAGUE = 1e-3
"""Standard deviation of a component before anything is known of it, in rows' norms."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Components of the rows and what is known of their errors."""

    unknowns: FloatArray
    """Shape "n o" for n neurons and o directions."""
    errors: FloatArray
    """Standard deviation of a component of each neuron, shape "n"."""


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
    def information(self) -> FloatArray:
        """Inverse covariance of the components along one direction: "n n"."""
        sharp = self.gains / self.errors[:, np.newaxis]
        return np.asarray(sharp.T @ sharp)

    def with_others(self, others: Equations) -> Equations:
        """Both."""
        return Equations(
            np.concatenate([self.gains, others.gains]),
            np.concatenate([self.right, others.right]),
            np.concatenate([self.errors, others.errors]),
        )

    def solved(self) -> Solved:
        """The components that fit best."""
        sharp = self.gains / self.errors[:, np.newaxis]
        unknowns = np.linalg.lstsq(sharp, self.right / self.errors[:, np.newaxis], rcond=None)[0]
        errors = np.sqrt(np.diag(np.linalg.pinv(sharp, rcond=1e-12) @ np.linalg.pinv(sharp, rcond=1e-12).T))
        return Solved(np.asarray(unknowns, dtype=np.float64), np.asarray(errors))


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
    # components in units of what is wanted
    sharp = gains * wanted / noise[:, np.newaxis, np.newaxis]
    vague = np.eye(len(wanted)) * (known.errors.min() / known.errors.max()) ** 2 * 1e-12
    information = known.information * wanted * wanted[:, np.newaxis]
    covariance = np.linalg.inv(information + vague * max(1.0, float(np.trace(information))))
    chosen: list[int] = []
    while float(np.diag(covariance).max()) > 1.0:
        if len(chosen) >= most:
            return None
        moved = sharp @ covariance
        # an answer g with noise 1 takes |C g|^2 / (1 + g C g) off the sum of the variances
        gain = ((moved**2).sum(axis=2) / (1 + (moved * sharp).sum(axis=2))).sum(axis=1)
        best = int(np.argmax(gain))
        chosen.append(best)
        rows = sharp[best]
        weight = np.linalg.inv(np.eye(len(rows)) + rows @ covariance @ rows.T)
        covariance = covariance - covariance @ rows.T @ weight @ rows @ covariance
    return np.array(chosen, dtype=np.int64)
