"""One grid of defences: what each costs users, what still leaks, who still stands, on digits.

    python examples/defences/grid.py [--quick] [--page] [--inputs N] [--out DIRECTORY]

The digit classifier that travels with the package behind the usual doors, and three defences that are trained
for each seed on scikit-learn's digits: the rows that neither the classifier's test nor this one uses. The 200
held-out digits are what users ask about; the first `--inputs` of them are attacked, changed by at most 0.12
in any pixel. Five seeds of the attacker, of the defences' draws, and of what is trained.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, publish, read_options, table_of
from train_digits import DARKEST, held_out

import hingeline as hl
from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import Event, Note
from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.choosing import default_defences
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.evaluation.demo_data import digits_network, held_out_digits
from hingeline.report.defend_words import told_leak, told_range, told_span, told_standing
from hingeline.report.fragility_words import percent
from hingeline.report.numbers import count, small

NAME = "defence-grid"
PAGE = PAPERS / "defence-grid.md"
FIRST_SEED = 61
"""It and those after it served to choose nothing."""
TRAINED = ("muldef:5", "robust", "detector")
QUICK = ("round:2", "labels", "robust")
RADIUS = 0.12
INPUTS = 100


def training_digits(quick: bool) -> tuple[FloatArray, IntArray]:
    """Scans that are not among the 200."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rest = np.setdiff1d(np.arange(len(labels)), held_out(labels))[: 300 if quick else None]
    return pixels[rest] / DARKEST, labels[rest].astype(np.int64)


def judged(options: argparse.Namespace) -> Finding[DefenceGrid]:
    """The grid of this page."""
    asked = held_out_digits()
    chosen = {"seeds": 3, "steps": 5, "restarts": 1} if options.quick else {}
    return hl.defend(
        digits_network(),
        asked.points,
        asked.labels,
        defences=QUICK if options.quick else (*default_defences(10), *TRAINED),
        train=training_digits(options.quick),
        box=(0.0, 1.0),
        budget=3000 if options.quick else None,
        seed=FIRST_SEED,
        settings={"radius": RADIUS, "inputs": options.inputs, **chosen},
        on_event=tell,
    )


def overview_rows(grid: DefenceGrid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        used = row.utility
        yield (
            f"**{row.text}** (knee)" if grid.knee is row else row.text,
            percent(used.changed),
            small(used.confidence_lost),
            "" if row.leak is None else told_leak(row.leak),
            told_span(row),
            "" if row.leak is None else share(row.leak.learned_agreement),
            told_standing(row, "unaware"),
            told_standing(row, "adaptive"),
        )


def utility_rows(grid: DefenceGrid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        used = row.utility
        ends = used.accuracy_interval or (0.0, 1.0)
        yield (
            row.words,
            f"{share(used.accuracy)} ({percent(ends[0])} to {percent(ends[1])})",
            percent(used.changed),
            percent(used.abstained),
            "" if used.calibration_error is None else small(used.calibration_error),
            small(used.confidence_lost),
        )


def leak_rows(grid: DefenceGrid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        if row.leak is None:
            continue
        leak, known = row.leak, row.leak.attempted
        yield (
            row.words,
            f"{told_leak(leak)}{told_range(leak)}",
            f"{leak.digits:.1f}" if known and leak.digits is not None else "",
            f"{leak.complete} of {len(leak.runs)}",
            count(leak.queries),
            told_span(row),
            "" if row.span is None else count(row.span.queries),
            share(leak.learned_agreement),
        )


def standing_rows(grid: DefenceGrid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        if row.robustness is None:
            continue
        found = row.robustness
        shown = [told_standing(row, name) for name in ("clean", "noise", "transfer", "unaware", "adaptive")]
        if found.stated:
            (low, high), (least, most) = found.interval("adaptive"), found.range("adaptive")
            shown += [f"{percent(least)} to {percent(most)}", f"{percent(low)} to {percent(high)}"]
        yield (row.words, *shown, *([] if found.stated else ["", ""]))


def check_rows(grid: DefenceGrid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        if row.robustness is not None:
            checks = row.robustness.checks
            passed = sum(check.passed for check in checks)
            yield (row.words, f"{passed} of {len(checks)}", "; ".join(row.robustness.why_not))


TABLES: dict[str, tuple[tuple[str, ...], Callable[[DefenceGrid], Iterator[tuple[str, ...]]]]] = {
    NAME: (
        (
            "defence",
            "changed",
            "confidence lost",
            "neurons",
            "directions",
            "learned copy",
            "unaware",
            "adaptive",
        ),
        overview_rows,
    ),
    f"{NAME}-utility": (
        ("", "accuracy (95 %)", "changed", "no answer", "calibration error", "confidence lost"),
        utility_rows,
    ),
    f"{NAME}-leak": (
        (
            "",
            "neurons (seeds)",
            "digits",
            "claimed complete",
            "questions",
            "directions",
            "questions for them",
            "learned copy",
        ),
        leak_rows,
    ),
    f"{NAME}-standing": (
        ("", "unchanged", "noise", "carried over", "unaware", "adaptive", "seeds", "95 % of inputs"),
        standing_rows,
    ),
    f"{NAME}-checks": (("", "passed", "what failed"), check_rows),
}


def share(value: float | None) -> str:
    return "" if value is None else percent(value)


def tell(event: Event) -> None:
    if isinstance(event, Note) and not event.message.startswith("epoch"):
        print(f"  {event.message}", file=sys.stderr, flush=True)


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = parser_of(__doc__, PAGE)
    parser.add_argument("--inputs", type=int, help=f"digits that are attacked; {INPUTS} if not given")
    options = read_options(parser, given, "defence-experiments")
    options.inputs = options.inputs or (10 if options.quick else INPUTS)
    began = time.perf_counter()
    found = judged(options)
    print(f"{found.outcome}  ({found.spending.seconds:.0f} s)", file=sys.stderr)
    grid = found.value
    assert grid is not None
    publish(
        NAME,
        options,
        page=PAGE,
        figures=grid.figures(),
        numbers=grid.to_dict(),
        tables={name: table_of(columns, rows(grid)) for name, (columns, rows) in TABLES.items()},
        began=began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
