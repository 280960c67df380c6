"""What the verbs of an audit found, a figure or two of each: the verbs' own reports tell the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hingeline.auditing.record import Audit, Source, Stage
from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.report import defend, defend_words, fragility_figures, span_words
from hingeline.report.audit_words import flip_words
from hingeline.report.fragility_directions import step_words, universal_direction
from hingeline.report.model import Block, Claim, Text
from hingeline.report.numbers import count, plural
from hingeline.report.obfuscation import obfuscation_essence
from hingeline.report.stability_network import depth_verdict, growth_figures
from hingeline.sensitivity.profile import FragilityProfile

_FROM = {
    Source.COPY: "Measured on the copy: for this, nothing was asked of the target.",
    Source.DOOR: "Measured at the door, question by question.",
}


def hidden_blocks(audit: Audit) -> Iterable[Block]:
    """The span in a sentence, and inputs that look different and are one to the network."""
    stage, hidden = audit.stage("span"), audit.hidden
    if stage is None or stage.finding is None:
        return
    yield Text(f"{span_words.headline(stage.finding)} {_FROM[stage.source]}")
    if hidden is not None:
        yield Text("The inputs below were made to be one to the network; all were tried at the door.")
        yield from obfuscation_essence(hidden)
    yield _more("span")


def flip_blocks(finding: Finding[Audit]) -> Iterable[Block]:
    """Shares flipped by size beside what theory says, the most fragile inputs, what the door said to them."""
    audit = finding.value
    stage = None if audit is None else audit.stage("fragility")
    profile: FragilityProfile | None = None if stage is None or stage.finding is None else stage.finding.value
    if stage is None or profile is None:
        return
    said = flip_words(stage)
    told = f"{said[0].upper()}{said[1:]}. " if said else ""
    yield Text(f"{told}{_FROM[stage.source]}")
    yield from _tried(stage)
    for figure in (
        fragility_figures.by_size(profile),
        fragility_figures.gallery(profile, _box(finding), worst=True),
    ):
        if figure is not None:
            yield figure
    yield _more("fragility")


def direction_blocks(audit: Audit) -> Iterable[Block]:
    """What a step along the most sensitive direction flips, and one direction for all inputs."""
    profile: FragilityProfile | None = _value(audit, "fragility")
    if profile is None:
        return
    if profile.curves is not None:
        yield Text(
            "Fisher information says along which direction a tiny step moves the class probabilities most. "
            + step_words(profile.curves)
        )
        yield profile.curves.figure()
    if profile.universal is not None:
        yield from universal_direction(profile.universal, fragility_figures.picture_shape(profile))


def growth_blocks(audit: Audit) -> Iterable[Block]:
    """How a small step grows through the layers of the copy."""
    found: StabilityDiagnosis | None = _value(audit, "stability")
    gains = None if found is None or found.network is None else found.network.gains
    if gains is None:
        return
    yield Text(
        f"A small step at the input is followed through the layers of the copy. {depth_verdict(gains)}"
    )
    yield growth_figures(gains)[-1 if gains.whitened is not None else 0]
    yield _more("stability")


def defence_blocks(audit: Audit) -> Iterable[Block]:
    """The grid, its knee, and whether its attacks can be believed."""
    finding = audit.finding("defences")
    grid: DefenceGrid | None = None if finding is None else finding.value
    if finding is None or grid is None:
        return
    yield Text(
        f"{defend_words.headline(finding)} Tried on the copy, which stands for the model: each defence was "
        f"put in front of it and attacked {plural(grid.seeds, 'time')} by attackers who know it."
    )
    yield from defend.overview(grid)
    yield from defend.checks(grid)
    yield from (Text(line) for line in defend_words.NOT_SAID[:1])
    yield _more("defend")


def _tried(stage: Stage) -> Iterable[Claim]:
    """Whether what was computed on the copy is true of the door."""
    if stage.source is Source.DOOR:
        return
    tried, held = int(stage.facts.get("tried", 0)), int(stage.facts.get("held", 0))
    if not tried:
        yield Claim("The changes were not tried at the door", None, str(stage.facts.get("not_tried", "")))
        return
    changes = f"{count(held)} of {plural(tried, 'change')}"
    words = f"Tried at the door: {changes} computed on the copy flip it, to the class foretold"
    yield Claim(words, True if held == tried else None)


def _value(audit: Audit, name: str) -> Any:
    finding = audit.finding(name)
    return None if finding is None else finding.value


def _box(finding: Finding[Audit]) -> tuple[float, float] | None:
    box: Any = finding.provenance.settings.get("box")
    return None if box is None else (float(box[0]), float(box[1]))


def _more(verb: str) -> Text:
    return Text(f"More of this: hingeline {verb}.")
