"""Doors seen the way this package asks them: answers as plain scores, and gradients as answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import QueryFailed
from hingeline.oracles.protocol import Oracle, OracleSpec, OracleWithIds


class ScoreDoor:
    """A door whose answers can be declared scores after the first look at them.

    Small sums of |w.x| lie between 0 and 1 and look like probabilities.
    """

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.insists = False

    @property
    def spec(self) -> OracleSpec:
        """The door's own; once it insists, "auto" is read as scores."""
        spec = self._oracle.spec
        return replace(spec, answers="logits") if self.insists and spec.answers == "auto" else spec

    def query(self, points: FloatArray) -> FloatArray:
        """The door's answers."""
        return self._oracle.query(points)


class ScoreDoorWithIds(ScoreDoor):
    """The same for a door that passes ids on."""

    def __init__(self, oracle: OracleWithIds) -> None:
        super().__init__(oracle)
        self._with_ids = oracle

    def query_with_id(self, points: FloatArray, request_id: str) -> FloatArray:
        """The door's answers."""
        return self._with_ids.query_with_id(points, request_id)


def score_door(oracle: Oracle) -> ScoreDoor:
    """The door, with ids if it takes them."""
    return ScoreDoorWithIds(oracle) if isinstance(oracle, OracleWithIds) else ScoreDoor(oracle)


class GradientDoor:
    """A function that gives gradients, as a door that answers d numbers.

    Args:
        gradient: "n d" to "n d".
        input_dim: d.
    """

    def __init__(self, gradient: Callable[[FloatArray], Any], input_dim: int) -> None:
        self._gradient = gradient
        self._spec = OracleSpec("gradients", input_dim, input_dim, answers="logits")

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """Gradients at `points`.

        Raises:
            QueryFailed: What came is not one gradient per point.
        """
        answers = np.asarray(self._gradient(points.copy()), dtype=np.float64)
        if answers.shape != points.shape:
            raise QueryFailed(f"gradients of shape {answers.shape} came for {points.shape} points", sent=True)
        return answers
