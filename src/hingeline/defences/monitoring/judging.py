"""Whether a monitor would have seen it: false alarms on honest traffic, and rows until alarm under attack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Dots
from hingeline.defences.monitoring.fitting import Monitor, MonitorSettings, Watched, fit_monitor
from hingeline.numerics.statistics import median, wilson

SOURCES = (
    "Juuti, Szyller, Marchal and Asokan, PRADA: Protecting Against DNN Model Stealing Attacks, EuroS&P 2019",
)

_LATE = "; no sooner than an honest client of as many rows, so this tells nothing"


@dataclass(frozen=True)
class AttackSeen:
    """Runs of one attack."""

    name: str
    runs: tuple[Watched, ...]
    chance: float
    """Rows after which half of all honest clients have raised an alarm too."""

    @property
    def detected(self) -> int:
        """Runs that raised an alarm before they ended."""
        return sum(run.alarms > 0 for run in self.runs)

    @property
    def too_short(self) -> int:
        """Runs that ended before one window was full, of which a monitor can say nothing."""
        return sum(not len(run.levels) for run in self.runs)

    @property
    def detected_interval(self) -> tuple[float, float]:
        """Wilson interval of the share of runs detected."""
        return wilson(self.detected, len(self.runs))

    @property
    def rows_until_alarm(self) -> float:
        """Median; infinite where half of the runs or more were not seen."""
        # the upper median, so that one unseen run of two counts as unseen
        return -median(np.array([-run.rows_until_alarm for run in self.runs]))

    @property
    def rows_needed(self) -> float:
        """Median number of rows in a run, cover included."""
        return median(np.array([float(run.rows) for run in self.runs]))

    @property
    def sooner_than_chance(self) -> bool:
        """Whether the median alarm comes before half of all honest clients have raised one."""
        return self.rows_until_alarm < self.chance

    @property
    def words(self) -> str:
        """One sentence."""
        count = len(self.runs)
        if not self.detected:
            return (
                f"{self.name}: slips through in all {count} runs ({self.rows_needed:,.0f} rows){self._short}"
            )
        reasons = sorted({run.reason for run in self.runs if run.reason})
        missed = f"; slips through in {count - self.detected}" if self.detected < count else ""
        when = self.rows_until_alarm
        rows = f"after {when:,.0f}" if math.isfinite(when) else "in fewer than half of the runs,"
        return (
            f"{self.name}: seen in {self.detected} of {count} runs, {rows} of {self.rows_needed:,.0f} rows "
            f"({', '.join(reasons)}){missed}{self._short}{'' if self.sooner_than_chance else _LATE}"
        )

    @property
    def _short(self) -> str:
        return f" ({self.too_short} shorter than one window)" if self.too_short else ""

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers; no alarm is null."""
        when = self.rows_until_alarm
        return {
            "attack": self.name,
            "runs": len(self.runs),
            "detected": self.detected,
            "too_short": self.too_short,
            "detected_interval": list(self.detected_interval),
            "rows_until_alarm": when if math.isfinite(when) else None,
            "rows_needed": self.rows_needed,
            "sooner_than_chance": self.sooner_than_chance,
        }


@dataclass(frozen=True)
class MonitorReport:
    """What a monitor is worth."""

    monitor: Monitor
    benign: tuple[Watched, ...]
    """Honest streams."""
    attacks: tuple[AttackSeen, ...]

    @property
    def windows(self) -> int:
        """Honest windows judged."""
        return sum(len(stream.levels) for stream in self.benign)

    @property
    def false_alarms(self) -> int:
        """Honest windows that raised an alarm."""
        return sum(stream.alarms for stream in self.benign)

    @property
    def false_alarm_interval(self) -> tuple[float, float]:
        """Wilson interval of the share of honest windows that raise an alarm."""
        return wilson(self.false_alarms, self.windows)

    @property
    def disturbed(self) -> int:
        """Honest streams with an alarm somewhere."""
        return sum(stream.alarms > 0 for stream in self.benign)

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences for people: what it costs, what it sees, what slips through."""
        low, high = self.false_alarm_interval
        cost = (
            f"False alarms in {self.false_alarms} of {self.windows} honest windows "
            f"({low:.1%} to {high:.1%}), in {self.disturbed} of {len(self.benign)} honest streams."
        )
        # A stream of many windows raises some alarm sooner or later, attack or not.
        warning = (
            f"At this share of false alarms half of all honest clients raise one within "
            f"{honest_half_life(self.monitor.settings):,.0f} rows."
        )
        return (cost, *(attack.words for attack in self.attacks), warning)

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {
            "windows": self.windows,
            "false_alarms": self.false_alarms,
            "false_alarm_interval": list(self.false_alarm_interval),
            "false_alarms_allowed": self.monitor.settings.false_alarms,
            "honest_half_life": honest_half_life(self.monitor.settings),
            "honest_streams": len(self.benign),
            "honest_streams_disturbed": self.disturbed,
            "attacks": [attack.summary() for attack in self.attacks],
            "sources": list(SOURCES),
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with every stream."""
        return self.summary() | {
            "benign": [stream.to_dict() for stream in self.benign],
            "runs": {attack.name: [run.to_dict() for run in attack.runs] for attack in self.attacks},
        }

    def figure(self) -> Dots:
        """Rows until alarm of every run that was seen."""
        seen = [attack for attack in self.attacks if attack.detected]
        return Dots(
            name="rows_until_alarm",
            caption="Rows asked until the monitor raises an alarm, for every run in which it does; attacks "
            "that were never seen have no row.",
            unit="rows",
            groups=tuple(f"{attack.name} ({attack.detected} of {len(attack.runs)})" for attack in seen),
            values=tuple(tuple(run.rows_until_alarm for run in attack.runs if run.alarms) for attack in seen),
        )


def judge_monitor(
    reference: Any,
    benign_streams: Sequence[Any],
    attack_streams: Mapping[str, Sequence[Any]],
    *,
    settings: MonitorSettings | None = None,
    seed: int = 0,
) -> MonitorReport:
    """Fit a monitor and judge it.

    Args:
        reference: Benign rows to learn from, "n d".
        benign_streams: Honest streams that were not learned from, each "n d" in order.
        attack_streams: Name of an attack to the streams of its runs, each "n d" in order.
        settings: How the monitor looks.
        seed: Of how the reference is cut.

    Raises:
        InvalidInput: Too few benign rows, no honest window to judge, or an attack without runs.
    """
    monitor = fit_monitor(reference, settings=settings, seed=seed)
    benign = tuple(monitor.judge(stream) for stream in benign_streams)
    if not any(len(stream.levels) for stream in benign):
        raise InvalidInput(
            f"false alarms want honest streams of {monitor.settings.window} rows or more; got {len(benign)} "
            "streams and not one whole window"
        )
    if empty := [name for name, runs in attack_streams.items() if not len(runs)]:
        raise InvalidInput(f"no runs of {', '.join(empty)}")
    attacks = tuple(
        AttackSeen(name, tuple(monitor.judge(run) for run in runs), honest_half_life(monitor.settings))
        for name, runs in attack_streams.items()
    )
    return MonitorReport(monitor, benign, attacks)


def honest_half_life(settings: MonitorSettings) -> float:
    """Rows after which half of all honest clients have raised an alarm, at the share that is allowed.

    Windows are taken as independent: w ln(1/2) / ln(1 - a) rows.
    """
    return settings.window * math.log(0.5) / math.log1p(-settings.false_alarms)
