"""The report on a door, made from the doctor's finding."""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.core.outcome import Finding, Status
from hingeline.probing.card import DoctorCard, Verdict
from hingeline.report.common import how_to_cite
from hingeline.report.model import Block, Claim, Command, Report, Section, Table, Text, Tile, Tone
from hingeline.report.numbers import count, duration, plural, small
from hingeline.report.recipe import Recipe

_HOLDS = {"yes": True, "limited": None, "no": False}
_POSSIBLE = {"yes": "possible", "limited": "limited", "no": "not possible"}


def examination_report(finding: Finding[DoctorCard], recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told about a door.

    Args:
        finding: What `doctor` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    card = finding.value
    return Report(
        title=f"hingeline doctor {finding.provenance.target}",
        tone=_tone(finding),
        verdict=str(finding.outcome.status),
        headline=finding.outcome.reason if card is None else card.headline,
        summary=" ".join(card.notes) if card is not None else finding.outcome.advice,
        tiles=_tiles(finding),
        sections=tuple(section for section in _sections(card, recipe) if section.blocks),
        footer=f"Seed {finding.provenance.seed}. "
        + " · ".join((*finding.provenance.sources, f"BibTeX: {how_to_cite(recipe)}")),
    )


def facts(card: DoctorCard) -> tuple[tuple[str, str], ...]:
    """What was measured, as name and words."""
    rows = [
        ("takes and gives", f"{count(card.input_dim)} inputs, {plural(card.output_dim, 'output')}"),
        ("answers", _answers(card)),
        ("arrives as", _arrival(card)),
        ("asked again", _repeats(card)),
        ("noise", _noise(card)),
        ("shape", _shape(card)),
        ("domain", _domain(card)),
    ]
    return tuple((name, words) for name, words in rows if words)


def possible_words(verdict: Verdict) -> str:
    """Whether an attack can succeed, in one or two words."""
    return _POSSIBLE[verdict.possible]


def _tone(finding: Finding[DoctorCard]) -> Tone:
    if finding.outcome.status is Status.COMPLETE:
        return Tone.GOOD
    return Tone.PART if finding.value is not None else Tone.BAD


def _tiles(finding: Finding[DoctorCard]) -> tuple[Tile, ...]:
    tiles = [Tile(count(finding.queries), "questions, all counted")]
    card = finding.value
    if card is not None and card.answers not in ("labels", "unknown"):
        tiles.append(Tile(small(card.noise_at_scale), f"noise of a value at |x| = {small(card.scale)}"))
    return (*tiles, Tile(duration(finding.spending.seconds), "on the clock"))


def _sections(card: DoctorCard | None, recipe: Recipe | None) -> Iterable[Section]:
    if card is not None:
        yield Section("What an outsider can do with it", tuple(possible_claims(card)))
        yield Section("What was measured", (Table(("", ""), facts(card)),))
        yield Section("What to know", tuple(Text(note) for note in card.notes))
    if recipe is not None:
        yield Section("Do it again", (Command((recipe.command_line(),)),))


def possible_claims(card: DoctorCard) -> Iterable[Block]:
    """What an outsider can do at this door."""
    for verdict in card.verdicts:
        yield Claim(f"{verdict.attack}: {possible_words(verdict)}", _HOLDS[verdict.possible], verdict.why)


def _answers(card: DoctorCard) -> str:
    if card.answers == "labels":
        return f"labels; {plural(len(card.classes), 'class', 'classes')} seen"
    if card.answers == "probabilities":
        return f"probabilities ({card.head.kind}); log-ratios are used"
    return "always the same" if card.answers == "unknown" else card.answers


def _arrival(card: DoctorCard) -> str:
    if card.kind == "constant" or card.answers == "labels":
        return ""
    return f"{card.precision_words}, {card.rounding_words}"


def _repeats(card: DoctorCard) -> str:
    if card.deterministic is None:
        return "not tested"
    if not card.deterministic or card.depends_on_batch:
        return card.repeat_words
    if card.batch_change:
        return f"the same bits; in another batch up to {small(card.batch_change)} off"
    return "the same bits, alone and in a batch"


def _noise(card: DoctorCard) -> str:
    if card.kind == "constant" or card.answers == "labels":
        return ""
    growth = f", growing by {small(card.noise.per_norm)} per unit" if card.noise.per_norm else ""
    return f"{small(card.noise_at_scale)} at |x| = {small(min(card.scale, card.radius))}{growth}"


def _shape(card: DoctorCard) -> str:
    if not card.complete and card.straight is None:
        return "not tested"
    if card.answers == "labels":
        return "labels only"
    beneath = {True: "piecewise linear beneath", False: "smooth beneath", None: "too coarse to see beneath"}
    if card.kind in ("staircase", "stochastic"):
        return f"{card.kind}, {beneath[card.straight]}"
    return card.kind


def _domain(card: DoctorCard) -> str:
    if card.bounds is not None:
        return f"{small(card.bounds[0])} to {small(card.bounds[1])}, as declared"
    if card.flat_beyond is not None:
        return (
            f"answers stand still outside about {small(card.flat_beyond[0])} to {small(card.flat_beyond[1])}"
        )
    if card.far_failure:
        return f"answers up to |x| = {small(card.radius)}, not far beyond"
    if card.head.kind in ("softmax", "sigmoid"):
        return f"values usable up to |x| = {small(card.radius)}"
    return f"answers up to |x| = {small(1500 * card.scale)} at least" if card.complete else "not tested"
