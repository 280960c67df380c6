"""Extract networks with three and more hidden layers; print a table of outcomes, queries, errors and layers.

    python benchmarks/depth.py
    python benchmarks/depth.py --first-seed 101 --seeds 5 40-20-10-10-1 ../shared/targets/NAME.npz

A seed draws the network, He weights and normal biases of deviation 0.3, and all choices of the extraction; of
a file, only the latter. The error is the largest of a parameter, rows normalised and neurons matched; the gap
is the largest of 20,000 N(0, 1) inputs, of what the outputs vary. Every query is counted. "Wrong" marks an
outcome that claims more than comparison with the truth confirms (`hingeline.evaluation.score`). With
`--images FOLDER` (`t10k-images-idx3-ubyte.gz` of MNIST) two columns more: the share of N(0, 1) inputs with a
gap above 1e-9, and the largest gap at the test images, pixels from 0 to 1; both in units of the answers.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from pathlib import Path

import numpy as np
from random_targets import target

import hingeline as hl
from hingeline.evaluation.score import score
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

TARGETS = ("40-20-10-10-1",)
MOST_QUERIES_PER_PARAMETER = 40


def mnist(folder: Path) -> np.ndarray:
    """The test images, "n 784", pixels from 0 to 1."""
    raw = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) / 255


def beside(value: object, network: PiecewiseLinearNetwork, images: np.ndarray | None) -> str:
    """The columns that `--images` adds."""
    if images is None:
        return ""
    if not isinstance(value, PiecewiseLinearNetwork) or images.shape[1] != network.input_dim:
        return " - | - |"
    points = np.random.default_rng(7).standard_normal((40_000, network.input_dim))
    share = (np.abs(value(points) - network(points)).max(axis=1) > 1e-9).mean()
    return f" {share:.2%} | {np.abs(value(images) - network(images)).max():.1e} |"


def row(name: str, seed: int, most: float, images: np.ndarray | None = None) -> str:
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
        f"{beside(finding.value, network, images)}"
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
    parser.add_argument("--images", type=Path, help="folder with MNIST's test images")
    chosen = parser.parse_args(arguments)
    images = None if chosen.images is None else mnist(chosen.images)
    more = "" if images is None else " above 1e-9 | images |"
    print(
        "| network | seed | outcome | queries | per parameter | error | gap | neurons found | seconds | |"
        + more
    )
    print("|---|---|---|---|---|---|---|---|---|---|" + ("" if images is None else "---|---|"))
    for name in chosen.targets:
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            print(row(name, seed, chosen.most, images), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
