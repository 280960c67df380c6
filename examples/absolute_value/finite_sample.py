"""The same descent on a fixed sample of 10,000: does a learner with m = 2d stay stuck?

    python examples/absolute_value/finite_sample.py [--quick] [--page]

Reported is the population loss. About 10 ms a step at d = 30, m = 60; the paper ran 100,000.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import FIRST_SEED, arguments_of, publish, table_of

from hingeline.absolute_value.learning import LearningSettings, learn, sample_rule
from hingeline.core.figure_data import Axis, Curve, Curves

NAME = "abs-sample"


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    d, width, count, steps = (6, 12, 500, 200) if options.quick else (15, 30, 10_000, 8000)
    teacher = np.eye(d) / d
    points = np.random.default_rng(FIRST_SEED).standard_normal((count, d))
    rule = sample_rule(points, np.abs(points @ teacher.T).sum(axis=1))
    chosen = LearningSettings(neurons=width, every=steps // 20)
    both = {
        "population": learn(teacher, steps, seed=3, settings=chosen),
        f"{count:,} samples": learn(teacher, steps, seed=3, settings=chosen, gradient=rule),
    }
    figure = Curves(
        NAME,
        f"Population loss with m = 2d = {width} neurons in {d} dimensions: exact gradients, and a sample's.",
        Axis("gradient steps"),
        Axis("loss", log=True),
        tuple(Curve(k, tuple(map(float, c.steps)), tuple(map(float, c.loss))) for k, c in both.items()),
    )
    rows = [
        (k, f"{c.loss[-1]:.1e}", f"{c.order_at(4, steps):.1e}", f"{c.worst_cosine[-1]:.3f}")
        for k, c in both.items()
    ]
    table = table_of(("gradients", f"loss at {steps}", "order 4", "worst cosine"), rows)
    numbers = {k: c.summary() for k, c in both.items()}
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
