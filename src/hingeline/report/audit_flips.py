"""Flips in the report on an audit: how small they are beside theory, the most fragile inputs, directions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.auditing.record import Audit, Source, Stage
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.core.outcome import Finding
from hingeline.numerics.statistics import median
from hingeline.report import fragility_figures, fragility_words
from hingeline.report.fragility_directions import step_words, universal_words
from hingeline.report.model import Block, Claim, Text
from hingeline.report.numbers import count, plural
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.profile import FragilityProfile

_FEWEST, _MOST_BINS = 4, 20
_SHOWN = {
    "fisher": "most sensitive direction, the worse of both ways",
    "boundary": "towards the nearest class",
    "random": "random direction",
}
_COMPUTED = " This is said of the copy; what the door said to the same changes stands below."
_ASKED = " The changes were found by asking the door."


def flip_blocks(finding: Finding[Audit]) -> Iterable[Block]:
    """Sizes of the smallest flips, what the door said to them, and the inputs that flip most easily."""
    audit = finding.value
    stage = None if audit is None else audit.stage("fragility")
    if stage is None or stage.finding is None:
        return
    profile: FragilityProfile | None = stage.finding.value
    yield Text(f"{fragility_words.headline(stage.finding)}{_whose(stage, profile)}")
    if profile is None or not np.isfinite(profile.upper).any():
        return
    yield from _tried(stage, int(np.isfinite(profile.upper).sum()))
    yield Text(f"{fragility_words.NORMS[profile.norm]}.")
    figures = (flip_histogram(profile), fragility_figures.gallery(profile, _box(finding), worst=True))
    yield from (figure for figure in figures if figure is not None)


def flip_histogram(profile: FragilityProfile) -> Curves | None:
    """Inputs by the size of their smallest flip, beside a random linear function; None for a few."""
    known = profile.upper[np.isfinite(profile.upper) & (profile.upper > 0)]
    if len(known) < _FEWEST:
        return None
    edges = np.linspace(0.0, float(known.max()), _bins(len(known)) + 1)
    found, _ = np.histogram(known, edges)
    name = "smallest flips" if profile.proved.all() else "smallest flips found"
    curves = [_outline(name, edges, found.astype(np.float64))]
    units = None if profile.distance is None else profile.distance.units
    beside = ""
    if units is not None and np.isfinite(units).any():
        expected = theory.success(edges / units[np.isfinite(units), np.newaxis]).sum(axis=0)
        curves.append(_outline("a random linear function would show", edges, np.diff(expected)))
        beside = " Dashed: what a random linear function would show at the same inputs."
    missing = len(profile.upper) - len(known)
    more = f" {plural(missing, 'input')} without a known flip {'is' if missing == 1 else 'are'} not drawn."
    middle = median(profile.upper)
    return Curves(
        "flip-sizes",
        f"How many of {plural(len(profile.upper), 'input')} flip at a change of each size: the further left, "
        f"the more fragile.{beside}{more * bool(missing)}",
        Axis(f"size of the change ({profile.norm})", from_zero=True),
        Axis("inputs", from_zero=True, whole=True),
        tuple(curves),
        marks=(("half of the inputs flip", middle),) if math.isfinite(middle) else (),
    )


def direction_blocks(audit: Audit) -> Iterable[Block]:
    """What a step along the most sensitive direction flips, and one direction for all inputs."""
    stage = audit.stage("fragility")
    profile: FragilityProfile | None = None if stage is None or stage.finding is None else stage.finding.value
    if stage is None or profile is None:
        return
    where = " This was measured on the copy." if stage.source is Source.COPY else ""
    if profile.curves is not None:
        yield Text(
            "Fisher information says along which direction a tiny step moves the class probabilities most. "
            f"{step_words(profile.curves)}{where}"
        )
        yield _step_curves(profile.curves)
    if profile.universal is not None:
        yield Text(universal_words(profile.universal))
        shape = fragility_figures.picture_shape(profile)
        few = len(profile.universal.classes) <= 10  # more images in one line are too small to see
        curve, *images = profile.universal.figures(shape if few else None)
        yield from images or [curve]


def _step_curves(curves: FlipCurves) -> Curves:
    """Shares flipped along the directions that matter, and along random ones."""
    sizes = tuple(map(float, curves.sizes))
    return replace(
        curves.figure(),
        caption="Share of the inputs whose class changes after one step of each length, along the direction "
        "that matters most to each input and along a random one.",
        across=Axis(f"length of the step ({curves.norm})", from_zero=True),
        curves=tuple(
            Curve(words, sizes, tuple(map(float, curves[name].shares))) for name, words in _SHOWN.items()
        ),
    )


def _whose(stage: Stage, profile: FragilityProfile | None) -> str:
    """Of whom it is said, where there is something to say."""
    if profile is None or not np.isfinite(profile.upper).any():
        return ""
    return _ASKED if stage.source is Source.DOOR else _COMPUTED


def _tried(stage: Stage, flips: int) -> Iterable[Claim]:
    """Whether what was computed on the copy is true of the door."""
    if stage.source is Source.DOOR:
        return
    tried, held = int(stage.facts.get("tried", 0)), int(stage.facts.get("held", 0))
    if not tried:
        why = stage.facts.get(
            "not_tried", "none leads so far beyond the boundary that noise could not hide it"
        )
        yield Claim("The changes were not tried at the door", None, str(why).rstrip("."))
        return
    changes = f"{count(held)} of {plural(tried, 'change')}"
    words = f"Tried at the door: {changes} computed on the copy flip it, to the class foretold"
    short = "they end just beyond the boundary of the copy, and some fall short of the door's own"
    left = flips - tried
    unclear = f"{count(left)} more end too near the boundary to be tried" if left > 0 else ""
    seen = "; ".join(part for part in ("" if held == tried else short, unclear) if part)
    yield Claim(words, True if held == tried else None, seen)


def _bins(number: int) -> int:
    """A little over the root of the number: enough to see a shape, not one for each input."""
    return min(_MOST_BINS, 2 + math.ceil(math.sqrt(number)))


def _outline(label: str, edges: FloatArray, heights: FloatArray) -> Curve:
    """A histogram as one line: up at each left edge, level to the right one, down at the end."""
    xs, ys = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return Curve(label, tuple(xs.tolist()), tuple(ys.tolist()), steps=True)


def _box(finding: Finding[Audit]) -> tuple[float, float] | None:
    box: Any = finding.provenance.settings.get("box")
    return None if box is None else (float(box[0]), float(box[1]))
