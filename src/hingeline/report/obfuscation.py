"""Inputs that a network cannot tell apart, in a report: the gallery, what it answered, the control.

The control, as long a move inside what the network sees, always stands beside them: a kept label means
something only if such a move would have changed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Picture, Pictures
from hingeline.core.outcome import Finding
from hingeline.report.common import again, price, tone
from hingeline.report.model import Block, Claim, Report, Section, Table, Text, Tile
from hingeline.report.numbers import count, duration, plural, small
from hingeline.report.span_figures import image, image_side
from hingeline.report.span_words import percent
from hingeline.subspace.obfuscated import Control, Obfuscation

_MOST_ROWS = 6  # of the gallery; all inputs are in obfuscation.npz
_TITLES = ("original", "what the network sees", "what it cannot see", "obfuscated")
_TITLES_IN_PART = ("original", "what it seems to see", "the rest", "obfuscated")
_CREDIT = "The question comes from the literature named here, the constructions are hingeline's own:"
_WAYS = {
    "null noise": "Noise was added in the directions that the network cannot see",
    "reads as target": "What the network cannot see was replaced by that of {}",
    "boxed": "The inputs were moved towards {}, as far as range and unseen directions let",
}

Hidden = Finding[Obfuscation]


def obfuscation_report(finding: Hidden) -> Report:
    """The report on obfuscated inputs alone."""
    made, value = finding.provenance, finding.value
    told = tuple(obfuscation_blocks(finding))
    sections = (
        Section("Inputs it cannot tell apart", told if value is not None else ()),
        Section("What it cost", tuple(price(finding))),
        Section("Do it again", tuple(again(finding, None, _CREDIT))),
    )
    return Report(
        title=f"hingeline obfuscate {made.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=finding.outcome.reason if value is None else obfuscation_headline(value),
        summary=" ".join(part for part in (finding.outcome.reason, finding.outcome.advice) if part),
        tiles=(
            Tile(count(finding.queries), "questions, all counted"),
            Tile(duration(finding.spending.seconds), "on the clock"),
        ),
        sections=tuple(section for section in sections if section.blocks),
        footer=f"Made by hingeline {made.versions.get('hingeline', '')}, seed {made.seed}.",
    )


def obfuscation_headline(value: Obfuscation) -> str:
    """One sentence that a manager can repeat."""
    number = len(value.original)
    kept = round(value.labels_kept * number)
    control = value.control
    as_far = f"; as large a change in what it sees keeps {percent(control.labels_kept)}" if control else ""
    return f"{count(kept)} of {plural(number, 'obfuscated input')} keep their label{as_far}."


def obfuscation_blocks(finding: Hidden) -> Iterable[Block]:
    """What is told of obfuscated inputs, the gallery first."""
    yield from obfuscation_essence(finding)
    if finding.value is None:
        return
    yield _compared(finding.value)
    figure = _changes_by_length(finding.value)
    if figure is not None:
        yield figure


def obfuscation_essence(finding: Hidden, rows: int = _MOST_ROWS) -> Iterable[Block]:
    """How they were made, a gallery of so many, and whether labels were kept, beside the control."""
    value = finding.value
    if value is None:
        yield Claim("No inputs were obfuscated", None, finding.outcome.reason)
        return
    picture = "the target image" if finding.provenance.settings.get("target") else "random noise"
    yield Text(_described(value, picture))
    gallery = obfuscation_gallery(value, rows)
    if gallery is not None:
        yield gallery
    yield from _claims(finding, value)


def obfuscation_gallery(value: Obfuscation, most: int = _MOST_ROWS) -> Pictures | None:
    """Original, both parts and obfuscated input of the first inputs; None if they are no images."""
    side = image_side(value.original.shape[1])
    if side is None:
        return None
    rows = range(min(most, len(value.original)))
    more = (
        f" The first {len(rows)} of {count(len(value.original))}." if len(rows) < len(value.original) else ""
    )
    return Pictures(
        "obfuscation",
        f"Original, its two parts, and another input whose seen part is the same: {_one(value)}. In the "
        f"parts, mid grey is zero.{more}",
        _TITLES if value.standing == "exact" else _TITLES_IN_PART,
        tuple(_gallery_row(value, row, side) for row in rows),
    )


def _one(value: Obfuscation) -> str:
    """What follows of it depends on whether the whole span is known, and on what was answered."""
    if value.standing == "exact" and value.labels_kept == 1:
        return "to the network the first and the last are one"
    if value.labels_kept == 1:
        return "these keep their label, but the network may see more than was found"
    return "where the label changed all the same, the network sees more than was found"


def _gallery_row(value: Obfuscation, row: int, side: int) -> tuple[Picture, ...]:
    original, hidden = value.original[row], value.obfuscated[row]
    # Both parts on one scale, zero in the middle: their sum is the original.
    end = float(max(np.abs(value.seen[row]).max(), np.abs(value.unseen[row]).max())) or 1.0
    unseen = float(value.unseen_energy[row])
    change = value.changes[row]
    moved = f", {value.value_kind} off by {small(float(change))}" if math.isfinite(change) else ""
    return (
        image(original, side, *_range(value, original), f"label {value.labels[row]}"),
        image(value.seen[row], side, -end, end, f"{percent(1 - unseen)} of its energy"),
        image(value.unseen[row], side, -end, end, f"{percent(unseen)} of its energy"),
        image(hidden, side, *_range(value, hidden), f"label {value.obfuscated_labels[row]}{moved}"),
    )


def _range(value: Obfuscation, pixels: FloatArray) -> tuple[float, float]:
    """Black and white of an input: the ends of the box, or its own."""
    return value.box or (float(pixels.min()), float(pixels.max()))


def _described(value: Obfuscation, picture: str) -> str:
    seen, ways = "what it sees of every input", _WAYS[value.construction]
    if value.standing != "exact":
        seen, ways = "what it was found to see of every input", ways.replace("cannot", "was not found to")
    words = f"{ways.format(picture)}; {seen} stayed as it was."
    target = value.correlation_target
    beside = f", and {float(target.mean()):.2f} with {picture}" if target is not None else ""
    return (
        f"{words} The results correlate {float(value.correlation_original.mean()):.2f} with the "
        f"originals{beside}."
    )


def _claims(finding: Hidden, value: Obfuscation) -> Iterable[Claim]:
    number = len(value.original)
    kept = round(value.labels_kept * number)
    varies = f", where inputs differ by {small(value.variation)}" if math.isfinite(value.variation) else ""
    change = f"{value.value_kind} change by at most {small(value.largest_change)}{varies}"
    seen = change if math.isfinite(value.largest_change) else ""
    yield Claim(
        f"Asked again: {count(kept)} of {plural(number, 'obfuscated input')} keep their label",
        kept == number,
        seen,
    )
    control = value.control
    if control is None:
        yield Claim("There is no control: the network seems to look at nothing", None)
    else:
        matters = control.labels_kept < 1 or finding.outcome.ok
        words = f"As large a change in what it sees keeps {percent(control.labels_kept)} of the labels"
        yield Claim(words, True if matters else None, _control_seen(value, control))
    if value.rounding_changes is not None:
        largest = float(np.nanmax(value.rounding_changes, initial=0.0))
        yield Claim(f"Rounding to 8 bits alone changes {value.value_kind} by at most {small(largest)}", True)
    if not finding.outcome.ok:
        yield Claim(finding.outcome.reason, None)


def _control_seen(value: Obfuscation, control: Control) -> str:
    if not math.isfinite(control.largest_change):
        return ""
    return f"{value.value_kind} change by up to {small(control.largest_change)}"


def _compared(value: Obfuscation) -> Table:
    """The obfuscation beside moves of the same and of other lengths inside the span."""
    own = float(np.median(_lengths(value)))
    rows = [_row("in what it cannot see", own, value.labels_kept, value.largest_change)]
    controls = [] if value.control is None else [value.control]
    for control in (*controls, *value.controls):
        length = float(np.median(control.lengths))
        rows.append(_row("in what it sees", length, control.labels_kept, control.largest_change))
    columns = ("change of the input", "its length", "labels kept", f"largest change of {_values(value)}")
    return Table(columns, tuple(rows), "The same change, made in what the network sees: the control.")


def _values(value: Obfuscation) -> str:
    return "values" if value.value_kind == "none" else value.value_kind


def _row(where: str, length: float, kept: float, change: float) -> tuple[str, ...]:
    return (where, small(length), percent(kept), small(change) if math.isfinite(change) else "not given")


def _changes_by_length(value: Obfuscation) -> Figure | None:
    """Change of the answer against length of the move, inside the span and outside it."""
    controls = [] if value.control is None else [value.control]
    controls += value.controls
    if value.value_kind == "none" or not controls:
        return None
    inside = [pair for c in controls for pair in zip(c.lengths.tolist(), c.changes.tolist(), strict=True)]
    outside = list(zip(_lengths(value).tolist(), value.changes.tolist(), strict=True))
    return Curves(
        "null-against-span",
        f"How far {value.value_kind} move when the input moves: in what the network sees, and in what "
        "it cannot see. Exact zeros have no place on this axis.",
        Axis("length of the change of the input", log=True),
        Axis(f"largest change of {value.value_kind}", log=True),
        (_dots("in what it sees", inside), _dots("in what it cannot see", outside)),
    )


def _dots(label: str, pairs: list[tuple[float, float]]) -> Curve:
    return Curve(label, tuple(x for x, _ in pairs), tuple(y for _, y in pairs), joined=False)


def _lengths(value: Obfuscation) -> FloatArray:
    """Length of each obfuscation's move: root mean square times the root of the dimension."""
    return value.rms * math.sqrt(value.original.shape[1])
