"""Median flip distance of two-layer networks with other activations: 0.6745 sqrt(E psi^2 / E psi'^2).

python examples/random_networks/activation_constants.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import arguments_of, interval_of_median, publish, sampled, table_of

from hingeline.core.figure_data import Bars
from hingeline.networks.activations import activation_named
from hingeline.sensitivity.measures import theory

NAME = "random-activations"
EXPECTED = {"relu": ".674", "tanh": ".622", "gelu": ".651", "abs": ".674", "sin3": ".2255", "square": ".584"}


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 600), time.perf_counter()
    sizes = (64, 128, 1) if options.quick else (256, 1024, 1)
    rows, labels, values, numbers = [], [], [], {}
    for name, said in EXPECTED.items():
        # He weights have variance 2 / d: inputs of norm sqrt(d / 2) make pre-activations standard normal
        found = sampled(sizes, options.nets, activation=name, radius=float(np.sqrt(sizes[0] / 2)))
        middle, low, high = interval_of_median(found.linear)
        constant = theory.HALF_NORMAL_MEDIAN * theory.activation_constant(activation_named(name))
        told = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        rows.append((name, told, f"{constant:.4f}", said, f"{found.no_flip:.3f}"))
        labels += [f"{name}, measured", f"{name}, theory"]
        values += [middle, constant]
        numbers[name] = {"median": middle, "interval": [low, high], "theory": constant}
    figure = Bars(
        NAME,
        "Median linear flip distance in units of |x| / sqrt(d) of two-layer networks, measured and by the "
        "two moments of the activation.",
        "|x| / sqrt(d)",
        tuple(labels),
        tuple(values),
    )
    columns = ("activation", "median r sqrt(d)", "theory", "expected", "no flip")
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
