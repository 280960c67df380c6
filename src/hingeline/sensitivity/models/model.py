"""What a measurement needs of a network: outputs, gradients, and, where they can be seen, its layers.

Networks of ours, torch modules and plain doors are all models; they differ in what a gradient costs and in
whether layers are seen. Points are rows; whoever computes bounds its own memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hingeline.core.arrays import FloatArray


class Model(Protocol):
    """Something that answers, and can be differentiated."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        ...

    @property
    def output_dim(self) -> int:
        """Numbers in one answer row, k."""
        ...

    def outputs(self, points: FloatArray) -> FloatArray:
        """Answers: "n d" to "n k"."""
        ...

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of weighted sums of outputs.

        Args:
            points: Shape "n d".
            weights: One combination of outputs for each point, shape "n k".

        Returns:
            The gradient of sum_k weights[i, k] f_k at points[i], shape "n d".
        """
        ...

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n k d"."""
        ...


@dataclass(frozen=True, eq=False)
class LayerState:
    """One hidden layer at several inputs."""

    values: FloatArray
    """What the layer hands on, shape "n w"; images of a convolution are laid out flat."""
    slopes: FloatArray
    """Derivative of each activation at its pre-activation, shape "n w"; 0 or 1 for a ReLU."""


@runtime_checkable
class LayeredModel(Model, Protocol):
    """A model whose hidden layers are seen."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the hidden layers from the input on."""
        ...

    def layers(self, points: FloatArray) -> tuple[LayerState, ...]:
        """Every hidden layer at `points`."""
        ...

    def pull_back(self, points: FloatArray, layer: int, vectors: FloatArray) -> FloatArray:
        """J' v, with J the Jacobian from the input to what hidden layer `layer` hands on.

        Args:
            points: Shape "n d".
            layer: Number of the hidden layer, from 0.
            vectors: p vectors at each point, shape "n p w".

        Returns:
            Shape "n p d".
        """
        ...

    def push_forward(self, points: FloatArray, layer: int, directions: FloatArray) -> FloatArray:
        """J u, with J as in `pull_back`: "n p d" to "n p w"."""
        ...
