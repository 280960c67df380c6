"""What the reports of several verbs tell alike: the price, the door, how to do it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from hingeline.core.figure_data import Bars
from hingeline.core.outcome import Finding, Status
from hingeline.report.model import Block, Command, Table, Text, Tone
from hingeline.report.numbers import plural, small
from hingeline.report.recipe import Recipe

TONES = {Status.COMPLETE: Tone.GOOD, Status.INCONCLUSIVE: Tone.BAD, Status.REFUSED: Tone.BAD}
"""How good the news is; what is not listed brings a part of it."""
_MOST_STEPS = 12


def tone(finding: Finding[Any]) -> Tone:
    """How good the news is that a finding brings."""
    return TONES.get(finding.outcome.status, Tone.PART)


def price(finding: Finding[Any], names: Mapping[str, str] | None = None) -> Iterable[Block]:
    """Questions by step; `names` has words for those that do not explain themselves."""
    by_step = _steps(finding.spending.queries_by_phase)
    if not by_step:
        return
    yield Text("Every input sent is one question. Checks, failed attempts and polish are counted too.")
    yield Bars(
        "questions",
        "Questions by step, in the order of the run.",
        "questions",
        tuple((names or {}).get(step, step) for step in by_step),
        tuple(float(rows) for rows in by_step.values()),
    )


def door(evidence: Mapping[str, Any]) -> Iterable[Block]:
    """What the doctor saw first."""
    card = table(evidence, "doctor")
    if not card:
        return
    asked = plural(int(card.get("queries", 0)), "question")
    yield Text(f"Measured first, in {asked}; every tolerance follows from it: {card.get('headline', '')}.")
    verdicts = [
        (
            str(v["attack"]),
            str(v["possible"]),
            "" if v.get("digits") is None else str(v["digits"]),
            str(v["why"]),
        )
        for v in card.get("verdicts", ())
    ]
    if verdicts:
        yield Table(("what an outsider can rebuild", "possible", "digits", "why"), tuple(verdicts))
    yield from (Text(str(note)) for note in card.get("notes", ()))


def again(
    finding: Finding[Any], recipe: Recipe | None, credit: str, call: str | None = None
) -> Iterable[Block]:
    """What to type, all circumstances, and the sources after the words of `credit`.

    `call` is the call in Python where it is not the verb on an oracle alone.
    """
    made = finding.provenance
    call = call or f"hl.{made.verb}(oracle, seed={made.seed})"
    line = call if recipe is None else recipe.command_line()
    yield Command((line,))
    rows = [("target", made.target), ("seed", str(made.seed))]
    rows += [(_spaced(k), _shown(v)) for k, v in made.settings.items() if v is not None]
    rows += [(name, version) for name, version in made.versions.items()]
    authorised = None if recipe is None else recipe.target.get("authorised")
    rows += [("authorised", str(authorised))] if authorised else []
    yield Table((), tuple(rows))
    if made.sources:
        yield Text(f"{credit} {'; '.join(made.sources)}. Their BibTeX:  {how_to_cite(recipe)}")


def how_to_cite(recipe: Recipe | None) -> str:
    """What to type for BibTeX: on the command line for a run of it, in Python for a finding."""
    return "hl.cite(finding)" if recipe is None else "hingeline cite DIR  (the folder of this run)"


def table(evidence: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table of the evidence; empty where there is none."""
    value = evidence.get(key)
    return value if isinstance(value, Mapping) else {}


def number(values: Mapping[str, Any], key: str) -> float | None:
    """A number of a table; None where there is none."""
    value = values.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _steps(by_phase: Mapping[str, int]) -> dict[str, int]:
    """Questions by phase; nested phases go under their first word where there are too many to show."""
    if len(by_phase) <= _MOST_STEPS:
        return {phase.replace("/", " / "): rows for phase, rows in by_phase.items()}
    steps: dict[str, int] = {}
    for phase, rows in by_phase.items():
        steps[phase.split("/")[0]] = steps.get(phase.split("/")[0], 0) + rows
    return steps


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(_shown, cast("tuple[Any, ...]", value)))
    return small(value) if isinstance(value, float) else str(value)


def _spaced(key: str) -> str:
    return key.replace("_", " ")
