"""0/1 systems against the exhaustive list of their solutions."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.numerics.binary_system import SLACK, BinaryStatus, solve_binary

TOLERANCE = 1e-9


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    rows=st.integers(1, 6),
    unknowns=st.integers(1, 8),
    levels=st.integers(1, 3),
    consistent=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_status_and_bits_agree_with_the_exhaustive_list(
    rows: int, unknowns: int, levels: int, consistent: bool, seed: int
) -> None:
    """Small integer coefficients make many systems ambiguous or empty."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-levels, levels + 1, (rows, unknowns)).astype(float)
    planted = rng.integers(0, 2, unknowns)
    right_side = matrix @ planted + (0.0 if consistent else rng.integers(-1, 2, rows))
    corners = np.array(list(itertools.product([0, 1], repeat=unknowns)))
    fitting = corners[np.abs(corners @ matrix.T - right_side).max(axis=1) <= SLACK * TOLERANCE]

    solution = solve_binary(matrix, right_side, TOLERANCE)

    statuses = (BinaryStatus.NONE, BinaryStatus.EXACT, BinaryStatus.AMBIGUOUS)
    assert solution.status is statuses[min(len(fitting), 2)]
    assert solution.differing == (tuple(np.flatnonzero(np.ptp(fitting, axis=0))) if len(fitting) > 1 else ())
    if solution.bits is not None:
        assert solution.bits.astype(int).tolist() in fitting.tolist()
