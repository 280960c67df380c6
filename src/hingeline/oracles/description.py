"""What a caller says about a door, checked, and put together with what the door says of itself.

A caller who contradicts the door is told, because one of the two must be wrong.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import Answers, Oracle, OracleSpec, OracleWithIds
from hingeline.oracles.row_memory import as_sent

_DTYPES = ("float64", "float32", "float16")


@dataclass(frozen=True)
class Description:
    """What a caller says about a door; None where nothing was said.

    Raises:
        InvalidInput: Something that cannot be meant.
    """

    input_dim: int | None = None
    """Numbers in one row; follows from `input_shape` if only that is given."""
    input_shape: tuple[int, ...] | None = None
    """Shape in which the target wants one example."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest value an input coordinate may take."""
    answers: Answers | None = None
    """None is what "auto" becomes."""
    dtype: str | None = None
    """Precision to round queries to."""
    name: str | None = None
    """Name of the target in reports and journals."""
    max_batch: int | None = None
    """Most rows in one call."""

    def __post_init__(self) -> None:
        for key in ("input_dim", "max_batch"):
            _check_count(key, getattr(self, key))
        if self.answers not in (None, *get_args(Answers)):
            raise InvalidInput(f"answers must be one of {', '.join(get_args(Answers))}; got {self.answers!r}")
        if self.dtype not in (None, *_DTYPES):
            raise InvalidInput(f"dtype must be one of {', '.join(_DTYPES)}; got {self.dtype!r}")
        object.__setattr__(self, "input_shape", _shape(self.input_shape))
        object.__setattr__(self, "input_dim", _size(self.input_dim, self.input_shape))
        object.__setattr__(self, "bounds", _bounds(self.bounds))
        object.__setattr__(self, "answers", None if self.answers == "auto" else self.answers)

    def said(self) -> dict[str, Any]:
        """What was said, by name."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def described(opened: Oracle, known: Description) -> Oracle:
    """The door with what the caller said about it; itself if nothing was said.

    Raises:
        InvalidInput: The caller contradicts the door.
    """
    spec = opened.spec
    if known.input_dim not in (None, spec.input_dim):
        raise InvalidInput(f"{spec.name} takes {spec.input_dim} numbers per row, not {known.input_dim}")
    if known.dtype is not None and np.dtype(known.dtype).itemsize > np.dtype(spec.dtype).itemsize:
        raise InvalidInput(f"{spec.name} takes {spec.dtype}, so {known.dtype} would be rounded on the way")
    said = {key: value for key, value in known.said().items() if key not in ("input_dim", "input_shape")}
    changed = replace(spec, **said)
    if changed == spec:
        return opened
    if isinstance(opened, CallableOracle):
        return opened.described(changed)
    if isinstance(opened, OracleWithIds):
        return _RespecifiedWithIds(opened, changed)
    return _Respecified(opened, changed)


class _Respecified:
    """An oracle under another description; questions are rounded to the precision that this one names."""

    def __init__(self, inner: Oracle, spec: OracleSpec) -> None:
        self._inner = inner
        self._spec = spec

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the oracle inside."""
        return self._inner.query(self._rounded(points))

    def _rounded(self, points: FloatArray) -> FloatArray:
        return as_sent(points, self._spec.dtype).astype(np.float64)


class _RespecifiedWithIds(_Respecified):
    """The same for an oracle that passes request ids on."""

    def __init__(self, inner: OracleWithIds, spec: OracleSpec) -> None:
        super().__init__(inner, spec)
        self._with_ids = inner

    def query_with_id(self, points: FloatArray, request_id: str) -> FloatArray:
        """Answers of the oracle inside, to a request that has a name."""
        return self._with_ids.query_with_id(self._rounded(points), request_id)


def _check_count(key: str, value: Any) -> None:
    if value is not None and (not isinstance(value, int | np.integer) or value < 1):
        raise InvalidInput(f"{key} must be a whole number from 1 up; got {value!r}")


def _shape(shape: Any) -> tuple[int, ...] | None:
    if shape is None:
        return None
    try:
        sizes = tuple(int(size) for size in shape)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"input_shape must list sizes, such as (1, 28, 28); got {shape!r}") from error
    if not sizes or min(sizes) < 1:
        raise InvalidInput(f"input_shape must list sizes from 1 up; got {shape!r}")
    return sizes


def _size(input_dim: int | None, shape: tuple[int, ...] | None) -> int | None:
    """Numbers per row, from either."""
    if shape is None:
        return None if input_dim is None else int(input_dim)
    if input_dim not in (None, math.prod(shape)):
        raise InvalidInput(
            f"input_shape {shape} holds {math.prod(shape)} numbers, but input_dim is {input_dim}"
        )
    return math.prod(shape)


def _bounds(bounds: Any) -> tuple[float, float] | None:
    if bounds is None:
        return None
    try:
        low, high = (float(value) for value in bounds)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"bounds must be two numbers, (lowest, highest); got {bounds!r}") from error
    if not low < high or not math.isfinite(low) or not math.isfinite(high):
        raise InvalidInput(f"bounds must be finite and ascending; got {bounds!r}")
    return low, high
