"""Where gradients at random points miss directions: thin layers after a first one of 80 neurons.

    python examples/span/thin_layers.py [--seeds N] [--quick] [--page]

For each profile the rank of N gradients at Gaussian points, exact and free of charge (weights at hand),
beside what the adaptive method with segment search finds by asking. What the gradients miss are dead regions:
where a thin layer is off, nothing changes.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from common import alive_network, arguments_of, dashed, publish, table_of

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Heat

NAME = "span-thin"
PROFILES: tuple[tuple[int, ...], ...] = (
    (1,),
    (40, 20, 1),
    (10, 10, 10, 1),
    (6, 6, 6, 1),
    (6, 3, 1),
    (3, 3, 3, 1),
    (3, 3, 3, 3, 3, 1),
    (2, 1),
    (1, 1),
)
"""What follows the first layer."""
COUNTS = (80, 100, 200, 1000)
SEARCHED = 2
"""Networks of each profile asked in earnest, in full size."""


def ranks_of_gradients(after: tuple[int, ...], width: int, seeds: int) -> FloatArray:
    """Rank after N gradients, "seeds counts"; k inputs suffice, as N(0, 1) inputs may be rotated."""
    found = np.zeros((seeds, len(COUNTS)))
    for seed in range(seeds):
        network = alive_network((width, width, *after), seed)
        points = np.random.default_rng(seed).standard_normal((max(COUNTS), width))
        for column, count in enumerate(COUNTS):
            found[seed, column] = hl.white_box_span(network, points[:count], where="free").rank
    return found


def dead_share(after: tuple[int, ...], width: int, seeds: int) -> float:
    """Share of Gaussian points at which the gradient is zero, mean over the networks."""
    shares: list[float] = []
    for seed in range(seeds):
        network = alive_network((width, width, *after), seed)
        patterns = network.activation_pattern(
            np.random.default_rng(seed).standard_normal((max(COUNTS), width))
        )
        shares.append(float(np.mean(np.any([~on.any(axis=1) for on in patterns], axis=0))))
    return float(np.mean(shares))


def searched(after: tuple[int, ...], dim: int, width: int, seeds: int) -> list[dict[str, Any]]:
    """What asking finds; JSON-ready."""
    found: list[dict[str, Any]] = []
    for seed in range(seeds):
        finding = hl.span(hl.oracle(alive_network((dim, width, *after), seed)), seed=seed)
        value = finding.value
        found.append(
            {
                "seed": seed,
                "rank": 0 if value is None else value.rank,
                "standing": "none" if value is None else value.standing,
                "queries": finding.queries,
                "over_floor": finding.queries / (width * (dim - width)),
                "reason": finding.outcome.reason,
            }
        )
    return found


def line(name: str, numbers: dict[str, Any]) -> tuple[str, ...]:
    """One row of the table."""
    runs = numbers["searched"]
    cells = [
        f"{mean:.1f} ({least:.0f})" for mean, least in zip(numbers["mean"], numbers["lowest"], strict=True)
    ]
    exact = sum(run["standing"] == "exact" for run in runs)
    return (
        name,
        f"{100 * numbers['dead_share']:.0f} %",
        *cells,
        ", ".join(str(run["rank"]) for run in runs),
        f"{exact} of {len(runs)}",
        f"{max(run['over_floor'] for run in runs):.2f}",
    )


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 20), time.perf_counter()
    dim, width = (200, 40) if options.quick else (784, 80)
    numbers: dict[str, Any] = {}
    for after in PROFILES[:: 4 if options.quick else 1]:
        ranks = ranks_of_gradients(after, width, options.seeds)
        numbers[dashed((width, *after))] = {
            "dead_share": dead_share(after, width, options.seeds),
            "mean": ranks.mean(axis=0).tolist(),
            "lowest": ranks.min(axis=0).tolist(),
            "searched": searched(after, dim, width, min(SEARCHED, options.seeds)),
        }
    labels = (*(f"{count:,}" for count in COUNTS), "by asking")
    rows = tuple(numbers)
    about = f"{options.seeds} random networks each, none constant; the last column: found by asking"

    def heat(name: str, which: str, words: str) -> Heat:
        asked = np.mean if which == "mean" else np.min
        return Heat(
            name,
            f"{words} rank of N gradients at Gaussian points, thin layers after {width} neurons: {about}.",
            f"{words.lower()} rank, of {width}",
            "layers after the input",
            "gradients",
            rows,
            labels,
            tuple(
                (*n[which], float(asked([run["rank"] for run in n["searched"]]))) for n in numbers.values()
            ),
        )

    figures = (heat(NAME, "mean", "Mean"), heat(f"{NAME}-lowest", "lowest", "Lowest"))
    columns = (
        "layers",
        "dead",
        *(f"N = {count:,}" for count in COUNTS),
        "by asking",
        "exact",
        "over the floor",
    )
    table = table_of(columns, (line(name, row) for name, row in numbers.items()))
    publish(NAME, options, figures=figures, numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
