"""A model that counts what is asked of it: answers and gradients, in rows."""

from __future__ import annotations

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.models.model import Model


class CountingModel:
    """Passes every question on and counts its rows.

    Attributes:
        rows: Rows answered so far.
        gradient_rows: Gradients taken so far; a Jacobian is one for each output.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.rows = 0
        self.gradient_rows = 0

    @property
    def name(self) -> str:
        """That of the model behind."""
        return self._model.name

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self._model.input_dim

    @property
    def output_dim(self) -> int:
        """Numbers in one answer row, k."""
        return self._model.output_dim

    def outputs(self, points: FloatArray) -> FloatArray:
        """Answers: "n d" to "n k"; n rows."""
        self.rows += len(points)
        return self._model.outputs(points)

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of sum_k weights[i, k] f_k at points[i]: "n d"; n gradient rows."""
        self.gradient_rows += len(points)
        return self._model.gradients(points, weights)

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n k d"; n times k gradient rows."""
        self.gradient_rows += len(points) * self.output_dim
        return self._model.jacobians(points)
