"""The chain inside an ONNX graph: affine steps and ReLUs, read as a fully connected network.

The walk follows the one path from input to output, multiplies the affine steps between two ReLUs together and
folds what depends on constants alone. Anything else is refused by name and position, never skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import FormatError
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Constants = Mapping[str, Any]


def network_of_graph(graph: Any, onnx: Any) -> PiecewiseLinearNetwork:
    """The network that an ONNX `graph` computes; `onnx` is the package.

    Raises:
        FormatError: A node that is not an affine step or a ReLU, a branch, or sizes that do not fit.
    """
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise FormatError(f"it has {len(inputs)} inputs and {len(graph.output)} outputs; want one of each")
    walk, flowing = _start(inputs[0]), inputs[0].name
    for position, node in enumerate(graph.node, start=1):
        try:
            if all(name in constants for name in node.input if name):
                constants[node.output[0]] = _folded(node, constants, onnx)
            else:
                _step(walk, node, flowing, constants, onnx)
                flowing = node.output[0]
        except (FormatError, ValueError, TypeError, LookupError) as error:
            name = f" {node.name!r}" if node.name else ""
            place = f"node {position} of {len(graph.node)}, {node.op_type}{name}"
            raise FormatError(f"{place}: {error}") from error
    if flowing != graph.output[0].name:
        raise FormatError(f"its output {graph.output[0].name!r} is not the end of the chain")
    layers = [*walk.hidden, walk.current()]
    return PiecewiseLinearNetwork([w for w, _ in layers], [b for _, b in layers])


@dataclass
class _Walk:
    """Where the walk from input to output stands."""

    row_shape: tuple[int, ...] | None
    """Shape of one example here; None where the model leaves it open."""
    single: bool
    """True if the model takes one example at a time."""
    hidden: list[tuple[FloatArray, FloatArray]] = field(default_factory=list[tuple[FloatArray, FloatArray]])
    """Affine maps that end in a ReLU."""
    affine: tuple[FloatArray, FloatArray] | None = None
    """Product of the affine steps since the last ReLU; None if there was none."""

    def width(self) -> int:
        """Numbers in one example here."""
        if self.row_shape is None:
            raise FormatError("the model does not say how many inputs it takes")
        return math.prod(self.row_shape)

    def current(self) -> tuple[FloatArray, FloatArray]:
        """The open affine map; the identity if no step was taken."""
        return self.affine or (np.eye(self.width()), np.zeros(self.width()))

    def multiply(self, weight: FloatArray) -> None:
        """Take the step x -> weight x, `weight` of shape "out in"."""
        if self.row_shape is None:
            self.row_shape = (weight.shape[1],)
        if self.row_shape != (weight.shape[1],):
            raise FormatError(
                f"a matrix for {weight.shape[1]} inputs meets examples of shape {self.row_shape}"
            )
        if self.affine is None:
            self.affine = weight, np.zeros(len(weight))
        else:
            self.affine = weight @ self.affine[0], weight @ self.affine[1]
        self.row_shape = (len(weight),)

    def shift(self, offset: FloatArray) -> None:
        """Take the step x -> x + offset."""
        width, shape = self.width(), (1, *(self.row_shape or ()))
        if offset.ndim > len(shape) or np.broadcast_shapes(offset.shape, shape) != shape:
            raise FormatError(f"an offset of shape {offset.shape} meets examples of shape {self.row_shape}")
        matrix, before = self.current()
        self.affine = matrix, before + np.broadcast_to(offset, shape).reshape(width)

    def rectify(self) -> None:
        """Take the step x -> max(x, 0)."""
        if self.affine is None and self.hidden:
            return  # a ReLU of a ReLU
        self.hidden.append(self.current())
        self.affine = None


def _start(value: Any) -> _Walk:
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in value.type.tensor_type.shape.dim]
    if len(sizes) == 1:
        raise FormatError(f"its input has shape {tuple(sizes)}; want a batch axis and then the features")
    known = bool(sizes) and all(size > 0 for size in sizes[1:])
    return _Walk(tuple(sizes[1:]) if known else None, single=bool(sizes) and sizes[0] == 1)


def _step(walk: _Walk, node: Any, flowing: str, constants: Constants, onnx: Any) -> None:
    computed = [name for name in node.input if name and name not in constants]
    if _is_foreign(node) or node.op_type not in _STEPS:
        raise FormatError(f"this operation is not an affine step or a ReLU; known: {', '.join(_STEPS)}")
    if computed != [flowing]:
        raise FormatError(f"it joins or branches computed values ({', '.join(computed)}); want one chain")
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    _STEPS[node.op_type](walk, node, constants, attributes)


def _gemm(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    if node.input[0] in constants or attributes.get("transA", 0):
        raise FormatError("the computed value must be its first factor, not transposed")
    weight = _numbers(constants, node.input[1])
    walk.multiply(attributes.get("alpha", 1.0) * (weight if attributes.get("transB", 0) else weight.T))
    if len(node.input) > 2 and node.input[2]:
        walk.shift(attributes.get("beta", 1.0) * _numbers(constants, node.input[2]))


def _matmul(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    if node.input[0] in constants:
        raise FormatError("the computed value must be its first factor")
    weight = _numbers(constants, node.input[1])
    if weight.ndim != 2:
        raise FormatError(f"its second factor has shape {weight.shape}; want a matrix")
    walk.multiply(weight.T)


def _add(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    walk.shift(_numbers(constants, next((name for name in node.input if name in constants), "")))


def _relu(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    walk.rectify()


def _identity(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    """Nothing happens to the numbers."""


def _cast(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    float32, float64 = 1, 11  # onnx.TensorProto.FLOAT, .DOUBLE: fixed by the format
    if attributes.get("to") not in (float32, float64):
        raise FormatError("it casts to something other than float32 or float64, which loses values")


def _flatten(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    if attributes.get("axis", 1) != 1:
        raise FormatError(f"it flattens from axis {attributes['axis']}, which mixes examples; want 1")
    walk.row_shape = None if walk.row_shape is None else (walk.width(),)


def _reshape(walk: _Walk, node: Any, constants: Constants, attributes: Mapping[str, Any]) -> None:
    if node.input[0] in constants:
        raise FormatError("its target shape is computed; want a constant")
    batch, *shape = (int(size) for size in constants[node.input[1]].ravel())
    if shape == [-1] and (batch == 0 or (batch == 1 and walk.single)):
        shape = [walk.width()]
    if batch not in (-1, 0, 1) or not shape or min(shape) < 1 or math.prod(shape) != walk.width():
        raise FormatError(
            f"it reshapes to {[batch, *shape]}, which may mix examples of shape {walk.row_shape}"
        )
    walk.row_shape = tuple(shape)


_STEPS: Mapping[str, Callable[[_Walk, Any, Constants, Mapping[str, Any]], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _add,
    "Relu": _relu,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Identity": _identity,
    "Cast": _cast,
}


def _folded(node: Any, constants: Constants, onnx: Any) -> Any:
    """The value of a node that depends on constants alone."""
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    values = [constants[name] for name in node.input if name]
    match "" if _is_foreign(node) else node.op_type:
        case "Constant" if "value" in attributes:
            return onnx.numpy_helper.to_array(attributes["value"])
        case "Constant" if attributes:
            return np.asarray(next(iter(attributes.values())))
        case "Identity":
            return values[0]
        case "Transpose":
            return np.transpose(values[0], attributes.get("perm"))
        case "Reshape":
            return np.reshape(values[0], [int(size) for size in values[1]])
        case "Cast":
            return values[0].astype(onnx.helper.tensor_dtype_to_np_dtype(attributes["to"]))
        case _:
            raise FormatError("this operation on constants is not known here")


def _numbers(constants: Constants, name: str) -> FloatArray:
    value = constants[name]
    if value.dtype not in (np.float32, np.float64):
        raise FormatError(f"its parameter {name!r} is {value.dtype}; want float64 or float32")
    return np.asarray(value, dtype=np.float64)


def _is_foreign(node: Any) -> bool:
    return node.domain not in ("", "ai.onnx")
