"""What span, stability and defences found in an audit, a figure or two of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hingeline.auditing.record import Audit, Source
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.feed_forward.gains import LayerGains
from hingeline.report import defend, defend_words, span_words
from hingeline.report.audit_words import gives_values
from hingeline.report.model import Block, Claim, Text
from hingeline.report.numbers import plural, small
from hingeline.report.obfuscation import obfuscation_essence
from hingeline.report.stability_network import depth_verdict, growth_figures

_SHOWN_HIDDEN = 3  # obfuscated inputs in the gallery
_UNITS = {
    "whitened": "in units of how much each layer varies between the inputs",
    "raw": "in the copy's own units, which depend on how its layers are scaled",
}


def hidden_blocks(audit: Audit) -> Iterable[Block]:
    """The span in a sentence, and inputs that look different and are one to the network."""
    stage = audit.stage("span")
    if stage is None or stage.finding is None:
        return
    read = " This was read off the copy." if stage.source is Source.COPY else ""
    yield Text(f"{span_words.headline(stage.finding)}{read}")
    if audit.hidden is not None and audit.hidden.value is not None:
        number = plural(len(audit.hidden.value.original), "given input")
        yield Text(
            f"For {number} another one was made that should be the same to the network, and tried at the "
            "door."
        )
        yield from obfuscation_essence(audit.hidden, rows=_SHOWN_HIDDEN)


def growth_blocks(audit: Audit) -> Iterable[Block]:
    """How a small step grows through the layers of the copy."""
    finding = audit.finding("stability")
    found: StabilityDiagnosis | None = None if finding is None else finding.value
    gains = None if found is None or found.network is None else found.network.gains
    if gains is None:
        return
    kind = gains.raw if gains.whitened is None else gains.whitened
    yield Text(_grown(gains))
    figure = growth_figures(gains)[0]
    medians = tuple(
        replace(curve, label=curve.label.removesuffix(", median"))
        for curve in figure.curves
        if curve.label.endswith(", median")
    )
    yield replace(
        figure,
        caption="How many times as long a small step at the input is at each layer of the copy, "
        f"{_UNITS[kind.units]}: along the most sensitive direction of each input, and along random ones "
        "(medians).",
        curves=medians,
    )
    if gains.scaling.verdict == "undecided":
        yield Claim("Whether growth follows one law from layer to layer", None, gains.scaling.words)
    else:
        yield Text(depth_verdict(gains))


def defence_blocks(audit: Audit) -> Iterable[Block]:
    """The grid, its knee, and whether its attacks can be believed."""
    finding = audit.finding("defences")
    grid: DefenceGrid | None = None if finding is None else finding.value
    if finding is None or grid is None:
        return
    yield Text(
        f"{defend_words.headline(finding)} The copy stood for the model: each defence was put in front of it "
        f"and attacked {plural(grid.seeds, 'time')}, by attackers who know it too; nothing was asked of the "
        "target."
    )
    yield from defend.overview(grid)
    yield from defend.checks(grid)
    if not gives_values(audit):
        yield Claim(
            "What rounding of this door's own answers buys",
            None,
            "the copy gives values where the door gives probabilities; rounding was judged on values",
        )
    yield Text(defend_words.NOT_SAID[0])


def _grown(gains: LayerGains) -> str:
    # from input to outputs raw gains do not depend on how hidden layers are scaled
    last = gains.raw.table()[-1]
    chosen, random = last["chosen"]["median"], last["random"]["median"]
    start = "A small step at the input was followed through the layers of the copy."
    if chosen is None or random is None:
        return start
    return (
        f"{start} At the outputs it is {small(chosen)} times as long if it points in the most sensitive "
        f"direction, and {small(random)} times if it points anywhere (medians over the inputs)."
    )
