"""Share of inputs whose gradient ray does not flip within 4 linear distances, against V.

python examples/random_networks/failure_against_validity.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

from common import arguments_of, publish, sampled, table_of, wide
from scipy.stats import spearmanr

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.measures import theory

NAME = "random-validity"
NETS: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("256x1", wide(256, 1), "0"),
    ("784-100", (784, 100, 1), "0"),
    ("256x3", wide(256, 3), "0"),
    ("1000-200x3", wide(1000, 3, 200), "0"),
    ("512x5", wide(512, 5), ".01"),
    ("512x6", wide(512, 6), ".05"),
    ("32x2", wide(32, 2), ".12"),
    ("64x3", wide(64, 3), ".12"),
    ("512, m = 32", (512, 512, 32, 512, 512, 1), ".19"),
    ("128x5", wide(128, 5), ".22"),
    ("64x4", wide(64, 4), ".24"),
    ("784-100x5", wide(784, 5, 100), ".26"),
    ("256x8", wide(256, 8), ".40-.42"),
    ("512, m = 8", (512, 512, 8, 512, 512, 1), ".35-.41"),
    ("32x4", wide(32, 4), ".40"),
    ("64x6", wide(64, 6), ".39"),
    ("256x16", wide(256, 16), ".65"),
    ("256x32", wide(256, 32), ".82"),
)


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 60), time.perf_counter()
    rows, values, shares, numbers = [], [], [], {}
    for name, sizes, seen in NETS[:3] if options.quick else NETS:
        found, value = sampled(sizes, options.nets, inputs=4), theory.validity(sizes[:-1])
        low, high = wilson(round(found.no_flip * len(found.ratio)), len(found.ratio))
        rows.append((name, f"{value:.3f}", f"{found.no_flip:.3f}", f"{low:.2f} to {high:.2f}", seen))
        values.append(value)
        shares.append(found.no_flip)
        numbers[name] = {"validity": value, "no_flip": found.no_flip, "interval": [low, high]}
    numbers["spearman"] = order = float(spearmanr(values, shares).statistic) if len(set(shares)) > 1 else None
    if order is not None:
        rows.append(("rank correlation", "", f"{order:.3f}", "", "> .9"))
    figure = Curves(
        NAME,
        "Share of inputs without a flip on the gradient ray up to four linear distances against the "
        "validity number V of the widths; vertical lines at V = 0.1 and 0.3.",
        Axis("V", log=True),
        Axis("share without a flip", from_zero=True),
        (Curve("networks", tuple(values), tuple(shares), joined=False),),
        marks=(("locally linear", 0.1), ("one step fails", 0.3)),
    )
    columns = ("network", "V", "no flip", "95 %", "expected")
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
