"""Along which directions the answer moves most, and what steps along them flip, beside random ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hingeline.numerics.statistics import median
from hingeline.report.fragility_figures import picture_shape
from hingeline.report.fragility_words import percent
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import plural, small
from hingeline.sensitivity.fisher.flip_curve import FlipCurve, FlipCurves
from hingeline.sensitivity.fisher.universal import UniversalDirections
from hingeline.sensitivity.profile import FragilityProfile

_SHOWN_DIRECTIONS = 2  # inputs whose directions are drawn
_MOST_CLASSES = 10  # more images in one line are too small to see


def directions(profile: FragilityProfile) -> Iterable[Block]:
    """Along what the answer moves most, and what it flips, beside random directions."""
    shape, fisher = picture_shape(profile), profile.fisher
    if fisher is not None:
        known = fisher.participation[np.isfinite(fisher.participation)]
        weigh = (
            f" In the median the answer hangs on about {small(median(known))} of them." if len(known) else ""
        )
        yield Text(
            "Fisher information says along which direction a tiny step moves the class probabilities most."
            + weigh
        )
        spectrum, *images = fisher.figures(shape, rows=_SHOWN_DIRECTIONS)
        yield from ([spectrum] if fisher.traces.any() else [])
        yield from (images if fisher.traces[:_SHOWN_DIRECTIONS].all() else [])
    if profile.curves is not None:
        yield from _curves(profile.curves)
    if profile.universal is not None:
        yield from universal_direction(profile.universal, shape)


def _curves(curves: FlipCurves) -> Iterable[Block]:
    yield Text(step_words(curves))
    yield curves.figure()
    shown = [curves[name] for name in ("fisher", "gradient", "boundary", "random")]
    rows = tuple(
        (small(float(length)), *(interval(curve, place) for curve in shown))
        for place, length in enumerate(curves.sizes)
    )
    names = ("length of the step", "Fisher, either way", "gradient", "nearest boundary", "random")
    yield Table(names, rows, "Percent of the inputs flipped, with 95 % intervals.")
    again = float(curves.control.shares[0])
    words = "Control: asked again unchanged, every input kept its class"
    if curves.wavers:
        words = f"Control: asked again unchanged, {percent(again)} changed class: this target wavers"
    yield Claim(words, not curves.wavers)


def step_words(curves: FlipCurves) -> str:
    """What the longest step along the most sensitive direction flips, beside a random one."""
    biggest = len(curves.sizes) - 1
    along, chance = float(curves["fisher"].shares[biggest]), float(curves["random"].shares[biggest])
    return (
        f"One step of {small(float(curves.sizes[biggest]))} ({curves.norm}) along it flips {percent(along)} "
        f"of the inputs; a random step as long flips {percent(chance)}."
    )


def interval(curve: FlipCurve, place: int) -> str:
    """Percent flipped at one size, with its 95 % interval."""
    share, low, high = (float(v[place]) for v in (curve.shares, curve.low, curve.high))
    return f"{100 * share:.0f} ({100 * low:.0f}-{100 * high:.0f})"


def universal_direction(universal: UniversalDirections, shape: tuple[int, int] | None) -> Iterable[Block]:
    """One direction for all inputs, and what it flips."""
    yield Text(universal_words(universal))
    few = len(universal.classes) <= _MOST_CLASSES
    yield from universal.figures(shape if few else None)


def universal_words(universal: UniversalDirections) -> str:
    """What one direction for all inputs flips, of inputs that had no part in making it if there are such."""
    flipped = float(universal.curves[0].shares[-1])
    words = f"of the {plural(universal.made_from, 'input')} it was made from"
    if universal.held_out:
        flipped = float(universal["held_out"].shares[-1])
        words = f"of {plural(universal.held_out, 'input')} that had no part in making it"
    return (
        f"One direction for all inputs: a step of {small(float(universal.sizes[-1]))} along it flips "
        f"{percent(flipped)} {words}."
    )
