"""How small changes flip inputs, in half a sentence, with whom it was tried on."""

from __future__ import annotations

import math

import numpy as np

from hingeline.auditing.record import Source, Stage
from hingeline.numerics.statistics import median
from hingeline.report import fragility_words
from hingeline.report.fragility_words import percent
from hingeline.report.numbers import count, plural, small
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.threat import Norm

_SIZES: dict[Norm, str] = {
    "l2": "a change of length {} or less",
    "linf": "a change of every input number by {} or less",
    "l1": "a change of {} or less in all",
}
"""Sizes of changes, for those who have not met norms."""


def flip_words(stage: Stage | None, *, short: bool = False) -> str:
    """What may be said of flips; empty where nothing is known, or where a flip may be chance.

    Args:
        stage: The stage that searched for them.
        short: For a headline: without the distance between two inputs.
    """
    profile: FragilityProfile | None = None if stage is None or stage.finding is None else stage.finding.value
    if stage is None or profile is None or _doubtful(profile):
        return ""
    number, flips, middle = len(profile.upper), int(np.isfinite(profile.upper).sum()), median(profile.upper)
    if not flips:
        return ""
    if math.isfinite(middle) and number > 1:
        told = f"half of the {count(number)} inputs tried change class at {_amount(profile, middle, short)}"
    else:
        largest = float(profile.upper[np.isfinite(profile.upper)].max())
        some = f"{count(flips)} of {plural(number, 'input')} tried"
        told = f"{some} change class at {_amount(profile, largest, short)}"
    return told if stage.source is Source.DOOR else f"on the copy, {told}{tried_words(stage)}"


def tried_words(stage: Stage) -> str:
    """Whether flips of the copy are flips of the door."""
    tried, held = int(stage.facts.get("tried", 0)), int(stage.facts.get("held", 0))
    if not tried:
        return "; that was not tried at the door"
    flip = "flips" if tried == 1 else "flip"
    return f"; tried at the door, {count(held)} of {plural(tried, 'such change')} {flip} it too"


def _amount(profile: FragilityProfile, size: float, short: bool) -> str:
    told, apart = _SIZES[profile.norm].format(small(size)), fragility_words.data_distance(profile)
    if short or not (math.isfinite(apart) and apart > 0):
        return told
    return f"{told} ({percent(size / apart)} of the distance between two inputs)"


def _doubtful(profile: FragilityProfile) -> bool:
    """Whether a flip says nothing here: the door wavers, or the bounds contradict each other."""
    gravest = fragility_words.gravest(profile)
    wavers = gravest is not None and gravest.name == "wavering"
    return wavers or bool(fragility_words.broken_bounds(profile))
