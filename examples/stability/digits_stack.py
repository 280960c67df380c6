"""Flips of trained stacks along Fisher directions; the chain of stability matrices beside the direct route.

    python examples/stability/digits_stack.py [--quick] [--page]

Stacks 64-48-32 with 10 classes, several trainings on one half of scikit-learn's digits; images of the other
half that are classified correctly take a step of a given length along each direction, and on binarised digits
pixels are exchanged. A class is the largest mean of 400 samples, so it wavers: the same inputs asked again
are the control. Beside our numbers stand those of an earlier prototype, whose one stack was trained
otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from common import arguments_of, publish, table_of
from trained import Halves, halves, trained_stack

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.information.chain import chain_information
from hingeline.renormalisation.perturbations.binary import BinaryFlips, binary_flips
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.flip_curves import flip_curves

NAME = "digits-stack"
SEEDS = (51, 52, 53, 54, 55)
"""None of them served to choose anything."""
SIZES = (0.25, 0.5, 1.0, 2.0)
PIXELS = (1, 2, 4, 8)
SHOWN = ("random", "fisher", "fisher_unsigned", "gradient", "boundary")
SAMPLES, GRADIENT_SAMPLES, CHAIN_SAMPLES = 400, 4000, 4000
TEN = Decision(10)
PROTOTYPE: dict[float, tuple[float, float, float]] = {
    0.5: (0.0247, 0.247, 10),
    1.0: (0.037, 0.607, 16),
    2.0: (0.077, 0.960, 12),
}
"""Shares along random and Fisher directions, and their ratio."""
PROTOTYPE_PIXELS = {2: (0.043, 0.380, 9), 4: (0.075, 0.813, 11)}


@dataclass(frozen=True, eq=False)
class Run:
    """One training."""

    seed: int
    accuracy: float
    curves: FlipCurves
    binary_accuracy: float
    binary: BinaryFlips
    chain: FloatArray
    """Cosine with the direct route, ratio of eigenvalues, cosine of two halves of the direct route: "n 3"."""


def measured(data: Halves, seed: int, inputs: int, quick: bool) -> Run:
    rng = np.random.default_rng(1_000 + seed)
    model, right, accuracy = asked(data, seed, quick)
    rows = right[:inputs]
    curves = flip_curves(model, TEN, rows, SIZES, rng=rng)
    dark = data.binarised()
    binary_model, binary_right, binary_accuracy = asked(dark, seed, quick)
    binary = binary_flips(binary_model, TEN, binary_right[:inputs], PIXELS, rng=rng)
    routes = [
        chain_information(model.stack, x, samples=CHAIN_SAMPLES, rng=rng) for x in rows[: 5 if quick else 100]
    ]
    chain = np.array([(r.cosine, r.ratio, r.direct.repeatability) for r in routes])
    return Run(seed, accuracy, curves, binary_accuracy, binary, chain)


def asked(data: Halves, seed: int, quick: bool) -> tuple[StackModel, FloatArray, float]:
    """A stack to ask, the test images that it classifies correctly, and their share."""
    stack = trained_stack(data, seed, quick=quick)
    model = StackModel(stack, SAMPLES, seed, gradient_samples=GRADIENT_SAMPLES)
    right = TEN.of(model.outputs(data.test)) == data.test_labels
    return model, data.test[right], float(right.mean())


def flip_lines(runs: list[Run]) -> Iterator[tuple[str, ...]]:
    """Means over trainings, the prototype's in parentheses."""
    for place, size in enumerate(SIZES):
        before = PROTOTYPE.get(size)
        old: dict[str, float] = {} if before is None else dict(zip(SHOWN[:2], before[:2], strict=True))
        shares = {key: float(np.mean([run.curves[key].shares[place] for run in runs])) for key in SHOWN}
        cells = [cell(shares[key], old.get(key), key) for key in SHOWN]
        control = np.mean([run.curves.control.shares[0] for run in runs])
        twice = np.mean([run.curves.control_of_two.shares[0] for run in runs])
        ratio = np.mean([run.curves.ratio[place] for run in runs])
        lowest = min(run.curves.ratio_low[place] for run in runs)
        yield (
            f"{size:g}",
            *cells,
            f"{control:.4f}, {twice:.4f}",
            f"{ratio:.0f}, at least {lowest:.0f} ({'-' if before is None else f'{before[2]:g}'})",
            f"{cleaned_ratio(runs, place):.0f}",
        )


def cleaned_ratio(runs: list[Run], place: int) -> float:
    """Ratio of mean shares less what asking again flips anyhow; infinite where chance is all there is."""
    fisher, random = (
        float(np.mean([run.curves.above_control(key)[place] for run in runs])) for key in ("fisher", "random")
    )
    return fisher / random if random > 0 else float("inf")


def cell(share: float, before: float | None, key: str) -> str:
    digits = 4 if key == "random" else 3
    return f"{share:.{digits}f}" + ("" if before is None else f" ({before:.{digits}f})")


def pixel_lines(runs: list[Run]) -> Iterator[tuple[str, ...]]:
    for place, count in enumerate(PIXELS):
        before = PROTOTYPE_PIXELS.get(count)
        old = {} if before is None else {"random": before[0], "fisher": before[1]}
        keys = ("random", "fisher", "fisher_unsigned", "gradient")
        shares = {key: float(np.mean([run.binary[key].shares[place] for run in runs])) for key in keys}
        control = np.mean([run.binary.control.shares[0] for run in runs])
        twice = np.mean([run.binary.control_of_two.shares[0] for run in runs])
        ratio = np.mean([run.binary.ratio[place] for run in runs])
        lowest = min(run.binary.ratio_low[place] for run in runs)
        yield (
            str(count),
            *(cell(shares[key], old.get(key), key) for key in keys),
            f"{control:.4f}, {twice:.4f}",
            f"{ratio:.0f}, at least {lowest:.0f} ({'-' if before is None else f'{before[2]:g}'})",
        )


def run_line(run: Run) -> tuple[str, ...]:
    """One training: accuracies, the ratio at length 1, the routes."""
    place = SIZES.index(1.0)
    cosines, ratios, halves_of_direct = run.chain.T
    return (
        str(run.seed),
        f"{100 * run.accuracy:.1f} %",
        f"{100 * run.binary_accuracy:.1f} %",
        f"{run.curves.ratio[place]:.1f}",
        f"{run.curves.ratio_low[place]:.1f}",
        f"{np.median(cosines):.4f}",
        f"{np.quantile(cosines, 0.1):.3f}",
        f"{100 * np.mean(cosines > 0.97):.0f} %",
        f"{np.median(ratios):.3f}",
        f"{np.median(halves_of_direct):.3f}",
    )


def tables_of(runs: list[Run]) -> dict[str, str]:
    """The tables of the page, by the names of their places there."""
    shares = ("random", "Fisher, sign asked", "Fisher, unsigned", "gradient")
    return {
        NAME: table_of(
            (
                "length",
                *shares,
                "nearest boundary",
                "asked again, best of two",
                "Fisher / random",
                "the same above the control",
            ),
            flip_lines(runs),
        ),
        f"{NAME}-pixels": table_of(
            ("pixels", *shares, "asked again, best of two", "Fisher / random"), pixel_lines(runs)
        ),
        f"{NAME}-runs": table_of(
            (
                "seed",
                "test accuracy",
                "the same, binarised",
                "Fisher / random at 1",
                "lower limit",
                "chain and direct: median cosine",
                "lowest tenth",
                "above 0.97",
                "median ratio of eigenvalues",
                "direct: cosine of halves",
            ),
            (run_line(run) for run in runs),
        ),
    }


def numbers_of(run: Run) -> dict[str, Any]:
    cosines, ratios, again = run.chain.T
    return {
        "seed": run.seed,
        "accuracy": run.accuracy,
        "binary_accuracy": run.binary_accuracy,
        "flips": run.curves.summary(),
        "pixels": run.binary.summary(),
        "chain_cosines": cosines.tolist(),
        "chain_ratios": ratios.tolist(),
        "direct_repeatability": again.tolist(),
    }


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options: argparse.Namespace = arguments_of(__doc__, given)
    began, data = time.perf_counter(), halves()
    inputs = 30 if options.quick else 300
    runs = [measured(data, seed, inputs, options.quick) for seed in (SEEDS[:1] if options.quick else SEEDS)]
    figures = [
        runs[0].curves.figure(NAME, "64-48-32 stack of 10 classes"),
        replace(runs[0].binary.figure(), name=f"{NAME}-pixels"),
    ]
    numbers = {
        "inputs": inputs,
        "samples": SAMPLES,
        "gradient_samples": GRADIENT_SAMPLES,
        "chain_samples": CHAIN_SAMPLES,
        "runs": [numbers_of(run) for run in runs],
    }
    publish(NAME, options, figures=figures, numbers=numbers, tables=tables_of(runs), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
