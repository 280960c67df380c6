"""Extract networks through float32 doors; print a table of outcomes, queries and errors.

    python benchmarks/float32.py
    python benchmarks/float32.py --seeds 5 --first-seed 101 --door cast 40-20-1 ../shared/targets/NAME.npz

Doors: "compute" (unless said otherwise) works in float32 throughout, weights, inputs and sums; "cast" works
in float64 and casts its answers to float32; "half" works in float16 throughout. A seed draws the network, He
weights and normal biases of deviation 0.3, and all choices of the extraction; of a file, only the latter. The
error is the largest of a parameter, rows normalised and neurons matched; every query is counted.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from random_targets import target

import hingeline as hl
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

TARGETS = ("20-10-1", "40-20-1", "10-15-15-1", "784-32-1")
MOST_QUERIES_PER_PARAMETER = 20


def door(network: PiecewiseLinearNetwork, kind: str):
    """What answers: the network in few digits."""
    if kind == "cast":
        return lambda x: network(x).astype(np.float32).astype(np.float64)
    dtype = np.float16 if kind == "half" else np.float32
    weights, biases = ([a.astype(dtype) for a in part] for part in (network.weights, network.biases))

    def answer(x):
        hidden = x.astype(dtype)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight.T + bias, dtype(0))
        return (hidden @ weights[-1].T + biases[-1]).astype(np.float64)

    return answer


def row(name: str, seed: int, kind: str) -> str:
    """One line of the table."""
    network = target(name, seed)
    size = network.parameter_count
    began = time.perf_counter()
    finding = hl.extract(
        hl.oracle(door(network, kind), input_dim=network.input_dim),
        seed=seed,
        budget=MOST_QUERIES_PER_PARAMETER * size,
    )
    seconds = time.perf_counter() - began
    error = "-" if finding.value is None else f"{hl.diff(finding.value, network).max_parameter_error:.1e}"
    status = finding.outcome.status.name.lower()
    share = finding.queries / size
    return (
        f"{name.split('/')[-1]:36s} {seed:4d} {kind:8s} {status:13s} {share:6.2f} {error:>8s} {seconds:7.1f}"
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("targets", nargs="*", default=TARGETS)
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--door", choices=("compute", "cast", "half"), default="compute")
    chosen = parser.parse_args()
    print(f"{'target':36s} seed door     outcome          q/p    error seconds")
    for name in chosen.targets:
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            print(row(name, seed, chosen.door), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
