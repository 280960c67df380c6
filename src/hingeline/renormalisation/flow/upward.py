"""Samples drawn upward from several inputs that take turns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.stacks.stack import StochasticStack, draw_units


def samples_each(samples: int, blocks: int, inputs: int) -> int:
    """Samples for each input in each block, so that all see as many and there are no fewer than asked for."""
    return -(-samples // (blocks * inputs))


def upward(
    stack: StochasticStack,
    first: FloatArray,
    each: int,
    layers: int,
    rng: np.random.Generator,
    batch: int,
) -> Iterator[tuple[FloatArray, ...]]:
    """`each` samples of layers 1, ..., `layers` for every input, given the inputs' first means, "n w_1"."""
    rows = each * len(first)
    for start in range(0, rows, batch):
        # inputs take turns, so that a batch is a mixture too
        inputs = np.arange(start, min(start + batch, rows)) % len(first)
        states = [draw_units(first[inputs], rng)]
        for layer in range(2, layers + 1):
            states.append(stack.draw(layer, states[-1], rng))
        yield tuple(states)
