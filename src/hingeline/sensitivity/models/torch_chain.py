"""A torch module that is a plain chain of linear layers and ReLUs, as a ReLU network whose flips are proved.

The module's own graph is traced, so nothing is guessed of its `forward`; whatever is not flattening, linear,
batch normalisation of a row, ReLU, dropout or nothing at all means that it is no such chain. What was read is
compared with the module before it is used.

Cost: a trace and `_TRIED` answers.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.torch_model import TorchModel

SAME = 1e-9
"""Largest difference of answers, relative to the largest answer."""
_TRIED = 256
_SCALES = (0.1, 1.0, 10.0, 100.0)
_NOTHING = ("Flatten", "Identity", "Dropout", "AlphaDropout")
_NOTHING_CALLED = ("flatten", "contiguous", "view", "reshape")
_SHAPE = ("size", "getattr", "getitem")


def chain_of_module(model: TorchModel) -> PiecewiseLinearNetwork | None:
    """The network that a module is; None where it is no plain chain."""
    torch = importlib.import_module("torch")
    # a lone layer is a chain of one
    whole = model.module if any(True for _ in model.module.children()) else torch.nn.Sequential(model.module)
    nodes = _traced(whole)
    chain = _Chain(model.input_dim)
    if nodes is None or not all(chain.takes(node, whole) for node in nodes):
        return None
    network = chain.network()
    return network if _agrees(network, model) else None


class _Chain:
    """Affine maps put together until a ReLU ends them."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._layers: list[tuple[FloatArray, FloatArray]] = []
        self._open: tuple[FloatArray, FloatArray] | None = None
        self._last: Any = None

    def takes(self, node: Any, module: Any) -> bool:
        """Whether a node of the graph goes on where the last one ended, and is understood."""
        if node.op == "placeholder":
            first, self._last = self._last is None, node
            return first
        if node.op == "output":
            return node.args == (self._last,)
        word = str(node.target if node.op == "call_method" else getattr(node.target, "__name__", ""))
        if word in _SHAPE:
            return True
        if not node.args or node.args[0] is not self._last:
            return False
        self._last = node
        match node.op:
            case "call_module":
                return self._module(module.get_submodule(node.target))
            case "call_function" | "call_method":
                return self._called(word, node)
            case _:
                return False

    def network(self) -> PiecewiseLinearNetwork:
        """What was put together."""
        layers = [*self._layers, self._affine()]
        return PiecewiseLinearNetwork([w for w, _ in layers], [b for _, b in layers])

    def _module(self, part: Any) -> bool:
        kind = type(part)
        if not kind.__module__.startswith("torch.nn."):
            return False
        match kind.__name__:
            case "ReLU":
                return self._relu()
            case "Linear":
                return self._linear(_array(part.weight), None if part.bias is None else _array(part.bias))
            case "BatchNorm1d" if part.running_mean is not None:
                return self._normalised(part)
            case name:
                return name in _NOTHING

    def _called(self, word: str, node: Any) -> bool:
        if word in ("relu", "relu_"):
            return self._relu()
        if word == "dropout":
            return node.kwargs.get("training", True) is False
        return word in _NOTHING_CALLED

    def _relu(self) -> bool:
        self._layers.append(self._affine())
        self._width, self._open = len(self._layers[-1][1]), None
        return True

    def _linear(self, weight: FloatArray, bias: FloatArray | None) -> bool:
        before, shift = self._affine()
        if weight.shape[1] != len(shift):
            # applied along another axis than that of the row
            return False
        self._open = weight @ before, weight @ shift + (0.0 if bias is None else bias)
        return True

    def _normalised(self, part: Any) -> bool:
        before, shift = self._affine()
        scale = 1.0 / np.sqrt(_array(part.running_var) + part.eps)
        if len(scale) != len(shift):
            return False
        scale = scale if part.weight is None else scale * _array(part.weight)
        offset = 0.0 if part.bias is None else _array(part.bias)
        self._open = scale[:, np.newaxis] * before, scale * (shift - _array(part.running_mean)) + offset
        return True

    def _affine(self) -> tuple[FloatArray, FloatArray]:
        return self._open if self._open is not None else (np.eye(self._width), np.zeros(self._width))


def _traced(module: Any) -> list[Any] | None:
    """The module's own steps in order; None where it cannot be traced, such as with branches on values."""
    if any(part._forward_hooks or part._forward_pre_hooks for part in module.modules()):
        return None
    try:
        return list(importlib.import_module("torch.fx").Tracer().trace(module).nodes)
    except Exception:  # whatever a user's forward does with what is no tensor, it is no plain chain
        return None


def _agrees(network: PiecewiseLinearNetwork, model: TorchModel) -> bool:
    rng = np.random.default_rng(0)
    if network.input_dim != model.input_dim or network.output_dim != model.output_dim:
        return False
    points = rng.standard_normal((_TRIED, model.input_dim))
    points *= np.resize(_SCALES, _TRIED)[:, np.newaxis]
    wanted, found = model.outputs(points), network(points)
    size = np.abs(wanted).max(axis=1, keepdims=True)
    return bool((np.abs(wanted - found) <= SAME * (size + np.finfo(np.float64).tiny)).all())


def _array(tensor: Any) -> FloatArray:
    return np.asarray(tensor.detach().numpy(), dtype=np.float64)
