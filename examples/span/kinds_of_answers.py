"""One network behind doors that tell more or less: what the span costs, and how exact it is.

    python examples/span/kinds_of_answers.py [--seeds N] [--quick] [--page]

A random 784-80-40-10 network answers all ten values, one of them, probabilities, values in float32, rounded
to six decimals, or only whether the first value is above its median.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import angle, arguments_of, dashed, he_network, power, publish, table_of

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Dots
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.subspace.recovered import query_floor

NAME = "span-answers"
Door = Callable[[PiecewiseLinearNetwork], hl.Oracle]


def _softmax(logits: FloatArray) -> FloatArray:
    parts = np.exp(logits - logits.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)


def _single(network: PiecewiseLinearNetwork, x: FloatArray) -> FloatArray:
    """The same network in float32."""
    y = x.astype(np.float32)
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        y = np.maximum(y @ weight.astype(np.float32).T + bias.astype(np.float32), np.float32(0))
    return y @ network.weights[-1].astype(np.float32).T + network.biases[-1].astype(np.float32)


def _labels(network: PiecewiseLinearNetwork) -> hl.Oracle:
    """Whether the first value is above its median over Gaussian inputs."""
    points = np.random.default_rng(7).standard_normal((2000, network.input_dim))
    middle = float(np.median(network(points)[:, 0]))
    return hl.oracle(
        lambda x: (network(x)[:, :1] > middle).astype(float), input_dim=network.input_dim, answers="labels"
    )


DOORS: dict[str, Door] = {
    "ten values": hl.oracle,
    "one value": lambda net: hl.oracle(lambda x: net(x)[:, :1], input_dim=net.input_dim),
    "probabilities": lambda net: hl.oracle(lambda x: _softmax(net(x)), input_dim=net.input_dim),
    "float32": lambda net: hl.oracle(lambda x: _single(net, x), input_dim=net.input_dim, dtype="float32"),
    "six decimals": lambda net: hl.oracle(lambda x: np.round(net(x), 6), input_dim=net.input_dim),
    "labels": _labels,
}


def numbers_in(door: str, network: PiecewiseLinearNetwork) -> int:
    """How many numbers an answer tells: probabilities sum to one, so one less."""
    return 1 if door in ("one value", "labels") else network.output_dim - (door == "probabilities")


def asked(door: str, network: PiecewiseLinearNetwork, seed: int) -> dict[str, Any]:
    """One run; JSON-ready."""
    finding = hl.span(DOORS[door](network), seed=seed)
    value = finding.value
    if value is None:
        raise SystemExit(f"{door}: {finding.outcome}")
    floor = query_floor(value.rank, value.input_dim, numbers_in(door, network))
    return {
        "door": door,
        "seed": seed,
        "method": value.method,
        "rank": value.rank,
        "standing": value.standing,
        "queries": finding.queries,
        "floor": floor,
        "over_floor": finding.queries / floor,
        "angle": angle(value.basis, network),
        "estimate": value.angle if np.isfinite(value.angle) else None,
        "seconds": finding.spending.seconds,
    }


def line(door: str, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """One row of the table."""
    return (
        door,
        runs[0]["method"],
        ", ".join(sorted({str(run["rank"]) for run in runs})),
        ", ".join(sorted({run["standing"] for run in runs})),
        f"{np.median([run['queries'] for run in runs]):,.0f}",
        f"{np.median([run['over_floor'] for run in runs]):.2f}",
        power(max(run["angle"] for run in runs)),
        f"{max(run['seconds'] for run in runs):.1f}",
    )


def figures_of(runs: dict[str, list[dict[str, Any]]], network: str) -> tuple[Dots, Dots]:
    """Prices and angles."""
    count = len(next(iter(runs.values())))
    price = Dots(
        NAME,
        f"Questions over the fewest possible, for random {network} networks behind six doors, one dot a "
        f"network ({count} of them); the fewest possible is k (n - k) over the numbers in an answer.",
        "questions over the fewest possible",
        tuple(runs),
        tuple(tuple(run["over_floor"] for run in some) for some in runs.values()),
        marks=(("fewest possible", 1.0),),
    )
    precision = Dots(
        f"{NAME}-angle",
        f"Largest angle to the true span behind the same doors, one dot a network ({count} of them).",
        "angle, radians",
        tuple(runs),
        tuple(tuple(run["angle"] for run in some) for some in runs.values()),
    )
    return price, precision


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 3), time.perf_counter()
    sizes = (100, 10, 8, 5) if options.quick else (784, 80, 40, 10)
    networks = [he_network(sizes, seed) for seed in range(options.seeds)]
    runs = {door: [asked(door, net, seed) for seed, net in enumerate(networks)] for door in DOORS}
    figures = figures_of(runs, dashed(sizes))
    columns = ("answers", "method", "rank", "called", "questions", "over the floor", "angle", "seconds")
    table = table_of(columns, (line(door, some) for door, some in runs.items()))
    publish(NAME, options, figures=figures, numbers=runs, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
