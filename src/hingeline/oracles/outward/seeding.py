"""The one place that touches global random generators: those that libraries of others draw from.

Idea: a journal serves an attack that asks the same rows again, so a resumed attack must draw the same numbers
again. Foolbox and AutoAttack draw from the generators of torch and NumPy that belong to the whole process;
within `seeded` these start from a seed, and afterwards they go on as if nothing had happened.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput

_SEEDS = 2**32  # what NumPy's old global generator takes


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Start the global generators of Python, NumPy and torch from `seed`; put them back afterwards.

    Torch is seeded on the CPU, and only if it is imported by then. Not reached: generators of an accelerator,
    of TensorFlow, and EagerPy's own for JAX, which begins with the same key in every process.

    Args:
        seed: A whole number from 0 to 2^32 - 1.

    Raises:
        InvalidInput: Another seed.
    """
    if not (isinstance(seed, Integral) and 0 <= seed < _SEEDS):
        raise InvalidInput(f"seed must be a whole number from 0 to {_SEEDS - 1}; got {seed!r}")
    torch: Any = sys.modules.get("torch")
    # the legacy interface is the one whose draws such libraries take
    mine, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    torchs = None if torch is None else torch.default_generator.get_state()
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002
    if torch is not None:
        # not `torch.manual_seed`: that would seed accelerators too
        torch.default_generator.manual_seed(int(seed))
    try:
        yield
    finally:
        random.setstate(mine)
        np.random.set_state(numpys)  # noqa: NPY002
        if torch is not None:
            torch.default_generator.set_state(torchs)
