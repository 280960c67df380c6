"""A monitor that knows an owner's data: it scores windows of questions and says when there are too unlike.

The benign sample is cut at random into three parts: reference rows (two fifths), windows that give every
score its centre and spread (one fifth), and windows of which a share `false_alarms` may raise an alarm (two
fifths). The alarm level is the conformal quantile of the largest of the five scores: the
ceil((m + 1)(1 - a))-th smallest of m windows. For traffic that is drawn like the sample, row by row, a fresh
window raises an alarm with probability a at most, up to the memory that the first windows lack. Real traffic
comes in sessions: judge it on streams as they came (`judge_monitor`).
Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005 (split conformal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.defences.monitoring.scores import FLOORS, NAMES, Yardstick, window_scores, yardstick

_MOST_REFERENCE = 2000
_FEWEST_WINDOWS = 6
# Shares of the sample: reference rows, and windows that set the level; between them those that set the scale.
_FIRST, _LAST = 0.4, 0.4


@dataclass(frozen=True)
class MonitorSettings:
    """How a monitor looks.

    Raises:
        InvalidInput: A window of fewer than ten rows, or a share that is none.
    """

    window: int = 50
    """Rows judged together."""
    false_alarms: float = 0.05
    """Share of benign windows that may raise an alarm."""
    memory: int = 500
    """Earlier rows that a row is compared with."""

    def __post_init__(self) -> None:
        if self.window < 10 or self.memory < 8 or not 0 < self.false_alarms < 1:
            raise InvalidInput(
                "a monitor wants windows of 10 rows or more, a memory of 8 or more and a share of false "
                f"alarms between 0 and 1; got {self}"
            )

    @property
    def rows_needed(self) -> int:
        """Benign rows without which that share cannot be promised."""
        windows = max(_FEWEST_WINDOWS, math.ceil(1.0 / self.false_alarms - 1.0 - 1e-9))
        return math.ceil(self.window * windows / _LAST)


@dataclass(frozen=True)
class Watched:
    """What a monitor saw in one stream of rows."""

    rows: int
    """Rows in the stream."""
    levels: FloatArray
    """Largest standardised score of each whole window, over the alarm level: above 1 is an alarm."""
    scores: FloatArray
    """Standardised scores, "windows 5", in the order of `scores.NAMES`."""
    window: int
    """Rows in one window."""

    @property
    def alarms(self) -> int:
        """Windows that raise an alarm."""
        return int((self.levels > 1.0).sum())

    @property
    def rows_until_alarm(self) -> float:
        """Rows asked when the first alarm is raised; infinite if none is."""
        raised = np.flatnonzero(self.levels > 1.0)
        return float((raised[0] + 1) * self.window) if raised.size else math.inf

    @property
    def reason(self) -> str:
        """Which score raised the first alarm; empty if there was none."""
        raised = np.flatnonzero(self.levels > 1.0)
        return NAMES[int(self.scores[raised[0]].argmax())] if raised.size else ""

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers; no alarm is null."""
        until = self.rows_until_alarm
        return {
            "rows": self.rows,
            "windows": len(self.levels),
            "alarms": self.alarms,
            "rows_until_alarm": until if math.isfinite(until) else None,
            "reason": self.reason,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the level of every window."""
        return self.summary() | {"levels": self.levels.tolist(), "scores": self.scores.tolist()}


@dataclass(frozen=True)
class Monitor:
    """What is usual, and the level above which a window is not."""

    benign: Yardstick
    """Of the reference rows."""
    centres: FloatArray
    """Median of each score over benign windows, shape "5"."""
    spreads: FloatArray
    """From the median to the 90 % quantile, shape "5"."""
    level: float
    """Alarm level of the largest standardised score."""
    settings: MonitorSettings

    @property
    def input_dim(self) -> int:
        """Numbers in one row."""
        return len(self.benign.centre)

    def standardised(self, window: FloatArray, before: FloatArray) -> FloatArray:
        """The scores of one window in units of benign spreads, shape "5"."""
        return (window_scores(self.benign, window, before) - self.centres) / self.spreads

    def judge(self, rows: Any) -> Watched:
        """Judge a stream of rows, "n d", in the order in which they were asked; an unfinished window is not.

        Raises:
            InvalidInput: Rows of another length.
        """
        points = as_points(rows, self.input_dim)
        size, memory = self.settings.window, self.settings.memory
        starts = range(0, len(points) - size + 1, size)
        scores = [self.standardised(points[i : i + size], points[max(0, i - memory) : i]) for i in starts]
        table = np.array(scores).reshape(len(scores), len(NAMES))
        levels = table.max(axis=1) / self.level if scores else np.zeros(0)
        return Watched(len(points), frozen(levels), frozen(table), size)


def fit_monitor(reference: Any, *, settings: MonitorSettings | None = None, seed: int = 0) -> Monitor:
    """Learn from benign rows what is usual.

    Args:
        reference: Questions of honest users, "n d", as many as there are.
        settings: How to look.
        seed: Of the cut into parts.

    Raises:
        InvalidInput: Too few rows for the share of false alarms; the message says how many are needed.
    """
    chosen = settings or MonitorSettings()
    table = np.asarray(reference, dtype=np.float64)
    rows = as_points(table, table.shape[-1] if table.ndim else 0)
    if len(rows) < chosen.rows_needed:
        raise InvalidInput(
            f"a share of {chosen.false_alarms:g} false alarms in windows of {chosen.window} rows wants "
            f"{chosen.rows_needed:,} benign rows; got {len(rows):,}. Take shorter windows or a larger share"
        )
    mixed = rows[Randomness(seed).step("monitor").permutation(len(rows))]
    first, last = int(_FIRST * len(mixed)), len(mixed) - math.ceil(_LAST * len(mixed))
    reference_rows, scaling, calibration = np.split(mixed, [first, last])
    benign = yardstick(reference_rows[:_MOST_REFERENCE])
    plain = Monitor(benign, np.zeros(len(NAMES)), np.ones(len(NAMES)), 1.0, chosen)
    centres, spreads = _spread(plain.judge(scaling).scores)
    levels = Monitor(benign, centres, spreads, 1.0, chosen).judge(calibration).levels
    place = math.ceil((len(levels) + 1) * (1.0 - chosen.false_alarms) - 1e-9)
    # An alarm lies one benign spread up at least, however alike the calibration windows are.
    level = max(1.0, float(np.sort(levels)[place - 1]))
    return Monitor(benign, centres, spreads, level, chosen)


def _spread(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    centres = np.median(scores, axis=0)
    upper = np.quantile(scores, 0.9, axis=0) - centres
    return frozen(centres), frozen(np.maximum(upper, FLOORS))
