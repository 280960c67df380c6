"""A change that a move has shown is not forgotten because later moves showed none."""

import numpy as np
import pytest
from practice import bench_of

from hingeline.core.arrays import FloatArray
from hingeline.subspace import adaptive
from hingeline.subspace.adaptive import recover_adaptive
from hingeline.subspace.moves import Hit, Moves


def test_one_live_place_that_cannot_be_measured_forbids_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_input(points: FloatArray) -> FloatArray:
        return points[:, :1]

    attempt, shown = Moves.attempt, []

    def once(moves: Moves, *args: object) -> Hit | None:
        if shown:
            return attempt(moves, *args)  # pyright: ignore[reportArgumentType]
        shown.append(True)
        moves.tried, moves.hits = 1, 1
        return Hit(np.ones(12), 0.1, np.ones(12), np.ones(1))

    monkeypatch.setattr(Moves, "attempt", once)
    monkeypatch.setattr(adaptive, "_spots_near", lambda *args: [])
    found = recover_adaptive(bench_of(first_input, 12))
    assert found.rank == 1
    assert found.standing == "partial"
