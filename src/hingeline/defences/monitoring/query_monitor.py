"""A monitor at the door: it sees every row that is asked, and may refuse the rows after an alarm."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.refusal import FORBIDDEN, TurnedAway
from hingeline.defences.monitoring.fitting import Monitor
from hingeline.oracles.protocol import Oracle


@dataclass(frozen=True)
class QueryMonitor(Defence):
    """Watches the rows of one client; answers are never changed."""

    monitor: Monitor
    """What `fit_monitor` learned."""
    block: bool = False
    """Refuse the batch that raises an alarm and all that follow, with status 403."""

    @property
    def text(self) -> str:
        """A name: a monitor cannot be typed."""
        return "monitor-block" if self.block else "monitor"

    @property
    def words(self) -> str:
        """For tables."""
        return "watched, refused after an alarm" if self.block else "watched"

    @property
    def follows_scores(self) -> bool:
        """True: the answers themselves."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> WatchedDoor:
        """The watched door of one client; `seed` is not used.

        Raises:
            InvalidInput: The monitor was made for rows of another length.
        """
        if self.monitor.input_dim != oracle.spec.input_dim:
            raise InvalidInput(
                f"the monitor knows rows of {self.monitor.input_dim} numbers and {oracle.spec.name} takes "
                f"{oracle.spec.input_dim}"
            )
        return WatchedDoor(oracle, self)


class WatchedDoor(DefendedOracle):
    """Judges the same windows as `Monitor.judge`, whatever the batches; safe to ask from several threads."""

    def __init__(self, inner: Oracle, defence: QueryMonitor) -> None:
        super().__init__(inner, defence.words)
        self._monitor = defence.monitor
        self._block = defence.block
        self._lock = threading.Lock()
        self._open = np.zeros((0, inner.spec.input_dim))
        self._before = self._open
        self._rows = 0
        self._alarm: int | None = None

    @property
    def rows(self) -> int:
        """Rows seen, refused ones included."""
        return self._rows

    @property
    def rows_until_alarm(self) -> int | None:
        """Rows seen when the first alarm was raised; None if there was none."""
        return self._alarm

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the door inside.

        Raises:
            TurnedAway: An alarm was raised and `block` is set (a QueryFailed of status 403, not sent).
        """
        with self._lock:
            self._watch(points)
            refused = self._block and self._alarm is not None
        if refused:
            raise TurnedAway(self.inner.spec.name, FORBIDDEN, "access was suspended")
        return self.inner.query(points)

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        """The answers themselves."""
        return answers

    def _watch(self, points: FloatArray) -> None:
        size, memory = self._monitor.settings.window, self._monitor.settings.memory
        seen = self._rows
        self._rows += len(points)
        rows = np.vstack([self._open, points])
        ended = seen - len(self._open)
        while len(rows) >= size:
            window, rows = rows[:size], rows[size:]
            ended += size
            if self._alarm is None:
                high = self._monitor.standardised(window, self._before).max() / self._monitor.level > 1.0
                self._alarm = ended if high else None
            self._before = np.vstack([self._before, window])[-memory:]
        self._open = rows
