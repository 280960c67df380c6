"""What foretells how small a change flips an input: margin, Fisher information, or stability of the layers?

    python examples/stability/prediction.py [--quick] [--page]

Stacks 64-48-32 with 10 classes and three kinds of ReLU networks, several trainings of each on one half of
scikit-learn's digits. For the same images of the other half, rightly classified or not, the smallest flip is
found (proved for networks where time allows, an upper bound for stacks) and set against what might foretell
it, by Spearman's rank correlation. Intervals are bootstrapped over images, the same for all trainings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import predictors
import smallest_flips
from common import arguments_of, publish, table_of
from smallest_flips import SmallestFlips
from trained import Halves, halves, trained_network, trained_stack

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure
from hingeline.numerics.rank_correlation import RankCorrelations, rank_correlations
from hingeline.numerics.statistics import median
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.results import listed

NAME = "prediction"
HIDDEN = ((64,), (64, 64, 64), (32,) * 6)
STACK_SEEDS = (61, 62, 63, 64)
NETWORK_SEEDS = (61, 62, 63)
"""None of them served to choose anything."""
TEN = Decision(10)
DISTANCE, EIGENVALUE = 0, 2
"""Places of linearised distance and 1 / root of the largest eigenvalue among the predictors."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    inputs: int = 120
    answers: int = 400
    """Samples of a stack behind one answer of the search; verified with 8 and 30 times as many."""
    gradients: int = 4000
    samples: int = 4000
    """Behind each eigenvalue and correlation of a stack."""
    seconds: float = 60.0
    """For the exact flips of all inputs of a network."""
    draws: int = 1000


QUICK = Sizes(inputs=12, answers=60, gradients=400, samples=800, seconds=2.0, draws=50)


@dataclass(frozen=True, eq=False)
class Run:
    """One training."""

    seed: int
    accuracy: float
    flips: SmallestFlips
    predictors: FloatArray
    """Shape "p n"."""
    saturated: float
    """Share of inputs at which F sees less than a tenth of the divergence at the linearised boundary."""


@dataclass(frozen=True, eq=False)
class Kind:
    """All trainings of one kind of target."""

    name: str
    words: tuple[str, ...]
    """Of the predictors."""
    runs: tuple[Run, ...]
    found: RankCorrelations

    @property
    def order(self) -> list[int]:
        """Predictors, the best first; NaN last."""
        return list(np.argsort(-np.nan_to_num(self.found.pooled, nan=-2.0), kind="stable"))


def stack_run(data: Halves, sizes: Sizes, quick: bool, seed: int) -> Run:
    stack = trained_stack(data, seed, quick=quick)
    rng = np.random.default_rng([seed, 1])
    model = StackModel(stack, sizes.answers, seed, gradient_samples=sizes.gradients)
    points, labels = data.test[: sizes.inputs], data.test_labels[: sizes.inputs]
    fisher = fisher_directions(model, TEN, points)
    flips = smallest_flips.of_stack(model, points, fisher, rng)
    # numbers of their own: predictors shall not share the noise of the directions that were searched
    sharper = model.with_samples(sizes.samples)
    fisher = fisher_directions(sharper, TEN, points)
    table = predictors.of_stack(stack, sharper, points, fisher, rng, sizes.samples)
    return Run(seed, float((flips.classes == labels).mean()), flips, table, share(fisher.saturated))


def network_run(data: Halves, sizes: Sizes, quick: bool, hidden: tuple[int, ...], seed: int) -> Run:
    network = trained_network(data, hidden, seed, quick=quick)
    model = NetworkModel(network)
    points, labels = data.test[: sizes.inputs], data.test_labels[: sizes.inputs]
    fisher = fisher_directions(model, TEN, points)
    flips = smallest_flips.of_network(network, points, sizes.seconds)
    table = predictors.of_network(model, points, data.train, fisher, np.random.default_rng([seed, 2]))
    return Run(seed, float((flips.classes == labels).mean()), flips, table, share(fisher.saturated))


def share(held: BoolArray) -> float:
    return float(np.mean(held))


def kind_of(
    name: str, words: tuple[str, ...], seeds: Sequence[int], measure: Callable[[int], Run], draws: int
) -> Kind:
    """Train, measure and correlate."""
    runs = tuple(measure(seed) for seed in seeds)
    found = rank_correlations(
        np.stack([run.flips.upper for run in runs]),
        np.stack([run.predictors for run in runs], axis=1),
        rng=np.random.default_rng([len(name), 3]),
        draws=draws,
    )
    return Kind(name, words, runs, found)


def lines(kind: Kind) -> Iterator[tuple[str, ...]]:
    """The best predictor first; how much less the others say, from the same bootstrap draws."""
    best, (low, high) = kind.order[0], kind.found.pooled_interval
    for place, one in enumerate(kind.order):
        less, from_, to = kind.found.difference(best, one)
        each = kind.found.values[one]
        yield (
            kind.name if not place else "",
            kind.words[one],
            f"{kind.found.pooled[one]:.3f}",
            f"{low[one]:.3f} to {high[one]:.3f}",
            f"{each.min():.3f} to {each.max():.3f}",
            "-" if not place else f"{less:.3f} ({from_:.3f} to {to:.3f})",
        )


def target_line(kind: Kind) -> tuple[str, ...]:
    """What was measured of one kind, over its trainings."""
    upper = np.concatenate([run.flips.upper for run in kind.runs])
    proved = np.concatenate([run.flips.proved for run in kind.runs])
    walked = np.concatenate([run.flips.from_walks for run in kind.runs])
    inputs = len(kind.runs[0].flips.upper)
    return (
        kind.name,
        str(len(kind.runs)),
        str(inputs),
        f"{100 * np.mean([run.accuracy for run in kind.runs]):.1f} %",
        f"{median(upper):.3f}",
        f"{100 * proved.mean():.0f} %",
        f"{100 * walked.mean():.0f} %" if walked.any() else "-",
        str(int(np.isinf(upper).sum())),
        f"{100 * np.mean([run.saturated for run in kind.runs]):.0f} %",
    )


def run_lines(kind: Kind) -> Iterator[tuple[str, ...]]:
    """Each training with the intervals of distance and eigenvalue, and of the best of the others."""
    others = [one for one in kind.order if one > EIGENVALUE]
    for place, run in enumerate(kind.runs):
        cells = (interval(kind.found, one, place) for one in (DISTANCE, EIGENVALUE, others[0]))
        yield (kind.name, str(run.seed), *cells, kind.words[others[0]])


def interval(found: RankCorrelations, one: int, place: int) -> str:
    value, low, high = (float(table[one, place]) for table in (found.values, found.low, found.high))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def intervals_figure(kind: Kind, number: int) -> Curves:
    """Pooled correlation of each predictor with its interval: the two ends and what lies between."""
    low, high = kind.found.pooled_interval
    curves: list[Curve] = []
    for place, one in enumerate(kind.order, start=1):
        ends = (float(low[one]), float(kind.found.pooled[one]), float(high[one]))
        curves.append(Curve(f"{place}: {kind.words[one]}", (float(place),) * 3, ends))
    return Curves(
        f"{NAME}-{number}",
        f"{kind.name}: rank correlation of each predictor with the smallest flip, pooled over "
        f"{len(kind.runs)} trainings, the middle dot; the outer dots are the ends of the 95 % interval.",
        Axis("predictor, numbered below", whole=True),
        Axis("rank correlation"),
        tuple(curves),
        levels=(("none", 0.0),),
    )


def scatter(kind: Kind, number: int) -> Curves:
    """Smallest flip against the two lengths that might foretell it, first training."""
    run = kind.runs[0]
    sizes = tuple(map(float, run.flips.upper))
    curves = tuple(
        Curve(kind.words[one], tuple(map(float, run.predictors[one])), sizes, joined=False)
        for one in (DISTANCE, EIGENVALUE)
    )
    return Curves(
        f"{NAME}-scatter-{number}",
        f"{kind.name}, first training: smallest flip of each image against its linearised distance and "
        "against one over the root of the largest eigenvalue of F; what is infinite has no place here.",
        Axis("predictor, in units of the input", log=True),
        Axis("smallest flip found", log=True),
        curves,
    )


def numbers_of(kind: Kind) -> dict[str, Any]:
    """Correlations, and of each training flips and predictors one by one."""
    return {
        "predictors": list(kind.words),
        "correlations": kind.found.summary(),
        "difference_from_the_best": [
            listed(np.array(kind.found.difference(kind.order[0], one))) for one in range(len(kind.words))
        ],
        "best": kind.words[kind.order[0]],
        "runs": [
            {
                "seed": run.seed,
                "accuracy": run.accuracy,
                "saturated": run.saturated,
                "proved": int(run.flips.proved.sum()),
                "smallest_flips": shortened(run.flips.upper),
                "values": [shortened(row) for row in run.predictors],
            }
            for run in kind.runs
        ],
    }


def shortened(values: FloatArray) -> list[float | None]:
    """Five digits; None for what is not finite."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began, data = arguments_of(__doc__, given), time.perf_counter(), halves()
    quick, sizes = options.quick, QUICK if options.quick else Sizes()
    stacks, networks = (s[:1] if quick else s for s in (STACK_SEEDS, NETWORK_SEEDS))
    kinds = [
        kind_of(
            "stack 64-48-32, 10 classes",
            predictors.OF_STACKS,
            stacks,
            partial(stack_run, data, sizes, quick),
            sizes.draws,
        )
    ]
    for hidden in HIDDEN[:1] if quick else HIDDEN:
        name = "-".join(map(str, (64, *hidden, 10)))
        measure = partial(network_run, data, sizes, quick, hidden)
        kinds.append(kind_of(name, predictors.OF_NETWORKS, networks, measure, sizes.draws))
    tables = {
        NAME: table_of(
            (
                "target",
                "predictor",
                "rank correlation",
                "95 % interval",
                "single trainings",
                "less than the best",
            ),
            (line for kind in kinds for line in lines(kind)),
        ),
        f"{NAME}-targets": table_of(
            (
                "target",
                "trainings",
                "images",
                "rightly classified",
                "median smallest flip",
                "proved",
                "found by a walk",
                "no flip found",
                "saturated",
            ),
            (target_line(kind) for kind in kinds),
        ),
        f"{NAME}-runs": table_of(
            (
                "target",
                "seed",
                *(predictors.COMMON[one] for one in (DISTANCE, EIGENVALUE)),
                "best of the stability measures",
                "which one",
            ),
            (line for kind in kinds for line in run_lines(kind)),
        ),
    }
    figures: list[Figure] = [intervals_figure(kind, n) for n, kind in enumerate(kinds, start=1)]
    figures += [scatter(kind, n) for n, kind in enumerate(kinds[:2], start=1)]
    numbers = {kind.name: numbers_of(kind) for kind in kinds}
    publish(NAME, options, figures=figures, numbers=numbers, tables=tables, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
