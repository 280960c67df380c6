"""Figures of a recovered span: strengths, the way there, what is seen of every coordinate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Picture, Pictures
from hingeline.report.numbers import small
from hingeline.subspace.recovered import RecoveredSpan

_LEAST_SIDE = 4  # smaller squares are tables, not images
_NOTHING = 1e-9  # of a coordinate seen: rounding of the basis
_SHOWN_DIRECTIONS = 3  # of the active subspace, as images


def image_side(input_dim: int) -> int | None:
    """The side of the square image that inputs may be; None if they cannot be one."""
    side = math.isqrt(input_dim)
    return side if side * side == input_dim and side >= _LEAST_SIDE else None


def image(values: FloatArray, side: int, black: float, white: float, words: str = "") -> Picture:
    """One input as a square image, line by line."""
    lines = values.reshape(side, side).tolist()
    return Picture(tuple(tuple(line) for line in lines), black, white, words)


def strengths(span: RecoveredSpan) -> Figure | None:
    """Every direction by its strength, beside what noise alone may reach."""
    if not len(span.strengths):
        return None
    ordered = sorted((float(s) for s in span.strengths), reverse=True)
    edge = span.votes.noise_edge
    return Curves(
        "strengths",
        "Strength of every direction found, strongest first. What is real stands far above what noise alone "
        "can reach (dashed).",
        Axis("direction, strongest first", whole=True),
        Axis("strength, answer per unit of input", log=True),
        (Curve("direction", tuple(float(n + 1) for n in range(len(ordered))), tuple(ordered), False),),
        levels=(("noise edge", edge),) if edge > 0 else (),
    )


def growth(pairs: Sequence[tuple[int, int]], fewest: int) -> Figure | None:
    """Directions known against questions asked.

    Args:
        pairs: Questions and directions, each time the span grew.
        fewest: Queries that any method needs for what was found; 0 if unknown.
    """
    if len(pairs) < 2:
        return None
    asked, found = zip(*pairs, strict=True)
    return Curves(
        "growth",
        "Directions found against questions asked. Fewer questions than the dashed line cannot determine so "
        "many directions, whatever the method.",
        Axis("questions", from_zero=True, whole=True),
        Axis("directions found", from_zero=True, whole=True),
        (Curve("found", tuple(map(float, asked)), tuple(map(float, found))),),
        marks=(("fewest possible", float(fewest)),) if fewest else (),
    )


def leverage(span: RecoveredSpan) -> Figure | None:
    """How much of every input coordinate is seen: an image where inputs can be one."""
    if not span.basis.shape[1] or not span.null_dim:
        return None
    values, side = span.leverage, image_side(span.input_dim)
    low, high = float(values.min()), float(values.max())
    low = low if low > _NOTHING else 0.0
    if side is None:
        return Curves(
            "leverage",
            "How much of each input coordinate the network sees: 0 is nothing, 1 is all.",
            Axis("input coordinate, counted from 0", whole=True),
            Axis("share that is seen", from_zero=True),
            (Curve("share", tuple(map(float, range(span.input_dim))), tuple(values.tolist()), False),),
        )
    return Pictures(
        "leverage",
        f"How much of each input coordinate the network sees, laid out as a {side} x {side} image: black "
        f"{small(low)}, white {small(high)}; 0 is nothing, 1 is all.",
        ("share that is seen",),
        ((image(values, side, low, high, f"{small(low)} to {small(high)}"),),),
    )


def eigenvalues(span: RecoveredSpan) -> Figure | None:
    """How fast what matters falls off."""
    if span.active is None or not len(span.active.eigenvalues):
        return None
    values = tuple(map(float, span.active.eigenvalues))
    return Curves(
        "active",
        "How much the answer moves along each direction, on average over inputs, most important first.",
        Axis("direction, most important first", whole=True),
        Axis("mean squared slope", log=True),
        (Curve("slope", tuple(float(n + 1) for n in range(len(values))), values, False),),
    )


def active_images(span: RecoveredSpan) -> Figure | None:
    """The directions that matter most, where inputs can be images."""
    side = image_side(span.input_dim)
    if span.active is None or side is None or not span.active.directions.shape[1]:
        return None
    shown = span.active.directions.T[:_SHOWN_DIRECTIONS]
    # the sign of a direction is a choice, so grey in the middle is zero and both ends mean the same
    ends = [float(abs(direction).max()) or 1.0 for direction in shown]
    row = tuple(image(direction, side, -end, end) for direction, end in zip(shown, ends, strict=True))
    return Pictures(
        "active-directions",
        "The directions that matter most, as images: mid grey is no weight, black and white pull against "
        "each other.",
        tuple(f"direction {n + 1}" for n in range(len(row))),
        (row,),
    )
