"""Doors that are open in this process: functions, networks. Attack code cannot import this module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import QueryFailed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import OracleSpec


class CallableOracle:
    """A function from rows to rows.

    Args:
        function: "n d" to "n k" (or "n").
        spec: What is known about it.
    """

    def __init__(self, function: Callable[[FloatArray], Any], spec: OracleSpec) -> None:
        self._function = function
        self._spec = spec

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the function, cast to float64.

        Raises:
            QueryFailed: The function's answer is not a table of numbers with one row per point.
        """
        raw = self._function(points.astype(self._spec.dtype) if self._spec.dtype != "float64" else points)
        try:
            answers = np.asarray(raw, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise QueryFailed(f"{self._spec.name} answered something that is not numbers: {error}") from error
        return answers[:, np.newaxis] if answers.ndim == 1 else answers


def network_oracle(network: PiecewiseLinearNetwork, name: str = "network", **known: Any) -> CallableOracle:
    """A door to a network whose weights are in memory; `known` overrides spec fields."""
    spec = OracleSpec(name=name, input_dim=network.input_dim, output_dim=network.output_dim)
    return CallableOracle(network, replace(spec, **known))
