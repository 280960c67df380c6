"""Change of the gradient and error of the linear prediction against the radius; exponent 1/2 at random.

python examples/random_networks/gradient_change.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import FREE, SIGN, arguments_of, fitted, law, model_of, publish, sphere, table_of, wide

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.sensitivity.measures.local_linearity import RADII, local_linearity

NAME = "random-gradient-change"
KINDS = {
    "error_along": "E, along the gradient",
    "error_random": "E, at random",
    "change_along": "gradient change, along the gradient",
    "change_random": "gradient change, at random",
}
EXPECTED = {"error_along": "+0.76 to +0.93", "change_random": "+0.5 to +0.6"}


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 30), time.perf_counter()
    dim, depths = (256, (3,)) if options.quick else (256, (1, 3, 6))
    rows, curves, numbers = [], [], {}
    radii = np.array(RADII)
    inside = radii >= 0.03
    for layers in depths:
        parts = []
        for net in range(options.nets):
            rng = np.random.default_rng(net)
            found = local_linearity(
                model_of(wide(dim, layers), net), SIGN, sphere(rng, 8, dim), FREE, rng=rng
            )
            parts.append([getattr(found, name) for name in KINDS])
        for kind, (name, words) in enumerate(KINDS.items()):
            values = np.concatenate([p[kind] for p in parts], axis=1)
            fit = fitted(radii[inside], list(values[inside]))
            told = [f"{median(row):.3g}" for row in values]
            rows.append((f"{words}, {layers} hidden", *told, law(fit)[0], EXPECTED.get(name, "")))
            numbers[f"{name}-{layers}"] = {"medians": [median(r) for r in values], "exponent": fit.exponent}
            if name in ("error_along", "change_random"):
                curves.append(Curve(f"{words}, {layers} hidden", RADII, tuple(median(r) for r in values)))
    level = numbers[f"change_random-{depths[0]}"]["medians"][-1]
    root = tuple(float(level * (r / RADII[-1]) ** 0.5) for r in RADII)
    figure = Curves(
        NAME,
        "Median change of the gradient at random and error of the linear prediction down the gradient, "
        "against the relative radius; kinks make the gradient change like the root of the radius.",
        Axis("radius / |x|", log=True),
        Axis("relative to the gradient", log=True),
        (*curves, Curve("radius^(1/2)", RADII, root)),
        levels=(("not linear", 0.1),),
    )
    columns = ("", *(f"rho = {r:g}" for r in RADII), "exponent, 0.03 to 0.3", "expected")
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
