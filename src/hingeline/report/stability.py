"""The report on how stable a stack or a network is, made from its finding.

Its headline stands on boundaries and flips, never on eigenvalues, and it never says that a target withstands
attacks. Where flips are chance, the report says so and shows why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hingeline.core.outcome import Finding, Status
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.feed_forward.network_findings import NOTES
from hingeline.renormalisation.settings import StabilitySettings
from hingeline.renormalisation.wording import told_place
from hingeline.report import (
    stability_classes,
    stability_convergence,
    stability_figures,
    stability_inputs,
    stability_network,
    stability_stack,
    stability_words,
)
from hingeline.report.common import again, tone
from hingeline.report.fragility_words import percent, size
from hingeline.report.model import Block, Claim, Report, Section, Table, Text, Tile
from hingeline.report.numbers import duration, small
from hingeline.report.recipe import Recipe

Stability = Finding[StabilityDiagnosis]

Parts = Iterable[tuple[str, Iterable[Block]]]

_ONLY_OF_STACKS = (
    "samples",
    "samples_per_answer",
    "closely",
    "operators",
    "identification",
    "permutations",
)
_CREDIT = "Where the methods come from:"


def stability_report(finding: Stability, recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `stability` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    sections = (Section(title, tuple(blocks)) for title, blocks in _sections(finding, recipe))
    return Report(
        title=f"hingeline stability {finding.provenance.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=stability_words.headline(finding),
        summary=stability_words.summary(finding),
        tiles=tuple(_tiles(finding)),
        sections=tuple(section for section in sections if section.blocks),
        footer=(
            f"Made by hingeline {finding.provenance.versions.get('hingeline', '')}. The same run as data, "
            "every input one by one: result.json; inputs, directions and matrices: stability.npz."
        ),
    )


def _sections(finding: Stability, recipe: Recipe | None) -> Parts:
    found = finding.value
    if found is not None:
        rows = stability_figures.shown_rows(found)
        yield "What a small step does", stability_inputs.flips(found)
        yield "Which pixels it takes", stability_inputs.pixels(found)
        yield "Input by input", stability_inputs.one_by_one(found)
        if found.stack is not None:
            yield (
                "The classes and how long they last",
                stability_classes.classes(found.stack.laws, found.labels is not None),
            )
            yield "Relevant directions", stability_stack.relevant(found.stack)
            amplified = stability_convergence.amplification(found.stack.looks, rows)
            yield "What is amplified from layer to layer", amplified
            yield (
                "Do the estimates hold together?",
                stability_convergence.convergence(found.stack.looks, rows),
            )
        if found.network is not None:
            yield "What is amplified from layer to layer", stability_network.growth(found.network)
            yield "The fastest growth", stability_network.exponents(found.network.cocycle)
            yield "What layers hand on, with noise put in", stability_network.twin(found.network)
            shape = stability_figures.shape_of(found)
            yield "One direction for all inputs", stability_network.universal(found.network, shape)
        yield "What this does not say", _honest(found)
    yield "What it cost", _cost(finding)
    yield "Do it again", again(_with_effect(finding), recipe, _CREDIT, call=_call(finding))


def _tiles(finding: Stability) -> Iterable[Tile]:
    found = finding.value
    if found is not None:
        number = len(found.points)
        near = "linearised boundary of the input (l2)"
        if number > 1:
            near = "linearised boundary, median of the inputs (l2)"
        if found.unknown and number > 1:
            near = f"linearised boundary, median of {number - found.unknown} of {number} inputs (l2)"
        far = size(found.median_distance).replace("none known", "none")
        yield Tile(far if found.trusted.any() else "not known", near)
        curves = found.curves
        if curves is not None and finding.outcome.status is not Status.INCONCLUSIVE:
            place = told_place(curves)
            share, chance = (float(curves[name].shares[place]) for name in ("fisher", "random"))
            step = small(float(curves.sizes[place]))
            yield Tile(
                f"{small(100 * share)} vs {percent(chance)}",
                f"flipped by a step of {step}: sensitive vs random",
            )
        elif curves is not None:
            yield Tile(percent(float(curves.control.shares[0])), "change class when asked again")
        if found.accuracy is not None:
            yield Tile(percent(found.accuracy), "of your labels met: is that what you expect?")
    yield Tile(duration(finding.spending.seconds), "on the clock")


def _honest(found: StabilityDiagnosis) -> Iterable[Block]:
    missing = () if found.network is None else found.network.not_measured
    yield from (
        Claim(f"{line[:1].upper()}{line[1:].rstrip('.')}", None) for line in (*found.left_out, *missing)
    )
    yield from (Text(words) for words in found.honest)
    if found.network is not None:
        yield from (Text(f"{note[:1].upper()}{note[1:]}.") for note in NOTES[1:])


def _cost(finding: Stability) -> Iterable[Block]:
    seconds = finding.spending.seconds_by_phase
    rows = tuple((step, duration(float(taken))) for step, taken in seconds.items())
    yield Table(("step", "time"), rows, "No question was asked of anybody: the weights were at hand.")


def _with_effect(finding: Stability) -> Stability:
    """The finding without the settings that mean nothing to a network."""
    if finding.value is None or finding.value.stack is not None:
        return finding
    made = finding.provenance
    settings = {name: value for name, value in made.settings.items() if name not in _ONLY_OF_STACKS}
    return replace(finding, provenance=replace(made, settings=settings))


def _call(finding: Stability) -> str:
    """The call in Python; target and inputs are the reader's own."""
    made, labelled = finding.provenance, finding.value is not None and finding.value.labels is not None
    usual = StabilitySettings().told()
    said = [
        f"{name}={_plain(value)!r}"
        for name, value in made.settings.items()
        if name in usual and value != usual[name]
    ]
    told = ", ".join(["target", "x", *(["y"] if labelled else []), *said, f"seed={made.seed}"])
    return f"hl.stability({told})"


def _plain(value: object) -> object:
    return tuple(float(v) for v in value) if isinstance(value, tuple | list | np.ndarray) else value
