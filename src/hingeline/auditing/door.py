"""One door for several verbs: a row that one of them asked is served to the next, and paid for once.

Each verb of an audit opens a session of its own on this door; behind it stands the session of the audit,
which holds the budget and the journal. The n-th asking of a row within one stage gets the n-th answer that
the audit has for it, so that a verb that asks again on purpose still sees whether answers repeat.

Cost: about 100 bytes for each distinct row.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.row_memory import as_sent, row_keys
from hingeline.oracles.session import QuerySession


class SharedDoor:
    """An oracle in front of the audit's session.

    Args:
        session: Counts, limits, records; it belongs to the audit.
    """

    def __init__(self, session: QuerySession) -> None:
        self._session = session
        self._seen: set[bytes] = set()
        self._repeats: dict[bytes, list[FloatArray]] = {}
        self._asked: dict[bytes, int] = {}
        self._by_stage: dict[str, int] = {}

    @property
    def spec(self) -> OracleSpec:
        """That of the target."""
        return self._session.oracle.spec

    @property
    def spent(self) -> int:
        """Rows the audit has asked so far."""
        return self._session.spent

    @property
    def remaining(self) -> int | None:
        """Rows left; None if there is no limit."""
        return self._session.remaining

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """What is asked inside belongs to the stage `name`: askings are counted from one again."""
        self._asked = {}
        before = self.spent
        try:
            with self._session.phase(name):
                yield
        finally:
            self._by_stage[name] = self.asked_by(name) + self.spent - before

    def asked_by(self, name: str) -> int:
        """New rows that the stage `name` has asked before; if it is tried again, it has them free."""
        return self._by_stage.get(name, 0)

    def query(self, points: FloatArray) -> FloatArray:
        """Answers at `points`, "n d" to "n k".

        Raises:
            BudgetExhausted: The rows that are new do not fit the budget of the audit.
            QueryFailed: No usable answer.
        """
        keys = [key.tobytes() for key in row_keys(as_sent(points, self.spec.dtype))]
        times = self._times(keys)
        known = np.array([self._knows(key, n) for key, n in zip(keys, times, strict=True)], dtype=bool)
        new = np.flatnonzero(~known)
        try:
            sent = self._ask(points[new], [keys[i] for i in new], times[new]) if len(new) else None
        except BaseException:
            self._take_back(keys)
            raise
        if sent is not None and len(new) == len(points):
            return sent
        return self._joined(points, keys, times, known, sent)

    def _times(self, keys: list[bytes]) -> IntArray:
        """How often each row was asked in this stage, this time included."""
        times = np.empty(len(keys), dtype=np.int64)
        for i, key in enumerate(keys):
            times[i] = self._asked[key] = self._asked.get(key, 0) + 1
        return times

    def _take_back(self, keys: list[bytes]) -> None:
        """Askings that brought no answer do not count: asked again they are the same askings."""
        for key in keys:
            self._asked[key] -= 1

    def _knows(self, key: bytes, time: int) -> bool:
        return key in self._seen if time == 1 else len(self._repeats.get(key, ())) >= time - 1

    def _ask(self, points: FloatArray, keys: list[bytes], times: IntArray) -> FloatArray:
        """Answers that the audit has not; all in one batch, since a batch may change its answers."""
        answers = self._session.ask(points, fresh=bool((times > 1).any()))
        for key, time, answer in zip(keys, times, answers, strict=True):
            self._seen.add(key)
            if time > 1:
                self._repeats.setdefault(key, []).append(answer)
        return answers

    def _joined(
        self,
        points: FloatArray,
        keys: list[bytes],
        times: IntArray,
        known: BoolArray,
        sent: FloatArray | None,
    ) -> FloatArray:
        """Old and new answers in the order of the rows; first askings are in the session's memory."""
        first = known & (times == 1)
        parts = self._session.ask(points[first]) if first.any() else None
        width = next(part.shape[1] for part in (sent, parts, self._any_repeat()) if part is not None)
        answers = np.empty((len(points), width))
        if sent is not None:
            answers[~known] = sent
        if parts is not None:
            answers[first] = parts
        for i in np.flatnonzero(known & (times > 1)):
            answers[i] = self._repeats[keys[i]][times[i] - 2]
        return answers

    def _any_repeat(self) -> FloatArray | None:
        return next((told[0][None, :] for told in self._repeats.values() if told), None)
