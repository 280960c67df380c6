"""The step of a difference: too long and it crosses a kink, too short and rounding hides the slope.

    python examples/span/step_size.py [--seeds N] [--quick] [--page]

Gradients at 100 Gaussian points by differences of one fixed step, over ten powers of ten; beside them the
certified differences of the adaptive method, which choose the step for every point and check it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from common import angle, arguments_of, dashed, he_network, power, publish, table_of

import hingeline as hl
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NAME = "span-step"
STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)


def fixed(network: PiecewiseLinearNetwork, step: float, width: int, seed: int) -> dict[str, Any]:
    """One run with a fixed step; the angle is that of the leading directions, as many as there are."""
    chosen = {"method": "gaussian", "points": width + 20, "step": step}
    value = hl.span(hl.oracle(network), seed=seed, settings=chosen).value
    if value is None:
        raise SystemExit("the fixed scheme returned nothing")
    enough = value.basis.shape[1] >= width
    return {
        "seed": seed,
        "rank": value.rank,
        "rule_1e-5": value.details["rule_1e-5"],
        "standing": value.standing,
        "angle": angle(value.basis[:, :width], network) if enough else float(np.pi / 2),
    }


def certified(network: PiecewiseLinearNetwork, seed: int) -> dict[str, Any]:
    """One run of the adaptive method."""
    finding = hl.span(hl.oracle(network), seed=seed)
    value = finding.require()
    return {
        "seed": seed,
        "rank": value.rank,
        "angle": angle(value.basis, network),
        "queries": finding.queries,
    }


def line(step: float, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """One row of the table."""
    return (
        f"{step:.0e}",
        _range([run["rule_1e-5"] for run in runs]),
        _range([run["rank"] for run in runs]),
        ", ".join(sorted({run["standing"] for run in runs})),
        power(max(run["angle"] for run in runs)),
    )


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 3), time.perf_counter()
    dim, width = (200, 20) if options.quick else (784, 80)
    sizes = (dim, width, width // 2, width // 4, 1)
    networks = [he_network(sizes, seed) for seed in range(options.seeds)]
    runs = {s: [fixed(net, s, width, seed) for seed, net in enumerate(networks)] for s in STEPS}
    best = [certified(net, seed) for seed, net in enumerate(networks)]
    worst = [max(run["angle"] for run in some) for some in runs.values()]
    figure = Curves(
        NAME,
        f"Largest angle to the true span against the step of the differences, {dashed(sizes)}, {width + 20} "
        "Gaussian points: kinks spoil long steps, rounding short ones. Dashed: certified differences.",
        Axis("step, input units", log=True),
        Axis("angle, radians", log=True),
        (Curve("one fixed step", STEPS, tuple(worst)),),
        levels=(("certified", max(run["angle"] for run in best)),),
    )
    rows = [line(step, some) for step, some in runs.items()]
    rows.append(
        (
            "certified",
            "",
            _range([run["rank"] for run in best]),
            "exact",
            power(max(r["angle"] for r in best)),
        )
    )
    columns = ("step", "rank at 1e-5 of the largest", "rank by votes", "called", "angle")
    numbers = {"fixed": {f"{step:.0e}": some for step, some in runs.items()}, "certified": best}
    table = table_of(columns, rows)
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
