"""Cross-fitting: filter with half of the references, judge with the other half.

A reference scores 0 on its own filtered set by construction; on the set of others it scores what a model of
its kind does that took no part. Every split into a half and the rest, or some drawn at random where there are
many. Cost: nothing is asked again, the references' answers are used for all splits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.filtration.filtering import hard_rows
from hingeline.defences.filtration.manifest import Manifest
from hingeline.defences.filtration.model_answers import ModelAnswers
from hingeline.defences.filtration.pool import Pool
from hingeline.defences.filtration.transfer_figures import Rate, transfer_interval, transfer_of
from hingeline.sensitivity.results import number

MOST_SPLITS = 100


@dataclass(frozen=True)
class Split:
    """One choice of those that filter."""

    filtered_by: tuple[int, ...]
    """Numbers of the references that filtered, from 0."""
    judged_by: tuple[int, ...]
    """The others."""
    kept: int
    """Rows that were kept."""
    rates: tuple[Rate, ...]
    """Of each of `judged_by` on the kept rows."""


@dataclass(frozen=True)
class CrossFit:
    """All splits."""

    names: tuple[str, ...]
    """Of the references."""
    pool: tuple[Rate, ...]
    """Of each reference on all rows that no reviewer rejected."""
    splits: tuple[Split, ...]
    every_split: bool
    """Whether these are all splits; else they were drawn at random."""

    @property
    def empty(self) -> int:
        """Splits that kept no row, and count in nothing."""
        return sum(split.kept == 0 for split in self.splits)

    def transfers(self, reference: int) -> list[float]:
        """What the other half took from one reference, in each split that it judged and that kept rows."""
        rates = [
            split.rates[split.judged_by.index(reference)]
            for split in self.splits
            if reference in split.judged_by and split.kept
        ]
        found = [transfer_of(self.pool[reference], rate) for rate in rates]
        return [value for value in found if not math.isnan(value)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: of each reference the mean transfer over splits and its range; splits share rows."""
        return {
            "splits": len(self.splits),
            "every_split": self.every_split,
            "empty_splits": self.empty,
            "kept_rows": [split.kept for split in self.splits],
            "references": [self._told(number) for number in range(len(self.names))],
        }

    def _told(self, reference: int) -> dict[str, Any]:
        values = self.transfers(reference)
        return {
            "name": self.names[reference],
            "pool": self.pool[reference].to_dict(),
            "judged": len(values),
            "transfer": number(np.mean(values)) if values else None,
            "least": min(values, default=None),
            "most": max(values, default=None),
            "intervals": [
                list(transfer_interval(self.pool[reference], rate))
                for split in self.splits
                for judge, rate in zip(split.judged_by, split.rates, strict=True)
                if judge == reference and split.kept
            ],
        }


def cross_fit(
    pool: Pool,
    answers: Sequence[ModelAnswers],
    manifest: Manifest,
    standing: BoolArray,
    *,
    splits: int | None,
    rng: np.random.Generator,
) -> CrossFit:
    """Filter with half of the references (rounded down) and judge with the rest.

    Args:
        pool: The pool.
        answers: Of all references on it.
        manifest: Says how to filter; a number of votes counts in proportion, rounded up.
        standing: Rows of the pool that no reviewer rejected, shape "n".
        splits: How many at most, drawn without repetition; None for all if there are at most 100.
        rng: Draws them.

    Raises:
        InvalidInput: Fewer than two references, or no splits.
    """
    if len(answers) < 2:
        raise InvalidInput(
            f"cross-fitting filters with half of the references and judges by the rest; got {len(answers)}. "
            "Give two or more, or leave references out"
        )
    if splits is not None and splits < 1:
        raise InvalidInput(f"want at least one split; got {splits}")
    hard = hard_rows(pool, answers, manifest.mode, manifest.min_conf)
    right = np.array([one.right(pool.y) for one in answers])
    chosen, every = _choices(len(answers), splits, rng)
    found: list[Split] = []
    for half in chosen:
        rest = tuple(i for i in range(len(answers)) if i not in half)
        needed = math.ceil(manifest.votes_needed * len(half) / len(answers))
        # "any" stays any, "all" stays all
        kept = (hard[list(half)].sum(axis=0) >= needed) & standing
        found.append(Split(half, rest, int(kept.sum()), tuple(Rate.of(right[i, kept]) for i in rest)))
    names = tuple(one.name for one in answers)
    return CrossFit(names, tuple(Rate.of(row[standing]) for row in right), tuple(found), every)


def _choices(
    references: int, splits: int | None, rng: np.random.Generator
) -> tuple[list[tuple[int, ...]], bool]:
    """Halves to filter with, and whether they are all there are."""
    half = references // 2
    total = math.comb(references, half)
    most = min(total, MOST_SPLITS if splits is None else splits)
    if most == total:
        return list(itertools.combinations(range(references), half)), True
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < most:
        drawn[tuple(sorted(rng.choice(references, half, replace=False).tolist()))] = None
    return list(drawn), False
