"""The report on a grid of defences, made from its finding.

A figure of robustness stands beside its adaptive attacker and is not told where a check of the attack failed.
"""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.choosing import UNDEFENDED
from hingeline.evaluation.defending.grid import DefenceGrid, DefenceRow
from hingeline.report import defend_words as words
from hingeline.report.common import again, price, tone
from hingeline.report.fragility_words import percent
from hingeline.report.model import Block, Claim, Report, Section, Table, Text, Tile
from hingeline.report.numbers import count, duration, small
from hingeline.report.recipe import Recipe

_CREDIT = "Where the methods come from:"


def defend_report(finding: Finding[DefenceGrid], recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `defend` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    sections = (Section(title, tuple(blocks)) for title, blocks in _sections(finding, recipe))
    return Report(
        title=f"hingeline defend {finding.provenance.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=words.headline(finding),
        summary=words.summary(finding),
        tiles=tuple(_tiles(finding)),
        sections=tuple(section for section in sections if section.blocks),
        footer=(
            f"Made by hingeline {finding.provenance.versions.get('hingeline', '')}. Every run of every seed "
            "as data: result.json."
        ),
    )


def _sections(finding: Finding[DefenceGrid], recipe: Recipe | None) -> Iterable[tuple[str, Iterable[Block]]]:
    grid = finding.value
    if grid is not None:
        yield "What each defence buys", overview(grid)
        yield "What it costs users", _costs(grid)
        yield "What leaks", _leaks(grid)
        yield "Who stands when inputs are changed", _standing(grid)
        yield "Can the attack be believed?", checks(grid)
        yield "What this does not say", _honest(grid)
    yield "What it cost", price(finding)
    yield "Do it again", again(finding, recipe, _CREDIT, call=_call(finding))


def _tiles(finding: Finding[DefenceGrid]) -> Iterable[Tile]:
    grid = finding.value
    if grid is not None:
        yield Tile("no knee" if grid.knee is None else grid.knee.text, "defence at the knee")
        yield Tile(count(len(grid.rows) - 1), f"defences judged, {grid.seeds} seeds each")
        plain = grid.row(UNDEFENDED).robustness
        if plain is not None and plain.stated:
            yield Tile(
                percent(plain.mean("adaptive")),
                f"of inputs stand undefended, changed by {small(grid.radius)}",
            )
    yield Tile(duration(finding.spending.seconds), "on the clock")


def overview(grid: DefenceGrid) -> Iterable[Block]:
    """One row for each defence, and the curve with its knee."""
    columns = ["defence", "changed", "conf. lost"]
    measured = grid.rows[0]
    if measured.leak is not None:
        columns += ["neurons" if measured.leak.neurons is not None else "copies", "learned"]
    if measured.span is not None:
        columns.append("span")
    if measured.robustness is not None:
        columns += ["unaware", "adaptive"]
    rows = tuple(_line(grid, row) for row in grid.rows)
    yield Table(
        tuple(columns),
        rows,
        _legend(grid),
        everywhere=True,
    )
    yield from grid.figures()


def _legend(grid: DefenceGrid) -> str:
    """What each column of the overview is."""
    measured, told = grid.rows[0], []
    told.append("changed: decisions that are not the undefended model's; conf. lost: mean gap in confidence")
    if measured.leak is not None:
        found = "neurons" if measured.leak.neurons is not None else "copies"
        told.append(f"{found}: found by our extraction, '?' where it cannot read such answers")
        told.append("learned: decisions that a copy trained on answered decisions takes over")
    if measured.span is not None:
        told.append("span: input directions found by our search")
    if measured.robustness is not None:
        told.append(
            "unaware: inputs that stand against an attack through the door alone, not to be relied on"
        )
        told.append(
            "adaptive: that stand against the worst of all attacks, those that know the defence included"
        )
    if grid.knee is not None:
        told.append("◀: the knee")
    return "; ".join(told) + "."


def _line(grid: DefenceGrid, row: DefenceRow) -> tuple[str, ...]:
    mark = " ◀" if grid.knee is row else ""
    cells = [f"{row.text}{mark}", percent(row.utility.changed), small(row.utility.confidence_lost)]
    if row.leak is not None:
        cells += [words.told_leak(row.leak), _share(row.leak.learned_agreement)]
    if row.span is not None:
        cells.append(words.told_span(row))
    if row.robustness is not None:
        cells += [words.told_standing(row, "unaware"), words.told_standing(row, "adaptive")]
    return tuple(cells)


def _costs(grid: DefenceGrid) -> Iterable[Block]:
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        used = row.utility
        rows.append(
            (
                row.words,
                "" if used.accuracy is None else percent(used.accuracy),
                words.between(used.accuracy_interval),
                percent(used.changed),
                percent(used.abstained),
                "" if used.calibration_error is None else small(used.calibration_error),
                small(used.confidence_lost),
            )
        )
    yield Table(
        (
            "defence",
            "accuracy",
            "95 % interval",
            "changed",
            "no answer",
            "calibration error",
            "confidence lost",
        ),
        tuple(rows),
        f"{count(grid.inputs)} inputs, each asked once for every seed; a bare label is read as certainty.",
    )


def _leaks(grid: DefenceGrid) -> Iterable[Block]:
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        if row.leak is None:
            continue
        leak = row.leak
        rows.append(
            (
                row.words,
                f"{words.told_leak(leak)}{words.told_range(leak)}",
                "" if leak.digits is None or not leak.attempted else f"{leak.digits:.1f}",
                f"{leak.complete} of {len(leak.runs)}",
                count(leak.queries),
                _share(leak.learned_agreement),
                leak.runs[0].reason.split(". ")[0],
            )
        )
    if rows:
        yield Table(
            (
                "defence",
                "neurons",
                "digits",
                "claimed complete",
                "questions",
                "learned copy",
                "in its own words",
            ),
            tuple(rows),
            "Neurons whose row and bias are right to a thousandth, median over the seeds (fewest to most); "
            "digits are decimal, the mean over all neurons, a missing one counting 0. Where another model "
            "answers in the model's place, its own neurons; where a random one does, complete copies. '?': "
            "our extraction turned away after looking at the door.",
        )
    spans = [(row.words, words.told_span(row), *_spanned(row)) for row in grid.rows if row.span is not None]
    if spans:
        yield Table(
            ("defence", "directions", "claimed whole", "largest angle", "questions"),
            tuple(spans),
            "The input directions that the first layer sees.",
        )


def _standing(grid: DefenceGrid) -> Iterable[Block]:
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        if row.robustness is None:
            continue
        found, shown = row.robustness, [words.told_standing(row, n) for n in _ATTACKERS]
        ends = found.interval("adaptive") if found.stated else None
        rows.append(
            (
                row.words,
                *shown,
                words.between(found.range("adaptive")) if found.stated else "",
                words.between(ends),
            )
        )
    if not rows:
        return
    wanted = "the right class" if grid.labelled else "the class that the model gives undefended"
    yield Text(
        f"Share of {grid.attacked} inputs for which the door still gives {wanted}, or gives no answer, when "
        f"they are changed by at most {small(grid.radius)} in {grid.norm} ({grid.radius_words}). Carried "
        "over: attacks on the undefended model. Unaware: descent through the door by small "
        "differences. Adaptive: the worst of all, with whatever is known against this defence."
    )
    columns = (
        "defence",
        "unchanged",
        "noise",
        "carried over",
        "unaware",
        "adaptive",
        "seeds",
        "95 % interval",
    )
    yield Table(columns, tuple(rows))


_ATTACKERS = ("clean", "noise", "transfer", "unaware", "adaptive")


def checks(grid: DefenceGrid) -> Iterable[Block]:
    """Whether the attacks can be believed."""
    judged = [(row, row.robustness) for row in grid.rows if row.robustness is not None]
    if not judged:
        return
    passed = [row.text for row, found in judged if found.stated]
    checks = judged[0][1].checks
    yield Claim(
        f"The attacks pass their {len(checks)} checks behind {len(passed)} of {len(judged)} doors",
        len(passed) == len(judged),
        ", ".join(check.name for check in checks),
    )
    for row, found in judged:
        if not found.stated:
            yield Claim(f"{row.text}: no figure is stated", False, "; ".join(found.why_not))


def _honest(grid: DefenceGrid) -> Iterable[Block]:
    yield from (Claim(line.rstrip("."), None) for line in grid.left_out)
    yield from (Text(line) for line in words.NOT_SAID)


def _spanned(row: DefenceRow) -> tuple[str, str, str]:
    if row.span is None:
        return "", "", ""
    angle = "" if row.span.angle is None else small(row.span.angle)
    return f"{row.span.exact} of {len(row.span.runs)}", angle, count(row.span.queries)


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)


def _call(finding: Finding[DefenceGrid]) -> str:
    made = finding.provenance
    named = ", ".join(repr(text) for text in made.settings.get("defences", ()))
    return f"hl.defend(target, x, y, defences=[{named}], norm={made.settings['norm']!r}, seed={made.seed})"
