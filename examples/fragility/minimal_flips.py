"""The smallest change that flips each of 100 inputs of a trained classifier, proved, in l2 and l-infinity.

    python examples/fragility/minimal_flips.py [--data FOLDER] [--inputs N] [--seed S] [--out FOLDER]

With the folder of MNIST's four .gz files, 784-32-32-10 is trained on 20,000 images; without it, 64-32-32-10
on scikit-learn's digits. Either is tested on images it was not trained on, with pixels free and with pixels
kept in [0, 1]. Writes figures (SVG and CSV) and numbers (JSON). Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.figures import csv_text, svg_text
from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
from hingeline.sensitivity.exact.search import ExactSettings
from hingeline.sensitivity.threat import Norm, Threat

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "figures"
HIDDEN = (32, 32)
TRAINED = 20_000
SETTINGS = ExactSettings(nodes=20_000, seconds=12.0)
"""A hundred inputs on two cores then end within ten minutes."""
CASES: tuple[tuple[Norm, bool], ...] = (("l2", False), ("linf", False), ("linf", True), ("l2", True))


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


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of MNIST's .gz files; digits if not given")
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11, help="of the training")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FIGURES)
    options = parser.parse_args(given)
    network, unseen, accuracy = trained(options.data, options.seed)
    points = unseen[: options.inputs]
    told: dict[str, Any] = {"sizes": list(network.sizes), "accuracy": accuracy, "workers": options.workers}
    told |= {"seed": options.seed, "cores": os.cpu_count(), "cases": {}}
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{'-'.join(map(str, network.sizes))}, accuracy {accuracy:.3f}")
    for norm, boxed in CASES:
        name, began = f"{norm}-box" if boxed else norm, time.perf_counter()
        threat = Threat(norm, box=(0.0, 1.0) if boxed else None)
        found = minimal_flips(network, points, threat, settings=SETTINGS, workers=options.workers)
        seconds = time.perf_counter() - began
        told["cases"][name] = numbers_of(found, seconds)
        print(
            f"{name:9} proved {int(found.proved.sum())} of {len(points)}, {seconds:.0f} s,"
            f" median {np.median(found.nodes):.0f} nodes, median distance {np.median(found.upper):.4f}",
            flush=True,
        )
        figure = replace(found.figure(), name=f"minimal-flips-{name}")
        (options.out / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
        (options.out / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")
    (options.out / "minimal-flips.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
