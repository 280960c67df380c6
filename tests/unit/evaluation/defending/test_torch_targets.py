"""Torch modules behind defences; runs where torch is installed (`make torch`)."""

from __future__ import annotations

import numpy as np
import pytest

import hingeline as hl

torch = pytest.importorskip("torch")


def test_a_plain_module_is_judged_by_its_own_neurons() -> None:
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).double()
    x = np.random.default_rng(3).standard_normal((24, 6))
    settings = {"seeds": 3, "inputs": 8, "parts": ("leak",), "seconds": 20.0}
    grid = hl.defend(module, x, defences=["labels"], settings=settings).require()
    leak = grid.row("none").leak
    assert leak is not None
    assert (leak.neurons, leak.neurons_in_all, leak.complete) == (8, 8, 3)
    assert not grid.row("labels").leak.attempted  # type: ignore[union-attr]
