"""The report on how fragile a network is, made from its finding.

It never says that a network withstands attacks: a flip that was not found is told as not found, and what
makes the numbers doubtful stands in the headline. Of the evidence it reads `doctor`; all else is the profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hingeline.core.outcome import Finding
from hingeline.numerics.statistics import median
from hingeline.report import fragility_directions, fragility_parts, fragility_sizes, fragility_words
from hingeline.report.common import again, door, price, tone
from hingeline.report.model import Block, Claim, Report, Section, Table, Text, Tile, Tone
from hingeline.report.numbers import count, duration, plural
from hingeline.report.recipe import Recipe
from hingeline.sensitivity.profile import FragilityProfile

Fragility = Finding[FragilityProfile]

_CREDIT = "Where the methods come from:"

Parts = Iterable[tuple[str, Iterable[Block]]]


def fragility_report(finding: Fragility, recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `fragility` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    sections = (Section(title, tuple(blocks)) for title, blocks in _sections(finding, recipe))
    return Report(
        title=f"hingeline fragility {finding.provenance.target}",
        tone=_tone(finding),
        verdict=_verdict(finding),
        headline=fragility_words.headline(finding),
        summary=fragility_words.summary(finding),
        tiles=tuple(_tiles(finding)),
        sections=tuple(section for section in sections if section.blocks),
        footer=(
            f"Made by hingeline {finding.provenance.versions.get('hingeline', '')}. The same run as data, "
            "every input one by one: result.json; inputs and changes: fragility.npz."
        ),
    )


def _sections(finding: Fragility, recipe: Recipe | None) -> Parts:
    profile = finding.value
    if profile is not None:
        grave = fragility_words.gravest(profile) is not None
        said = ("What the measurements say", _said(profile))
        if grave:
            yield said
        yield "How small a change flips it", fragility_sizes.sizes(profile, _box(finding))
        yield "Which attack found it", fragility_parts.attacks(profile)
        yield "Is one step enough?", fragility_parts.one_step(profile)
        yield "In which directions", fragility_directions.directions(profile)
        yield "Where in the network", fragility_parts.layers(profile)
        yield "Does depth or bias decide?", fragility_parts.depth_and_bias(profile)
        if not grave:
            yield said
        yield "What could not be established", _open_ends(profile)
    yield "What it cost", _cost(finding)
    yield "What the answers give away", door(finding.evidence)
    yield "Do it again", again(finding, recipe, _CREDIT, call=_call(finding))


def _tone(finding: Fragility) -> Tone:
    """What makes the distances doubtful is bad news, unless they are all proved without gradients."""
    profile, told = finding.value, tone(finding)
    if profile is None:
        return told
    if fragility_words.broken_bounds(profile):
        return Tone.BAD
    verdict = fragility_words.gravest(profile)
    if verdict is None:
        return Tone.PART if told is Tone.GOOD and np.isinf(profile.upper).all() else told
    return Tone.PART if fragility_words.proved_without_gradients(profile, verdict) else Tone.BAD


def _verdict(finding: Fragility) -> str:
    """How the run ended, with the word that a reader must not miss."""
    profile = finding.value
    if profile is not None and fragility_words.broken_bounds(profile):
        return "contradiction"
    verdict = None if profile is None else fragility_words.gravest(profile)
    return str(finding.outcome.status) if verdict is None else verdict.name


def _tiles(finding: Fragility) -> Iterable[Tile]:
    profile = finding.value
    if profile is not None:
        number, middle = len(profile.upper), median(profile.upper)
        whom = "the input" if number == 1 else "half of the inputs"
        yield Tile(fragility_words.size(middle), f"change that flips {whom} ({profile.norm})")
        nothing = fragility_words.never_flips(profile)
        proved = "proved: the class never changes" if nothing else "proved: nothing smaller flips"
        yield Tile(f"{count(int(profile.proved.sum()))} of {count(number)}", proved)
        if profile.accuracy is not None:
            label = "of your labels met: is that what you expect?"
            yield Tile(fragility_words.percent(profile.accuracy), label)
    if finding.queries:
        yield Tile(count(finding.queries), "questions, all counted")
    yield Tile(duration(finding.spending.seconds), "on the clock")


def _said(profile: FragilityProfile) -> Iterable[Block]:
    yield from fragility_words.verdict_claims(profile)
    table = fragility_words.verdict_table(profile)
    if table.rows:
        yield table
    elif {"distance", "linearity", "layers", "depth", "biases"} & set(profile.parts()):
        yield Text(
            "None of the patterns that are looked for was seen: dead layers, constant answers, gradients "
            "that are zero or mislead, biases or depth that decide, bottlenecks. That is no promise: it "
            "says what these measurements show at these inputs."
        )


def _open_ends(profile: FragilityProfile) -> Iterable[Block]:
    open_ends = np.nonzero(~profile.proved)[0]
    if profile.minimal is None:
        yield Claim(
            "Whether smaller changes flip these inputs: all sizes are upper bounds",
            None,
            "proofs need the weights of a fully connected network with ReLU-like neurons",
        )
    elif len(open_ends):
        words = f"Whether smaller changes than those found flip {plural(len(open_ends), 'input')}"
        yield Claim(words, None, "more nodes or seconds for each input decide more of them")
    yield from (Claim(sentence.rstrip("."), None) for sentence in profile.left_out)
    yield Text(
        "Nothing here speaks of inputs that were not given, of changes measured in another norm, or of "
        "changes that are large but look natural (turned, shifted, redrawn)."
    )


def _cost(finding: Fragility) -> Iterable[Block]:
    yield from price(finding)
    seconds = finding.spending.seconds_by_phase
    if not finding.queries and len(seconds) > 1:
        rows = tuple((step, duration(float(taken))) for step, taken in seconds.items())
        yield Table(("step", "time"), rows, "No question was asked of anybody: the weights were at hand.")


def _box(finding: Fragility) -> tuple[float, float] | None:
    box: Any = finding.provenance.settings.get("box")
    return None if box is None else (float(box[0]), float(box[1]))


def _call(finding: Fragility) -> str:
    """The call in Python; targets and inputs are the reader's own."""
    made, labelled = finding.provenance, finding.value is not None and finding.value.labels is not None
    said = [f"norm={made.settings.get('norm', 'l2')!r}"]
    box = _box(finding)
    said += [] if box is None else [f"box=({box[0]:g}, {box[1]:g})"]
    budget = made.settings.get("budget")
    said += [] if budget is None else [f"budget={budget}"]
    return f"hl.fragility(target, x, {'y, ' if labelled else ''}{', '.join(said)}, seed={made.seed})"
