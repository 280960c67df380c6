"""What an owner sees of our own attacks in the stream of questions, and what hides them.

    python examples/defences/monitor.py [--quick] [--page]

The network of `hingeline demo` is asked by extraction, by the search for the span and by the search for
smallest flips, in the open and among honest questions. The monitor knows 1,000 honest inputs; honest clients
ask others. Five seeds draw everything: who is honest, what the attackers ask, what hides them.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, publish, read_options, table_of

import hingeline as hl
from hingeline.core.errors import BudgetExhausted
from hingeline.defences.monitoring.fitting import MonitorSettings
from hingeline.defences.monitoring.judging import MonitorReport, judge_monitor
from hingeline.defences.monitoring.streams import in_hiding, recorded

NAME = "monitor"
PAGE = PAPERS / "query-monitor.md"
SEEDS = (71, 72, 73, 74, 75)
"""None of them served to choose anything."""
KNOWN, HONEST, COVER = 1000, 500, 297
MOST_ROWS = 400
SETTINGS = MonitorSettings(window=20, false_alarms=0.05)
RATIOS = (4, 19, 99)


def attacks(seed: int, picked: np.ndarray) -> dict[str, Callable[[Any], Any]]:
    """Our own attacks on a door."""
    return {
        "extraction": lambda door: hl.extract(door, seed=seed, budget=2000),
        "span": lambda door: hl.span(door, seed=seed, budget=2000),
        "smallest flips": lambda door: hl.fragility(door, picked, seed=seed, budget=2000),
    }


def streams(seed: int, rng: np.random.Generator, cover: np.ndarray) -> dict[str, np.ndarray]:
    """Every attack as it is and in hiding, by name; the first rows of each."""
    found: dict[str, np.ndarray] = {}
    for name, attack in attacks(seed, cover[:3]).items():

        def ask(door: Any, attack: Callable[[Any], Any] = attack) -> None:
            with contextlib.suppress(BudgetExhausted):
                attack(door)

        asked = recorded(ask, hl.demo_oracle())[:MOST_ROWS]
        for how, rows in in_hiding(asked, cover, rng, ratios=RATIOS).items():
            found[f"{name}, {how}"] = rows
    return found


def judged(seeds: tuple[int, ...]) -> list[MonitorReport]:
    """One report for each seed."""
    reports: list[MonitorReport] = []
    digits = load_digits().data / 16.0
    for seed in seeds:
        rng = np.random.default_rng([seed, 0x30])
        rows = rng.permutation(digits)
        known, honest, cover = np.split(rows, [KNOWN, KNOWN + HONEST])
        runs = {name: [stream] for name, stream in streams(seed, rng, cover[:COVER]).items()}
        clients = np.array_split(honest, 5)
        reports.append(judge_monitor(known, clients, runs, settings=SETTINGS, seed=seed))
        print(f"seed {seed}: {reports[-1].words[0]}", file=sys.stderr)
    return reports


def attack_rows(reports: list[MonitorReport]) -> list[tuple[str, ...]]:
    """One line for each attack: the median over the seeds, no alarm counting as never."""
    lines: list[tuple[str, ...]] = []
    for place, first in enumerate(reports[0].attacks):
        runs = [report.attacks[place].runs[0] for report in reports]
        middle = sorted(run.rows_until_alarm for run in runs)[len(runs) // 2]
        ever = bool(np.isfinite(middle))
        own = middle / among(first.name)
        lines.append(
            (
                first.name,
                f"{sum(bool(run.alarms) for run in runs)} of {len(runs)}",
                f"{middle:,.0f}" if ever else "-",
                f"{own:,.0f}" if ever else "-",
                "yes" if middle < first.chance else "no",
            )
        )
    return lines


def among(name: str) -> int:
    """Of how many questions one is the attack's; 1 for an attack in the open."""
    found = re.search(r"1 of (\d+)", name)
    return 1 if found is None else int(found[1])


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options: argparse.Namespace = read_options(parser_of(__doc__, PAGE), given, "monitor")
    began = time.perf_counter()
    reports = judged(SEEDS[:1] if options.quick else SEEDS)
    windows, false = sum(r.windows for r in reports), sum(r.false_alarms for r in reports)
    disturbed = sum(r.disturbed for r in reports)
    clients = sum(len(r.benign) for r in reports)
    honest = table_of(
        ("honest questions", "of", "with an alarm"),
        [("windows", f"{windows}", f"{false}"), ("clients of 100 questions", f"{clients}", f"{disturbed}")],
    )
    columns = ("attack", "seen", "questions until the alarm", "of them the attack's", "sooner than chance")
    publish(
        NAME,
        options,
        page=PAGE,
        figures=[],
        numbers=[report.summary() for report in reports],
        tables={"monitor-honest": honest, "monitor-attacks": table_of(columns, attack_rows(reports))},
        began=began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
