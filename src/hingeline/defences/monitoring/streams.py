"""Streams of rows to judge a monitor on: recorded attacks, and the same attacks in hiding.

An attacker who knows of the monitor mixes questions of honest users in, as many for one of its own as it can
pay for. Whoever reorders an attack pretends that its questions do not depend on earlier answers, which is
true only within a batch: `shuffled` is thus kinder to the attacker than life.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.oracles.protocol import Oracle, OracleSpec

RATIOS = (1, 4, 19, 99)
"""Benign rows for each row of the attack."""


class Recorder:
    """A door that keeps what it was asked."""

    def __init__(self, inner: Oracle) -> None:
        self._inner = inner
        self._asked: list[FloatArray] = []

    @property
    def spec(self) -> OracleSpec:
        """That of the door inside."""
        return self._inner.spec

    @property
    def rows(self) -> FloatArray:
        """All rows asked, in order, "n d"."""
        return np.vstack([np.zeros((0, self.spec.input_dim)), *self._asked])

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the door inside."""
        self._asked.append(np.array(points, dtype=np.float64))
        return self._inner.query(points)


def recorded(attack: Callable[[Oracle], Any], door: Oracle) -> FloatArray:
    """The rows that `attack` asks of `door`, in order, "n d"."""
    recorder = Recorder(door)
    attack(recorder)
    return recorder.rows


def interleaved(
    attack: FloatArray, benign: FloatArray, ratio: int, rng: np.random.Generator, *, jitter: float = 0.0
) -> FloatArray:
    """The attack with `ratio` benign rows before each of its rows.

    Args:
        attack: Rows in order, "n d".
        benign: Rows to hide among, drawn with repetition, "m d".
        ratio: Benign rows for each row of the attack.
        rng: Draws them.
        jitter: Noise on benign rows, in units of each coordinate's deviation, so that they do not repeat.
    """
    cover = benign[rng.integers(0, len(benign), len(attack) * ratio)]
    cover = cover + jitter * benign.std(axis=0) * rng.standard_normal(cover.shape)
    shape = (len(attack), ratio, attack.shape[1])
    return np.concatenate([cover.reshape(shape), attack[:, np.newaxis]], axis=1).reshape(-1, shape[2])


def shuffled(attack: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The rows of an attack in random order."""
    return attack[rng.permutation(len(attack))]


def in_hiding(
    attack: FloatArray, benign: FloatArray, rng: np.random.Generator, *, ratios: Sequence[int] = RATIOS
) -> dict[str, FloatArray]:
    """The attack as it is, shuffled, and among benign rows in each ratio; by name."""
    streams = {"as it is": attack, "shuffled": shuffled(attack, rng)}
    for ratio in ratios:
        streams[f"1 of {ratio + 1}"] = interleaved(attack, benign, ratio, rng)
        streams[f"1 of {ratio + 1}, jittered"] = interleaved(attack, benign, ratio, rng, jitter=0.1)
    mixed = shuffled(attack, rng)
    streams[f"shuffled, 1 of {max(ratios) + 1}"] = interleaved(mixed, benign, max(ratios), rng)
    return streams
