"""How many directions are known after so many questions, and after so many gradients.

    python examples/span/rank_against_queries.py [--seeds N] [--quick] [--page]

Networks 784-80-40-20-1 drawn at random, with nothing known about them: the adaptive method and the scheme
whose questions are all fixed beforehand, beside the fewest questions that any method needs, k (n - k). Then
the rank of N gradients at Gaussian points, with the weights at hand, for wide and thin networks.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from common import Growth, alive_network, angle, arguments_of, dashed, he_network, power, publish, table_of

import hingeline as hl
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NAME = "span-rank"
PROFILES = ((40, 20, 1), (6, 3, 1), (3, 3, 3, 1), (1, 1))
"""What follows the first layer, for the rank of so many gradients."""
COUNTS = (10, 20, 40, 60, 70, 80, 90, 100, 120, 140, 160, 200)
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "adaptive": ("adaptive, certified differences", {}),
    "polished": ("adaptive, then polished", {"polish": True}),
    "gaussian": ("all questions fixed beforehand", {"method": "gaussian"}),
}


def measured(network: PiecewiseLinearNetwork, method: str, points: int, seed: int) -> dict[str, Any]:
    """One run of the verb; JSON-ready."""
    chosen = METHODS[method][1] | ({"points": points} if method == "gaussian" else {})
    growth = Growth()
    finding = hl.span(hl.oracle(network), seed=seed, settings=chosen, on_event=growth)
    value = finding.value
    if value is None:
        raise SystemExit(f"{method}: {finding.outcome}")
    return {
        "method": method,
        "seed": seed,
        "rank": value.rank,
        "standing": value.standing,
        "queries": finding.queries,
        "over_floor": finding.queries / value.floor,
        "floor": value.floor,
        "angle": angle(value.basis, network),
        "seconds": finding.spending.seconds,
        "growth": [*growth.pairs, (finding.queries, value.rank)],
    }


def rank_of_gradients(after: tuple[int, ...], width: int, seeds: int, counts: tuple[int, ...]) -> list[float]:
    """Mean rank of the first N gradients; k inputs suffice, as N(0, 1) inputs may be rotated."""
    found = np.zeros((seeds, len(counts)))
    for seed in range(seeds):
        network = alive_network((width, width, *after), seed)
        points = np.random.default_rng(seed).standard_normal((max(counts), width))
        for column, count in enumerate(counts):
            found[seed, column] = hl.white_box_span(network, points[:count], where="free").rank
    return [float(mean) for mean in found.mean(axis=0)]


def line(method: str, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """One row of the table."""
    exact = sum(run["standing"] == "exact" for run in runs)
    ranks = sorted({run["rank"] for run in runs})
    over = [run["over_floor"] for run in runs]
    return (
        METHODS[method][0],
        ", ".join(map(str, ranks)),
        f"{exact} of {len(runs)}",
        f"{np.median([run['queries'] for run in runs]):,.0f}",
        f"{min(over):.2f} to {max(over):.2f}",
        power(max(run["angle"] for run in runs)),
        f"{max(run['seconds'] for run in runs):.1f}",
    )


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 10), time.perf_counter()
    dim, width = (200, 20) if options.quick else (784, 80)
    sizes = (dim, width, width // 2, width // 4, 1)
    runs = {
        method: [measured(he_network(sizes, s), method, width + 20, s) for s in range(options.seeds)]
        for method in METHODS
    }
    counts = tuple(count * width // 80 for count in COUNTS)
    gradients = {
        dashed((width, *after)): rank_of_gradients(after, width, 2 * options.seeds, counts)
        for after in PROFILES
    }
    columns = ("method", "rank", "called exact", "questions (median)", "over the floor", "angle", "seconds")
    floor = float(runs["adaptive"][0]["floor"])
    first = {method: runs[method][0]["growth"] for method in ("adaptive", "gaussian")}
    found = Curves(
        NAME,
        f"Directions known against questions asked, for a random network {dashed(sizes)}: the adaptive "
        "method, and the scheme whose questions are all fixed beforehand. No method can know all directions "
        "left of the vertical line.",
        Axis("questions asked", from_zero=True, whole=True),
        Axis("directions known", from_zero=True, whole=True),
        tuple(
            Curve(METHODS[m][0], *(tuple(map(float, v)) for v in zip(*pairs, strict=True)))
            for m, pairs in first.items()
        ),
        levels=(("all", float(width)),),
        marks=(("fewest possible", floor),),
    )
    by_gradients = Curves(
        "span-rank-of-gradients",
        f"Mean rank of the first N gradients at Gaussian points over {2 * options.seeds} networks each: wide "
        "networks show one new direction with nearly every gradient, thin ones are dead at many points.",
        Axis("gradients", from_zero=True, whole=True),
        Axis("rank", from_zero=True, whole=True),
        tuple(Curve(name, (0.0, *map(float, counts)), (0.0, *ranks)) for name, ranks in gradients.items()),
        levels=(("all", float(width)),),
    )
    numbers = {
        "network": dashed(sizes),
        "runs": [{k: v for k, v in run.items() if k != "growth"} for some in runs.values() for run in some],
        "gradients": {"counts": counts, "networks": 2 * options.seeds, "mean_rank": gradients},
    }
    table = table_of(columns, (line(method, some) for method, some in runs.items()))
    publish(NAME, options, figures=(found, by_gradients), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
