"""Trained classifiers: what they look at, and images that they cannot tell from noise.

    python examples/span/trained_networks.py [--quick] [--page]

Digits of scikit-learn always, MNIST where it is there (four .gz files in ../shared/data/mnist or data/mnist).
The span is recovered from answers alone; then test images are moved ever farther outside it, and as far
inside it for comparison, and the network is asked for its labels.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from common import (
    Classifier,
    angle,
    arguments_of,
    digits_classifier,
    mnist_classifier,
    power,
    publish,
    table_of,
)

import hingeline as hl
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Picture, Pictures
from hingeline.report.obfuscation import obfuscation_gallery

NAME = "span-trained"
SIGMAS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Deviation of the noise in units of the pixels' range."""
IMAGES = 100
"""Test images moved."""
DATA = 300
"""Training images at which slopes are measured for the data span."""
SHOWN = 3
DECIMALS = 3


def classifiers(quick: bool) -> list[Classifier]:
    """What is examined."""
    if quick:
        return [digits_classifier((12,), epochs=10)]
    found = [digits_classifier((80, 40)), digits_classifier((20,)), mnist_classifier((80, 40))]
    return [one for one in found if one is not None]


def domain_ranks(oracle: hl.Oracle, one: Classifier, count: int) -> dict[str, Any]:
    """The ranks over data, box and free space, from one run, and what the last is called."""
    value = hl.span(oracle, data=one.train[:count], box=(0.0, 1.0), seed=0).value
    if value is None:
        return {"standing": "none"}
    return {domain.where: domain.rank for domain in value.domains} | {
        "standing": value.standing,
        "candidates": list(value.votes.candidates),
    }


def noise_sweep(one: Classifier, finding: hl.Finding[hl.RecoveredSpan]) -> list[dict[str, Any]]:
    """Labels and logits under noise outside the span, and under as long a move inside it."""
    rows: list[dict[str, Any]] = []
    for number, sigma in enumerate(SIGMAS):
        made = hl.obfuscate(
            hl.oracle(one.network), finding, one.test[:IMAGES], sigma=sigma, control_sigmas=(), seed=number
        ).value
        if made is None or made.control is None:
            raise SystemExit(f"{one.name}: nothing to hide")
        rows.append(
            {
                "sigma": sigma,
                "kept": made.labels_kept,
                "change": made.largest_change,
                "control_kept": made.control.labels_kept,
                "control_change": made.control.largest_change,
            }
        )
    return rows


def examined(one: Classifier, quick: bool) -> tuple[dict[str, Any], Pictures | None]:
    """Everything about one classifier, JSON-ready; and its gallery."""
    oracle = hl.oracle(one.network)
    finding = hl.span(oracle, seed=0)
    value = finding.require()
    boxed = hl.obfuscate(oracle, finding, one.test[:IMAGES], box=(0.0, 1.0), seed=0).require()
    target = boxed.correlation_target
    count = 200 if quick else DATA
    first = hl.oracle(lambda x: one.network(x)[:, :1], input_dim=one.network.input_dim)
    numbers = {
        "accuracy": one.accuracy,
        "rank": value.rank,
        "queries": finding.queries,
        "over_floor": finding.queries / value.floor,
        "angle": angle(value.basis, one.network),
        "strengths": sorted((float(s) for s in value.strengths), reverse=True),
        "ranks_first_output": domain_ranks(first, one, count),
        "ranks_all_outputs": domain_ranks(oracle, one, count),
        "unseen_energy": float(np.median(value.unseen_energy(one.test))),
        "noise": noise_sweep(one, finding),
        "boxed": {
            "images": IMAGES,
            "kept": boxed.labels_kept,
            "change": boxed.largest_change,
            "control_kept": None if boxed.control is None else boxed.control.labels_kept,
            "correlation_original": float(boxed.correlation_original.mean()),
            "correlation_noise": None if target is None else float(target.mean()),
            "rms": float(np.sqrt(np.mean(boxed.rms**2))),
        },
    }
    return numbers, obfuscation_gallery(boxed)


def short(gallery: Pictures, name: str, caption: str) -> Pictures:
    """A few rows of a gallery, pixels rounded: a small file."""

    def rounded(picture: Picture) -> Picture:
        lines = tuple(tuple(round(v, DECIMALS) for v in line) for line in picture.pixels)
        return replace(picture, pixels=lines)

    rows = tuple(tuple(rounded(picture) for picture in row) for row in gallery.rows[:SHOWN])
    return Pictures(name, caption, gallery.titles, rows)


def figures_of(found: dict[str, dict[str, Any]]) -> tuple[Figure, ...]:
    """Strengths, labels kept, change of the logits."""

    def over_sigma(label: str, key: str, names: list[str], worst: Callable[..., float]) -> Curve:
        rows = [found[name]["noise"] for name in names]
        y = [worst(row[n][key] for row in rows) for n in range(len(SIGMAS))]
        return Curve(label, SIGMAS, tuple(100 * v for v in y) if "kept" in key else tuple(y))

    names = list(found)
    # what all networks have in common is one curve: the worst of them
    kept = [over_sigma("unseen, fewest of all networks", "kept", names, min)]
    kept += [over_sigma(f"seen, {name}", "control_kept", [name], min) for name in names]
    change = [over_sigma("seen, largest of all networks", "control_change", names, max)]
    change += [over_sigma(f"unseen, {name}", "change", [name], max) for name in names]
    strengths = tuple(
        Curve(
            name,
            tuple(float(n + 1) for n in range(len(row["strengths"]))),
            tuple(row["strengths"]),
            joined=False,
        )
        for name, row in found.items()
    )
    across = Axis("deviation of the noise, pixel range = 1", log=True)
    return (
        Curves(
            f"{NAME}-strengths",
            "Strength of every direction found by asking, strongest first, for trained classifiers.",
            Axis("direction, strongest first", whole=True),
            Axis("strength, logit per unit of input", log=True),
            strengths,
        ),
        Curves(
            f"{NAME}-labels",
            f"Labels kept by {IMAGES} test images under noise of growing size: outside the recovered span "
            "all are kept, as long moves inside it lose them.",
            across,
            Axis("labels kept, %", from_zero=True),
            tuple(kept),
        ),
        Curves(
            f"{NAME}-logits",
            f"Largest change of a logit over {IMAGES} test images under the same noise: outside the span "
            "only the error of the span itself shows, inside it the noise.",
            across,
            Axis("largest change of a logit", log=True),
            tuple(change),
        ),
    )


def _ranks(ranks: dict[str, Any]) -> str:
    told = " / ".join(str(ranks.get(where, "-")) for where in ("data", "box", "free"))
    return told if ranks["standing"] == "exact" else f"{told} ({ranks['standing']})"


def line(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    """One row of the table."""
    last, boxed = row["noise"][-1], row["boxed"]
    control = next(r for r in row["noise"] if r["sigma"] == 10.0)
    return (
        name,
        f"{100 * row['accuracy']:.1f} %",
        f"{row['queries']:,} ({row['over_floor']:.2f})",
        power(row["angle"]),
        _ranks(row["ranks_first_output"]),
        _ranks(row["ranks_all_outputs"]),
        f"{100 * row['unseen_energy']:.0f} %",
        f"{100 * last['kept']:.0f} % ({power(last['change'])})",
        f"{100 * control['control_kept']:.0f} %",
        f"{100 * boxed['kept']:.0f} % ({power(boxed['change'])})",
        f"{boxed['correlation_original']:.2f} / {boxed['correlation_noise']:.2f}",
    )


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 1), time.perf_counter()
    found: dict[str, dict[str, Any]] = {}
    galleries: list[Figure] = []
    for one in classifiers(options.quick):
        found[one.name], gallery = examined(one, options.quick)
        if gallery is not None:
            caption = (
                f"{one.name}: the original, the part the network sees, the part it cannot see, and the "
                "picture nearest to noise whose seen part is the same: to the network, the original."
            )
            galleries.append(short(gallery, f"{NAME}-gallery-{len(galleries) + 1}", caption))
    columns = (
        "network",
        "test accuracy",
        "questions (over the floor)",
        "angle",
        "first logit: data / box / free",
        "ten logits: data / box / free",
        "energy unseen",
        "noise 100 unseen: labels kept (logit change)",
        "noise 10 seen: labels kept",
        "in the box: labels kept (logit change)",
        "correlation with original / noise",
    )
    table = table_of(columns, (line(name, row) for name, row in found.items()))
    figures = (*figures_of(found), *galleries)
    publish(NAME, options, figures=figures, numbers=found, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
