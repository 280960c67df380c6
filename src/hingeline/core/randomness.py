"""One seed, one child generator per named step, no global state."""

from __future__ import annotations

import zlib
from numbers import Integral

import numpy as np

from hingeline.core.errors import InvalidInput


class Randomness:
    """Gives every named step its own generator, so a new draw in one leaves the others as they were.

    Args:
        seed: The verb's seed.

    Raises:
        InvalidInput: A seed that is not a whole number from 0 up.
    """

    def __init__(self, seed: int) -> None:
        if not (isinstance(seed, Integral) and seed >= 0):
            raise InvalidInput(f"seed must be a whole number, 0 or more; got {seed!r}")
        self.seed = seed

    def step(self, name: str, index: int = 0) -> np.random.Generator:
        """The generator of step `name` (and of its `index`-th repetition)."""
        entropy = [self.seed, zlib.crc32(name.encode()), index]
        return np.random.default_rng(np.random.SeedSequence(entropy))
