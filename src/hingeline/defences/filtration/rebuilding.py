"""Filtering again as a manifest tells: the identical set, or what differs in words.

A reference counts as the same if its hash is: of its weights, its file, or its answers on the pool. A copy
with permuted hidden units computes the same function up to rounding and is not the same by its weights; the
message says where its decisions are. Cost: that of filtering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.filtering import hard_rows
from hingeline.defences.filtration.manifest import Manifest, PoolRecord
from hingeline.defences.filtration.model_answers import BATCH_ROWS, ModelAnswers, ask_models, digest
from hingeline.defences.filtration.pool import Pool
from hingeline.sensitivity.results import sealed


def rebuild(
    manifest: Manifest,
    x: Any,
    y: Any,
    references: Any,
    *,
    batch_rows: int = BATCH_ROWS,
    on_event: EventSink = ignore,
) -> FilteredPool:
    """Filter again as a manifest tells: the identical set, or an error that says what differs.

    Args:
        manifest: Of a filtered pool; its reviews are kept.
        x: The same pool.
        y: Its labels.
        references: The same references in the same order; names do not matter.
        batch_rows: Most rows in one question.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Pool, labels, references or the rows they keep differ; all differences are named.
    """
    pool = Pool.read(x, y)
    wrong = pool_differences(manifest.pool, pool)
    if wrong:
        raise InvalidInput("cannot rebuild: " + "; ".join(wrong))
    answers = ask_models(references, pool.x, batch_rows=batch_rows, on_event=on_event)
    wrong = reference_differences(manifest, answers)
    if wrong:
        raise InvalidInput("cannot rebuild: " + "; ".join(wrong))
    hard = hard_rows(pool, answers, manifest.mode, manifest.min_conf)
    kept = np.flatnonzero(hard.sum(axis=0) >= manifest.votes_needed)
    if digest(kept) != manifest.kept.rows_sha256:
        raise InvalidInput(
            f"cannot rebuild: pool and references are the same and {len(kept)} rows would be kept, not the "
            f"{manifest.kept.rows} of the manifest; it was made by {manifest.tool}, or a confidence lies "
            "within rounding of min_conf"
        )
    return FilteredPool(sealed(kept), sealed(pool.x[kept]), sealed(pool.y[kept]), manifest)


def pool_differences(record: PoolRecord, pool: Pool) -> list[str]:
    """In which ways a pool is not that of a manifest, one sentence each."""
    if pool.x.shape != (record.rows, record.columns):
        rows, columns = pool.x.shape
        return [f"the pool had {record.rows} rows of {record.columns} numbers, now {rows} of {columns}"]
    told: list[str] = []
    if pool.x_sha256 != record.x_sha256:
        told.append("the pool's inputs differ (other values or another order)")
    if pool.y_sha256 != record.y_sha256:
        told.append("the pool's labels differ")
    return told


def reference_differences(manifest: Manifest, answers: Sequence[ModelAnswers]) -> list[str]:
    """In which ways models are not the references of a manifest, one sentence each."""
    if len(answers) != len(manifest.references):
        return [f"the manifest has {len(manifest.references)} references, here are {len(answers)}"]
    told: list[str] = []
    pairs = zip(manifest.references, answers, strict=True)
    for number, (record, here) in enumerate(pairs, start=1):
        if (record.identified, record.sha256) == (here.identified, here.sha256):
            continue
        same = record.decisions_sha256 == here.decisions_sha256
        told.append(
            f"reference {number} ({record.name}) differs: its hash {record.identified} was "
            f"{record.sha256[:12]}, now {here.identified} it is {here.sha256[:12]}"
            + (" (its decisions on the pool are the same: a rewritten copy?)" if same else "")
        )
    return told
