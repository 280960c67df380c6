"""Share of inputs that one step of kappa |x| / sqrt(d) flips, beside 2 Phi(kappa) - 1.

python examples/random_networks/single_step.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import arguments_of, publish, sampled, table_of, wide

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.measures import theory

NAME = "random-step"
KAPPAS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 250), time.perf_counter()
    kinds = ((64, 1), (64, 3)) if options.quick else ((512, 1), (512, 2), (256, 1), (256, 3), (256, 4))
    rows, curves, numbers = [], [], {}
    for dim, layers in kinds:
        stepped = sampled(wide(dim, layers), options.nets, inputs=4, kappas=KAPPAS).stepped
        shares = stepped.mean(axis=0)
        rows.append((f"d = {dim}, {layers} hidden", *(f"{s:.3f}" for s in shares)))
        curves.append(Curve(f"d = {dim}, {layers} hidden", KAPPAS, tuple(map(float, shares)), joined=False))
        numbers[f"{dim}x{layers}"] = [
            {"kappa": k, "share": float(s), "interval": wilson(int(c), len(stepped))}
            for k, s, c in zip(KAPPAS, shares, stepped.sum(axis=0), strict=True)
        ]
    grid = np.linspace(0, 3, 61)
    expected = theory.success(np.array(KAPPAS))
    rows.append(("2 Phi(kappa) - 1", *(f"{e:.3f}" for e in expected)))
    figure = Curves(
        NAME,
        "Share of inputs flipped by one gradient step against its length, beside 2 Phi(kappa) - 1: deeper "
        "and narrower networks fall below it at long steps.",
        Axis("kappa = step / (|x| / sqrt(d))", from_zero=True),
        Axis("share flipped", from_zero=True),
        (
            *curves,
            Curve("2 Phi(kappa) - 1", tuple(map(float, grid)), tuple(theory.success(grid).tolist())),
        ),
    )
    table = table_of(("", *(f"kappa = {k:g}" for k in KAPPAS)), rows)
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
