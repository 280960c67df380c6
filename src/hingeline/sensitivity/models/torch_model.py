"""Torch modules as models: a float64 copy in evaluation mode on the CPU, differentiated by autograd.

The user's module stays as it is, where it is. Rows must not mix and answers must repeat: both are tried
when the module is taken in, with two rows. Convolutions, batch normalisation (with the statistics it
learned), skip connections, pooling and attention need nothing special.

Cost: one forward pass for answers and layers, one backward pass for each combination of outputs, two for each
direction pushed forward. Memory: rows are worked on in parts of `CHUNK_BYTES` of intermediate results.
"""

from __future__ import annotations

import copy
import importlib
import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.sensitivity.models.model import LayerState
from hingeline.sensitivity.models.torch_layers import SAME, Call, Layer, Watch, flat, row_axis, watching

CHUNK_BYTES = 256 * 2**20
"""Intermediate results of the rows worked on at once, as counted on a row."""
# Results that are kept for the backward pass but not seen, such as those within attention.
_UNSEEN = 2
_TORCH_FAILS = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AttributeError)


class TorchModel:
    """A torch module, differentiated by autograd.

    Args:
        module: The module; it is copied, not changed.
        input_shape: Shape of one example, such as (1, 28, 28), where the module wants images.
        input_dim: Numbers in one row; read from the shape or from a linear first layer if not given.
        name: For people; the module's class if not given.

    Raises:
        InvalidInput: Not a module; one whose inputs are not known; that does not take such rows, leaves
            float64, gives something else than one tensor with a row for each row, mixes the rows of a batch,
            or answers at random.
        MissingExtra: torch is not installed.
    """

    def __init__(
        self,
        module: Any,
        input_shape: tuple[int, ...] | None = None,
        input_dim: int | None = None,
        name: str | None = None,
    ) -> None:
        self._torch = _import_torch()
        self._kind = type(module).__name__
        if not isinstance(module, self._torch.nn.Module):
            raise InvalidInput(f"want a torch module; got {self._kind}")
        self._name = name or self._kind
        self._shape = _row_shape(module, self._kind, input_shape, input_dim)
        self._dim = math.prod(self._shape)
        self._twin = self._copied(module)
        self._layers, self._width, numbers = self._tried_out()
        self._rows = max(1, CHUNK_BYTES // (8 * _UNSEEN * max(1, numbers)))

    @property
    def name(self) -> str:
        """For people."""
        return self._name

    @property
    def module(self) -> Any:
        """The float64 copy that is asked, in evaluation mode."""
        return self._twin

    @property
    def input_dim(self) -> int:
        """Numbers in one example."""
        return self._dim

    @property
    def output_dim(self) -> int:
        """Numbers in one answer."""
        return self._width

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Calls of activations in their order, as "number module (width)"; empty where none is seen."""
        return tuple(layer.name for layer in self._layers)

    def outputs(self, points: FloatArray) -> FloatArray:
        """Answers: "n d" to "n k".

        Raises:
            InvalidInput: An answer is NaN or infinite.
        """
        rows, found = as_points(points, self._dim), np.empty((len(points), self._width))
        for part in self._parts(rows):
            with self._computing(differentiate=False):
                found[part] = self._answer(self._tensor(rows[part])).numpy()
        return self._finite(found, "answers")

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of sum_k weights[i, k] f_k at points[i]: "n d"; one backward pass."""
        rows, found = as_points(points, self._dim), np.empty((len(points), self._dim))
        for part in self._parts(rows):
            with self._computing():
                start = self._tensor(rows[part]).requires_grad_(True)
                found[part] = self._pulled(self._answer(start), start, self._tensor(weights[part])).numpy()
        return self._finite(found, "gives gradients that are")

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n k d"; one backward pass for each output."""
        rows, found = as_points(points, self._dim), np.empty((len(points), self._width, self._dim))
        for part in self._parts(rows):
            with self._computing():
                start = self._tensor(rows[part]).requires_grad_(True)
                answer = self._answer(start)
                for output, unit in enumerate(self._torch.eye(self._width, dtype=self._torch.float64)):
                    found[part, output] = self._pulled(answer, start, unit.expand_as(answer)).numpy()
        return self._finite(found, "gives derivatives that are")

    def layers(self, points: FloatArray) -> tuple[LayerState, ...]:
        """Every hidden layer at `points`; a convolution's images are laid out flat."""
        rows = as_points(points, self._dim)
        parts: list[list[LayerState]] = []
        for part in self._parts(rows) if self._layers else ():
            with self._computing(differentiate=False):
                _, calls = self._watched(self._tensor(rows[part]))
                count = len(rows[part])
                parts.append(
                    [
                        LayerState(
                            flat(call.after, layer, count).numpy(),
                            flat(call.slopes(self._torch), layer, count).numpy(),
                        )
                        for call, layer in zip(calls, self._layers, strict=True)
                    ]
                )
        return tuple(
            LayerState(np.concatenate([s.values for s in states]), np.concatenate([s.slopes for s in states]))
            for states in zip(*parts, strict=True)
        )

    def pull_back(self, points: FloatArray, layer: int, vectors: FloatArray) -> FloatArray:
        """J' v for the Jacobian to hidden layer `layer`: "n p w" to "n p d"; p backward passes."""
        rows, found = as_points(points, self._dim), np.empty((*vectors.shape[:2], self._dim))
        for part in self._parts(rows):
            with self._computing():
                start = self._tensor(rows[part]).requires_grad_(True)
                image = self._image(start, layer)
                for probe in range(vectors.shape[1]):
                    found[part, probe] = self._pulled(
                        image, start, self._tensor(vectors[part, probe])
                    ).numpy()
        return found

    def push_forward(self, points: FloatArray, layer: int, directions: FloatArray) -> FloatArray:
        """J u for the Jacobian to hidden layer `layer`: "n p d" to "n p w".

        J' v is linear in v, and its derivative by v, applied to u, is J u: two backward passes work where
        forward differentiation lacks an operation.
        """
        rows, parts = as_points(points, self._dim), list[FloatArray]()
        for part in self._parts(rows):
            with self._computing():
                start = self._tensor(rows[part]).requires_grad_(True)
                image = self._image(start, layer)
                dual = self._torch.zeros_like(image).requires_grad_(True)
                pulled = self._pulled(image, start, dual, again=True)
                pushed = [
                    self._pulled(pulled, dual, self._tensor(directions[part, probe])).numpy()
                    for probe in range(directions.shape[1])
                ]
                parts.append(np.stack(pushed, axis=1))
        return np.concatenate(parts)

    def _copied(self, module: Any) -> Any:
        # a compiled module keeps the one it was made of
        plain = getattr(module, "_orig_mod", module)
        try:
            twin = copy.deepcopy(plain).to(device="cpu", dtype=self._torch.float64)
        except _TORCH_FAILS as error:
            raise InvalidInput(f"this {self._kind} cannot be copied in float64: {error}") from error
        return twin.eval().requires_grad_(False)

    def _tried_out(self) -> tuple[tuple[Layer, ...], int, int]:
        """The hidden layers, the outputs, and the numbers computed for a row, from two rows."""
        rows = np.cos(np.arange(1.0, 2 * self._dim + 1)).reshape(2, self._dim)
        with self._computing(differentiate=False):
            watch = Watch()
            together, calls = self._watched(self._tensor(rows), watch, named=True)
            alone = [self._watched(self._tensor(row[np.newaxis])) for row in rows]
        if watch.lowered:
            raise InvalidInput(f"this {self._kind} leaves float64 even as a float64 copy: {watch.lowered}")
        self._refuse_mixing(together, [answer for answer, _ in alone])
        layers: list[Layer] = []
        for number, call in enumerate(calls, start=1):
            singles = [other[number - 1] for _, other in alone if len(other) == len(calls)]
            axis = row_axis(call, singles)
            if axis is None:
                return (), together.shape[1], watch.numbers // 2
            width = call.after.numel() // 2
            layers.append(Layer(f"{number} {call.place} ({width})", axis))
        return tuple(layers), together.shape[1], watch.numbers // 2

    def _refuse_mixing(self, together: Any, alone: list[Any]) -> None:
        apart = self._torch.cat(alone)
        if not bool(self._torch.isfinite(apart).all()):
            raise InvalidInput(f"this {self._kind} answers NaN or infinity at ordinary inputs")
        size = float(apart.abs().max()) if apart.numel() else 0.0
        if apart.shape != together.shape or not bool(
            ((apart - together).abs() <= SAME * (1e-3 + size)).all()
        ):
            raise InvalidInput(
                f"this {self._kind} answers a row differently alone and beside another: it is random in "
                "evaluation mode, or rows mix (as in batch normalisation without running statistics)"
            )

    def _watched(
        self, start: Any, watch: Watch | None = None, *, named: bool = False
    ) -> tuple[Any, list[Call]]:
        """Answers and the calls of hidden activations."""
        watch = watch or Watch()
        with watching(self._torch, watch, self._twin if named else None):
            answer = self._run(start)
        address = int(answer.data_ptr())
        table = self._table(answer, len(start))
        # an activation whose result is the answer is no hidden layer
        hidden = [
            call
            for call in watch.calls
            if not (call.address == address and call.after.numel() == answer.numel())
        ]
        known = getattr(self, "_layers", None)
        if known and len(hidden) != len(known):
            raise InvalidInput(
                f"this {self._kind} calls {len(hidden)} activations here and {len(known)} elsewhere: its "
                "layers cannot be compared"
            )
        return table, hidden

    def _image(self, start: Any, layer: int) -> Any:
        if not 0 <= layer < len(self._layers):
            raise InvalidInput(
                f"there is no hidden layer {layer}; this {self._kind} shows {len(self._layers)}"
            )
        _, calls = self._watched(start)
        return flat(calls[layer].after, self._layers[layer], len(start))

    def _answer(self, start: Any) -> Any:
        return self._table(self._run(start), len(start))

    def _run(self, start: Any) -> Any:
        try:
            answer = self._twin(start.reshape(len(start), *self._shape))
        except _TORCH_FAILS as error:
            raise InvalidInput(
                f"this {self._kind} does not take rows of shape {self._shape} in float64: {error}"
            ) from error
        if not isinstance(answer, self._torch.Tensor):
            raise InvalidInput(
                f"this {self._kind} answers a {type(answer).__name__}; wrap it so that it answers one tensor"
            )
        return answer

    def _table(self, answer: Any, rows: int) -> Any:
        if answer.dtype != self._torch.float64:
            kind = str(answer.dtype).removeprefix("torch.")
            raise InvalidInput(f"this {self._kind} leaves float64 even as a float64 copy: it answers {kind}")
        if not answer.ndim or len(answer) != rows:
            raise InvalidInput(
                f"this {self._kind} answers {rows} rows with a tensor of shape {tuple(answer.shape)}"
            )
        return answer.reshape(rows, -1)

    def _pulled(self, values: Any, start: Any, weights: Any, *, again: bool = False) -> Any:
        """The derivative of sum(weights * values) by `start`; zero where nothing depends on it."""
        if not values.requires_grad:
            return self._torch.zeros_like(start)
        try:
            found = self._torch.autograd.grad(
                values, start, weights, retain_graph=True, create_graph=again, allow_unused=True
            )[0]
        except _TORCH_FAILS as error:
            raise InvalidInput(f"this {self._kind} cannot be differentiated so: {error}") from error
        return self._torch.zeros_like(start) if found is None else found

    @contextmanager
    def _computing(self, *, differentiate: bool = True) -> Generator[None]:
        """Derivatives on or off, whatever the caller's mode; attention in a form that has second ones."""
        torch = self._torch
        attention = getattr(torch.nn, "attention", None)
        plain = nullcontext() if attention is None else attention.sdpa_kernel(attention.SDPBackend.MATH)
        with torch.inference_mode(False), torch.set_grad_enabled(differentiate), plain:
            yield

    def _tensor(self, rows: FloatArray) -> Any:
        # a copy: torch warns of arrays that cannot be written to
        return self._torch.from_numpy(np.array(rows, dtype=np.float64))

    def _parts(self, rows: FloatArray) -> Iterator[slice]:
        return (slice(i, min(i + self._rows, len(rows))) for i in range(0, len(rows), self._rows))

    def _finite(self, found: FloatArray, what: str) -> FloatArray:
        good = np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
        bad = int((~good).sum())
        if bad:
            raise InvalidInput(f"this {self._kind} {what} NaN or infinite in {bad} of {len(found)} rows")
        return found


def _import_torch() -> Any:
    try:
        # not an import statement: torch is an optional extra, and large
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtra("Differentiating a module", "torch") from error


def _row_shape(
    module: Any, kind: str, shape: tuple[int, ...] | None, input_dim: int | None
) -> tuple[int, ...]:
    if shape is not None:
        if input_dim is not None and math.prod(shape) != input_dim:
            raise InvalidInput(f"input_shape {shape} does not hold {input_dim} numbers")
        return tuple(shape)
    if input_dim is not None:
        return (input_dim,)
    own = [part for part in module.modules() if any(True for _ in part.parameters(recurse=False))]
    width = getattr(own[0], "in_features", None) if own else None
    if width is None:
        raise InvalidInput(
            f"how many inputs does this {kind} take? Pass input_dim=784, or input_shape=(1, 28, 28)"
        )
    return (int(width),)
