"""How far apart can two networks answer anywhere in a box? A bound that is proved, or the reason why not.

Neurons are matched as in `compare`, and the difference itself is carried through the layers (`gap_bounds`),
so that a bound is as small as the parameters are near. Outputs of float64 evaluations are covered: rounding
of both networks is bounded and added. Where the box has few dimensions it is split, the piece with the
largest bound first, and the largest bound of all pieces holds. Cost: a few passes of forms for each piece;
about 0.1 s for 64-32-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.networks.affine_forms import UNIT
from hingeline.networks.boxes import Box, as_box, largest_of_pieces, usual_pieces
from hingeline.networks.evaluation_rounding import network_rounding
from hingeline.networks.gap_bounds import GapBounds, gap_bounds
from hingeline.networks.gap_certificate import GapCertificate, concluded, refused
from hingeline.networks.layer_ranges import layer_ranges
from hingeline.networks.loading import as_network
from hingeline.networks.partners import find_partners
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

_METHOD = "affine forms of the difference of matched neurons"


def certify_gap(
    a: Any,
    b: Any,
    low: Any,
    high: Any,
    *,
    splits: int | None = None,
    points: int = 1000,
    seed: int = 0,
) -> GapCertificate:
    """Bound how far the outputs of two ReLU networks differ, for every input in a box.

    Args:
        a: A network, a finding, a path to one, or (weights, biases).
        b: Another one, likewise.
        low: Least value of every input coordinate: a number, or one for each, "d".
        high: Largest value, likewise.
        splits: Pieces that the box may be split into; 64 for up to three inputs, else 1.
        points: Random points of the box at which the gap is looked at, half of them corners.
        seed: Draws those points.

    Returns:
        The certificate: a bound on |b(x) - a(x)| of the exact functions and of their float64 evaluation,
        or why there is none.

    Raises:
        InvalidInput: `a` or `b` is none of these, or the box, `splits` or `points` cannot be meant.
        FormatError: A file that is not a network.
    """
    one, other = as_network(a), as_network(b)
    if points < 1 or (splits is not None and splits < 1):
        raise InvalidInput(f"points and splits must be at least 1; got {points} and {splits}")
    box = as_box(low, high, one.input_dim)
    if one.input_dim != other.input_dim or one.output_dim != other.output_dim:
        return refused(_shapes(one, other), box, _METHOD, None, 0)
    sampled = _largest_seen(one, other, box, points, seed)
    if len(one.weights) != len(other.weights):
        return refused(_shapes(one, other), box, _METHOD, sampled, points)
    return _certified(one, other, box, splits, sampled, points)


def _certified(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    box: Box,
    splits: int | None,
    sampled: float,
    points: int,
) -> GapCertificate:
    pieces = splits or usual_pieces(a.input_dim)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        try:
            partners = find_partners(a, b)
        except InvalidInput as error:
            return refused(str(error), box, _METHOD, sampled, points)
        whole = gap_bounds(a, b, partners, box.low, box.high)
        reason = _why_not(whole.alone)
        if reason:
            return refused(reason, box, _METHOD, sampled, points)
        rounding = network_rounding(a, box.low, box.high) + network_rounding(b, box.low, box.high)
        exact, used = largest_of_pieces(
            lambda low, high: _tightest(a, b, gap_bounds(a, b, partners, low, high), low, high), box, pieces
        )
    return concluded(exact, rounding, box, _METHOD, sampled=sampled, points=points, pieces=used)


def _tightest(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    gap: GapBounds,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """The bound of the difference, or that of both ranges where networks have little in common."""
    range_a, range_b = layer_ranges(a, low, high)[-1], layer_ranges(b, low, high)[-1]
    apart = np.maximum(range_b.high - range_a.low, range_a.high - range_b.low)
    return np.fmin(gap.largest, (1.0 + 8 * UNIT) * apart)


def _largest_seen(
    a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork, box: Box, points: int, seed: int
) -> float:
    rows = box.points(points, Randomness(seed).step("certify"))
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.abs(b(rows) - a(rows)).max(initial=0.0))


def _shapes(a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork) -> str:
    if a.input_dim != b.input_dim:
        return f"inputs of a: {a.input_dim}, of b: {b.input_dim}"
    if a.output_dim != b.output_dim:
        return f"outputs of a: {a.output_dim}, of b: {b.output_dim}"
    return f"hidden layers of a: {len(a.hidden_widths)}, of b: {len(b.hidden_widths)}"


def _why_not(alone: Sequence[tuple[int, int]]) -> str:
    parts = [
        f"layer {layer}: {who} no partner"
        for layer, (in_a, in_b) in enumerate(alone, start=1)
        if (who := _who(in_a, in_b))
    ]
    return "; ".join(parts)


def _who(in_a: int, in_b: int) -> str:
    named = [f"{n} neuron{'s' * (n > 1)} of {name}" for n, name in ((in_a, "a"), (in_b, "b")) if n]
    return " and ".join(named) + (" has" if in_a + in_b == 1 else " have") if named else ""
