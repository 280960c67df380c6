"""Linear and actual flip distance against the input dimension: c d^-a with c = 0.6745, a = 1/2.

    python examples/random_networks/distance_against_dimension.py [--nets N] [--quick] [--page]

He networks as wide as their input, one input each on the sphere. The surcharge of the ray over the linear
distance is measured on the same sample.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import arguments_of, fitted, law, publish, sampled, table_of, wide

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.sensitivity.measures import theory

NAME = "random-distance"
MORE = {32: 4, 64: 4, 128: 3, 256: 2}
"""How many times the networks, by dimension."""


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 600), time.perf_counter()
    dims = (64, 128, 256) if options.quick else (32, 64, 128, 256, 512)
    columns = ("", "exponent", "factor", "expected exponent", "expected factor")
    rows, curves, numbers = [], [], {}
    x = tuple(map(float, dims))
    for layers in (1, 2, 3):
        # a median of 600 is known to 5 %: more networks where they are cheap
        samples = [sampled(wide(d, layers), options.nets * MORE.get(d, 1)) for d in dims]
        for words, name in (("linear", "linear"), ("ray", "ray")):
            relative = [getattr(s, name) / np.sqrt(d) for s, d in zip(samples, dims, strict=True)]
            fit = fitted(dims, relative)
            actual = ("-0.60 to -0.47" if layers == 1 else "", "")
            wanted = ("-0.50 ± 0.05", "0.6745") if name == "linear" else actual
            rows.append((f"{words}, {layers} hidden", *law(fit), *wanted))
            curves.append(
                Curve(f"{words}, {layers} hidden", x, tuple(median(r) for r in relative), joined=False)
            )
            numbers[f"{name}-{layers}"] = {"dims": dims, "medians": [median(r) for r in relative]}
    reference = tuple(theory.HALF_NORMAL_MEDIAN / d**0.5 for d in x)
    figure = Curves(
        NAME,
        "Median distance to the other sign, relative to the input, against the input dimension: linear "
        "distances lie on 0.6745 / sqrt(d) at every depth, the rays a little above it where d is small.",
        Axis("input dimension d", log=True),
        Axis("median distance / |x|", log=True),
        (*curves, Curve("0.6745 / sqrt(d)", x, reference)),
    )
    table = table_of(columns, rows)
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
