"""Are two networks the same up to neuron order and positive scale, and where do they differ?

Both are reduced to one scale without parts that cannot matter (`reduction`), their neurons are matched
layer by layer (`alignment`), and every weight and bias is compared after that. The outputs are compared
as well, at fresh points, because networks with different parameters can be one function. Isomorphisms:
Rolnick and Körding 2020, introduction. Cost: n² d + n³ per layer, and some thousand evaluations of both.
"""

from __future__ import annotations

import math

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.networks.alignment import AlignedLayer, align
from hingeline.networks.difference import (
    LayerDifference,
    NetworkDifference,
    NeuronMatch,
    OutputGap,
    Unmatched,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.reduction import Reduced, reduced

TOLERANCE = 1e-8
SCALES = (1.0, 10.0)
# Rounding of an output is some epsilons of the largest value inside, and outputs may cancel a few digits.
_ROUNDING = 1e3 * float(np.finfo(np.float64).eps)


def compare(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    *,
    tolerance: float = TOLERANCE,
    points: int = 1000,
    seed: int = 0,
) -> NetworkDifference:
    """Match the neurons of two networks and measure every difference.

    Args:
        a: The reference: what b lacks is called missing.
        b: The network compared with it.
        tolerance: Largest relative parameter error that counts as the same network.
        points: Fresh points per set at which the outputs are compared.
        seed: Draws those points.

    Raises:
        InvalidInput: `tolerance` is not positive, `points` is below 1, or the scales of a network
        overflow.
    """
    if not 0 < tolerance < math.inf or points < 1:
        raise InvalidInput(f"tolerance must be positive and points at least 1; got {tolerance} and {points}")
    kept_a, kept_b = reduced(a), reduced(b)
    alignment = align(kept_a, kept_b)
    on_a, on_b = _on_shares(a, points, seed), _on_shares(b, points, seed)
    layers = tuple(
        _layer_difference(layer, alignment.layers[layer : layer + 1], (kept_a, kept_b), (on_a, on_b))
        for layer in range(max(len(on_a), len(on_b)))
    )
    errors = [alignment.output, *(layer.errors for layer in alignment.layers)]
    if any(layer.unmatched_a or layer.unmatched_b for layer in layers):
        errors.append((math.inf, math.inf))
    relative = max(error for _, error in errors)
    gaps = _gaps(a, b, (kept_a, kept_b), tolerance, points, seed)
    return NetworkDifference(
        sizes_a=a.sizes,
        sizes_b=b.sizes,
        tolerance=tolerance,
        equivalent=relative <= tolerance,
        same_function=bool(gaps) and all(gap.gap <= gap.allowed for gap in gaps),
        max_parameter_error=max(error for error, _ in errors),
        max_relative_error=relative,
        max_output_gap=max((gap.gap for gap in gaps[: len(SCALES)]), default=math.inf),
        gaps=gaps,
        neurons=layers,
        output_error=alignment.output[0],
    )


def _layer_difference(
    layer: int,
    aligned: tuple[AlignedLayer, ...],
    kept: tuple[Reduced, Reduced],
    on: tuple[list[FloatArray], list[FloatArray]],
) -> LayerDifference:
    """One hidden layer by its original neurons; `aligned` is empty if only one network has the layer."""
    a, b = (network.members[layer] if layer < len(network.members) else [] for network in kept)
    aside = [network.set_aside[layer] if layer < len(network.set_aside) else [] for network in kept]
    nobody: IntArray = np.zeros(0, dtype=np.int64)
    taken_a, taken_b = (aligned[0].pairs.a, aligned[0].pairs.b) if aligned else (nobody, nobody)
    return LayerDifference(
        layer=layer + 1,
        matched=_matches(aligned[0], a, b) if aligned else (),
        unmatched_a=_unmatched(a, taken_a, on[0][layer]) if a else (),
        unmatched_b=_unmatched(b, taken_b, on[1][layer]) if b else (),
        set_aside_a=tuple(aside[0]),
        set_aside_b=tuple(aside[1]),
    )


def _matches(
    layer: AlignedLayer, a: list[tuple[int, ...]], b: list[tuple[int, ...]]
) -> tuple[NeuronMatch, ...]:
    found = [
        NeuronMatch(
            a=a[layer.pairs.a[i]],
            b=b[layer.pairs.b[i]],
            weight_error=float(layer.weights[i]),
            bias_error=float(layer.biases[i]),
            outgoing_error=float(layer.outgoing[i]),
            orientation=int(layer.pairs.orientation[i]),
        )
        for i in range(len(layer.weights))
    ]
    return tuple(sorted(found, key=lambda pair: pair.a))


def _unmatched(members: list[tuple[int, ...]], taken: IntArray, on: FloatArray) -> tuple[Unmatched, ...]:
    alone = np.setdiff1d(np.arange(len(members)), taken)
    return tuple(Unmatched(members[index], float(on[members[index][0]])) for index in alone)


def _normal_points(input_dim: int, points: int, seed: int) -> list[FloatArray]:
    """Fresh N(0, 1) points, once for each scale."""
    randomness = Randomness(seed)
    return [
        scale * randomness.step("compare", index).standard_normal((points, input_dim))
        for index, scale in enumerate(SCALES)
    ]


def _on_shares(network: PiecewiseLinearNetwork, points: int, seed: int) -> list[FloatArray]:
    """Per hidden layer: the share of the normal points at which each neuron is on."""
    patterns = network.activation_pattern(np.concatenate(_normal_points(network.input_dim, points, seed)))
    return [pattern.mean(axis=0) for pattern in patterns]


def _gaps(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    kept: tuple[Reduced, Reduced],
    tolerance: float,
    points: int,
    seed: int,
) -> tuple[OutputGap, ...]:
    """Gaps at normal points of each scale, then beside the first layer's bends; none if shapes differ."""
    if a.input_dim != b.input_dim or a.output_dim != b.output_dim:
        return ()
    normal = _normal_points(a.input_dim, points, seed)
    named = [
        ("N(0, 1) inputs" if scale == 1 else f"{scale:g} times N(0, 1) inputs", rows)
        for scale, rows in zip(SCALES, normal, strict=True)
    ]
    beside = np.concatenate([_beside_bends(network, normal[0]) for network in kept])
    if len(beside):
        named.append(("beside first-layer bends", beside))
    return tuple(_gap(where, rows, a, b, tolerance) for where, rows in named)


def _beside_bends(network: Reduced, around: FloatArray) -> FloatArray:
    """For every first-layer neuron a point one unit off its hyperplane on each side, however far that lies.

    Normal points may all lie on one side of a hyperplane that is far from the origin.
    """
    rows, biases = network.weights[0], network.biases[0]
    if not network.members:
        return np.zeros((0, around.shape[1]))
    start = around[np.arange(len(rows)) % len(around)]
    foot = start - (np.einsum("nd,nd->n", start, rows) + biases)[:, np.newaxis] * rows
    return np.concatenate([foot + rows, foot - rows])


def _gap(
    where: str, points: FloatArray, a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork, tolerance: float
) -> OutputGap:
    answers_a, answers_b = a(points), b(points)
    gap = float(np.abs(answers_a - answers_b).max())
    spread = float(np.ptp(answers_a, axis=0).max())
    rounding = _ROUNDING * max(float(np.abs(answers).max()) for answers in (answers_a, answers_b))
    return OutputGap(
        where=where,
        points=len(points),
        gap=gap,
        relative=gap / spread if spread > 0 else (0.0 if gap == 0 else math.inf),
        allowed=tolerance * spread + rounding,
    )
