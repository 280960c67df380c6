"""What figures hold: data, names and words; how they are drawn is told elsewhere.

Every figure carries a caption that says what it shows to those who cannot see it, and a name for its files.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bars:
    """One horizontal bar for each label."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    unit: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Level:
    """One track of `Gauge`."""

    label: str
    """What is gauged."""
    value: float
    """How far it has come, from 0 to `end`."""
    end: float
    """All there is; above 0."""
    words: str
    """The same in words, with the unit."""


@dataclass(frozen=True)
class Gauge:
    """Bars on tracks of one length, each filled as far as it has come on its own scale."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    unit: str
    """What a share of a track is a share of."""
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Dots:
    """One dot for each item on a logarithmic axis, beside reference lines."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    unit: str
    groups: tuple[str, ...]
    """One row of dots for each."""
    values: tuple[tuple[float, ...], ...]
    """Positive numbers, one tuple for each group."""
    marks: tuple[tuple[str, float], ...] = ()
    """Reference lines: name and place."""


@dataclass(frozen=True)
class Axis:
    """One axis of `Curves`."""

    words: str
    """What is measured along it, with the unit."""
    log: bool = False
    """Equal steps for equal factors; values of 0 and below are then left out of the picture."""
    from_zero: bool = False
    """Start at 0 where the data do not (linear axes)."""
    whole: bool = False
    """Counts: no ticks between whole numbers (linear axes)."""


@dataclass(frozen=True)
class Curve:
    """One line of `Curves`."""

    label: str
    """What it is, in the legend."""
    x: tuple[float, ...]
    y: tuple[float, ...]
    joined: bool = True
    """A line through the points; False for dots alone."""
    steps: bool = False
    """The line goes up and down in steps, whose corners are no data and get no dots."""


@dataclass(frozen=True)
class Curves:
    """Lines or dots over two axes, beside reference lines."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    across: Axis
    up: Axis
    curves: tuple[Curve, ...]
    levels: tuple[tuple[str, float], ...] = ()
    """Horizontal reference lines: name and height."""
    marks: tuple[tuple[str, float], ...] = ()
    """Vertical reference lines: name and place."""


@dataclass(frozen=True)
class Heat:
    """A grid of numbers, each printed in its cell, darker for larger."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    unit: str
    down: str
    """What the rows are."""
    across: str
    """What the columns are."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    """One tuple for each row; None for a cell without a number."""


@dataclass(frozen=True)
class Picture:
    """One grey image."""

    pixels: tuple[tuple[float, ...], ...]
    """One tuple for each line of the image."""
    black: float
    """Value shown as black; what lies below is black too."""
    white: float
    """Value shown as white; what lies above is white too."""
    words: str = ""
    """What stands under it."""


@dataclass(frozen=True)
class Pictures:
    """Rows of small images under common titles."""

    name: str
    """File name without ending."""
    caption: str
    """What it shows, in one sentence; also read out to those who cannot see it."""
    titles: tuple[str, ...]
    """One for each column."""
    rows: tuple[tuple[Picture, ...], ...]


Figure = Bars | Gauge | Dots | Curves | Heat | Pictures
