"""Extract networks with three and more hidden layers; print a table of outcomes, queries, errors and layers.

    python benchmarks/depth.py
    python benchmarks/depth.py --first-seed 101 --seeds 5 40-20-10-10-1 ../shared/targets/NAME.npz

A seed draws the network, He weights and normal biases of deviation 0.3, and all choices of the extraction; of
a file, only the latter. The error is the largest of a parameter, rows normalised and neurons matched; the gap
is the largest of 20,000 N(0, 1) inputs, of what the outputs vary. Every query is counted. "Wrong" marks an
outcome that claims more than comparison with the truth confirms (`hingeline.evaluation.score`).
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from random_targets import target

import hingeline as hl
from hingeline.evaluation.score import score

TARGETS = ("40-20-10-10-1",)
MOST_QUERIES_PER_PARAMETER = 40


def row(name: str, seed: int, most: float) -> str:
    """One line of the table."""
    network = target(name, seed)
    size, began = network.parameter_count, time.perf_counter()
    finding = hl.extract(hl.oracle(network), seed=seed, budget=int(most * size))
    seconds = time.perf_counter() - began
    judged = score(finding, network)
    found = [layer["neurons"] for layer in finding.evidence.get("layers", [])]
    error = "-" if judged.parameter_error is None else f"{judged.parameter_error:.1e}"
    gap = "-"
    if finding.value is not None:
        points = np.random.default_rng(7).standard_normal((20_000, network.input_dim))
        truth = network(points)
        gap = f"{np.abs(finding.value(points) - truth).max() / np.ptp(truth):.1e}"
    short = name.rsplit("/", 1)[-1].removesuffix(".npz")
    wrong = "wrong" if judged.wrongly_ok else ""
    layers = "-".join(map(str, found)) or "-"
    return (
        f"| {short} | {seed} | {finding.outcome.status.value} | {finding.queries:,} | "
        f"{finding.queries / size:.1f} | {error} | {gap} | {layers} | {seconds:.0f} | {wrong} |"
    )


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=TARGETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument(
        "--most", type=float, default=MOST_QUERIES_PER_PARAMETER, help="queries per parameter"
    )
    chosen = parser.parse_args(arguments)
    print("| network | seed | outcome | queries | per parameter | error | gap | neurons found | seconds | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in chosen.targets:
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            print(row(name, seed, chosen.most), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
