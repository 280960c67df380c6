"""Does a filtered set stay hard for models that did not filter it?

The trap is selection: references score 0 by construction, and any set chosen by its difficulty for some model
is harder than the pool for every other. So each unseen model is shown beside a size-matched set of rows that
an unrelated model finds hardest (smallest lead of the label; in mode "ood_confident" largest confidence), and
the references are judged by cross-fitting. A label error is hard for every good model: rows that a reviewer
rejected are left out, and rows nobody looked at are told.

Source: Hendrycks et al., Natural Adversarial Examples, CVPR 2021; baseline and cross-fitting are ours.
Cost: each unseen model and the unrelated one are asked the pool (and the inside rows) once, and so are the
references if they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.filtration.cross_fitting import CrossFit, cross_fit
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.model_answers import BATCH_ROWS, ModelAnswers, ask_model, ask_models
from hingeline.defences.filtration.pool import Pool, read_inputs
from hingeline.defences.filtration.rebuilding import pool_differences, reference_differences
from hingeline.defences.filtration.transfer_figures import AccuracyTransfer, DetectionTransfer, Rate
from hingeline.defences.filtration.transfer_report import TransferReport
from hingeline.numerics.detection_scores import DetectionScores, detection_scores


def transfer(
    filtered: FilteredPool,
    x: Any,
    y: Any,
    unseen: Any,
    *,
    unrelated: Any = None,
    references: Any = None,
    inside: Any = None,
    splits: int | None = None,
    seed: int = 0,
    batch_rows: int = BATCH_ROWS,
    on_event: EventSink = ignore,
) -> TransferReport:
    """Judge a filtered pool by models that took no part in it.

    Args:
        filtered: What `filter_hard` kept.
        x: The pool it was kept of.
        y: Its labels, as they were given then.
        unseen: A list of models or a dict from names to models; see `filter_hard`.
        unrelated: A model for the size-matched baseline, best of another kind than all others and not among
            `unseen`; without it the report says that the baseline is missing.
        references: Those that filtered, in the same order, for cross-fitting; None leaves it out. Only in
            mode "misclassified".
        inside: Rows of the models' classes, shape "n ...", needed in mode "ood_confident" only.
        splits: Cross-fitting splits at most; None for all if there are at most 100.
        seed: Draws splits.
        batch_rows: Most rows in one question.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Another pool or other references than the manifest's, no unseen models, only one
            reference, labels that a model cannot answer, or rows missing or too many for the mode.
        OracleError: A model that gives no usable answers.
    """
    pool = Pool.read(x, y)
    _check(filtered, pool, references, inside)
    standing = _standing(filtered, len(pool))
    rows = filtered.rows[filtered.standing]
    answers = ask_models(unseen, pool.x, batch_rows=batch_rows, on_event=on_event)
    if not answers:
        raise InvalidInput("transfer wants at least one unseen model; got none")
    hardest, baseline = _hardest(filtered, pool, unrelated, len(rows), standing, batch_rows, on_event)
    fitted, asked = None, 0
    if references is not None:
        own = ask_models(references, pool.x, batch_rows=batch_rows, on_event=on_event)
        fitted = _cross_fitted(filtered, pool, own, standing, splits, seed)
        asked = sum(one.queries for one in own)
    accuracies: tuple[AccuracyTransfer, ...] = ()
    detections: tuple[DetectionTransfer, ...] = ()
    if filtered.manifest.mode == "misclassified":
        accuracies = tuple(_accuracy(pool, one, standing, rows, hardest) for one in answers)
    else:
        normal = read_inputs(inside, "inside")
        normals = ask_models(unseen, normal, batch_rows=batch_rows, on_event=on_event)
        asked += sum(one.queries for one in normals)
        pairs = zip(answers, normals, strict=True)
        detections = tuple(_detection(one, normal, standing, rows, hardest) for one, normal in pairs)
    return TransferReport(
        filtered.manifest.mode,
        int(standing.sum()),
        len(rows),
        len(filtered) - len(rows),
        accuracies,
        detections,
        None if baseline is None else baseline.name,
        None if hardest is None else float(np.isin(hardest, rows).mean()),
        fitted,
        _warnings(filtered, answers, baseline, fitted),
        asked + sum(one.queries for one in answers) + (0 if baseline is None else baseline.queries),
    )


def _check(filtered: FilteredPool, pool: Pool, references: Any, inside: Any) -> None:
    wrong = pool_differences(filtered.manifest.pool, pool)
    if wrong:
        raise InvalidInput("not the pool that was filtered: " + "; ".join(wrong))
    outside = filtered.manifest.mode == "ood_confident"
    if outside and inside is None:
        raise InvalidInput("mode 'ood_confident' wants rows of the models' classes: inside=x_inside")
    if not outside and inside is not None:
        raise InvalidInput("inside rows have no use in mode 'misclassified'")
    if outside and references is not None:
        raise InvalidInput("cross-fitting is there for mode 'misclassified' only; leave references out")
    if not filtered.standing.any():
        raise InvalidInput("a reviewer rejected every row; nothing is left to judge")


def _standing(filtered: FilteredPool, rows: int) -> BoolArray:
    """Rows of the pool that no reviewer rejected, "n"."""
    found = np.ones(rows, dtype=np.bool_)
    found[filtered.rows[~filtered.standing]] = False
    return found


def _hardest(
    filtered: FilteredPool,
    pool: Pool,
    unrelated: Any,
    count: int,
    standing: BoolArray,
    batch_rows: int,
    on_event: EventSink,
) -> tuple[IntArray | None, ModelAnswers | None]:
    """As many rows as were kept, those hardest for an unrelated model; ties by their place in the pool."""
    if unrelated is None:
        return None, None
    answers = ask_model(unrelated, pool.x, None, batch_rows, on_event)
    if filtered.manifest.mode == "misclassified":
        pool.check_labels(answers)
        ease = answers.leads(pool.y)
    else:
        ease = -answers.confidence
    allowed = np.flatnonzero(standing)
    return np.sort(allowed[np.argsort(ease[allowed], kind="stable")[:count]]), answers


def _accuracy(
    pool: Pool, answers: ModelAnswers, standing: BoolArray, rows: IntArray, hardest: IntArray | None
) -> AccuracyTransfer:
    pool.check_labels(answers)
    right = answers.right(pool.y)
    baseline = None if hardest is None else Rate.of(right[hardest])
    return AccuracyTransfer(answers.name, Rate.of(right[standing]), Rate.of(right[rows]), baseline)


def _detection(
    answers: ModelAnswers,
    normal: ModelAnswers,
    standing: BoolArray,
    rows: IntArray,
    hardest: IntArray | None,
) -> DetectionTransfer:
    outside, inside = -answers.confidence, -normal.confidence
    baseline = None if hardest is None else _scores(outside[hardest], inside)
    before, after = _scores(outside[standing], inside), _scores(outside[rows], inside)
    return DetectionTransfer(answers.name, before, after, baseline)


def _scores(outside: FloatArray, inside: FloatArray) -> DetectionScores:
    positive = np.arange(len(outside) + len(inside)) < len(outside)
    return detection_scores(np.concatenate([outside, inside]), positive)


def _cross_fitted(
    filtered: FilteredPool,
    pool: Pool,
    answers: Sequence[ModelAnswers],
    standing: BoolArray,
    splits: int | None,
    seed: int,
) -> CrossFit:
    wrong = reference_differences(filtered.manifest, answers)
    if wrong:
        raise InvalidInput("not the references that filtered: " + "; ".join(wrong))
    rng = Randomness(seed).step("cross-fitting")
    return cross_fit(pool, answers, filtered.manifest, standing, splits=splits, rng=rng)


def _warnings(
    filtered: FilteredPool,
    answers: Sequence[ModelAnswers],
    baseline: ModelAnswers | None,
    fitted: CrossFit | None,
) -> tuple[str, ...]:
    """What a reader must know, in sentences."""
    told = list(filtered.warnings)
    took_part = {record.decisions_sha256: record.name for record in filtered.manifest.references}
    for one in answers:
        if one.decisions_sha256 in took_part:
            told.append(
                f"{one.name} decides every row as reference {took_part[one.decisions_sha256]} does; it is "
                "not unseen, and its figures follow from the filtering."
            )
    if baseline is None:
        told.append(
            "No unrelated model was given, so the size-matched baseline is missing: how much of the transfer "
            "any choice of hard rows would have is not known."
        )
    elif baseline.decisions_sha256 in {one.decisions_sha256 for one in answers}:
        told.append(f"The baseline was chosen by {baseline.name}, which is among the unseen models.")
    if fitted is not None and fitted.empty:
        told.append(f"{fitted.empty} of {len(fitted.splits)} cross-fitting splits kept no row.")
    return tuple(told)
