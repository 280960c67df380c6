"""Global generators start from a seed inside and go on as before outside."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.oracles.outward.seeding import seeded


def drawn() -> tuple[float, float]:
    return random.random(), float(np.random.random())  # noqa: NPY002


def test_every_generator_starts_from_the_seed_wherever_it_was() -> None:
    expected = random.Random(5).random(), np.random.RandomState(5).random()
    for _ in range(2):
        drawn()
        with seeded(5):
            assert drawn() == expected


def test_afterwards_draws_go_on_as_if_nothing_had_happened() -> None:
    with seeded(1):
        expected = [drawn(), drawn()]
    with seeded(1):
        found = [drawn()]
        with pytest.raises(RuntimeError), seeded(9):
            drawn()
            raise RuntimeError
        found.append(drawn())
    assert found == expected


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_other_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(InvalidInput, match="seed must be"), seeded(seed):
        pass


def test_torch_draws_are_seeded_and_put_back() -> None:
    torch = pytest.importorskip("torch")
    before = torch.default_generator.get_state()
    with seeded(3):
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(torch.default_generator.get_state(), before)
