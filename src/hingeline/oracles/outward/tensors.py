"""Tensors of any library as rows for a door, and why a gradient cannot come back.

torch and JAX are looked at only where the caller has imported them.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle


def refuse_gradients(tensor: Any, name: str, advice: str) -> None:
    """Stop an attack that is about to differentiate, before anything is asked.

    Args:
        tensor: What the attack hands over.
        name: Name of the door.
        advice: What works instead.

    Raises:
        UnsupportedOracle: A torch tensor whose gradient is recorded, or a JAX tracer.
    """
    if _recorded_by_torch(tensor) or _traced_by_jax(tensor):
        raise UnsupportedOracle(
            f"this attack wants gradients, and {name} is a door that is only asked: no gradient comes back "
            f"through it, so it was not asked. {advice}"
        )


def row_shape(input_shape: tuple[int, ...] | None, input_dim: int) -> tuple[int, ...] | None:
    """The shape that every input must have, checked against the numbers in a row; None if any will do.

    Raises:
        InvalidInput: It holds another number of numbers.
    """
    if input_shape is None:
        return None
    shape = tuple(int(size) for size in input_shape)
    if math.prod(shape) != input_dim:
        raise InvalidInput(
            f"input_shape {shape} holds {math.prod(shape)} numbers; a row of this door has {input_dim}"
        )
    return shape


def as_rows(array: Any, shape: tuple[int, ...] | None, input_dim: int) -> FloatArray:
    """Inputs of an attack as float64 rows: "n ..." to "n d", flattened in C order.

    Raises:
        InvalidInput: Inputs of another shape.
    """
    inner = tuple(array.shape[1:])
    if not array.ndim or math.prod(inner) != input_dim or (shape is not None and inner != shape):
        wanted = ("n", *(shape or (input_dim,)))
        raise InvalidInput(
            f"inputs have shape {tuple(array.shape)}; want ({', '.join(map(str, wanted))})"
            + ("" if shape else ", or images of as many numbers")
        )
    return array.astype("float64").reshape(len(array), input_dim)


def _recorded_by_torch(tensor: Any) -> bool:
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(tensor, torch.Tensor):
        return False
    return tensor.requires_grad and torch.is_grad_enabled()


def _traced_by_jax(tensor: Any) -> bool:
    jax: Any = sys.modules.get("jax")
    return jax is not None and isinstance(tensor, jax.core.Tracer)
