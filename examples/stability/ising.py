"""Exponents of the two-dimensional Ising model, measured by the estimator that serves networks.

    python examples/stability/ising.py [--quick] [--page]

The answers are known: y_T = 1 and y_H = 15/8. Beside our numbers stand those that Swendsen printed in 1982.
Three seeds at L = 32 show what changes from run to run; the first stands in the tables.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from common import arguments_of, publish, table_of

from hingeline.renormalisation.known_answers.mcrg import IsingExponents, ising_exponents
from hingeline.renormalisation.known_answers.published import SIZES, SWENDSEN, published_thermal

NAME = "ising"
RUNS = ((64, 40_000, 1), (32, 60_000, 1), (32, 60_000, 2), (32, 60_000, 3), (16, 200_000, 1))
"""L, configurations, seed; none of the seeds served to choose anything."""
QUICK = ((16, 4_000, 1), (8, 4_000, 1))
EVERY = 5
"""Sweeps from one configuration to the next."""


@dataclass(frozen=True, eq=False)
class Run:
    """One measurement and its price."""

    seed: int
    seconds: float
    """Of the processor."""
    found: IsingExponents


def measured(size: int, configurations: int, seed: int) -> Run:
    began = time.process_time()
    rng = np.random.default_rng([size, seed])
    found = ising_exponents(size, configurations=configurations, rng=rng, every=EVERY)
    return Run(seed, time.process_time() - began, found)


def told(value: float, error: float, digits: int = 4) -> str:
    """With its error in units of the last digit: 0.9982(21)."""
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def thermal_lines(first: dict[int, IsingExponents]) -> Iterator[tuple[str, ...]]:
    """Swendsen's columns, then ours."""
    for level, operators in SWENDSEN:
        row = [str(level), str(operators)]
        for size in SIZES:
            printed = published_thermal(size, level, operators)
            row.append(told(*printed, digits=3) if printed else "-")
        for size in SIZES:
            flow = first[size].thermal if size in first else None
            row.append(told(*flow.at(level, operators)) if flow and level <= flow.levels else "-")
        yield tuple(row)


def magnetic_lines(first: dict[int, IsingExponents]) -> Iterator[tuple[str, ...]]:
    """y_H with one to three operators."""
    for level in range(1, max(found.magnetic.levels for found in first.values()) + 1):
        for operators in (1, 2, 3):
            cells = (
                told(*first[size].magnetic.at(level, operators))
                if size in first and level <= first[size].magnetic.levels
                else "-"
                for size in SIZES
            )
            yield str(level), str(operators), *cells


def spectrum_lines(found: IsingExponents) -> Iterator[tuple[str, ...]]:
    """Eigenvalues beside canonical correlations, three operators of each kind."""
    for level in range(1, found.thermal.levels + 1):
        cells = (
            ", ".join(f"{value:.4f}" if not place else f"{value:.2f}" for place, value in enumerate(numbers))
            for flow in (found.thermal, found.magnetic)
            for numbers in flow.spectrum(level, 3)
        )
        yield f"{level - 1} to {level}", *cells


def run_line(run: Run) -> tuple[str, ...]:
    """Price, energy, and the farthest of Swendsen's numbers."""
    found = run.found
    thermal, magnetic = (flow.at(min(2, flow.levels), 2) for flow in (found.thermal, found.magnetic))
    differences = list(found.published_z.values())
    return (
        str(found.size),
        str(run.seed),
        f"{found.configurations:,}",
        f"{run.seconds:.0f}",
        told(found.energy, found.energy_error, digits=5),
        f"{found.energy_exact:.5f}",
        f"{found.energy_z:+.1f}",
        told(found.autocorrelation.tau, found.autocorrelation.error, digits=2),
        told(*thermal),
        told(*magnetic),
        f"{max(differences, key=abs):+.1f}" if differences else "-",
        f"{np.sqrt(np.mean(np.square(differences))):.1f}" if differences else "-",
    )


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    runs = [measured(*run) for run in (QUICK if options.quick else RUNS)]
    first: dict[int, IsingExponents] = {}
    for run in runs:
        first.setdefault(run.found.size, run.found)
    largest = first[max(first)]
    sizes = [f"L = {size}" for size in SIZES]
    columns = ("L", "seed", "configurations", "CPU s", "energy", "Kaufman", "z", "τ", "y_T", "y_H")
    tables = {
        NAME: table_of(
            ("level", "operators", *(f"Swendsen, {s}" for s in sizes), *(f"ours, {s}" for s in sizes)),
            thermal_lines(first),
        ),
        f"{NAME}-magnetic": table_of(("level", "operators", *sizes), magnetic_lines(first)),
        f"{NAME}-spectrum": table_of(
            (
                "step",
                "even: eigenvalues",
                "canonical correlations",
                "odd: eigenvalues",
                "canonical correlations",
            ),
            spectrum_lines(largest),
        ),
        f"{NAME}-runs": table_of(
            (*columns, "farthest z from Swendsen", "rms of these z"), (run_line(run) for run in runs)
        ),
    }
    numbers = [{"seed": run.seed, "cpu_seconds": run.seconds} | run.found.to_dict() for run in runs]
    publish(NAME, options, figures=largest.figures(NAME), numbers=numbers, tables=tables, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
