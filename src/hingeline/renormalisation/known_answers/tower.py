"""A tower of majority votes: a stack whose stability, classes and information are known in closed form.

Layers 81-27-9-3-1; each unit sees its own block of three units below with one weight w. Independent units of
mean m stay independent from layer to layer, because blocks share nothing:

    m' = f(m) = a m + c m^3,    a = 3/4 (tanh 3w + tanh w),    c = 1/4 (tanh 3w - 3 tanh w).

The sum of all units is a closed operator; its coupling grows from layer to layer by

    lambda(m) = f'(m) (1 - m^2) / (1 - m'^2).

The boundary between the two classes is m = 0 with lambda = a; for a > 1 the classes are m* = sqrt((1 - a) /
c) and its opposite, for a < 1 (w below 0.4753) there is one class only and nothing is told apart.

Source: our derivation. Cost: none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack

BLOCK = 3
TRANSITION_WEIGHT = float(np.arctanh(1.0 / (1.0 + 2.0 ** (1.0 / 3.0))))
"""Where a = 1: with t = tanh w, a = 1 reads (1 - t)^3 = 2 t^3."""


@dataclass(frozen=True)
class MajorityTower:
    """The tower with one weight everywhere and no bias.

    Attributes:
        weight: From each unit of a block to the unit above it, w.
        levels: Steps from the widest layer of 3^levels units to the single unit on top.
        first_weight: From input i to unit i of the widest layer, w_0.
    """

    weight: float
    levels: int = 4
    first_weight: float = 1.0

    def __post_init__(self) -> None:
        if not (self.weight > 0 and np.isfinite(self.weight)) or not (
            self.first_weight > 0 and np.isfinite(self.first_weight)
        ):
            raise InvalidInput(
                f"a tower wants positive weights; got weight={self.weight}, first_weight={self.first_weight}"
            )
        if not 1 <= self.levels <= 7:
            raise InvalidInput(f"a tower has 1 to 7 levels; got {self.levels}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Units in each layer, such as (81, 27, 9, 3, 1)."""
        return tuple(BLOCK**level for level in range(self.levels, -1, -1))

    @property
    def stack(self) -> StochasticStack:
        """As many inputs as units in the widest layer, with fields w_0 x_i; the top unit is the class."""
        weights = [self.first_weight * np.eye(self.widths[0])]
        weights += [self.weight * np.kron(np.eye(above), np.ones((1, BLOCK))) for above in self.widths[1:]]
        biases = [np.zeros(len(weight)) for weight in weights]
        return StochasticStack(weights, biases, "units", name=f"majority tower, weight {self.weight:g}")

    @property
    def a(self) -> float:
        """Slope of f at the boundary, and there the eigenvalue."""
        return float(0.75 * (np.tanh(3 * self.weight) + np.tanh(self.weight)))

    @property
    def c(self) -> float:
        """Cubic coefficient of f; never positive."""
        return float(0.25 * (np.tanh(3 * self.weight) - 3 * np.tanh(self.weight)))

    @property
    def class_mean(self) -> float:
        """Mean m* of the units in the class of +1; 0 if there is one class only."""
        return float(np.sqrt((1.0 - self.a) / self.c)) if self.a > 1.0 else 0.0

    def next_mean(self, mean: float) -> float:
        """f(m), the mean one layer up."""
        return self.a * mean + self.c * mean**3

    def slope(self, mean: float) -> float:
        """f'(m), by which small differences of the mean grow."""
        return self.a + 3.0 * self.c * mean**2

    def means(self, mean: float) -> tuple[float, ...]:
        """Means of the units of all layers, from the widest up."""
        found = [mean]
        for _ in range(self.levels):
            found.append(self.next_mean(found[-1]))
        return tuple(found)

    def eigenvalue(self, mean: float) -> float:
        """Growth lambda of the sum of all units, from a layer of this mean to the next."""
        return self.slope(mean) * (1.0 - mean**2) / (1.0 - self.next_mean(mean) ** 2)

    def canonical_correlation(self, mean: float) -> float:
        """Of the sums of all units in two layers: lambda over root 3 at the boundary, never above 1."""
        above = 1.0 - self.next_mean(mean) ** 2
        return self.eigenvalue(mean) * float(np.sqrt(above / (BLOCK * (1.0 - mean**2))))

    def input_of_mean(self, mean: float) -> FloatArray:
        """The input whose first-layer units all have this mean, shape "d"."""
        if not -1.0 < mean < 1.0:
            raise InvalidInput(f"units have means between -1 and 1; got {mean}")
        return np.full(self.widths[0], np.arctanh(mean) / self.first_weight)

    def batches(
        self, mean: float, samples: int, rng: np.random.Generator, *, batch: int = BATCH
    ) -> Iterator[tuple[FloatArray, ...]]:
        """States of all layers from the widest up, whose units are independent with this mean.

        Yields:
            States of shapes "m 81", "m 27", ..., "m 1" for four levels.
        """
        for states in self.stack.batches(self.input_of_mean(mean), samples, rng, batch=batch):
            yield states[1:]

    def input_information(self, mean: float = 0.0) -> float:
        """The one eigenvalue of the information about the input that the top unit carries.

        Its eigenvector has equal entries. At mean 0 and four levels it is 81 w_0^2 (a/3)^8.
        """
        means = self.means(mean)
        # each unit of a block passes on a third of f'(m); the first layer passes on w_0 (1 - m^2)
        passed = self.first_weight * (1.0 - mean**2)
        for below in means[:-1]:
            passed *= self.slope(below) / BLOCK
        return self.widths[0] * passed**2 / (1.0 - means[-1] ** 2)
