"""The layer-wise autoencoder detector on digits, against attacks that do not know it and that do.

    python examples/defences/detector.py [--quick] [--page] [--jobs 2] [--mnist DIRECTORY]

Hosts 64-128-128-10 are trained on 800 of scikit-learn's digits; the autoencoders learn on the same images,
the score and the threshold on 500 others; the remaining 497 are fresh. Five trainings, five detectors each.
With --mnist the same is done on MNIST, whose files (IDX, gzipped or not) lie in a directory of yours.
"""

from __future__ import annotations

import argparse
import gzip
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, publish, read_options, table_of
from sklearn.datasets import load_digits

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.defences.detector.autoencoder import Autoencoder, AutoencoderSettings
from hingeline.defences.detector.detector import SUPERVISED, HiddenLayerDetector, Kind
from hingeline.defences.detector.fitting import DetectorSettings, fit_detector
from hingeline.defences.detector.judgement import DetectorJudgement
from hingeline.defences.detector.judging import judge_detector
from hingeline.defences.detector.oblivious import OBLIVIOUS, equal_noise
from hingeline.defences.training.classifier import TrainingSettings, accuracy, train_classifier
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

NAME = "hidden-layer-detector"
PAGE = PAPERS / "hidden-layer-detector.md"
SEEDS = (61, 62, 63, 64, 65)
"""None of them served to choose anything."""
THREAT = Threat("linf", (0.0, 1.0))
RADII, SHOWN = (0.12, 0.3), 0.12
JUDGED = 40
"""Fresh images attacked in each training."""


@dataclass(frozen=True)
class Variant:
    """One detector of the table."""

    words: str
    kind: Kind
    learns: str = ""
    """The attack that a supervised one is taught."""


VARIANTS = (
    Variant("Mahalanobis", "mahalanobis"),
    Variant("isolation forest", "forest"),
    Variant("logistic, taught many steps", "logistic", "many steps"),
    Variant("logistic, taught one step", "logistic", "one step"),
    Variant("support vectors, taught many steps", "svc", "many steps"),
)


@dataclass(frozen=True, eq=False)
class Data:
    """Images from 0 to 1 and their classes: the host's, the detector's, fresh ones."""

    host: tuple[FloatArray, IntArray]
    clean: tuple[FloatArray, IntArray]
    fresh: tuple[FloatArray, IntArray]


@dataclass(frozen=True, eq=False)
class Run:
    """One detector on one training."""

    seed: int
    variant: Variant
    accuracy: float
    fired: int
    """Fresh clean images on which the detector fires."""
    fresh: int
    judged: DetectorJudgement


def shared(x: FloatArray, y: IntArray, seed: int, host: int, clean: int) -> Data:
    order = np.random.default_rng([seed, 0xD7]).permutation(len(x))
    parts = order[:host], order[host : host + clean], order[host + clean :]
    return Data(*((x[part], y[part].astype(np.int64)) for part in parts))


def digits(seed: int) -> Data:
    held = load_digits()
    return shared(held.data / 16.0, held.target, seed, 800, 500)


def mnist(directory: Path, seed: int) -> Data:
    """3,000 images for the host, 1,500 for the detector, 1,000 fresh ones."""
    images = read_idx(directory, "train-images-idx3-ubyte")
    labels = read_idx(directory, "train-labels-idx1-ubyte")
    rows = np.random.default_rng([seed, 0x3A]).permutation(len(images))[:5500]
    return shared(images[rows].reshape(len(rows), -1) / 255.0, labels[rows], seed, 3000, 1500)


def read_idx(directory: Path, name: str) -> np.ndarray:
    """The unsigned bytes of an IDX file: two zeros, type 8, number of axes, their lengths, the bytes.

    Raises:
        ValueError: There is no such file, or it is something else.
    """
    found = [path for path in (directory / name, directory / f"{name}.gz") if path.is_file()]
    if not found:
        raise ValueError(f"{directory} has no {name} or {name}.gz")
    raw = found[0].read_bytes()
    data = gzip.decompress(raw) if found[0].suffix == ".gz" else raw
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{found[0]} is not an IDX file of unsigned bytes")
    shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{found[0]} promises shape {shape} and holds {values.size} bytes")
    return values.reshape(shape)


def run_seed(seed: int, *, directory: Path | None, quick: bool) -> list[Run]:
    """One training, every detector on it."""
    data = digits(seed) if directory is None else mnist(directory, seed)
    training = TrainingSettings(epochs=10 if quick else 60)
    network = train_classifier(*data.host, settings=training, seed=seed)
    model, share = NetworkModel(network), accuracy(network, *data.fresh)
    x, y = (part[: 8 if quick else JUDGED] for part in data.fresh)
    runs: list[Run] = []
    coders: tuple[Autoencoder, ...] | None = None
    for variant in VARIANTS[:1] if quick else VARIANTS:
        detector = fitted(model, data, variant, seed, quick, coders)
        coders = detector.readings.autoencoders
        fired = int(detector.fires(data.fresh[0]).sum())
        radii = (SHOWN, RADII[-1]) if quick else RADII
        judged = judge_detector(model, detector, x, y, THREAT, radii, seed=seed)
        runs.append(Run(seed, variant, share, fired, len(data.fresh[0]), judged))
    return runs


def fitted(
    model: NetworkModel,
    data: Data,
    variant: Variant,
    seed: int,
    quick: bool,
    coders: tuple[Autoencoder, ...] | None,
) -> HiddenLayerDetector:
    """A detector; all on one host share the autoencoders of the first."""
    rng, (x, y) = np.random.default_rng([seed, 0xF1]), data.clean
    taught: dict[str, Any] = {}
    if variant.kind in SUPERVISED:
        taught["attacked"] = OBLIVIOUS[variant.learns](model, x, y, THREAT, SHOWN, rng)
        taught["noisy"] = equal_noise(model, x, y, THREAT, SHOWN, rng)
    settings = DetectorSettings(AutoencoderSettings(epochs=15 if quick else 150))
    return fit_detector(
        model,
        x,
        kind=variant.kind,
        training=data.host[0],
        autoencoders=coders,
        settings=settings,
        seed=seed,
        **taught,
    )


def of_variant(runs: Sequence[Run]) -> Iterator[tuple[Variant, list[Run]]]:
    for variant in VARIANTS:
        own = [run for run in runs if run.variant == variant]
        if own:
            yield variant, own


def place_of(run: Run, radius: float) -> int:
    return int(np.flatnonzero(run.judged.radii == radius)[0])


def pooled(runs: Sequence[Run], what: str, radius: float) -> FloatArray:
    """Over all trainings: whether each image fell, "n"."""
    return np.concatenate([getattr(run.judged, what)[place_of(run, radius)] for run in runs])


def with_interval(successes: float, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes / trials:.3f} ({low:.3f} to {high:.3f})"


def main_lines(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    for variant, own in of_variant(runs):
        names = ("undefended", "undetected_oblivious", "undetected_adaptive", "undetected")
        whole = {name: pooled(own, name, SHOWN) for name in names}
        shares = [run.fired / run.fresh for run in own]
        without, adaptive = whole["undefended"].mean(), whole["undetected_adaptive"].mean()
        yield (
            variant.words,
            f"{100 * np.mean(shares):.1f} % ({100 * min(shares):.1f} to {100 * max(shares):.1f})",
            *(with_interval(float(whole[name].sum()), len(whole[name])) for name in names[:3]),
            f"{adaptive / without:.3f}",
            f"{100 * (without - whole['undetected'].mean()):.1f}",
        )


def auroc_lines(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    for variant, own in of_variant(runs):
        told = [run.judged.summary() for run in own]
        place = place_of(own[0], SHOWN)
        noise = np.mean([t["noise_fires"][place]["share"] for t in told])
        for known, group in (("", "oblivious"), (" *", "adaptive")):
            for name in told[0][group]:
                rows = [t[group][name] for t in told]
                keys = ("auroc", "detected_at_1_percent", "detected_at_5_percent", "undetected")
                cells = [f"{np.mean([row[key][place] for row in rows]):.3f}" for key in keys]
                yield (f"{variant.words}: {name}{known}", *cells, f"{100 * noise:.1f} %")


def radius_lines(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    for variant, own in of_variant(runs):
        for radius in own[0].judged.radii:
            names = ("undefended", "undetected_oblivious", "undetected_adaptive", "undetected")
            shares = [pooled(own, name, float(radius)).mean() for name in names]
            yield (f"{variant.words}, {radius:g}", *(f"{s:.3f}" for s in shares[:3]), f"{1 - shares[3]:.3f}")


def fact_lines(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    for fact in runs[0].judged.facts:
        held = [
            sum(any(f.holds and f.name == fact.name for f in run.judged.facts) for run in own)
            for _, own in of_variant(runs)
        ]
        counts = [len(own) for _, own in of_variant(runs)]
        yield (fact.name, *(f"{h} of {n}" for h, n in zip(held, counts, strict=True)))


def tables_of(runs: Sequence[Run], name: str) -> dict[str, str]:
    """The tables of the page, by the names of their places there."""
    words = [variant.words for variant, _ in of_variant(runs)]
    return {
        name: table_of(
            (
                "detector",
                "fires on fresh clean images (lowest, highest training)",
                "wrong without it",
                "wrong and undetected, attacker does not know it",
                "attacker knows it",
                "share of the undefended",
                "points bought",
            ),
            main_lines(runs),
        ),
        f"{name}-attacks": table_of(
            ("detector: attack", "AUROC", "detected at 1 %", "at 5 %", "wrong and undetected", "noise fires"),
            auroc_lines(runs),
        ),
        f"{name}-radii": table_of(
            ("detector, radius", "undefended", "does not know", "knows", "defence rate"), radius_lines(runs)
        ),
        f"{name}-facts": table_of(("holds in", *words), fact_lines(runs)),
    }


def figure_of(runs: Sequence[Run], name: str) -> Curves:
    """Success against radius: no detector, and every detector against who knows it and who does not."""
    curves: list[Curve] = []
    for variant, own in of_variant(runs):
        radii = tuple(float(r) for r in own[0].judged.radii)
        shown = [(f"{variant.words}, knows", "undetected_adaptive")]
        shown += [(f"{variant.words}, does not know", "undetected_oblivious")]
        shown += [] if curves else [("no detector", "undefended")]
        for label, what in shown:
            curves.append(Curve(label, radii, tuple(float(pooled(own, what, r).mean()) for r in radii)))
    return Curves(
        name=name,
        caption="Share of fresh images that attacks make wrong and undetected, by what the attacker knows.",
        across=Axis("size of the change (l-infinity)", from_zero=True),
        up=Axis("share of images", from_zero=True),
        curves=tuple(curves),
    )


def numbers_of(run: Run) -> dict[str, Any]:
    told = run.judged.summary()
    kept = ("undefended", "undetected_oblivious", "undetected_adaptive", "undetected_best_of_all")
    return {
        "seed": run.seed,
        "detector": run.variant.words,
        "accuracy": run.accuracy,
        "false_positives": run.fired / run.fresh,
        "right_and_answered": told["clean"]["right_and_answered"]["share"],
        **{key: [entry["share"] for entry in told[key]] for key in kept},
        "median_smallest": told["median_smallest"],
        "facts": {fact["name"]: [fact["holds"], fact["words"]] for fact in told["facts"]},
        "gradients_of": told["detector"]["gradients_of"],
    }


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = parser_of(__doc__, PAGE)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--mnist", type=Path, help="directory with the files of MNIST")
    options: argparse.Namespace = read_options(parser, given, "defence-experiments")
    began, directory = time.perf_counter(), options.mnist
    work = partial(run_seed, directory=directory, quick=options.quick)
    seeds = SEEDS[:1] if options.quick else SEEDS
    if options.jobs > 1:
        with ProcessPoolExecutor(options.jobs) as pool:
            runs = [run for part in pool.map(work, seeds) for run in part]
    else:
        runs = [run for seed in seeds for run in work(seed)]
    name = NAME if directory is None else f"{NAME}-mnist"
    numbers = {"radii": list(RADII), "shown": SHOWN, "judged": JUDGED, "runs": [numbers_of(r) for r in runs]}
    del options.mnist, options.jobs  # where files lie and how many ran at once is no result
    publish(
        name,
        options,
        page=PAGE,
        figures=[figure_of(runs, name)],
        numbers=numbers,
        tables=tables_of(runs, name),
        began=began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
