"""Fisher directions of trained classifiers: what they flip, beside gradients, boundaries and chance.

    python examples/fisher/flip_curves.py [--quick] [--page]

Three networks on scikit-learn's digits, several trainings of each. Test images that are classified
correctly take a step of a given length along each direction; a flip is any change of the class. Beside our
numbers stand those of an earlier prototype, whose networks were trained otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from common import Digits, arguments_of, digits, publish, table_of
from scipy.stats import spearmanr

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Figure
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.fisher.universal import UniversalDirections, universal_directions
from hingeline.sensitivity.rays import ray_crossings
from hingeline.sensitivity.threat import Threat

NAME = "fisher-flips"
HIDDEN = ((64,), (64, 64, 64), (32,) * 6)
SIZES = (0.25, 0.5, 1.0)
CURVE = tuple(float(size) for size in np.geomspace(0.05, 2.0, 17))
UNIVERSAL = (0.25, 0.5, 1.0, 2.0, 4.0)
LINF = (0.025, 0.05, 0.1)
RANDOM = 50
"""Random directions at each input."""
IMAGE = (8, 8)
TEN = Decision(10)
SHOWN = ("random", "fisher", "fisher_unsigned", "gradient", "boundary")
PROTOTYPE: dict[tuple[str, float], tuple[float, ...]] = {
    ("64-64-10", 0.25): (0.0034, 0.237, 0.107, 0.229, 0.241, 70),
    ("64-64-10", 0.5): (0.0107, 0.635, 0.233, 0.614, 0.685, 59),
    ("64-64-10", 1.0): (0.0376, 0.988, 0.326, 0.988, 1.000, 26),
    ("64-64-64-64-10", 0.25): (0.0023, 0.204, 0.107, 0.202, 0.210, 91),
    ("64-64-64-64-10", 0.5): (0.0083, 0.604, 0.233, 0.592, 0.664, 73),
    ("64-64-64-64-10", 1.0): (0.0316, 0.998, 0.363, 0.998, 0.998, 32),
    ("64-32-32-32-32-32-32-10", 0.25): (0.0111, 0.398, 0.199, 0.379, 0.418, 36),
    ("64-32-32-32-32-32-32-10", 0.5): (0.0245, 0.863, 0.451, 0.853, 0.894, 35),
}
"""Shares flipped in the order of SHOWN, and the ratio of Fisher to random, by network and size."""

Run = tuple[Digits, FlipCurves, FlipCurves, FisherDirections]


def measured(one: Digits, seed: int) -> Run:
    """Flip curves of correct inputs and of all, and the directions at the correct ones."""
    fisher = fisher_directions(one.model, TEN, one.right)
    right = flip_curves(
        one.model, TEN, one.right, SIZES, rng=generator(seed), fisher=fisher, random_directions=RANDOM
    )
    every = flip_curves(one.model, TEN, one.test, SIZES, rng=generator(seed), random_directions=RANDOM)
    return one, right, every, fisher


def generator(seed: int) -> np.random.Generator:
    """Of the random directions of one training."""
    return np.random.default_rng(1_000 + seed)


def flip_lines(runs: list[Run]) -> Iterator[tuple[str, ...]]:
    """One line for each size: ours, the prototype's, the ratio with its lower limit, that of all inputs."""
    name = runs[0][0].name
    for place, size in enumerate(SIZES):
        shares = [np.mean([right[key].shares[place] for _, right, _, _ in runs]) for key in SHOWN]
        before = PROTOTYPE.get((name, size))
        ratio = np.mean([right.ratio[place] for _, right, _, _ in runs])
        lowest = min(right.ratio_low[place] for _, right, _, _ in runs)
        every = np.mean([all_inputs.ratio[place] for _, _, all_inputs, _ in runs])
        cells = [
            f"{digit(share, key)} ({digit(before[i], key) if before else '-'})"
            for i, (share, key) in enumerate(zip(shares, SHOWN, strict=True))
        ]
        theory = np.mean([right.theory[place] for _, right, _, _ in runs])
        ratios = (
            f"{ratio:.0f}, at least {lowest:.0f} ({before[-1]:.0f})"
            if before
            else f"{ratio:.0f}, at least {lowest:.0f} (-)"
        )
        yield (name if not place else "", f"{size:g}", *cells, f"{theory:.4f}", ratios, f"{every:.0f}")


def digit(share: float, key: str) -> str:
    return f"{share:.4f}" if key == "random" else f"{share:.3f}"


def foretelling(one: Digits, fisher: FisherDirections) -> dict[str, Any]:
    """Rank correlation of the shortest flip found with what is said to foretell it."""
    steps = (-fisher.boundary_gradients, -fisher.gradients, fisher.top, -fisher.top)
    reach = np.full(len(one.right), 4.0)
    found = [
        ray_crossings(one.model, TEN, one.right, fisher.classes, unit(step), reach, Threat()).sizes
        for step in steps
    ]
    shortest = np.min(found, axis=0)
    told = np.isfinite(shortest)
    return {
        "median_shortest_flip": float(np.median(shortest)),
        "without_flip": int((~told).sum()),
        "linear_distance": rank(shortest[told], fisher.linear_distances[told]),
        "inverse_root_of_top_eigenvalue": rank(shortest[told], -fisher.log_eigenvalues[told, 0]),
    }


def unit(steps: FloatArray) -> FloatArray:
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


def rank(a: FloatArray, b: FloatArray) -> float:
    return float(spearmanr(a, b).statistic)


def detail_line(runs: list[Run], told: dict[str, Any], found: UniversalDirections) -> tuple[str, ...]:
    """What stands beside the flips, for one network (first training)."""
    one, right, _, fisher = runs[0]
    summary = fisher.summary()
    return (
        one.name,
        f"{100 * np.mean([run[0].accuracy for run in runs]):.1f} %",
        f"{np.mean([np.median(run[1].cosines) for run in runs]):.4f}",
        f"{summary['median_participation']:.2f}",
        f"{100 * summary['share_saturated']:.0f} %",
        f"{summary['median_linear_distance']:.2f}",
        f"{told['median_shortest_flip']:.2f}",
        f"{told['linear_distance']:.3f}",
        f"{told['inverse_root_of_top_eigenvalue']:.3f}",
        f"{found.inputs_that_count:.0f} of {found.made_from}",
        f"{right.control.shares[0]:.4f}",
    )


def universal_lines(one: Digits, found: UniversalDirections) -> Iterator[tuple[str, ...]]:
    """Shares of held-out inputs flipped by one direction."""
    keys = ("made_from", "held_out", "held_out_by_class", "held_out_random")
    for place, size in enumerate(UNIVERSAL):
        shares = (f"{found[key].shares[place]:.3f}" for key in keys)
        yield (one.name if not place else "", f"{size:g}", *shares)


def other_threats(one: Digits) -> Iterator[tuple[str, FlipCurves]]:
    """The same where pixels stay in [0, 1], and in l-infinity."""
    box = (0.0, 1.0)
    for words, threat, sizes in (
        ("l2, pixels in [0, 1]", Threat("l2", box), SIZES),
        ("l-infinity", Threat("linf"), LINF),
        ("l-infinity, pixels in [0, 1]", Threat("linf", box), LINF),
    ):
        yield (
            words,
            flip_curves(
                one.model, TEN, one.right, sizes, rng=generator(0), threat=threat, random_directions=RANDOM
            ),
        )


def threat_lines(words: str, curves: FlipCurves) -> Iterator[tuple[str, ...]]:
    for place, size in enumerate(curves.sizes):
        cells = (digit(curves[key].shares[place], key) for key in SHOWN)
        yield (words if not place else "", f"{size:g}", *cells, f"{curves.theory[place]:.4f}")


def tables_of(
    flips: list[tuple[str, ...]],
    details: list[tuple[str, ...]],
    universal: list[tuple[str, ...]],
    threats: dict[str, FlipCurves],
) -> dict[str, str]:
    """The tables of the page, by the names of their places there."""
    shares = ("random", "Fisher, sign asked", "Fisher, unsigned", "gradient", "nearest boundary")
    return {
        "fisher-flips": table_of(
            ("network", "length", *shares, "random if flat", "Fisher / random", "the same, all inputs"), flips
        ),
        "fisher-details": table_of(
            (
                "network",
                "test accuracy",
                "median cosine with gradient",
                "participation",
                "saturated",
                "linear distance",
                "shortest flip found",
                "rank correlation with distance",
                "with eigenvalue",
                "inputs that count in the mean of F",
                "control at 0",
            ),
            details,
        ),
        "fisher-universal": table_of(
            ("network", "length", "made from", "held out", "held out, by class", "held out, random"),
            universal,
        ),
        "fisher-threats": table_of(
            ("64-64-10", "size", *shares, "random if flat"),
            [line for words, curves in threats.items() for line in threat_lines(words, curves)],
        ),
    }


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 3), time.perf_counter()
    hidden = HIDDEN[:1] if options.quick else HIDDEN
    trained = {h: [measured(digits(h, seed), seed) for seed in range(options.seeds)] for h in hidden}
    figures: list[Figure] = []
    flips: list[tuple[str, ...]] = []
    details: list[tuple[str, ...]] = []
    universal: list[tuple[str, ...]] = []
    numbers: dict[str, Any] = {}
    for number, runs in enumerate(trained.values(), start=1):
        one, _, _, fisher = runs[0]
        told = foretelling(one, fisher)
        found = universal_directions(
            one.model, TEN, one.train, UNIVERSAL, rng=generator(0), held_out=one.test
        )
        curve = flip_curves(one.model, TEN, one.right, CURVE, rng=generator(0), fisher=fisher)
        figures.append(curve.figure(f"{NAME}-{number}", one.name))
        flips += flip_lines(runs)
        details.append(detail_line(runs, told, found))
        universal += universal_lines(one, found)
        if number == 1:
            figures += [*fisher.figures(IMAGE), *found.figures(IMAGE)]
        numbers[one.name] = {
            "accuracy": [run[0].accuracy for run in runs],
            "correct_inputs": [run[1].summary() for run in runs],
            "all_inputs": [run[2].summary() for run in runs],
            "fisher": [run[3].summary() for run in runs],
            "foretelling": told,
            "universal": found.summary(),
        }
    first = next(iter(trained.values()))[0][0]
    threats = dict(other_threats(first))
    numbers["other threats"] = {words: curves.summary() for words, curves in threats.items()}
    tables = tables_of(flips, details, universal, threats)
    publish(NAME, options, figures=figures, numbers=numbers, tables=tables, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
