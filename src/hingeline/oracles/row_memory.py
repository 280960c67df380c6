"""What makes two rows the same question, and what was answered to each in this run.

Idea: a row is known by the bytes that are sent, so two planned points that round to the same float32 are
one question. SHA-256 cut to 16 bytes stands for the bytes (two of 1e7 rows collide with probability 1e-25).
The table is open addressing with linear probing, vectorised, because a dict of 1e7 digests takes 1.8 GB.

Cost: at most about 64 + 16 k bytes per distinct row with k outputs, half of it slack for growth; 0.8 GB at
1e7 scalar answers. Nothing is ever forgotten: forgetting would make what a question costs depend on when it
is asked. Time per row: one hash (0.4 us at 10 inputs, 4 us at 784) and about 0.3 us of table.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput, OutsideDomain

SentArray = npt.NDArray[np.generic]
KeyArray = npt.NDArray[np.uint64]

KEY_BYTES = 16

Number = TypeVar("Number", np.float64, np.uint64)


def as_sent(rows: FloatArray, dtype: str) -> SentArray:
    """Rows as they leave: cast to the oracle's `dtype`, one after the other in memory.

    Raises:
        InvalidInput: `dtype` is no type of real numbers.
        OutsideDomain: A value that `dtype` cannot hold.
    """
    target = number_type(dtype)
    if target == rows.dtype:
        return np.ascontiguousarray(rows)
    limits = np.finfo(dtype) if target.kind == "f" else np.iinfo(dtype)
    least, most = float(limits.min), float(limits.max)
    if rows.size and (rows.min() < least or rows.max() > most):
        raise OutsideDomain(
            f"a query reaches [{rows.min():.6g}, {rows.max():.6g}]; {dtype} holds {least:.6g} to {most:.6g}"
        )
    return np.ascontiguousarray(rows.astype(target))


def number_type(dtype: str) -> np.dtype[np.generic]:
    """The NumPy type called `dtype`, if it holds real numbers.

    Raises:
        InvalidInput: It does not.
    """
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise InvalidInput(f"no number type is called {dtype!r}; want float64, float32, ...") from error
    if found.kind not in "fiu":
        raise InvalidInput(f"{dtype!r} does not hold real numbers; want float64, float32, ...")
    return found


def row_keys(sent: SentArray) -> KeyArray:
    """The 16-byte key of every row, as two words: "n d" to "n 2"."""
    if not sent.size:
        return np.zeros((0, 2), dtype=np.uint64)
    rows = sent.reshape(-1).data.cast("B")
    width = sent.shape[1] * sent.itemsize
    joined = b"".join(
        hashlib.sha256(rows[i : i + width]).digest()[:KEY_BYTES] for i in range(0, len(rows), width)
    )
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


class RowMemory:
    """First answer to every row of this run, by key."""

    def __init__(self) -> None:
        self._slots = np.full(1024, -1, dtype=np.int32)
        self._keys = np.zeros((512, 2), dtype=np.uint64)
        self._answers: FloatArray = np.zeros((512, 0))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def knows(self, keys: KeyArray) -> BoolArray:
        """Which rows were answered before."""
        return self._find(keys) >= 0

    def first_unknown(self, keys: KeyArray) -> IntArray:
        """Positions of the rows not answered before, each distinct row once, in order."""
        unknown = np.flatnonzero(~self.knows(keys))
        if len(unknown) < 2:
            return unknown
        seen: dict[bytes, int] = {}
        joined = keys[unknown].tobytes()
        for position, start in enumerate(range(0, len(joined), KEY_BYTES)):
            seen.setdefault(joined[start : start + KEY_BYTES], position)
        return unknown[np.fromiter(seen.values(), dtype=np.int64, count=len(seen))]

    def add(self, keys: KeyArray, answers: FloatArray) -> None:
        """Remember the answers of rows that are distinct and new."""
        self._make_room(len(keys), answers.shape[1])
        fresh = np.arange(self._count, self._count + len(keys), dtype=np.int32)
        self._keys[fresh] = keys
        self._answers[fresh] = answers
        self._count += len(keys)
        self._place(fresh)

    def answers(self, keys: KeyArray) -> FloatArray:
        """What was answered to rows that are all known."""
        return self._answers[self._find(keys)]

    def _find(self, keys: KeyArray) -> IntArray:
        found = np.full(len(keys), -1, dtype=np.int64)
        waiting = np.arange(len(keys))
        slots = self._home(keys)
        while waiting.size:
            entries = self._slots[slots]
            same = (entries >= 0) & (self._keys[entries] == keys[waiting]).all(axis=1)
            found[waiting[same]] = entries[same]
            onward = (entries >= 0) & ~same
            waiting, slots = waiting[onward], self._next(slots[onward])
        return found

    def _place(self, entries: npt.NDArray[np.int32]) -> None:
        slots = self._home(self._keys[entries])
        while entries.size:
            free = self._slots[slots] < 0
            # Where several want one slot the last writer has it, and the others walk on.
            self._slots[slots[free]] = entries[free]
            onward = self._slots[slots] != entries
            entries, slots = entries[onward], self._next(slots[onward])

    def _home(self, keys: KeyArray) -> IntArray:
        return (keys[:, 0] & np.uint64(len(self._slots) - 1)).astype(np.int64)

    def _next(self, slots: IntArray) -> IntArray:
        return (slots + 1) & (len(self._slots) - 1)

    def _make_room(self, rows: int, width: int) -> None:
        room, needed = len(self._keys), self._count + rows
        while room < needed:
            room *= 2
        if self._answers.shape[1] != width:
            self._answers = np.zeros((room, width))
        if room > len(self._keys):
            self._keys = _grown(self._keys, room)
            self._answers = self._answers if len(self._answers) == room else _grown(self._answers, room)
            self._slots = np.full(2 * room, -1, dtype=np.int32)
            self._place(np.arange(self._count, dtype=np.int32))


def _grown(array: npt.NDArray[Number], rows: int) -> npt.NDArray[Number]:
    larger = np.zeros((rows, array.shape[1]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
