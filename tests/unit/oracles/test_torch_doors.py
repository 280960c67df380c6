"""Torch modules as doors; skipped where torch is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, QueryFailed, UnsupportedOracle
from hingeline.oracles.opening import oracle

torch: Any = pytest.importorskip("torch")

POINTS = np.random.default_rng(0).standard_normal((7, 4))


def perceptron(dtype: Any) -> Any:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(5, 2)]
    return torch.nn.Sequential(*layers).to(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_module_answers_in_its_own_precision(dtype: str) -> None:
    module = perceptron(getattr(torch, dtype))
    opened = oracle(module)
    assert (opened.spec.input_dim, opened.spec.dtype, opened.spec.name) == (4, dtype, "Sequential")
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(POINTS.astype(dtype)))
    assert np.array_equal(opened.query(POINTS), expected.double().numpy())


def test_dropout_is_off_while_asked_and_every_mode_is_put_back() -> None:
    module = perceptron(torch.float64)
    module[0].eval()
    opened = oracle(module)
    assert np.array_equal(opened.query(POINTS), opened.query(POINTS))
    assert [part.training for part in module] == [False, True, True, True]
    assert all(weight.grad is None and weight.requires_grad for weight in module.parameters())


def test_images_are_reshaped_and_trailing_axes_flattened() -> None:
    module = torch.nn.Conv2d(1, 3, 2).double()
    opened = oracle(module, input_shape=(1, 2, 2))
    assert opened.spec.input_dim == 4
    expected = module(torch.from_numpy(POINTS.reshape(7, 1, 2, 2))).detach().numpy()
    assert np.array_equal(opened.query(POINTS), expected.reshape(7, 3))


def test_a_module_that_does_not_say_its_width_needs_it() -> None:
    with pytest.raises(InvalidInput, match=r"how many inputs does this Conv2d take\? Pass input_dim="):
        oracle(torch.nn.Conv2d(1, 3, 2))
    assert oracle(torch.nn.ReLU(), input_dim=4).query(POINTS).min() == 0


def test_a_precision_that_numpy_does_not_have_is_refused() -> None:
    with pytest.raises(UnsupportedOracle, match="computes in bfloat16; convert it"):
        oracle(perceptron(torch.bfloat16))


def test_a_module_that_answers_no_tensor_fails_in_words() -> None:
    opened = oracle(torch.nn.LSTM(4, 3), input_shape=(2, 2))
    with pytest.raises(QueryFailed, match="LSTM"):
        opened.query(POINTS)


def test_a_wrong_width_fails_in_words() -> None:
    with pytest.raises(QueryFailed, match="Sequential raised RuntimeError at rows of shape"):
        oracle(perceptron(torch.float64), input_dim=3).query(POINTS[:, :3])
