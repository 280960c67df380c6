"""What is said of a convolution: as data for the evidence, and in words where it is all that was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.convolution.search import FoundFilters
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.recovery import Recovery
from hingeline.networks.convolution import ConvolutionLayer

SAME_ROW = 1e-8
"""Rows whose cosine is nearer to 1 than this are the same row."""
ADVICE = "Its filters are in evidence['architecture']."


def layer_of_filters(found: FoundFilters) -> ConvolutionLayer:
    """The convolution that found filters make, each the way round it was found."""
    filters = np.stack([pooled.shared.values for pooled in found.filters])
    biases = np.array([pooled.shared.bias for pooled in found.filters])
    image, kernel = found.lines.image, found.filters[0].shared.kernel
    return ConvolutionLayer(filters, biases, found.grid.stride, found.grid.padding(image, kernel), image)


def signed_like(
    rows: FloatArray, planes: Hyperplanes, layer: ConvolutionLayer, described: dict[str, Any]
) -> dict[str, Any]:
    """The described convolution, its filters the way round that a network's first rows have them."""
    cosines = planes.normals @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T
    nearest = np.take_along_axis(cosines, np.abs(cosines).argmax(axis=1)[:, np.newaxis], axis=1)
    signs = np.sign(nearest).reshape(len(layer.filters), -1)
    if (signs != signs[:, :1]).any() or np.abs(nearest).min() < 1 - SAME_ROW:
        return described
    turned = signs[:, 0]
    filters = turned[:, np.newaxis, np.newaxis, np.newaxis] * layer.filters
    biases = (turned * layer.biases).tolist()
    return {**described, "filters": filters.tolist(), "biases": biases, "status": "pooled"}


def only_first(found: FoundFilters, layer: ConvolutionLayer) -> Recovery:
    """Where what is above the convolution was not recovered."""
    text = f"{named(layer)} found as the first layer; "
    if found.strangers:
        text += f"{found.strangers} bends belong to no filter, and what is above it was not recovered."
    else:
        text += "no single dense layer above it explains the answers, and what does was not recovered."
    return Recovery(None, Outcome(Status.PARTIAL, text, ADVICE))


def max_pooled(bends: int, layer: ConvolutionLayer) -> Recovery:
    """Where bends are those of a maximum over positions."""
    text = (
        f"{named(layer)} found as the first layer, but {bends} bends lie where a filter is equal at two "
        "neighbouring positions: max pooling, which is not supported."
    )
    return Recovery(None, Outcome(Status.REFUSED, text, ADVICE))


def of_differences(found: FoundFilters) -> Recovery:
    """Where the first thing found was not a filter but two positions of one."""
    positions = max(pooled.agreeing for pooled in found.filters)
    text = (
        f"The same normal is seen at {positions} positions of the image, with no bias and with weights that "
        "add up to zero, as where two positions of a filter are equal: max pooling, which is not supported."
    )
    return Recovery(None, Outcome(Status.REFUSED, text))


def named(layer: ConvolutionLayer) -> str:
    """The beginning of a sentence about it."""
    kernel = "x".join(map(str, layer.kernel))
    return f"A convolution of {len(layer.filters)} filters, {kernel}, at {layer.positions} positions each,"


def _geometry(found: FoundFilters, layer: ConvolutionLayer) -> str:
    """How sure stride and padding are: the grid is the widest spaced one on which all seen positions lie."""
    if found.seen == layer.positions:
        return "every position seen"
    return f"{found.seen} of {layer.positions} positions seen; stride and padding may be other"


def described_convolution(found: FoundFilters, layer: ConvolutionLayer, spent: int) -> dict[str, Any]:
    """The convolution as data for the evidence."""
    agreeing = [pooled.agreeing for pooled in found.filters]
    return {
        "kind": "convolution",
        "width": layer.positions * len(layer.filters),
        "activation": "relu",
        "input_shape": list(layer.input_shape),
        "output_shape": list(layer.output_shape),
        "kernel": list(layer.kernel),
        "stride": list(layer.stride),
        "padding": [list(sides) for sides in layer.padding],
        "filters": layer.filters.tolist(),
        "biases": layer.biases.tolist(),
        "error": max(pooled.shared.error for pooled in found.filters),
        "status": "pooled, signs undetermined",
        "sharing": f"confirmed at {min(agreeing)} positions",
        "geometry": _geometry(found, layer),
        "positions": layer.positions,
        "positions_seen": found.seen,
        "positions_agreeing": agreeing,
        "queries": spent,
    }
