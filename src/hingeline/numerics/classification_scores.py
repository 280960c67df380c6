"""How accurate and how well calibrated a classifier is, over all of its classes or over some of them.

Calibration compares confidence, the largest probability, with accuracy in groups of inputs; a response rate
is the share of inputs, the most confident ones, that are answered at all. Ties in confidence carry no order:
everything here but `legacy=True` takes the mean correctness of tied inputs for each of them, so that no
result depends on how the rows lie.

Sources: restricted classes, RMS calibration error and AURRA as in Hendrycks et al., Natural Adversarial
Examples, CVPR 2021 (arXiv 1907.07174); equal-width expected calibration error, Guo et al., ICML 2017.
Cost: one sort; no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput

BIN_ROWS = 100
"""Inputs in one bin of the RMS calibration error."""
WIDTH_BINS = 15
"""Equal bins of the expected calibration error."""


def restricted_probabilities(logits: Any, classes: Sequence[int] | IntArray) -> FloatArray:
    """Softmax over some classes only, as if the others did not exist: "n k" to "n c".

    Args:
        logits: Finite numbers, shape "n k".
        classes: Numbers of the c columns that count, in the order of the answer, none twice.

    Raises:
        InvalidInput: Logits that are no finite table, or classes that it does not have.
    """
    table = _table(logits)
    return softmax(table[:, _subset(classes, table.shape[1])], axis=1)


def restricted_scores(
    logits: Any, labels: Any, classes: Sequence[int] | IntArray
) -> tuple[FloatArray, BoolArray]:
    """Confidence and correctness of a classifier that may only answer some of its classes.

    Args:
        logits: Finite numbers, shape "n k".
        labels: True classes as columns of `logits`, each one of `classes`, shape "n".
        classes: The columns that count.

    Returns:
        The largest restricted probability, "n", and whether it is that of the label, "n".

    Raises:
        InvalidInput: A label outside `classes`, or arguments that do not fit together.
    """
    chances = restricted_probabilities(logits, classes)
    subset, truth = np.asarray(classes), np.asarray(labels)
    if truth.shape != (len(chances),):
        raise InvalidInput(f"want one label for each of {len(chances)} rows; got shape {truth.shape}")
    outside = ~np.isin(truth, subset)
    if outside.any():
        raise InvalidInput(
            f"{int(outside.sum())} labels lie outside the classes, such as {truth[outside][0]}"
        )
    return chances.max(axis=1), subset[chances.argmax(axis=1)] == truth


def restricted_accuracy(logits: Any, labels: Any, classes: Sequence[int] | IntArray) -> float:
    """Share of rows whose largest logit among `classes` is that of the label; see `restricted_scores`."""
    return float(restricted_scores(logits, labels, classes)[1].mean())


def rms_calibration_error(
    confidence: Any, correct: Any, *, bin_rows: int = BIN_ROWS, legacy: bool = False
) -> float:
    """Root mean square difference of confidence and accuracy, over bins of equally many rows.

        sqrt(sum_b (n_b / n) (mean confidence - mean correctness in b)^2)

    Rows are sorted by confidence and cut into bins of `bin_rows`; what is left over joins the last bin, that
    of the most confident rows. Fewer rows than `bin_rows` make one bin.

    Args:
        confidence: From 0 to 1, shape "n".
        correct: Whether each row was right, shape "n".
        bin_rows: Rows in one bin.
        legacy: Reproduce the published program, whose loop stops one bin short: the last bin, up to
            2 `bin_rows` - 1 of the most confident rows, is never counted, though n still counts all rows.
            With one bin only it is 0. For comparison with published figures, and for nothing else.

    Raises:
        InvalidInput: Rows that do not fit together, or fewer than `bin_rows` of them where `legacy`, for
            which the published program has no answer.
    """
    sure, right = _checked(confidence, correct, unit=True)
    if bin_rows < 1:
        raise InvalidInput(f"a bin holds at least one row; got bin_rows={bin_rows}")
    count = len(sure) // bin_rows
    if legacy and not count:
        raise InvalidInput(
            f"legacy=True has no answer for {len(sure)} rows, fewer than one bin of {bin_rows}; leave it out"
        )
    order = np.argsort(sure, kind="stable")
    sure, right = sure[order], (right if legacy else _tied_means(sure, right))[order]
    starts = np.arange(max(1, count)) * bin_rows
    sizes = np.diff(np.append(starts, len(sure)))
    gaps = (np.add.reduceat(sure, starts) - np.add.reduceat(right, starts)) / sizes
    shares = sizes / len(sure) * gaps**2
    return float(np.sqrt(shares[:-1].sum() if legacy else shares.sum()))


def expected_calibration_error(confidence: Any, correct: Any, *, bins: int = WIDTH_BINS) -> float:
    """Mean |confidence - accuracy| over `bins` equally wide bins of confidence, weighted by rows.

    A bin holds its upper edge and not its lower one; 0 belongs to the first.

    Raises:
        InvalidInput: Rows that do not fit together, or no bins.
    """
    sure, right = _checked(confidence, correct, unit=True)
    if bins < 1:
        raise InvalidInput(f"want at least one bin; got bins={bins}")
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    # (n_b / n) |mean of the bin| is |sum of the bin| / n
    return float(np.abs(np.bincount(place, weights=sure - right, minlength=bins)).sum() / len(sure))


def aurra(confidence: Any, correct: Any) -> float:
    """Mean accuracy over all response rates: area under the response rate accuracy curve.

        (1/N) sum_k (accuracy of the k most confident rows),   k = 1 ... N

    Ties in confidence: the mean over all orders of the tied rows, which is what their mean correctness in
    place of each gives, for every term is linear in it. A ranking that puts all right rows first has
    p (1 + sum_{k > pN} 1/k) at accuracy p; one confidence for all rows has p.

    Args:
        confidence: Any finite numbers, larger for surer, shape "n".
        correct: Whether each row was right, shape "n".

    Raises:
        InvalidInput: Rows that do not fit together.
    """
    sure, right = _checked(confidence, correct, unit=False)
    ranked = _tied_means(sure, right)[np.argsort(-sure, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1)).mean())


def _tied_means(values: FloatArray, right: FloatArray) -> FloatArray:
    """For each row the mean of `right` over all rows with the same value."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (np.bincount(group, weights=right) / sizes)[group]


def _table(logits: Any) -> FloatArray:
    try:
        table = np.asarray(logits, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"logits must be numbers: {error}") from error
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise InvalidInput(f"logits want finite numbers, one row for each input; got shape {table.shape}")
    return table


def _subset(classes: Sequence[int] | IntArray, width: int) -> IntArray:
    chosen = np.asarray(classes)
    fits = chosen.ndim == 1 and chosen.size and chosen.dtype.kind in "iu"
    if not fits or len(np.unique(chosen)) != len(chosen) or chosen.min() < 0 or chosen.max() >= width:
        raise InvalidInput(f"classes must be different whole numbers from 0 to {width - 1}; got {classes}")
    return chosen.astype(np.int64)


def _checked(confidence: Any, correct: Any, *, unit: bool) -> tuple[FloatArray, FloatArray]:
    """Confidence and correctness as float64 of the same length."""
    try:
        sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"confidence and correctness must be numbers: {error}") from error
    if sure.ndim != 1 or sure.shape != right.shape or not len(sure):
        raise InvalidInput(
            f"want one confidence and one correctness for each row; got shapes {sure.shape}, {right.shape}"
        )
    if not np.isin(right, (0.0, 1.0)).all():
        raise InvalidInput("correctness must be True or False (1 or 0) for each row")
    if not np.isfinite(sure).all() or (unit and (sure.min() < 0 or sure.max() > 1)):
        raise InvalidInput(
            f"confidence must be finite{' and from 0 to 1' if unit else ''}; got {sure.min()} to {sure.max()}"
        )
    return sure, right
