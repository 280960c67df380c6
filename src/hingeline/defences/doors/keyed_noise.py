"""Gaussian noise that is a function of a secret and of the row, so that asking a row again tells nothing new.

For a row x of bytes b and a secret s the draws are

    z = Phi^-1(u),  u = (the 53 high bits of every 8 bytes of SHAKE-256(s, b), plus 1/2) / 2^53

one for each output, independent for all practical purposes between outputs and between rows. That is also its
limit: two rows that differ in the last bit have independent draws and nearly the same answer, so whoever
averages over neighbours of a row gains as much as from repeats of fresh noise.

Cost: one hash per row, about 1 us and 4 us more per thousand inputs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.randomness import Randomness
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.noise import check_deviation
from hingeline.defences.doors.numbers import short
from hingeline.defences.doors.order import need_all_scores
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.row_memory import as_sent

_SECRET_BYTES = 32


@dataclass(frozen=True)
class KeyedNoise(Defence):
    """N(0, deviation^2) added to every number of an answer, always the same at the same row.

    Raises:
        InvalidInput: A deviation that is not a number above 0.
    """

    deviation: float
    """Standard deviation, in units of the answers."""

    def __post_init__(self) -> None:
        check_deviation(self.deviation)

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"keyed-noise:{short(self.deviation)}"

    @property
    def words(self) -> str:
        """For tables."""
        return f"noise {self.deviation:g} fixed by the input"

    @property
    def follows_scores(self) -> bool:
        """True: scores and a secret."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The noisy door; `seed` is its secret.

        Raises:
            InvalidInput: The door inside answers labels, or its largest logits only.
        """
        need_all_scores(oracle, self.text)
        return _KeyedDoor(oracle, self, seed)


class _KeyedDoor(DefendedOracle):
    """Has no state, so it answers threads, batches and repeats alike."""

    def __init__(self, inner: Oracle, defence: KeyedNoise, seed: int) -> None:
        super().__init__(inner, defence.words)
        self._deviation = defence.deviation
        self._secret = Randomness(seed).step("keyed noise").bytes(_SECRET_BYTES)

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        draws = keyed_normals(self._secret, points, self.spec.dtype, answers.shape[1])
        return answers + self._deviation * draws


def keyed_normals(secret: bytes, points: FloatArray, dtype: str, count: int) -> FloatArray:
    """Standard normal draws fixed by a secret and the row, "n count".

    Args:
        secret: What nobody else knows.
        points: Rows, "n d".
        dtype: Type in which a row is sent; rows that round to the same one are the same.
        count: Draws for each row.
    """
    from scipy.special import ndtri

    # -0 and 0 are the same number in other bytes; a row with m zeros would otherwise have 2^m draws.
    unsigned = as_sent(points, dtype).astype(np.float64) + 0.0
    rows = [row.tobytes() for row in as_sent(unsigned, dtype)]
    started = hashlib.shake_256(secret)
    blocks: list[bytes] = []
    for row in rows:
        state = started.copy()
        state.update(row)
        blocks.append(state.digest(8 * count))
    words = np.frombuffer(b"".join(blocks), dtype="<u8").reshape(len(rows), count)
    return ndtri(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)
