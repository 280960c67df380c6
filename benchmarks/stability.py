"""Estimate every stability matrix of a 64-64-64-10 stack from 200,000 samples; tell seconds and peak memory.

    python benchmarks/stability.py
    python benchmarks/stability.py --samples 400000 --batch 1024

Memory is the most that arrays took at once, traced in a second run, since tracing costs time. Exit code 1 if
it took more than 20 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import tracemalloc

import numpy as np

from hingeline.core.version import __version__
from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.operator_set import single_units
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack

WIDTHS = (64, 64, 64, 10)
MOST_SECONDS = 20.0


def stack_of(widths: tuple[int, ...], seed: int) -> StochasticStack:
    """Random weights of moderate size; all layers are of units."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(s) / np.sqrt(s[1]) for s in zip(widths[1:], widths[:-1], strict=True)]
    return StochasticStack(weights, [0.1 * rng.standard_normal(w) for w in widths[1:]], "units")


def every_matrix(samples: int, batch: int) -> list[StabilityMatrix]:
    """One matrix for each pair of neighbouring layers of units, single units as operators."""
    stack = stack_of(WIDTHS, 0)
    x = np.random.default_rng(1).uniform(0.0, 1.0, stack.input_dim)
    return [
        estimate_stability(
            stack,
            x,
            layer,
            single_units(stack.widths[layer]),
            single_units(stack.widths[layer + 1]),
            samples=samples,
            rng=np.random.default_rng(2),
            batch=batch,
        )
        for layer in range(1, stack.unit_layers)
    ]


def main() -> int:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=BATCH)
    given = parser.parse_args()
    started, started_cpu = time.perf_counter(), time.process_time()
    matrices = every_matrix(given.samples, given.batch)
    seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    tracemalloc.start()
    every_matrix(given.samples, given.batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    told = {
        "widths": WIDTHS,
        "samples": given.samples,
        "batch": given.batch,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mebibytes": round(peak / 2**20, 1),
        "matrices": [matrix.summary() for matrix in matrices],
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "hingeline": __version__},
    }
    print(json.dumps(told, indent=2))
    return int(seconds > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
