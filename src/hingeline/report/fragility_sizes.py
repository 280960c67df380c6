"""How small a change flips each input: both bounds, what is proved, what is open."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from hingeline.report import fragility_figures as figures
from hingeline.report.fragility_words import broken_bounds, size
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import count, plural, small
from hingeline.sensitivity.profile import FragilityProfile

_BOTH_SIDES = (
    "For each input there are two numbers: a change that gives it another class (tried on the network "
    "itself), and a size below which no change does (proved from the weights, up to the rounding of 64-bit "
    "numbers). Where they meet, the smallest flip is known."
)
_ONE_SIDE = (
    "For each input there is one number: the smallest change found that gives it another class, tried on the "
    "network itself. It is an upper bound: a better attack may find a smaller one."
)
_ALREADY = "A flip is another class than the network gives now, also where that class is wrong already."
_MOST_ROWS = 12  # of the table of what is not proved
_FEW_RIGHT = 0.5


def sizes(profile: FragilityProfile, box: tuple[float, float] | None) -> Iterable[Block]:
    """Bounds of every input, a gallery, what is open, and shares flipped by size.

    Args:
        profile: What was found.
        box: Range of an input coordinate, if there was one.
    """
    number, proved = len(profile.upper), int(profile.proved.sum())
    yield Text(f"{_BOTH_SIDES if profile.minimal is not None else _ONE_SIDE} {_ALREADY}")
    broken = broken_bounds(profile)
    if broken:
        words = f"A change flips {plural(broken, 'input')} that was proved to flip none: please report this"
        yield Claim(words, False)
    if profile.minimal is not None:
        widest = float(np.max(profile.ratios, initial=1.0))
        words = f"Settled by proof: {count(proved)} of {plural(number, 'input')}"
        if np.isfinite(profile.upper[profile.proved]).all():
            words = f"Proved to be the smallest: the flips of {count(proved)} of {plural(number, 'input')}"
        if proved == number:
            yield Claim(words, True)
        elif math.isfinite(widest):
            yield Claim(words, None, f"of the others, none is more than {small(widest)} times too large")
        else:
            yield Claim(words, None)
    yield from _missing(profile)
    yield from _labelled(profile)
    yield from _present(figures.gallery(profile, box))
    yield from _present(figures.bounds(profile))
    yield from _table(profile)
    yield from _present(figures.by_size(profile))
    if profile.labels is not None:
        yield profile.standing.figure()


def _missing(profile: FragilityProfile) -> Iterable[Claim]:
    """Inputs without a known flip: proved to have none, or just not found."""
    missing = np.isinf(profile.upper)
    never, lost = int(profile.without_flip.sum()), int(np.sum(missing & ~profile.proved))
    far = missing & profile.proved & ~profile.without_flip
    if never:
        yield Claim(f"No change within the limits flips {plural(never, 'input')}: that is proved", True)
    if far.any():
        yield Claim(
            f"No change smaller than {small(float(profile.lower[far].min()))} flips "
            f"{plural(int(far.sum()), 'input')}: that is proved",
            None,
            "no farther was looked, and without a box that is no proof that none flips",
        )
    if lost:
        yield Claim(
            f"No flip was found for {plural(lost, 'input')}",
            None,
            "that is no proof that there is none; in every median it counts as larger than all others",
        )


def _labelled(profile: FragilityProfile) -> Iterable[Claim]:
    if profile.right is None or profile.accuracy is None:
        return
    right, number = int(profile.right.sum()), len(profile.right)
    has = "has" if number == 1 else "have"
    words = f"{count(right)} of {plural(number, 'input')} {has} the class that your labels say"
    if profile.accuracy < _FEW_RIGHT:
        words += ": fewer than half. Are scale, order of classes and preprocessing right?"
    yield Claim(words, None if profile.accuracy < _FEW_RIGHT else True)


def _table(profile: FragilityProfile) -> Iterable[Table]:
    """The rows that a reader has to judge alone: not proved, or without a flip."""
    missing = np.isinf(profile.upper)
    rows = np.nonzero(~profile.proved | missing if profile.minimal is not None else missing)[0]
    if not len(rows) or (len(rows) == len(missing) and missing.all()):
        return
    shown = rows[:_MOST_ROWS]
    more = f" The first {len(shown)} of {count(len(rows))}; all are in result.json." * (
        len(shown) < len(rows)
    )
    yield Table(
        ("row", "class", "flipped to", "smallest flip found", "proved: nothing smaller than", "apart"),
        tuple(_row(profile, int(row)) for row in shown),
        f"Inputs whose smallest flip is not proved, or that have none.{more}",
    )


def _row(profile: FragilityProfile, row: int) -> tuple[str, ...]:
    upper, lower = float(profile.upper[row]), float(profile.lower[row])
    found = math.isfinite(upper)
    if profile.without_flip[row]:
        bounds = ("none exists", "no change flips it", "")
    else:
        below = small(lower) if lower > 0 and math.isfinite(lower) else "nothing proved"
        ratio = float(profile.ratios[row])
        apart = f"{ratio:.2f} times" if math.isfinite(ratio) else ""
        bounds = (size(upper), below, apart)
    to = str(profile.flipped_to[row]) if found else ""
    return (str(row), str(profile.classes[row]), to, *bounds)


def _present(figure: Block | None) -> tuple[Block, ...]:
    return () if figure is None else (figure,)
