"""A convolution as a frozen value: filters that are used again at every position of an image.

Images are flattened channel by channel, row by row, as `array.reshape(n, -1)` does for arrays "n c h w"; so
are the outputs. Written out as a dense layer it has one row per channel and position, nearly all of them
zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput

Sides = tuple[tuple[int, int], tuple[int, int]]
"""Before and after the first row, and left and right."""


@dataclass(frozen=True, eq=False)
class ConvolutionLayer:
    """z[o, i, j] = biases[o] + sum_{c, a, b} filters[o, c, a, b] x[c, i s - p + a, j s - p + b].

    Attributes:
        filters: Shape "c_out c_in kh kw".
        biases: One per output channel, shape "c_out".
        stride: Rows and columns from one position to the next.
        padding: Rows of zeros above and below, columns of zeros left and right.
        input_shape: Channels, rows and columns of the image.
    """

    filters: FloatArray
    biases: FloatArray
    stride: tuple[int, int]
    padding: Sides
    input_shape: tuple[int, int, int]

    def __init__(
        self,
        filters: Any,
        biases: Any,
        stride: int | tuple[int, int],
        padding: int | Sides,
        input_shape: tuple[int, int, int],
    ) -> None:
        sides = ((padding, padding), (padding, padding)) if isinstance(padding, int) else padding
        object.__setattr__(self, "filters", frozen(filters))
        object.__setattr__(self, "biases", frozen(biases))
        object.__setattr__(self, "stride", (stride, stride) if isinstance(stride, int) else stride)
        object.__setattr__(self, "padding", sides)
        object.__setattr__(self, "input_shape", input_shape)
        _check(self)

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of a filter."""
        return self.filters.shape[2], self.filters.shape[3]

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the answer."""
        rows, columns = (
            (size + sum(sides) - reach) // step + 1
            for size, sides, reach, step in zip(
                self.input_shape[1:], self.padding, self.kernel, self.stride, strict=True
            )
        )
        return len(self.filters), rows, columns

    @property
    def positions(self) -> int:
        """Places at which each filter is used."""
        return self.output_shape[1] * self.output_shape[2]

    @property
    def parameter_count(self) -> int:
        """Shared weights and biases together."""
        return self.filters.size + self.biases.size

    def __call__(self, points: Any) -> FloatArray:
        """Pre-activations at `points`: "n c_in*h*w" to "n c_out*h'*w'"."""
        flat = as_points(points, int(np.prod(self.input_shape)))
        images = flat.reshape(len(flat), *self.input_shape)
        padded = np.pad(images, ((0, 0), (0, 0), *self.padding))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.kernel, axis=(2, 3))
        windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
        answers = np.einsum("ncijab,ocab->noij", windows, self.filters, optimize=True)
        return (answers + self.biases[:, np.newaxis, np.newaxis]).reshape(len(flat), -1)

    def to_dense(self) -> tuple[FloatArray, FloatArray]:
        """The same as a dense layer: weights "c_out*h'*w' c_in*h*w" and biases "c_out*h'*w'"."""
        outputs, inputs = self.output_shape, self.input_shape
        weights = np.zeros((*outputs, *inputs))
        for a, b in np.ndindex(*self.kernel):
            rows, above = _met(outputs[1], self.stride[0], a - self.padding[0][0], inputs[1])
            columns, left = _met(outputs[2], self.stride[1], b - self.padding[1][0], inputs[2])
            i, j = np.meshgrid(rows, columns, indexing="ij")
            r, c = np.meshgrid(above, left, indexing="ij")
            weights[:, i, j, :, r, c] = self.filters[:, :, a, b]
        biases = np.repeat(self.biases, self.positions)
        return weights.reshape(int(np.prod(outputs)), -1), biases

    def __repr__(self) -> str:
        kernel, inputs = "x".join(map(str, self.kernel)), "x".join(map(str, self.input_shape))
        outputs = "x".join(map(str, self.output_shape))
        return f"<ConvolutionLayer {inputs} to {outputs}, kernel {kernel}, stride {self.stride}>"


def _met(count: int, step: int, shift: int, size: int) -> tuple[IntArray, IntArray]:
    """Positions at which one line of the kernel lies inside the image, and which image line it meets."""
    positions = np.arange(count)
    lines = positions * step + shift
    inside = (lines >= 0) & (lines < size)
    return positions[inside], lines[inside]


def _check(layer: ConvolutionLayer) -> None:
    shape, image = layer.filters.shape, layer.input_shape
    if len(shape) != 4 or layer.biases.shape != shape[:1] or 0 in shape:
        raise InvalidInput(
            f"filters {shape} and biases {layer.biases.shape}; want (c_out, c_in, kh, kw) and (c_out,)"
        )
    if len(image) != 3 or shape[1] != image[0] or min(image) < 1:
        raise InvalidInput(f"filters {shape} do not fit images (channels, rows, columns) of {image}")
    if min(layer.stride) < 1 or min(min(sides) for sides in layer.padding) < 0:
        raise InvalidInput(f"stride {layer.stride} must be 1 or more, padding {layer.padding} 0 or more")
    if min(layer.output_shape) < 1:
        raise InvalidInput(f"a kernel of {layer.kernel} has no position in an image of {image}")
    if not (np.isfinite(layer.filters).all() and np.isfinite(layer.biases).all()):
        raise InvalidInput("filters and biases must be finite")
