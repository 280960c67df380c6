"""Adversarial filtration: keep of a pool what fixed models get wrong, or are sure of without reason.

    misclassified   a reference finds a row hard if it decides another class than the label
                    (and, where `min_conf` is given, with at least that confidence)
    ood_confident   the rows belong to none of the models' classes; a reference finds one hard if its largest
                    probability is at least `min_conf`

Kept are rows that enough references find hard. The references score 0 on what all of them misclassify by
construction: nothing follows from that figure. What does follow is measured on models that took no part
(`transfer`).

Source: Hendrycks et al., Natural Adversarial Examples, CVPR 2021 (arXiv 1907.07174). Their thresholds are not
known to us; ours are arguments. Cost: every reference is asked every row of the pool once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from hingeline.core.arrays import BoolArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.manifest import (
    Agree,
    KeptRecord,
    Manifest,
    Mode,
    PoolRecord,
    ReferenceRecord,
    Review,
)
from hingeline.defences.filtration.model_answers import BATCH_ROWS, ModelAnswers, ask_models, digest
from hingeline.defences.filtration.pool import Pool
from hingeline.sensitivity.results import sealed

OOD_CONFIDENCE = 0.9
"""Least confidence in a row of no class, where nobody says."""


def filter_hard(
    x: Any,
    y: Any,
    references: Any,
    *,
    mode: Mode = "misclassified",
    agree: Agree = "all",
    min_conf: float | None = None,
    batch_rows: int = BATCH_ROWS,
    on_event: EventSink = ignore,
) -> FilteredPool:
    """Keep the rows of a pool that references find hard.

    Args:
        x: The pool, one input after the other, shape "n ...".
        y: Classes from 0 up, shape "n", as places in a model's answer (of a scikit-learn model, in its
            `classes_`). In mode "ood_confident" true classes for the reviewer, or None.
        references: A list of models or a dict from names to models: networks, anything `hingeline.oracle`
            opens, fitted scikit-learn models, functions from rows to scores.
        mode: What hard means; see above.
        agree: How many references must find a row hard: "all", "any" or a number.
        min_conf: Least confidence, from 0 to 1; None asks for none, or for 0.9 in mode "ood_confident".
        batch_rows: Most rows in one question.
        on_event: Where progress goes.

    Returns:
        The kept rows with a manifest, every review pending.

    Raises:
        InvalidInput: Arguments that do not fit together, a label that a reference cannot answer, a
            confidence wanted of labels, or no row that is kept.
        OracleError: A reference that gives no usable answers.
    """
    pool = Pool.read(x, y)
    least = check_settings(mode, min_conf, y)
    answers = ask_models(references, pool.x, batch_rows=batch_rows, on_event=on_event)
    needed = votes_needed(agree, len(answers))
    hard = hard_rows(pool, answers, mode, least)
    kept = np.flatnonzero(hard.sum(axis=0) >= needed)
    if not len(kept):
        counts = ", ".join(f"{a.name}: {int(row.sum())}" for a, row in zip(answers, hard, strict=True))
        raise InvalidInput(
            f"no row is kept: {needed} of {len(answers)} references would have to find the same row hard, "
            f"and each alone does so for ({counts}) of {len(pool)}. Use a larger pool, agree='any', fewer "
            "references or a lower min_conf"
        )
    records = tuple(_record(a, row) for a, row in zip(answers, hard, strict=True))
    return _kept(pool, kept, mode, agree, needed, least, records)


def hard_rows(pool: Pool, answers: Sequence[ModelAnswers], mode: Mode, min_conf: float | None) -> BoolArray:
    """What each reference finds hard: "r n".

    Raises:
        InvalidInput: A label that a reference cannot answer, or a confidence wanted of labels.
    """
    return np.array([_hard(pool, one, mode, min_conf) for one in answers], dtype=np.bool_)


def votes_needed(agree: Agree, references: int) -> int:
    """How many of the references must find a row hard.

    Raises:
        InvalidInput: No references, or a number that they cannot give.
    """
    if references < 1:
        raise InvalidInput("want at least one reference; got none")
    if agree == "all":
        return references
    if agree == "any":
        return 1
    counts: Any = agree
    is_count = isinstance(counts, int | np.integer) and not isinstance(counts, bool)
    if not is_count or not 1 <= counts <= references:
        raise InvalidInput(f"agree must be 'all', 'any' or a number from 1 to {references}; got {agree!r}")
    return int(counts)


def check_settings(mode: Mode, min_conf: float | None, y: Any) -> float | None:
    """The least confidence that counts.

    Raises:
        InvalidInput: An unknown mode, no labels where they are needed, or no share.
    """
    if mode not in get_args(Mode):
        raise InvalidInput(f"mode must be one of {', '.join(get_args(Mode))}; got {mode!r}")
    if mode == "misclassified" and y is None:
        raise InvalidInput("mode 'misclassified' wants labels y; only 'ood_confident' does without")
    least = OOD_CONFIDENCE if min_conf is None and mode == "ood_confident" else min_conf
    is_number = isinstance(least, int | float | np.integer | np.floating) and not isinstance(least, bool)
    if least is not None and not (is_number and 0 <= least <= 1):
        raise InvalidInput(f"min_conf is a probability from 0 to 1; got {min_conf!r}")
    return None if least is None else float(least)


def _hard(pool: Pool, answers: ModelAnswers, mode: Mode, min_conf: float | None) -> BoolArray:
    if mode == "misclassified":
        pool.check_labels(answers)
        wrong = ~answers.right(pool.y)
        return wrong if min_conf is None else wrong & (answers.confidence >= min_conf)
    return answers.confidence >= (0.0 if min_conf is None else min_conf)


def _record(answers: ModelAnswers, hard: BoolArray) -> ReferenceRecord:
    return ReferenceRecord(
        answers.name,
        answers.identified,
        answers.sha256,
        answers.decisions_sha256,
        answers.kind,
        answers.queries,
        int(hard.sum()),
    )


def _kept(
    pool: Pool,
    kept: IntArray,
    mode: Mode,
    agree: Agree,
    needed: int,
    min_conf: float | None,
    records: tuple[ReferenceRecord, ...],
) -> FilteredPool:
    rows, x, y = sealed(kept), sealed(pool.x[kept]), sealed(pool.y[kept])
    manifest = Manifest(
        mode,
        agree if isinstance(agree, str) else int(agree),
        needed,
        min_conf,
        records,
        PoolRecord(len(pool), pool.x.shape[1], pool.x_sha256, pool.y_sha256),
        KeptRecord(len(rows), digest(rows), digest(x), digest(y)),
        tuple(Review(int(row)) for row in rows),
    )
    return FilteredPool(rows, x, y, manifest)
