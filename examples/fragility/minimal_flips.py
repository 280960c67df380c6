"""The smallest change that flips each of 100 inputs of a trained classifier, proved, in l2 and l-infinity.

    python examples/fragility/minimal_flips.py [--data FOLDER] [--targets FOLDER] [--inputs N] [--page]

With the folder of MNIST's four .gz files, 784-32-32-10 is trained on 20,000 images; without it, 64-32-32-10
on scikit-learn's digits. Either is tested on images it was not trained on, with pixels free and with pixels
kept in [0, 1]. With a folder of published networks, those that were trained on MNIST follow. Writes figures
(SVG and CSV), numbers (JSON) and, if asked, the table of a page. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from hingeline.core.arrays import FloatArray
from hingeline.networks.loading import load_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.statistics import median
from hingeline.report.figures import csv_text, svg_text
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
from hingeline.sensitivity.threat import Norm, Threat

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "design" / "smallest-flips.md"
HIDDEN = (32, 32)
TRAINED = 20_000
OWN_SECONDS = 480.0
"""For a hundred inputs: within ten minutes on two cores, with room for the rest of a run."""
PUBLIC_SECONDS = 90.0
THREATS: tuple[tuple[Norm, bool], ...] = (("l2", False), ("linf", False), ("linf", True), ("l2", True))
HEAD = (
    "| network | change | proved | ratio of the others | median flip | median nodes | seconds |",
    "|---|---|--:|--:|--:|--:|--:|",
)


def images(path: Path) -> Any:
    """Rows of one idx file: a header of one count for each axis, then bytes."""
    data = gzip.decompress(path.read_bytes())
    counts = np.frombuffer(data, dtype=">u4", count=data[3], offset=4)
    rows = np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * data[3])
    return rows.reshape(int(counts[0]), -1) / 255 if len(counts) > 1 else rows.astype(np.int64)


def trained(data: Path | None, seed: int) -> tuple[PiecewiseLinearNetwork, Any, float]:
    """A classifier, images it has not seen, and its accuracy on them."""
    if data is None:
        pixels, labels = load_digits(return_X_y=True)
        train, test = (pixels[:1500] / 16, labels[:1500]), (pixels[1500:] / 16, labels[1500:])
    else:
        files = [
            data / f"{part}-idx{axes}-ubyte.gz" for part, axes in (("train-images", 3), ("train-labels", 1))
        ]
        train = images(files[0])[:TRAINED], images(files[1])[:TRAINED]
        test = images(data / "t10k-images-idx3-ubyte.gz"), images(data / "t10k-labels-idx1-ubyte.gz")
    model = MLPClassifier(HIDDEN, max_iter=15 if data else 200, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loss need not be flat
        model.fit(*train)
    network = PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)
    return network, test[0], float(model.score(*test))


def numbers_of(found: MinimalFlips, seconds: float) -> dict[str, Any]:
    """What is printed and kept."""
    return {**found.to_dict(), "seconds": seconds, "nodes of each": found.nodes.tolist()}


@dataclass(frozen=True, eq=False)
class Case:
    """One network in one threat model."""

    name: str
    network: PiecewiseLinearNetwork
    decision: Decision
    norm: Norm
    boxed: bool
    seconds: float
    """For all inputs together."""


def cases(options: argparse.Namespace) -> tuple[list[Case], FloatArray]:
    """What is measured, and the inputs."""
    network, unseen, accuracy = trained(options.data, options.seed)
    name = f"{'-'.join(map(str, network.sizes))}, trained here"
    print(f"{name}, accuracy {accuracy:.3f}")
    own = [
        Case(name, network, Decision(network.output_dim), norm, boxed, OWN_SECONDS) for norm, boxed in THREATS
    ]
    public = [] if options.targets is None else public_cases(options.targets)
    return own + public, unseen[: options.inputs]


def public_cases(folder: Path) -> list[Case]:
    """Networks of published work that were trained on MNIST and have one output, in l2.

    Those of Foerster et al. and the defended ones tell the digit's value: their two classes are the digits up
    to 4 and from 5. Those of Chen et al. tell two digits apart by the sign.
    """
    found: list[Case] = []
    for path in sorted(folder.glob("*mnist*784_*.npz")):
        network = load_network(path)
        threshold = 0.0 if path.stem.startswith("chen") else 4.5
        found.append(Case(path.stem, network, Decision(1, threshold), "l2", False, PUBLIC_SECONDS))
    return found


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of MNIST's .gz files; digits if not given")
    parser.add_argument("--targets", type=Path, help="folder of .npz networks; none if not given")
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11, help="of the training")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FIGURES)
    parser.add_argument("--page", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(given)
    measured, points = cases(options)
    options.out.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {"workers": options.workers, "seed": options.seed, "cores": os.cpu_count()}
    rows: list[str] = []
    for case in measured:
        found, seconds = solved(case, points, options.workers)
        rows.append(row_of(case, found, seconds))
        print(rows[-1], flush=True)
        told[f"{case.name} {case.norm}{' box' if case.boxed else ''}"] = numbers_of(found, seconds)
        if case.decision.outputs > 1:
            save_figure(found, f"{case.norm}-box" if case.boxed else case.norm, options.out)
    (options.out / "minimal-flips.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        marked = re.compile(r"(<!-- table:start -->\n).*(<!-- table:end -->)", re.DOTALL)
        table = "\n".join([*HEAD, *rows]) + "\n"
        PAGE.write_text(marked.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8")
    return 0


def solved(case: Case, points: FloatArray, workers: int) -> tuple[MinimalFlips, float]:
    """Both bounds of every input, and the seconds they took."""
    began = time.perf_counter()
    found = minimal_flips(
        case.network,
        points,
        Threat(case.norm, box=(0.0, 1.0) if case.boxed else None),
        decision=case.decision,
        seconds=case.seconds,
        workers=workers,
    )
    return found, time.perf_counter() - began


def row_of(case: Case, found: MinimalFlips, seconds: float) -> str:
    """One row of the table."""
    open_ends = found.ratios[~found.proved]
    worst = "" if not len(open_ends) else f"{np.median(open_ends):.2f}"
    cells = (
        case.name.replace("_", " "),
        f"{case.norm}, in [0, 1]" if case.boxed else case.norm,
        f"{int(found.proved.sum())} of {len(found.upper)}",
        worst,
        f"{median(found.upper):.3g}",
        f"{np.median(found.nodes):.0f}",
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def save_figure(found: MinimalFlips, name: str, folder: Path) -> None:
    """The figure of one case, as SVG and CSV."""
    figure = replace(found.figure(), name=f"minimal-flips-{name}")
    (folder / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
    (folder / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
