"""Doors that are open in this process: functions and networks. Attack code cannot import this module.

Whatever the function does, the door hands over fresh float64 rows or a `QueryFailed` that says what came
instead. Cost: one copy of the points and of the answers per call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import HingelineError, InvalidInput, QueryFailed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import OracleSpec

_REAL_NUMBERS = "fiub"  # NumPy's kinds: float, int, unsigned, bool


class CallableOracle:
    """A function from rows to rows.

    Args:
        function: "n d" to "n k" (or "n"); gets a copy it may write to, in the precision of the spec.
        spec: What is known about it.
        input_shape: Shape in which the function wants each row, such as (1, 28, 28); flat if not given.

    Raises:
        InvalidInput: `input_shape` does not hold as many numbers as a row has.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        spec: OracleSpec,
        input_shape: tuple[int, ...] | None = None,
    ) -> None:
        if input_shape is not None and math.prod(input_shape) != spec.input_dim:
            raise InvalidInput(f"input_shape {input_shape} does not hold {spec.input_dim} numbers")
        self._function = function
        self._spec = spec
        self._row_shape = input_shape or (spec.input_dim,)

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    def described(self, spec: OracleSpec, input_shape: tuple[int, ...] | None = None) -> CallableOracle:
        """The same function with another description."""
        return CallableOracle(self._function, spec, input_shape or self._row_shape)

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the function, as float64.

        Raises:
            QueryFailed: The function raised, or answered something that is not real numbers.
        """
        rows = points.astype(self._spec.dtype).reshape(len(points), *self._row_shape)
        try:
            raw = self._function(rows)
        except HingelineError:
            raise
        except Exception as error:  # somebody else's code may raise anything
            raise QueryFailed(
                f"{self._spec.name} raised {type(error).__name__} at rows of shape {rows.shape[1:]}: {error}",
                sent=True,
            ) from error
        answers = _as_numbers(raw, self._spec.name)
        return answers[:, np.newaxis] if answers.ndim == 1 else answers


def network_oracle(network: PiecewiseLinearNetwork, name: str = "network", **known: Any) -> CallableOracle:
    """A door to a network whose weights are in memory; `known` overrides spec fields."""
    spec = OracleSpec(name=name, input_dim=network.input_dim, output_dim=network.output_dim)
    return CallableOracle(network, replace(spec, **known))


def _as_numbers(raw: Any, name: str) -> FloatArray:
    """A float64 copy of an answer, which may be a buffer that the function uses again."""
    try:
        array = np.asarray(raw)
    except (TypeError, ValueError, RuntimeError) as error:
        raise QueryFailed(f"{name} answered something that is not an array: {error}", sent=True) from error
    if array.dtype.kind not in _REAL_NUMBERS:
        kind = type(raw).__name__ if array.dtype == object else array.dtype
        raise QueryFailed(f"{name} answered {kind} where real numbers are wanted", sent=True)
    return np.array(array, dtype=np.float64)
