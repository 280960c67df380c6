"""How rows of numbers become the input tensor that a server declares.

A leading size of -1 is a batch of any size; a fixed one is a batch that every request must fill; a tensor
that is exactly one row has no batch dimension, and one request carries one row.

Input types: FP64 and FP32 carry queries. FP16 holds 11 bits, too few to place a hingeline, so it is refused
unless the caller says dtype="float16" and so knows what the answers are worth. BF16, whole numbers, BOOL and
BYTES cannot carry real points and are refused always.
Cost: pure functions of small documents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.oracles.inference_metadata import FLOATS, ModelMetadata, TensorInfo

# Servers that describe no input (MLServer without metadata) take it by position; this is a name they use.
_UNNAMED_INPUT = "input-0"


@dataclass(frozen=True)
class InputLayout:
    """How rows become the input tensor."""

    name: str
    datatype: str
    """What is written on the wire."""
    dtype: str
    """What a query is rounded to before it is written; never wider than the datatype."""
    row_shape: tuple[int, ...]
    """Shape of one row without the batch dimension."""
    batch: int | None
    """Rows that every request must have; None if any number."""
    batched: bool = True
    """False if the tensor is one row without a batch dimension."""

    @property
    def input_dim(self) -> int:
        """Numbers in one row."""
        return math.prod(self.row_shape)

    def tensor_shape(self, rows: int) -> list[int]:
        """Shape to write for so many rows."""
        return [rows, *self.row_shape] if self.batched else list(self.row_shape)


def plan_input(
    metadata: ModelMetadata,
    *,
    input_dim: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    dtype: str | None = None,
) -> InputLayout:
    """Decide how rows become the input tensor.

    Args:
        metadata: What the server declares.
        input_dim: Numbers per row as the caller knows it; needed where the server leaves it open.
        input_shape: Shape of one row, for images whose size the server leaves open.
        dtype: Precision to round queries to, if less than the server takes.

    Raises:
        InvalidInput: What the caller says is missing or contradicts the metadata.
        UnsupportedOracle: The model has several inputs, or an input type that cannot carry real points.
    """
    _check_caller(input_dim, input_shape)
    tensor = _only_input(metadata, dtype)
    datatype, chosen = tensor.datatype, _input_dtype(tensor, dtype)
    numbers = math.prod(input_shape) if input_shape else input_dim
    if _is_one_row(tensor.shape, numbers):
        return InputLayout(tensor.name, datatype, chosen, tensor.shape, batch=1, batched=False)
    batch = tensor.shape[0] if tensor.shape and tensor.shape[0] > 0 else None
    row_shape = _row_shape(tensor, input_dim, input_shape)
    return InputLayout(tensor.name, datatype, chosen, row_shape, batch)


def output_dim(output: TensorInfo | None, layout: InputLayout) -> int | None:
    """Numbers in one answer row, where the server declares it."""
    if output is None or not output.shape:
        return None
    tail = output.shape[1:] if layout.batched else output.shape
    return math.prod(tail) if all(size > 0 for size in tail) else None


def _check_caller(input_dim: int | None, input_shape: tuple[int, ...] | None) -> None:
    if input_dim is not None and input_dim < 1:
        raise InvalidInput(f"input_dim must be at least 1; got {input_dim}")
    if input_shape is not None and (not input_shape or min(input_shape) < 1):
        raise InvalidInput(f"input_shape must list sizes of at least 1; got {input_shape}")
    if input_dim is not None and input_shape is not None and math.prod(input_shape) != input_dim:
        raise InvalidInput(
            f"input_shape {input_shape} holds {math.prod(input_shape)} numbers, input_dim says {input_dim}"
        )


def _only_input(metadata: ModelMetadata, dtype: str | None) -> TensorInfo:
    if len(metadata.inputs) > 1:
        names = ", ".join(repr(t.name) for t in metadata.inputs)
        raise UnsupportedOracle(
            f"the model takes {len(metadata.inputs)} inputs ({names}); hingeline asks with one. "
            "Fix the others in a target.toml with a request template"
        )
    if metadata.inputs:
        return metadata.inputs[0]
    widest = next((wire for wire, name in FLOATS.items() if name == dtype), "FP64")
    return TensorInfo(_UNNAMED_INPUT, widest, (-1, -1))


def _input_dtype(tensor: TensorInfo, dtype: str | None) -> str:
    declared = FLOATS.get(tensor.datatype)
    if declared is None:
        raise UnsupportedOracle(
            f"input {tensor.name!r} takes {tensor.datatype}; real-valued points cannot be sent to it, "
            "so it cannot be asked. If the model has an FP32 or FP64 front, use that"
        )
    if dtype is None and declared == "float16":
        raise UnsupportedOracle(
            f"input {tensor.name!r} takes FP16, which has 3 decimal digits: too coarse to place a bend. "
            'If you want to ask anyway, say dtype="float16"'
        )
    chosen = dtype or declared
    if chosen not in FLOATS.values():
        raise InvalidInput(f"dtype must be one of {', '.join(FLOATS.values())}; got {dtype!r}")
    if list(FLOATS.values()).index(chosen) < list(FLOATS.values()).index(declared):
        raise InvalidInput(f"input {tensor.name!r} takes {tensor.datatype}; it cannot carry {chosen}")
    return chosen


def _is_one_row(shape: tuple[int, ...], numbers: int | None) -> bool:
    if not shape or min(shape) < 1:
        return False
    if len(shape) == 1:
        return numbers in (None, shape[0])
    # [1, 784] also multiplies to 784, but its first 1 is a batch of one.
    return math.prod(shape) == numbers and shape[0] != 1


def _row_shape(
    tensor: TensorInfo, input_dim: int | None, input_shape: tuple[int, ...] | None
) -> tuple[int, ...]:
    declared = tensor.shape[1:]
    if input_shape is not None:
        if len(declared) != len(input_shape) or not _fits(declared, input_shape):
            raise InvalidInput(
                f"input {tensor.name!r} has shape {list(tensor.shape)}; {input_shape} does not fit"
            )
        return input_shape
    open_sizes = sum(size < 1 for size in declared)
    if open_sizes == 0:
        fixed = math.prod(declared)
        if input_dim not in (None, fixed):
            raise InvalidInput(
                f"input {tensor.name!r} has shape {list(tensor.shape)}: "
                f"{fixed} numbers per row, not {input_dim}"
            )
        return declared
    return _filled(tensor, declared, open_sizes, input_dim)


def _filled(
    tensor: TensorInfo, declared: tuple[int, ...], open_sizes: int, input_dim: int | None
) -> tuple[int, ...]:
    known = math.prod(size for size in declared if size > 0)
    shape = list(tensor.shape)
    if input_dim is None:
        raise InvalidInput(f"the server does not say how long a row is (shape {shape}); pass input_dim=...")
    if open_sizes > 1:
        raise InvalidInput(f"the server leaves several sizes open (shape {shape}); pass input_shape=(...)")
    if input_dim % known:
        raise InvalidInput(f"input_dim={input_dim} does not fit the server's shape {shape}")
    return tuple(input_dim // known if size < 1 else size for size in declared)


def _fits(declared: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(want in (-1, have) for want, have in zip(declared, shape, strict=True))
