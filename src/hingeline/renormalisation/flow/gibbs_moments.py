"""Moments of an undirected stack from Gibbs chains, with chains as the blocks that are left out in turn.

Sweeps of one chain depend on each other, so an error that counts them as independent is too small by the root
of 2 tau. Chains are independent: the jackknife over them is right whatever tau is. The autocorrelation time
is measured all the same; it says whether the burn-in was long enough and how wrong the naive error would be.

Source: the Gamma method, Wolff 2004; 20 tau of burn-in. Cost: the chains, and one product of the operators'
values with themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.autocorrelation import Autocorrelation, integrated_time
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.undirected import UndirectedStack

BURN_IN_TIMES = 20.0
"""Autocorrelation times to drop before the chains are believed."""
NAIVE_LIMIT = 1.5
"""Above this 2 tau the error that takes sweeps as independent is called wrong."""
_FOLLOWED = 16
"""Operators of each layer whose autocorrelation is measured; their series are held in memory."""


@dataclass(frozen=True, eq=False)
class GibbsMoments:
    """Moments from chains, and how independent their sweeps are.

    Attributes:
        moments: Sums with one block for each chain, or for each group of chains.
        slowest: Autocorrelation of the slowest operator that was followed, in sweeps; None if all of them
            stood still, which means that the chains are stuck or the operators frozen.
        burn_in: Sweeps dropped.
    """

    moments: BlockMoments
    slowest: Autocorrelation | None
    burn_in: int

    @property
    def naive_error_wrong(self) -> bool:
        """True if sweeps must not be taken as independent: 2 tau above 1.5, or no tau at all."""
        return self.slowest is None or 2.0 * self.slowest.tau > NAIVE_LIMIT

    @property
    def naive_error_factor(self) -> float:
        """About how many times too small an error from independent sweeps would be, sqrt(2 tau)."""
        return float("inf") if self.slowest is None else float(np.sqrt(max(1.0, 2.0 * self.slowest.tau)))

    @property
    def burn_in_enough(self) -> bool:
        """True if at least 20 autocorrelation times were dropped, as far as tau is known."""
        slowest = self.slowest
        return slowest is not None and slowest.settled and self.burn_in >= BURN_IN_TIMES * slowest.tau

    def summary(self) -> dict[str, Any]:
        """JSON-ready scalars."""
        return {
            "samples": self.moments.samples,
            "blocks": self.moments.blocks,
            "burn_in": self.burn_in,
            "burn_in_enough": self.burn_in_enough,
            "tau": None if self.slowest is None else self.slowest.tau,
            "tau_error": None if self.slowest is None else self.slowest.error,
            "naive_error_wrong": self.naive_error_wrong,
        }


def gibbs_moments(
    undirected: UndirectedStack,
    x: FloatArray,
    layer: int,
    below: OperatorSet,
    above: OperatorSet,
    *,
    chains: int = 200,
    sweeps: int = 1000,
    burn_in: int = 200,
    rng: np.random.Generator,
    chains_per_block: int = 1,
) -> GibbsMoments:
    """Moments of operators of `layer` and of the next layer at one input, from block Gibbs sampling.

    Args:
        undirected: The network.
        x: The input, shape "d".
        layer: From 1 to N - 1.
        below: Operators of `layer`.
        above: Operators of `layer` + 1.
        chains: At least 100 give errors worth the name.
        sweeps: Kept of each chain.
        burn_in: Dropped of each chain.
        rng: Draws everything.
        chains_per_block: Chains in one block of the jackknife; must divide `chains`.

    Raises:
        InvalidInput: A layer that has none above it, operators of another width, or blocks that do not fit.
    """
    _check(undirected, layer, below, above, chains, chains_per_block)
    sums, followed = _Sums(chains // chains_per_block), _Series()
    for states in undirected.gibbs(x, chains, sweeps, burn_in, rng):
        m = len(states[layer])
        upper, lower = (
            operators.values(part.reshape(m * chains, -1)).reshape(m, chains, -1)
            for operators, part in ((above, states[layer + 1]), (below, states[layer]))
        )
        sums.add(upper, lower)
        followed.add(upper, lower)
    return GibbsMoments(sums.moments(), followed.slowest(), burn_in)


class _Sums:
    """Sums over blocks of chains, about the means of the first sweeps."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.count = 0.0
        self.centres: tuple[FloatArray, FloatArray] | None = None
        self.held: list[FloatArray] = []

    def add(self, upper: FloatArray, lower: FloatArray) -> None:
        """Values of shape "sweeps chains K'" and "sweeps chains K"."""
        if self.centres is None:
            self.centres = upper.mean(axis=(0, 1)), lower.mean(axis=(0, 1))
        up, down = (
            np.moveaxis(values - centre, 1, 0).reshape(self.blocks, -1, values.shape[2])
            for values, centre in zip((upper, lower), self.centres, strict=True)
        )
        self.count += up.shape[1]
        turned = up.transpose(0, 2, 1)
        new = [up.sum(axis=1), down.sum(axis=1), turned @ up, turned @ down, down.transpose(0, 2, 1) @ down]
        self.held = [a + b for a, b in zip(self.held, new, strict=True)] if self.held else new

    def moments(self) -> BlockMoments:
        return BlockMoments(np.full(self.blocks, self.count), *self.held)


class _Series:
    """The sweeps of some operators, to learn how slowly the chains forget."""

    def __init__(self) -> None:
        self.parts: list[FloatArray] = []

    def add(self, upper: FloatArray, lower: FloatArray) -> None:
        """Values of shape "sweeps chains K'" and "sweeps chains K"; the first of each are kept."""
        self.parts.append(np.concatenate([upper[:, :, :_FOLLOWED], lower[:, :, :_FOLLOWED]], axis=2))

    def slowest(self) -> Autocorrelation | None:
        series = np.concatenate(self.parts)
        moving = np.flatnonzero(np.ptp(series, axis=(0, 1)) > 0) if len(series) >= 4 else []
        found = [integrated_time(series[:, :, operator].T) for operator in moving]
        return max(found, key=lambda time: time.tau, default=None)


def _check(
    undirected: UndirectedStack, layer: int, below: OperatorSet, above: OperatorSet, chains: int, each: int
) -> None:
    stack = undirected.stack
    if not 1 <= layer < stack.unit_layers:
        raise InvalidInput(f"steps start at layers 1 to {stack.unit_layers - 1}; got layer={layer}")
    if (below.width, above.width) != stack.widths[layer : layer + 2]:
        raise InvalidInput(
            f"layers {layer} and {layer + 1} have {stack.widths[layer]} and {stack.widths[layer + 1]} units; "
            f"the operators look at {below.width} and {above.width}"
        )
    if each < 1 or chains % each or chains // each < 2:
        raise InvalidInput(f"{chains} chains make no two or more blocks of {each}; choose a divisor")
