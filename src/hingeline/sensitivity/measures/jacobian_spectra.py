"""How many directions a layer's Jacobian lets through, and how strong the strongest is, without forming it.

tr(M) = E|J'v|^2 and tr(M^2) = E|J J'v|^2 for M = J J' and standard normal v (Hutchinson 1989).

Cost: probes pull-backs and push-forwards, and as many as there are power steps with one vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.results import over
from hingeline.sensitivity.threat import Threat

PROBES = 8
_POWER_STEPS = 6
_CHUNK_NUMBERS = 2**22  # of one intermediate array, 32 MiB


@dataclass(frozen=True, eq=False)
class Spectra:
    """Of the Jacobian to one layer, at "n" inputs."""

    ranks: FloatArray
    """Participation ratio tr(M)^2 / tr(M^2), shape "n"; 0 where the Jacobian is zero."""
    gains: FloatArray
    """Largest singular value, shape "n"; a bound from below where it was found by power steps."""


def spectra(
    model: LayeredModel,
    layer: int,
    width: int,
    points: FloatArray,
    threat: Threat,
    rng: np.random.Generator,
    *,
    exact: bool,
    probes: int = PROBES,
) -> Spectra:
    """Participation ratio and largest gain of the Jacobian to hidden layer `layer` at `points` ("n d").

    Args:
        model: A model whose hidden layers are seen.
        layer: Number of the hidden layer, from 0.
        width: Its width.
        points: Inputs, shape "n d".
        threat: Its mask removes columns of the Jacobian; norm and box play no part.
        rng: Draws probes.
        exact: Form the Jacobian and take its singular values.
        probes: Normal vectors for each input.
    """
    ranks, gains = np.zeros(len(points)), np.zeros(len(points))
    vectors = min(width, points.shape[1]) if exact else probes
    for part in _parts(len(points), vectors * max(width, points.shape[1])):
        if exact:
            values = _singular_values(model, layer, width, points[part], threat)
            square = values**2
            ranks[part] = over(square.sum(axis=1) ** 2, (square**2).sum(axis=1), 0.0)
            gains[part] = values.max(axis=1, initial=0.0)
        else:
            ranks[part] = _probed(model, layer, width, points[part], threat, rng, probes)
            gains[part] = _top_gain(model, layer, points[part], threat, rng)
    return Spectra(ranks, gains)


def _singular_values(
    model: LayeredModel, layer: int, width: int, points: FloatArray, threat: Threat
) -> FloatArray:
    count, inputs = points.shape
    every = np.eye(min(width, inputs))
    units = np.broadcast_to(every, (count, *every.shape))
    if width <= inputs:
        matrix = threat.masked(model.pull_back(points, layer, units))
    else:
        matrix = model.push_forward(points, layer, threat.masked(units))
    return np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64)


def _probed(
    model: LayeredModel,
    layer: int,
    width: int,
    points: FloatArray,
    threat: Threat,
    rng: np.random.Generator,
    probes: int,
) -> FloatArray:
    drawn = rng.standard_normal((len(points), probes, width))
    pulled = threat.masked(model.pull_back(points, layer, drawn))
    pushed = model.push_forward(points, layer, pulled)
    trace = np.einsum("npd,npd->n", pulled, pulled) / probes
    trace_of_square = np.einsum("npw,npw->n", pushed, pushed) / probes
    return over(trace**2, trace_of_square, 0.0)


def _top_gain(
    model: LayeredModel, layer: int, points: FloatArray, threat: Threat, rng: np.random.Generator
) -> FloatArray:
    """|J u| after power steps on J'J; short where two singular values are close, by a few per cent."""
    u = _unit(threat.masked(rng.standard_normal((len(points), 1, points.shape[1]))))
    gain = np.zeros(len(points))
    for _ in range(_POWER_STEPS):
        pushed = model.push_forward(points, layer, u)
        gain = np.linalg.norm(pushed, axis=2)[:, 0]
        u = _unit(threat.masked(model.pull_back(points, layer, pushed)))
    return gain


def _unit(vectors: FloatArray) -> FloatArray:
    return over(vectors, np.linalg.norm(vectors, axis=-1, keepdims=True), 0.0)


def _parts(count: int, numbers_each: int) -> Iterator[slice]:
    rows = max(1, _CHUNK_NUMBERS // max(1, numbers_each))
    return (slice(first, first + rows) for first in range(0, count, rows))
