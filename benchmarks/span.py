"""Recover the span of a list of networks; put queries, floor, angle and time into one table.

    python benchmarks/span.py                 # every network
    python benchmarks/span.py --only "784-80-40-20-1, one value" --seeds 10
    python benchmarks/span.py --page          # also put the table into docs/papers/span-recovery.md

Exit code 1 if a span was called exact and is not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

# beside this file: found because Python puts a script's own folder first
from tables import with_table

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.version import __version__
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "papers" / "span-recovery.md"
MARKERS = {"start": "<!-- span-benchmark:start -->", "end": "<!-- span-benchmark:end -->"}
FIRST_SEED = 101
_HE = 2**0.5  # deviation of He weights in units of 1 / sqrt(inputs)
_TOO_WIDE = 1e-2
"""An exact span may be off by so much, radians; a wrong direction is off by 1.5."""


@dataclass(frozen=True)
class Entry:
    """One line of the table."""

    name: str
    sizes: tuple[int, ...]
    door: Callable[[PiecewiseLinearNetwork], hl.Oracle] = hl.oracle
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


def probabilities(network: PiecewiseLinearNetwork) -> hl.Oracle:
    """Softmax of the values."""

    def answers(x: FloatArray) -> FloatArray:
        logits = network(x)
        parts = np.exp(logits - logits.max(axis=1, keepdims=True))
        return parts / parts.sum(axis=1, keepdims=True)

    return hl.oracle(answers, input_dim=network.input_dim)


def six_decimals(network: PiecewiseLinearNetwork) -> hl.Oracle:
    """Values rounded to 1e-6."""
    return hl.oracle(lambda x: np.round(network(x), 6), input_dim=network.input_dim)


def labels(network: PiecewiseLinearNetwork) -> hl.Oracle:
    """Whether the value is above its median over Gaussian inputs."""
    points = np.random.default_rng(7).standard_normal((2000, network.input_dim))
    middle = float(np.median(network(points)))
    return hl.oracle(
        lambda x: (network(x) > middle).astype(float), input_dim=network.input_dim, answers="labels"
    )


ENTRIES = (
    Entry("20-4-3-1, one value", (20, 4, 3, 1)),
    Entry("784-80-1, one value", (784, 80, 1)),
    Entry("784-80-40-20-1, one value", (784, 80, 40, 20, 1)),
    Entry("784-80-40-20-1, polished", (784, 80, 40, 20, 1), settings={"polish": True}),
    Entry(
        "784-80-40-20-1, fixed beforehand",
        (784, 80, 40, 20, 1),
        settings={"method": "gaussian", "points": 100},
    ),
    Entry("784-80-40-10, ten values", (784, 80, 40, 10)),
    Entry("784-80-40-10, probabilities", (784, 80, 40, 10), probabilities),
    Entry("784-80-40-20-1, six decimals", (784, 80, 40, 20, 1), six_decimals),
    Entry("784-80-40-1, labels", (784, 80, 40, 1), labels),
)


def run_one(entry: Entry, seed: int) -> dict[str, Any]:
    """One recovery and what is true of it; JSON-ready."""
    network = random_network(entry.sizes, np.random.default_rng(FIRST_SEED + seed), weight=_HE)
    finding = hl.span(entry.door(network), seed=seed, settings=entry.settings)
    value = finding.value
    if value is None:
        return {"network": entry.name, "seed": seed, "reason": str(finding.outcome), "rank": 0}
    rows = network.weights[0]
    off = float(subspace_angles(value.basis, rows.T).max()) if value.rank else float("nan")
    return {
        "network": entry.name,
        "seed": seed,
        "reason": str(finding.outcome),
        "standing": value.standing,
        "rank": value.rank,
        "queries": finding.queries,
        "floor": value.floor,
        "over_floor": finding.queries / value.floor if value.floor else None,
        "angle": off,
        "seconds": finding.spending.seconds,
        "wrongly_exact": value.standing == "exact" and not (value.rank == len(rows) and off < _TOO_WIDE),
    }


def line(name: str, runs: list[dict[str, Any]]) -> str:
    """One row of the table: medians of the queries, the worst of the rest."""
    ended = [run for run in runs if run["rank"]]
    if not ended:
        return f"| {name} | none | - | - | - | - | - |"
    ranks = ", ".join(sorted({str(run["rank"]) for run in ended}))
    exact = sum(run["standing"] == "exact" for run in ended)
    over = statistics.median(run["over_floor"] for run in ended)
    cells = (
        name,
        ranks,
        f"{exact} of {len(runs)}",
        f"{statistics.median(run['queries'] for run in ended):,.0f}",
        f"{over:.2f}",
        f"{max(run['angle'] for run in ended):.1e}",
        f"{max(run['seconds'] for run in ended):.1f}",
    )
    return f"| {' | '.join(cells)} |"


def markdown(rows: list[str], seeds: int) -> str:
    """The whole table."""
    networks = "one random network each" if seeds == 1 else f"{seeds} random networks each"
    return "\n".join(
        [
            "| network | rank | called exact | queries | over the floor | angle | seconds |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
            f"{networks[0].upper()}{networks[1:]} (He weights, biases of deviation 0.1). Queries: median, "
            "everything counted; angle (radians, to the true row space) and seconds: the worst.",
            "",
        ]
    )


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", help="only networks of these names")
    parser.add_argument("--seeds", type=int, default=3, help="networks of each kind")
    parser.add_argument("--out", type=Path, default=HERE, help="where span.md and span.json go")
    parser.add_argument("--page", action="store_true", help="put the table into docs/papers/span-recovery.md")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    options = parsed(arguments)
    chosen = [entry for entry in ENTRIES if not options.only or entry.name in options.only]
    if not chosen:
        print(f"no such network; known are {'; '.join(e.name for e in ENTRIES)}", file=sys.stderr)
        return 2
    rows: list[str] = []
    runs: list[dict[str, Any]] = []
    for entry in chosen:
        these = [run_one(entry, seed) for seed in range(options.seeds)]
        runs += these
        rows.append(line(entry.name, these))
        print(rows[-1], flush=True)
    table = markdown(rows, options.seeds)
    told = {
        "schema": 1,
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "runs": runs,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "span.md").write_text(table, encoding="utf-8")
    (options.out / "span.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if options.page:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_table(page, table, **MARKERS), encoding="utf-8")
    return int(any(run.get("wrongly_exact") for run in runs))


if __name__ == "__main__":
    sys.exit(main())
