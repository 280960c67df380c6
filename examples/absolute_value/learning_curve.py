"""What descent learns first: the loss by tensor orders, for m = 100, 2d and 1.5d neurons at d = 30.

python examples/absolute_value/learning_curve.py [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import arguments_of, publish, table_of

from hingeline.absolute_value.learning import LearningSettings, learn, learner_generators
from hingeline.absolute_value.read_out import read_out

NAME = "abs-learning"
SEED = 7


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    d, steps = (10, 1000) if options.quick else (30, 20_000)
    widths = (40, 20) if options.quick else (100, 60, 45)
    at = (1000,) if options.quick else (1000, 6000, 10_000, 20_000)
    rows, numbers, figures = [], [], []
    for width in widths:
        curve = learn(np.eye(d) / d, steps, seed=SEED, settings=LearningSettings(neurons=width))
        read = read_out(learner_generators(curve.state.weights))
        numbers.append({"neurons": width, **curve.summary(), "read_out": read.summary()})
        figures.append(curve.figure(f"{NAME}-{width}"))
        losses = [f"{curve.at(step):.1e}" for step in at]
        rows.append((str(width), *losses, f"{curve.worst_cosine[-1]:.3f}", str(read.network.width)))
    columns = ("neurons", *(f"loss at {step}" for step in at), "worst cosine", "rows read out")
    publish(NAME, options, figures=figures, numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
