"""Which backend is chosen, and that arrays survive the way there and back."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.numerics import backend
from hingeline.numerics.backend import NUMPY, WORTH_A_GPU, Backend, TorchBackend, chosen_backend

WITHOUT_TORCH = importlib.util.find_spec("torch") is None
BACKENDS = [
    NUMPY,
    pytest.param(TorchBackend("cpu"), marks=pytest.mark.skipif(WITHOUT_TORCH, reason="torch not installed")),
]


@pytest.mark.parametrize("there", BACKENDS)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_an_array_comes_back_as_it_went(there: Backend, kind: type) -> None:
    array = np.arange(12, dtype=kind).reshape(3, 4)
    array.flags.writeable = False
    for part in (array, array.T, array[:, :1], np.broadcast_to(array[:1], (5, 4))):
        again = there.get(there.put(part))
        assert again.dtype == kind
        assert (again == part).all()


@pytest.mark.parametrize("there", BACKENDS)
def test_products_agree_to_rounding(there: Backend) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((50, 30)), rng.standard_normal((30, 20))
    product = there.get(there.concatenate([there.put(a) @ there.put(b), there.zeros((2, 20), np.float64)], 0))
    assert np.abs(product[:50] - a @ b).max() < 1e-13
    assert not product[50:].any()


def test_small_problems_stay_in_numpy_without_looking_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> bool:
        raise AssertionError("looked")

    monkeypatch.setattr(backend, "_installed", refuse)
    assert chosen_backend("auto", 0.99 * WORTH_A_GPU) is NUMPY
    assert chosen_backend("numpy", 1e18) is NUMPY


def test_without_torch_large_problems_stay_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_installed", lambda: False)
    assert chosen_backend("auto", 1e18) is NUMPY


def test_asking_for_torch_where_there_is_none_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_installed", lambda: False)
    with pytest.raises(InvalidInput, match="pip install"):
        chosen_backend("torch", 10.0)


def test_an_unknown_backend_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="auto, numpy, torch"):
        chosen_backend("jax", 10.0)


@pytest.mark.skipif(WITHOUT_TORCH, reason="torch not installed")
def test_torch_is_used_when_asked_for() -> None:
    assert chosen_backend("torch", 10.0).NAME == "torch"
    assert "torch" in sys.modules
