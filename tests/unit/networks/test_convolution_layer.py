from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.convolution import ConvolutionLayer

SHAPES: tuple[Any, ...] = (
    ((1, 8, 8), (3, 3), 1, 0),
    ((3, 6, 9), (2, 4), 2, 1),
    ((2, 7, 5), (5, 3), (2, 1), ((2, 1), (0, 1))),
)


def by_definition(layer: ConvolutionLayer, image: Any) -> Any:
    """The sum of the docstring, written out one entry at a time."""
    (_, rows, columns), (kh, kw) = layer.output_shape, layer.kernel
    padded = np.pad(image, ((0, 0), *layer.padding))
    answer = np.empty(layer.output_shape)
    for o, i, j in np.ndindex(len(layer.filters), rows, columns):
        top, left = i * layer.stride[0], j * layer.stride[1]
        window = padded[:, top : top + kh, left : left + kw]
        answer[o, i, j] = (layer.filters[o] * window).sum() + layer.biases[o]
    return answer


@pytest.mark.parametrize(("image", "kernel", "stride", "padding"), SHAPES)
def test_the_layer_and_its_dense_form_are_the_sum_of_the_definition(
    image: Any, kernel: Any, stride: Any, padding: Any
) -> None:
    rng = np.random.default_rng(3)
    layer = ConvolutionLayer(
        rng.standard_normal((4, image[0], *kernel)), rng.standard_normal(4), stride, padding, image
    )
    points = rng.standard_normal((5, *image))
    flat = points.reshape(5, -1)
    weights, biases = layer.to_dense()
    truth = np.stack([by_definition(layer, point).ravel() for point in points])
    np.testing.assert_allclose(layer(flat), truth, rtol=0, atol=1e-13)
    np.testing.assert_allclose(flat @ weights.T + biases, truth, rtol=0, atol=1e-13)


def test_it_counts_shared_parameters_once_and_says_its_shapes() -> None:
    layer = ConvolutionLayer(np.ones((4, 1, 3, 3)), np.zeros(4), 1, 0, (1, 8, 8))
    assert (layer.parameter_count, layer.positions, layer.output_shape) == (40, 36, (4, 6, 6))
    assert "1x8x8 to 4x6x6" in repr(layer)


@pytest.mark.parametrize(
    ("filters", "biases", "stride", "padding", "image"),
    [
        (np.ones((2, 1, 3)), np.zeros(2), 1, 0, (1, 8, 8)),
        (np.ones((2, 1, 3, 3)), np.zeros(3), 1, 0, (1, 8, 8)),
        (np.ones((2, 2, 3, 3)), np.zeros(2), 1, 0, (1, 8, 8)),
        (np.ones((2, 1, 3, 3)), np.zeros(2), 0, 0, (1, 8, 8)),
        (np.ones((2, 1, 3, 3)), np.zeros(2), 1, -1, (1, 8, 8)),
        (np.ones((2, 1, 9, 3)), np.zeros(2), 1, 0, (1, 8, 8)),
        (np.full((2, 1, 3, 3), np.nan), np.zeros(2), 1, 0, (1, 8, 8)),
    ],
)
def test_what_is_no_convolution_is_refused(
    filters: Any, biases: Any, stride: Any, padding: Any, image: Any
) -> None:
    with pytest.raises(InvalidInput):
        ConvolutionLayer(filters, biases, stride, padding, image)
