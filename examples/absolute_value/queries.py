"""Exact recovery from queries: price against m (d + 1), and the largest relative error.

python examples/absolute_value/queries.py [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

from common import arguments_of, publish, table_of, teacher

import hingeline as hl
from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.networks.absolute_value import compare_absolute

NAME = "abs-queries"
SHAPES = ((10, 10), (8, 64), (30, 30), (20, 60), (64, 64), (100, 100))
SEEDS = 5


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    rows, numbers, dots = [], [], {False: ([], []), True: ([], [])}
    for d, m in SHAPES[:2] if options.quick else SHAPES:
        for signed in (False, True):
            errors, prices, whole = [], [], 0
            for seed in range(SEEDS):
                network = teacher(d, m, seed, signed=signed)
                finding = recover_absolute_value(hl.oracle(network, input_dim=d), seed=seed)
                error = float("inf")
                if finding.value is not None:
                    error = compare_absolute(network, finding.value).max_relative_error
                whole += finding.outcome.ok
                errors.append(error)
                prices.append(finding.queries)
                numbers.append({"d": d, "m": m, "signed": signed, "queries": finding.queries, "error": error})
            ratios = [price / (m * (d + 1)) for price in prices]
            dots[signed][0].extend([float(m * (d + 1))] * SEEDS)
            dots[signed][1].extend(map(float, prices))
            kind = "both signs" if signed else "positive"
            span = f"{min(ratios):.2f} to {max(ratios):.2f}"
            rows.append((f"{d}, {m}, {kind}", f"{whole} of {SEEDS}", span, f"{max(errors):.0e}"))
    floor = sorted(dots[False][0])
    figure = Curves(
        NAME,
        "Queries of exact recovery, doctor and checks included, against m (d + 1): close to the line y = x.",
        Axis("m (d + 1)", log=True),
        Axis("queries", log=True),
        (
            Curve("positive coefficients", *map(tuple, dots[False]), joined=False),
            Curve("coefficients of both signs", *map(tuple, dots[True]), joined=False),
            Curve("m (d + 1)", tuple(floor), tuple(floor)),
        ),
    )
    table = table_of(("d, m, coefficients", "exact", "queries over m (d + 1)", "worst error"), rows)
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
