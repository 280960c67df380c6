"""Moments of operators through levels of blocking, one block of samples for each independent chain.

Chains do not depend on each other, so leaving out one of them at a time gives errors that hold whatever the
memory of the sampler is: sweeps within a chain may repeat each other as much as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.known_answers.ising import Spins
from hingeline.renormalisation.known_answers.majority_rule import blocked

Operators = Callable[[Spins], FloatArray]
"""Spins "... L L" to values "... K"."""


class ChainMoments:
    """Sums over time, for each chain and level, of K operators and their products.

    Args:
        levels: Levels of blocking; level 0 are the spins themselves.
        operators: The same functions at every level: operator i of one level *is* operator i of the next.
    """

    def __init__(self, levels: int, operators: Operators) -> None:
        self._levels = levels
        self._operators = operators
        self._sums: _Sums | None = None

    def add(self, lattices: Sequence[Spins]) -> FloatArray:
        """Take in one batch, the lattices "t c L L" of all levels; the values at level 0, "t c K"."""
        values = [self._operators(spins) for spins in lattices]
        if self._sums is None:
            # the means of the first batch are the fixed centres, so that small covariances keep their digits
            centres = np.array([level.mean(axis=(0, 1)) for level in values])
            self._sums = _Sums.empty(centres, values[0].shape[1])
        self._sums.add(values)
        return values[0]

    def moments(self) -> tuple[BlockMoments, ...]:
        """One for each step from a level to the next, a block for each chain.

        Raises:
            InvalidInput: Nothing was added.
        """
        if self._sums is None:
            raise InvalidInput("moments want configurations; none were added")
        return tuple(self._sums.step(level) for level in range(self._levels))


@dataclass(eq=False)
class _Sums:
    """About fixed centres; l levels and one more, c chains, K operators."""

    centres: FloatArray
    counts: FloatArray
    first: FloatArray
    same: FloatArray
    across: FloatArray

    @classmethod
    def empty(cls, centres: FloatArray, chains: int) -> _Sums:
        levels, operators = centres.shape
        square = (chains, operators, operators)
        return cls(
            centres,
            np.zeros(chains),
            np.zeros((levels, chains, operators)),
            np.zeros((levels, *square)),
            np.zeros((levels - 1, *square)),
        )

    def add(self, values: Sequence[FloatArray]) -> None:
        # chains first: "c t K", so that products over time are matrix products
        centred = [(v - c).transpose(1, 0, 2) for v, c in zip(values, self.centres, strict=True)]
        self.counts += centred[0].shape[1]
        for level, here in enumerate(centred):
            self.first[level] += here.sum(axis=1)
            self.same[level] += here.transpose(0, 2, 1) @ here
            if level:
                self.across[level - 1] += here.transpose(0, 2, 1) @ centred[level - 1]

    def step(self, level: int) -> BlockMoments:
        """From a level, which is below, to the next, above."""
        return BlockMoments(
            counts=self.counts,
            above=self.first[level + 1],
            below=self.first[level],
            above_above=self.same[level + 1],
            above_below=self.across[level],
            below_below=self.same[level],
        )


def blocked_levels(spins: Spins, levels: int, rng: np.random.Generator) -> list[Spins]:
    """The spins, and them blocked once, twice, ... `levels` times."""
    lattices = [spins]
    for _ in range(levels):
        lattices.append(blocked(lattices[-1], rng))
    return lattices
