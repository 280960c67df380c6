"""One pass upward from one input: all sums that chain, bound and direct route need, from the same samples.

For every layer n from 2 to the last hidden one, with operators O_n and the first layer's score u:

    A_n = cov(O_n, O_n),    B_n = cov(O_n, O_(n-1)),    D_n = cov(O_n, u),

where for n = 2 the operators below are the score itself; and for the classes cov(1[y=c], O_last) and
cov(1[y=c], u). Of what is above its conditional mean given the layer below is taken where it is known (Rao
and Blackwell). Sums are kept by blocks, so that leaving out one, or half of them, needs no second pass.

Cost of M samples with K operators: M K^2. Memory: blocks * K^2 numbers for each layer, and `batch` rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.information.block_sums import BlockSums
from hingeline.renormalisation.information.first_layer import (
    FirstLayer,
    first_layer,
    one_input,
    samples_per_block,
)
from hingeline.renormalisation.operators.operator_set import OperatorSet, single_units
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack

MOST_NUMBERS = 2**26
"""Numbers that sums may hold, 512 MiB."""


@dataclass(frozen=True, eq=False)
class LayerCovariances:
    """What a choice of blocks says of one layer.

    Attributes:
        own: A_n, shape "K K".
        below: B_n, shape "K K'".
        score: D_n, shape "K r".
        samples: Behind them.
    """

    own: FloatArray
    below: FloatArray
    score: FloatArray
    samples: float


@dataclass(frozen=True, eq=False)
class ClassCovariances:
    """What a choice of blocks says of the classes.

    Attributes:
        law: P(c|x), shape "C".
        below: Covariances with the operators of the last hidden layer, shape "C K".
        score: Covariances with the score, that is the slopes of the direct route, shape "C r".
    """

    law: FloatArray
    below: FloatArray
    score: FloatArray


@dataclass(frozen=True, eq=False)
class UpwardMoments:
    """Sums of one pass.

    Attributes:
        stack: What was sampled.
        point: The input, shape "1 d".
        first: Coordinates of the score.
        operators: For layers 2, 3, ..., `stack.last_hidden`.
        blocks: How many.
        each: Samples in every block.
    """

    stack: StochasticStack
    point: FloatArray
    first: FirstLayer
    operators: tuple[OperatorSet, ...]
    blocks: int
    each: int
    _layers: tuple[BlockSums, ...]
    _classes: BlockSums

    @property
    def samples(self) -> int:
        """Drawn in all."""
        return self.blocks * self.each

    @property
    def all_blocks(self) -> BoolArray:
        """The choice of all blocks."""
        return np.ones(self.blocks, dtype=np.bool_)

    def without(self, block: int) -> BoolArray:
        """The choice of all blocks but one."""
        chosen = self.all_blocks
        chosen[block] = False
        return chosen

    def half(self, which: int) -> BoolArray:
        """The choice of every second block, the even ones for 0 and the odd ones for 1."""
        return np.arange(self.blocks) % 2 == which

    def narrowed(self, operators: Sequence[OperatorSet]) -> UpwardMoments:
        """The same samples for smaller sets, each the first operators of the one that was measured.

        Raises:
            InvalidInput: Another number of layers, or operators that are not the first ones.
        """
        told = tuple(operators)
        if len(told) != len(self.operators) or any(
            few.names != all_of_them.names[: len(few.names)]
            for few, all_of_them in zip(told, self.operators, strict=True)
        ):
            raise InvalidInput("sums can be narrowed to the first operators of each layer, by their names")
        sizes = [self.first.loadings.shape[1], *(len(o.names) for o in told)]
        layers = tuple(
            sums.narrowed(above, below)
            for sums, (below, above) in zip(self._layers, itertools.pairwise(sizes), strict=True)
        )
        classes = self._classes.narrowed(self.stack.classes, sizes[-1])
        return replace(self, operators=told, _layers=layers, _classes=classes)

    def layer(self, layer: int, chosen: BoolArray) -> LayerCovariances:
        """Covariances of `layer`, 2 to the last hidden one, from the chosen blocks."""
        count = float(chosen.sum() * self.each)
        return LayerCovariances(*self._layers[layer - 2].chosen(chosen, count)[1:], samples=count)

    def classes(self, chosen: BoolArray) -> ClassCovariances:
        """Covariances of the classes from the chosen blocks."""
        law, _, below, score = self._classes.chosen(chosen, float(chosen.sum() * self.each))
        return ClassCovariances(law, below, score)


def upward_moments(
    stack: StochasticStack,
    x: FloatArray,
    *,
    samples: int,
    rng: np.random.Generator,
    operators: Sequence[OperatorSet] | None = None,
    blocks: int = 40,
    batch: int = BATCH,
) -> UpwardMoments:
    """Draw samples upward from one input and keep their sums.

    Args:
        stack: Where they come from.
        x: The input, shape "d".
        samples: How many, rounded up to whole blocks.
        rng: Draws them.
        operators: One set for each of the layers 2, 3, ..., `stack.last_hidden`; single units if None.
        blocks: For errors and halves.
        batch: Most samples at once.

    Raises:
        InvalidInput: Not one input, no hidden layer, operators of other layers, too few samples, or more
            operators than sums can be kept of.
    """
    row = one_input(stack, x)
    each = samples_per_block(samples, blocks)
    if stack.last_hidden < 1:
        raise InvalidInput("the classes hang on the input itself; the direct route is exact there")
    told = tuple(operators) if operators is not None else single_operators(stack)
    _check(stack, told, blocks)
    layer = first_layer(stack)
    coordinates = layer.loadings.shape[1]
    sizes = [coordinates, *(len(o.names) for o in told)]
    layers = tuple(
        BlockSums(blocks, above, below, coordinates, own=True) for below, above in itertools.pairwise(sizes)
    )
    classes = BlockSums(blocks, stack.classes, sizes[-1], coordinates, own=False)
    found = UpwardMoments(stack, row, layer, told, blocks, each, layers, classes)
    means = stack.means(1, row)[0]
    for block in range(blocks):
        for states in stack.batches(row[0], each, rng, layers=stack.last_hidden, batch=batch):
            score = down = layer.scores(states[1], means)
            for n, (sums, above) in enumerate(zip(layers, told, strict=True), start=2):
                up, products = _conditional(above, stack, n, states)
                sums.add(block, up, down, score, products)
                down = above.values(states[n])
            classes.add(block, stack.class_law(states[-1]), down, score, None)
    return found


def single_operators(stack: StochasticStack) -> tuple[OperatorSet, ...]:
    """Single units of the layers 2 to the last hidden one."""
    return tuple(single_units(w) for w in stack.widths[2 : stack.last_hidden + 1])


def _conditional(
    above: OperatorSet, stack: StochasticStack, layer: int, states: tuple[FloatArray, ...]
) -> tuple[FloatArray, FloatArray]:
    """E[O|below] and the summed E[O O'|below], or sampled values where they are not known."""
    means = stack.means(layer, states[layer - 1])
    expected, products = above.expected(means), above.expected_products(means)
    if expected is not None and products is not None:
        return expected, products
    values = above.values(states[layer])
    return values, values.T @ values


def _check(stack: StochasticStack, operators: tuple[OperatorSet, ...], blocks: int) -> None:
    widths = stack.widths[2 : stack.last_hidden + 1]
    if tuple(o.width for o in operators) != widths:
        raise InvalidInput(
            f"operators are wanted for layers 2 to {stack.last_hidden}, of {widths} units; got sets that "
            f"look at {tuple(o.width for o in operators)}"
        )
    held = blocks * sum(len(o.names) ** 2 for o in operators)
    if held > MOST_NUMBERS:
        raise InvalidInput(
            f"{[len(o.names) for o in operators]} operators in {blocks} blocks want {held:,} numbers, more "
            f"than {MOST_NUMBERS:,}; give fewer operators (screened pairs) or blocks"
        )
