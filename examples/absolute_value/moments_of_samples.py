"""Rows from samples alone: second and fourth moments against the number of samples, d = 20.

python examples/absolute_value/moments_of_samples.py [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import FIRST_SEED, arguments_of, publish, table_of

from hingeline.absolute_value.moments import fourth_moment_rows, second_moment
from hingeline.core.figure_data import Axis, Curve, Curves

NAME = "abs-moments"
COUNTS = (10_000, 30_000, 100_000, 300_000)


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    d, counts = (6, COUNTS[:1]) if options.quick else (20, COUNTS)
    rows, numbers, lines = [], [], {}
    for ratio in (1.0, 3.0):
        sizes = np.linspace(1, ratio, d)
        for count in counts:
            rng = np.random.default_rng([FIRST_SEED, int(ratio), count])
            true = np.linalg.qr(rng.standard_normal((d, d)))[0]
            points = rng.standard_normal((count, d))
            answers = np.abs(points @ true.T) @ (sizes / sizes.sum())
            second = second_moment(points, answers)
            fourth = fourth_moment_rows(points, answers, starts=6, rng=rng, most_steps=40)
            by_two = float(np.median(np.abs(second.directions @ true.T).max(axis=1)))
            by_four = float(np.median(np.abs(fourth.directions @ true.T).max(axis=1)))
            lines.setdefault(f"order 2, ratio {ratio:g}", []).append(by_two)
            lines.setdefault(f"order 4, ratio {ratio:g}", []).append(by_four)
            told = "yes" if second.informative else "no"
            rows.append((f"{ratio:g}", f"{count:,}", told, f"{by_two:.3f}", f"{by_four:.3f}"))
            numbers.append(
                {"ratio": ratio, "samples": count, **second.summary(), "two": by_two, "four": by_four}
            )
    figure = Curves(
        NAME,
        f"Median cosine to the nearest of {d} rows against the number of samples: the second moment needs "
        "unequal coefficients (ratio of largest to smallest), the fourth does not.",
        Axis("samples", log=True),
        Axis("median cosine"),
        tuple(Curve(k, tuple(map(float, counts)), tuple(v)) for k, v in lines.items()),
    )
    columns = (
        "ratio of coefficients",
        "samples",
        "order 2 informative",
        "cosine, order 2",
        "cosine, order 4",
    )
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
