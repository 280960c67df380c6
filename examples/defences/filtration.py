"""Digits that fixed networks get wrong, or are sure of without reason: are they hard for other models?

    python examples/defences/filtration.py [--splits N] [--quick] [--page]

Digits 0 to 6 of scikit-learn's scans: 250 to train on, 1014 as the pool, drawn anew for every split; digits 7
to 9 as rows of no class. References are 64-64-64-7 networks; unseen are a fresh training of the same, other
sizes and other kinds of model; the size-matched baseline is chosen by a linear discriminant. Writes figures
(SVG and CSV), numbers (JSON) and, if asked, the tables of a page. Needs scikit-learn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, publish, read_options, table_of

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.figure_data import Axis, Curve, Curves, Dots
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.filtering import filter_hard
from hingeline.defences.filtration.model_answers import ask_model
from hingeline.defences.filtration.transfer import transfer
from hingeline.defences.filtration.transfer_report import TransferReport
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.numerics.classification_scores import (
    aurra,
    expected_calibration_error,
    rms_calibration_error,
)
from hingeline.sensitivity.results import number

NAME = "filtration"
PAGE = PAPERS / "natural-adversarial-examples.md"
CLASSES, TRAINED, REFERENCES = 7, 250, 4
SIZES = {
    "same sizes, fresh seed": (64, 64),
    "wider (256, 256)": (256, 256),
    "deeper (64 × 5)": (64, 64, 64, 64, 64),
}
OTHERS: dict[str, Callable[[int], Any]] = {
    "logistic regression": lambda seed: LogisticRegression(max_iter=2000),
    "random forest": lambda seed: RandomForestClassifier(200, random_state=seed),
    "support vectors": lambda seed: SVC(),
    "5 nearest neighbours": lambda seed: KNeighborsClassifier(),
}
NOISE = 0.01
"""Share of the pool's labels that are replaced by a wrong one."""


@dataclass(frozen=True, eq=False)
class Split:
    """One draw of what is trained on and what is filtered."""

    train: FloatArray
    train_labels: IntArray
    pool: FloatArray
    labels: IntArray
    outside: FloatArray


def split_of(seed: int) -> Split:
    """Pixels from 0 to 1."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng([seed, 77]).permutation(len(pixels))
    x, y = pixels[order] / 16.0, labels[order].astype(np.int64)
    known = y < CLASSES
    x, y, outside = x[known], y[known], x[~known]
    return Split(x[:TRAINED], y[:TRAINED], x[TRAINED:], y[TRAINED:], outside)


def network(data: Split, hidden: tuple[int, ...], seed: int) -> Any:
    """A small classifier, trained until the training images are learnt."""
    settings = TrainingSettings(hidden, epochs=60, batch=32)
    return train_classifier(data.train, data.train_labels, classes=CLASSES, settings=settings, seed=seed)


def unseen_models(data: Split, seed: int) -> dict[str, Any]:
    """Models that take no part in filtering."""
    networks = {name: network(data, hidden, 1000 * seed + 500) for name, hidden in SIZES.items()}
    others = {name: make(seed).fit(data.train, data.train_labels) for name, make in OTHERS.items()}
    return networks | others


@dataclass(frozen=True, eq=False)
class Run:
    """All that is measured on one split."""

    one: TransferReport
    """Filtered by one reference."""
    all_agree: TransferReport
    """By all of them."""
    outside: TransferReport
    noise: dict[str, float]
    calibration: dict[str, dict[str, float]]


def run(seed: int) -> Run:
    """Train, filter and judge."""
    data = split_of(seed)
    references = {f"reference {i}": network(data, (64, 64), 1000 * seed + i) for i in range(REFERENCES)}
    first = dict(list(references.items())[:1])
    unseen = unseen_models(data, seed)
    unrelated = LinearDiscriminantAnalysis().fit(data.train, data.train_labels)
    one, every = (filter_hard(data.pool, data.labels, some) for some in (first, references))
    sure = filter_hard(data.outside, None, first, mode="ood_confident", min_conf=0.9)
    judged = {"unrelated": unrelated, "seed": seed}
    return Run(
        transfer(one, data.pool, data.labels, unseen, **judged),
        transfer(every, data.pool, data.labels, unseen, references=references, **judged),
        transfer(sure, data.outside, None, unseen, inside=data.pool, **judged),
        noise_of(data, references, every, seed),
        {name: calibration_of(data, model) for name, model in unseen.items()},
    )


def noise_of(data: Split, references: Any, clean: FilteredPool, seed: int) -> dict[str, float]:
    """Where wrong labels end up: some are planted, and the pool is filtered again."""
    rng = np.random.default_rng([seed, 78])
    planted = rng.choice(len(data.labels), round(NOISE * len(data.labels)), replace=False)
    labels = data.labels.copy()
    labels[planted] = (labels[planted] + rng.integers(1, CLASSES, len(planted))) % CLASSES
    kept = filter_hard(data.pool, labels, references).rows
    among = np.isin(kept, planted)
    return {
        "planted": len(planted),
        "kept without": len(clean),
        "kept with": len(kept),
        "planted and kept": int(among.sum()),
        "share of kept": float(among.mean()),
    }


def calibration_of(data: Split, model: Any) -> dict[str, float]:
    """Of one model on the pool."""
    answers = ask_model(model, data.pool)
    right = answers.right(data.labels)
    return {
        "RMS": rms_calibration_error(answers.confidence, right),
        "RMS, published loop": rms_calibration_error(answers.confidence, right, legacy=True),
        "expected": expected_calibration_error(answers.confidence, right),
        "AURRA": aurra(answers.confidence, right),
        "accuracy": float(right.mean()),
    }


def spread(values: list[float], digits: int = 2) -> str:
    """Mean, and from least to most."""
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def transfer_table(reports: list[TransferReport]) -> str:
    """One line for each model, over splits."""
    rows = []
    for place, name in enumerate((*SIZES, *OTHERS)):
        models = [report.accuracies[place] for report in reports]
        hard = [m.random_hard_transfer for m in models]
        ahead = sum(m.transfer > (m.random_hard_transfer or 0.0) for m in models)
        rows.append(
            (
                name,
                f"{np.mean([m.pool.accuracy for m in models]):.3f}",
                spread([m.filtered.accuracy for m in models]),
                spread([m.transfer for m in models]),
                f"{np.mean([m.transfer_interval[1] - m.transfer_interval[0] for m in models]):.2f}",
                spread([h for h in hard if h is not None]),
                f"{ahead} of {len(models)}",
            )
        )
    columns = ("unseen model", "pool", "filtered", "transfer", "width of its 95 % interval in one split")
    return table_of((*columns, "transfer, size-matched hard rows", "filtered is harder"), rows)


def sets_table(runs: list[Run]) -> str:
    """How much is kept, and what cross-fitting says of the references."""
    fits = [r.all_agree.cross_fit for r in runs]
    fitted = [np.mean([f.transfers(i) for i in range(REFERENCES)]) for f in fits if f is not None]
    halves = [float(np.mean([s.kept for s in f.splits])) for f in fits if f is not None]
    noise = [r.noise for r in runs]
    rows = [
        ("pool", f"{runs[0].one.pool_rows}"),
        ("kept by one reference", spread([r.one.kept_rows for r in runs], 0)),
        (f"kept by all {REFERENCES}", spread([r.all_agree.kept_rows for r in runs], 0)),
        (f"kept by {REFERENCES // 2} of them (cross-fitting)", spread(halves, 0)),
        ("transfer to the other two references (cross-fitting)", spread([float(f) for f in fitted])),
        (
            "rows of the baseline that were filtered too",
            spread([r.all_agree.baseline_overlap or 0.0 for r in runs]),
        ),
        (f"wrong labels planted, {NOISE:.0%} of the pool", f"{noise[0]['planted']:.0f}"),
        ("planted ones that are kept", spread([n["planted and kept"] for n in noise], 0)),
        ("their share of what is kept then", spread([n["share of kept"] for n in noise])),
    ]
    return table_of(("", "over splits"), rows)


def outside_table(runs: list[Run]) -> str:
    """Detection of digits 7 to 9 before and after."""
    rows = []
    for place, name in enumerate((*SIZES, *OTHERS)):
        found = [r.outside.detections[place] for r in runs]
        cells = []
        for what in ("auroc", "aupr", "fpr95"):
            before, after = (
                [getattr(scores, what) for scores in side]
                for side in ([f.pool for f in found], [f.filtered for f in found])
            )
            cells.append(f"{np.mean(before):.2f} → {np.mean(after):.2f}")
        hard = np.mean([f.random_hard.auroc for f in found if f.random_hard is not None])
        rates = [np.mean([getattr(f, side).base_rate for f in found]) for side in ("pool", "filtered")]
        rows.append((name, cells[0], f"{hard:.2f}", cells[1], f"{rates[0]:.2f} → {rates[1]:.2f}", cells[2]))
    return table_of(
        ("unseen model", "AUROC", "AUROC, size-matched surest rows", "AUPR", "its base rate", "FPR95"), rows
    )


def calibration_table(runs: list[Run]) -> str:
    """On the pool."""
    names = ("RMS", "RMS, published loop", "expected", "AURRA", "accuracy")
    rows = [
        (model, *(f"{np.mean([r.calibration[model][name] for r in runs]):.3f}" for name in names))
        for model in (*SIZES, *OTHERS)
    ]
    return table_of(
        ("model, on the pool", "RMS error", "the same, published loop", "expected error", *names[3:]), rows
    )


def figures_of(runs: list[Run]) -> tuple[Any, ...]:
    """Transfer of each model and split, beside the baseline; accuracy of filtered rows."""
    models = (*SIZES, *OTHERS)
    places = tuple(float(i + 1) for i in range(len(models)))
    means = {
        "filtered by one reference": [r.one for r in runs],
        f"filtered by all {REFERENCES}": [r.all_agree for r in runs],
    }
    curves = [
        Curve(
            words,
            places,
            tuple(float(np.mean([r.accuracies[i].transfer for r in reports])) for i in range(len(models))),
            joined=False,
        )
        for words, reports in means.items()
    ]
    hard = [
        float(np.mean([r.all_agree.accuracies[i].random_hard_transfer or 0.0 for r in runs]))
        for i in range(len(models))
    ]
    listed = ", ".join(f"{i} {name}" for i, name in enumerate(models, start=1))
    lines = Curves(
        NAME,
        "Share of accuracy that unseen models lose on filtered digits, mean over splits, beside as many rows "
        f"that a linear discriminant finds hardest as all references keep. Models: {listed}.",
        Axis("model, as numbered in the caption", whole=True),
        Axis("(pool - filtered) / pool", from_zero=True),
        (*curves, Curve("hardest for an unrelated model, as many", places, tuple(hard), joined=False)),
    )
    rows = Dots(
        f"{NAME}-rows",
        "How many of the pool's rows are kept in each split: one reference, all of them, and all of them "
        "where one label in a hundred is wrong.",
        "rows kept",
        ("one reference", f"all {REFERENCES}", f"all {REFERENCES}, 1 % wrong labels"),
        (
            tuple(float(r.one.kept_rows) for r in runs),
            tuple(float(r.all_agree.kept_rows) for r in runs),
            tuple(r.noise["kept with"] for r in runs),
        ),
    )
    return lines, rows


def numbers_of(runs: list[Run]) -> list[dict[str, Any]]:
    """Every split by itself."""
    return [
        {
            "one": r.one.summary(),
            "all": r.all_agree.summary(),
            "outside": r.outside.summary(),
            "noise": {key: number(value) for key, value in r.noise.items()},
            "calibration": r.calibration,
        }
        for r in runs
    ]


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = parser_of(__doc__, PAGE)
    parser.add_argument("--splits", type=int, default=10, help="draws of training images and pool")
    options, began = read_options(parser, given, "filtration"), time.perf_counter()
    options.splits = 2 if options.quick else options.splits
    runs = [run(seed) for seed in range(options.splits)]
    tables = {
        "filtration-one": transfer_table([r.one for r in runs]),
        "filtration-all": transfer_table([r.all_agree for r in runs]),
        "filtration-sets": sets_table(runs),
        "filtration-outside": outside_table(runs),
        "filtration-calibration": calibration_table(runs),
    }
    publish(
        NAME,
        options,
        page=PAGE,
        figures=figures_of(runs),
        numbers=numbers_of(runs),
        tables=tables,
        began=began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
