"""MulDef on digits: what examples made beforehand say of it, and what an attacker who knows it does.

    python examples/defences/muldef.py [--quick] [--page]
    python examples/defences/muldef.py --mnist DIRECTORY [--quick] [--out DIRECTORY]

Families of five 64-128-128-10 networks on scikit-learn's digits, changes of at most 0.12 in any pixel, 497
images that were never trained on; several trainings. Beside each family stand one network without defence,
five that differ in their seeds only, and one trained against projected gradient descent, all under the same
attack.
With --mnist the four gzipped IDX files of a directory are read instead.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, publish, read_options, table_of

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import Event, Note
from hingeline.defences.family.expectation import FamilyAttackSettings
from hingeline.defences.family.study import COLUMNS, MulDefRun, MulDefStudy, OverSeeds, judge_muldef
from hingeline.defences.training.classifier import TrainingSettings
from hingeline.sensitivity.threat import Threat

NAME = "muldef"
PAGE = PAPERS / "muldef.md"
SEEDS = (21, 22, 23, 24, 25)
"""None of them served to choose anything."""
SPLIT = 20
TEST = 497
MNIST_TRAIN, MNIST_TEST = 3000, 300
WORDS = {
    "clean": "clean",
    "static": "one step on the undefended model",
    "one_member": "PGD on one member",
    "adaptive": "all members, enumerated",
    "any_fooled": "some member fooled",
    "all_fooled": "all at once",
}
PROTOTYPE = {
    "undefended": {
        "static": 0.24,
        "one_member": 0.16,
        "adaptive": 0.135,
        "any_fooled": 0.865,
        "all_fooled": 0.865,
    },
    "plain": {"static": 0.26, "one_member": 0.20, "adaptive": 0.128, "any_fooled": 0.92, "all_fooled": 0.81},
    "muldef": {
        "static": 0.80,
        "one_member": 0.74,
        "adaptive": 0.351,
        "any_fooled": 0.996,
        "all_fooled": 0.31,
    },
    "robust": {"static": 0.76, "one_member": 0.75, "adaptive": 0.718},
}
"""An earlier prototype, one seed."""


@dataclass(frozen=True, eq=False)
class Data:
    """Images as rows from 0 to 1."""

    x_train: FloatArray
    y_train: IntArray
    x_test: FloatArray
    y_test: IntArray
    radius: float
    training: TrainingSettings


def digits(quick: bool) -> Data:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SPLIT).permutation(len(pixels))
    x, y = pixels[order] / 16, labels[order].astype(np.int64)
    tested = 100 if quick else TEST
    training = TrainingSettings(hidden=(32,), epochs=10) if quick else TrainingSettings()
    return Data(x[TEST:], y[TEST:], x[:tested], y[:tested], 0.12, training)


def mnist(folder: Path, quick: bool) -> Data:
    trained, tested = (1000, 50) if quick else (MNIST_TRAIN, MNIST_TEST)
    rng = np.random.default_rng(SPLIT)
    parts: list[np.ndarray] = []
    for kind, count in (("train", trained), ("t10k", tested)):
        images = idx(folder / f"{kind}-images-idx3-ubyte.gz")
        rows = rng.choice(len(images), count, replace=False)
        parts += [images[rows].reshape(count, -1) / 255, idx(folder / f"{kind}-labels-idx1-ubyte.gz")[rows]]
    training = TrainingSettings(epochs=3 if quick else 20)
    return Data(parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64), 0.1, training)


def idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format: two zeros, type 8, number of axes, their lengths, the bytes."""
    content = gzip.decompress(path.read_bytes())
    zero, kind, axes = int.from_bytes(content[:2], "big"), content[2], content[3]
    if zero or kind != 8:
        raise SystemExit(f"{path} is no IDX file of bytes")
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def rows_of(study: MulDefStudy, old: bool) -> Iterator[tuple[str, ...]]:
    """Means over trainings with intervals and ranges, and the prototype's."""
    for row, words in study.names.items():
        yield (words, *(cell(study.over_seeds(row, column)) for column in COLUMNS))
        before = PROTOTYPE[row]
        if old:
            yield (
                "*prototype, one seed*",
                *(f"{before[column]:.3g}" if column in before else "-" for column in COLUMNS),
            )


def cell(share: OverSeeds) -> str:
    return f"{share.mean:.3f} ± {share.mean - share.low:.3f} ({share.least:.3f} to {share.most:.3f})"


def seed_rows(study: MulDefStudy) -> Iterator[tuple[str, ...]]:
    for run in study.runs:
        family, robust = run.judgement.family, run.judgement.robust
        adaptive = family.adaptive
        yield (
            str(run.seed),
            *(f"{getattr(family, column).value:.3f}" for column in COLUMNS),
            f"{adaptive.low:.3f} to {adaptive.high:.3f}",
            f"{robust.adaptive.value:.3f}",
            f"{run.judgement.diversity:.3f}",
        )


def retry_rows(study: MulDefStudy) -> Iterator[tuple[str, ...]]:
    every = [run.judgement.retries for run in study.runs]
    for place, tries in enumerate(every[0].tries):
        means = [
            np.mean([getattr(r, kind)[place] for r in every]) for kind in ("per_query", "once_varied", "once")
        ]
        yield (f"{tries:.0f}", *(f"{mean:.3f}" for mean in means))


def fact_rows(study: MulDefStudy) -> Iterator[tuple[str, ...]]:
    for place, fact in enumerate(study.runs[0].judgement.facts):
        every = [run.judgement.facts[place] for run in study.runs]
        failed = [each for each in every if not each.passed]
        yield (fact.name, f"{len(every) - len(failed)} of {len(every)}", (failed or every)[0].words)


def tables_of(study: MulDefStudy, name: str) -> dict[str, str]:
    """The tables of the page, by the names of their places there."""
    columns = [WORDS[column] for column in COLUMNS]
    return {
        name: table_of(("", *columns), rows_of(study, name == NAME)),
        f"{name}-seeds": table_of(
            ("seed", *columns, "95 % of the enumerated", "adversarially trained", "diversity"),
            seed_rows(study),
        ),
        f"{name}-retries": table_of(
            ("tries", "drawn for every query", "once per client, other candidates", "once, the same again"),
            retry_rows(study),
        ),
        f"{name}-facts": table_of(
            ("check of the attack", "passed", "numbers of the first that failed, or of the first seed"),
            fact_rows(study),
        ),
    }


def tell(event: Event) -> None:
    if isinstance(event, Note) and not event.message.startswith("epoch"):
        print(f"  {event.message}", file=sys.stderr)


def tell_run(run: MulDefRun) -> None:
    values = {key: round(row.adaptive.value, 3) for key, row in run.rows.items()}
    print(f"seed {run.seed}: adaptive accuracies {values}", file=sys.stderr)


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = parser_of(__doc__, PAGE)
    parser.add_argument("--mnist", type=Path, help="directory of the gzipped IDX files")
    options: argparse.Namespace = read_options(parser, given, "defence-experiments")
    began, name = time.perf_counter(), NAME if options.mnist is None else f"{NAME}-mnist"
    data = digits(options.quick) if options.mnist is None else mnist(options.mnist, options.quick)
    # paths do not belong into the numbers
    options.mnist = options.mnist is not None
    study = judge_muldef(
        data.x_train, data.y_train, data.x_test, data.y_test,
        threat=Threat("linf", (0.0, 1.0)), radius=data.radius,
        members=2 if options.quick else 5,
        seeds=SEEDS[:2] if options.quick else SEEDS,
        training=data.training,
        attack=FamilyAttackSettings(steps=10, restarts=2) if options.quick else None,
        checked=20 if options.quick else 150,
        on_event=tell, on_run=tell_run,
    )  # fmt: skip
    publish(
        name,
        options,
        page=PAGE,
        figures=[replace(f, name=f.name.replace(NAME, name)) for f in study.figures()],
        numbers=study.to_dict(),
        tables=tables_of(study, name),
        began=began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
