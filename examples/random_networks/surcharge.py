"""How much farther the ray goes than linearity says: median ratio - 1 = .3 L^1.5 / sqrt(d).

python examples/random_networks/surcharge.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import arguments_of, fitted, law, publish, sampled, table_of, wide

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.sensitivity.measures import theory

NAME = "random-surcharge"
EXPECTED = {1: 0.3, 2: 0.87, 3: 1.6, 4: 2.4}


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 150), time.perf_counter()
    dims = (32, 64, 128) if options.quick else (128, 256, 512)
    depths = (1, 2) if options.quick else (1, 2, 3, 4)
    x, rows, curves, factors = tuple(map(float, dims)), [], [], []
    for layers in depths:
        samples = [sampled(wide(d, layers), options.nets, inputs=4).ratio - 1 for d in dims]
        medians = [median(s) for s in samples]
        fit = fitted(dims, samples)
        level = float(np.median([m * d**0.5 for m, d in zip(medians, dims, strict=True)]))
        factors.append(level)
        told = [f"{m:.3f}" for m in medians]
        rows.append((str(layers), *told, law(fit)[0], f"{level:.2f}", f"{EXPECTED[layers]:g}"))
        curves.append(Curve(f"{layers} hidden", x, tuple(medians), joined=False))
        curves.append(
            Curve(f"0.3 * {layers}^1.5 / sqrt(d)", x, tuple(theory.surcharge(layers, d) for d in dims))
        )
    growth = float(np.polyfit(np.log(depths), np.log(factors), 1)[0])
    columns = (
        "hidden layers",
        *(f"d = {d}" for d in dims),
        "exponent in d",
        "b, at exponent -1/2",
        "expected b",
    )
    rows.append(("growth of b with depth", *[""] * len(dims), "", f"L^{growth:.2f}", "L^1.5"))
    figure = Curves(
        NAME,
        "Median of ray distance over linear distance, less one, against the dimension, beside the law "
        "0.3 L^1.5 / sqrt(d), for He networks as wide as their input.",
        Axis("input dimension d", log=True),
        Axis("median ratio - 1", log=True),
        tuple(curves),
    )
    numbers = {"dims": dims, "depths": depths, "b": factors, "growth": growth}
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
