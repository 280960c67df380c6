"""What is claimed of the largest parameter error holds, nearly always, whatever the door."""

from __future__ import annotations

import numpy as np
import pytest
from practice_benches import he_network

import hingeline as hl
from hingeline.core.arrays import FloatArray

TRIALS, FEWEST_HOLD = 20, 19


def held(sizes: tuple[int, ...], door: str, seed: int) -> tuple[bool, bool]:
    """Whether the outcome is ok, and whether the claim holds."""
    network = he_network(*sizes, seed=seed)
    oracle = hl.defended(network, door) if door.startswith("round") else hl.oracle(network)
    if door == "box":
        oracle = hl.oracle(network, bounds=(-1.0, 1.0))
    elif door == "single":

        def single(rows: FloatArray) -> FloatArray:
            return network(rows).astype(np.float32).astype(np.float64)

        oracle = hl.oracle(single, input_dim=network.input_dim)
    finding = hl.extract(oracle, seed=seed)
    if not finding.outcome.ok:
        return False, True
    truth = hl.diff(network, finding.require(), tolerance=0.1).max_parameter_error
    return True, truth <= finding.evidence["parameter_error"]


@pytest.mark.parametrize(
    ("sizes", "door"),
    [
        ((13, 6, 1), "box"),
        ((14, 16, 1), "exact"),
        ((6, 3, 1), "single"),
        ((12, 9, 1), "round:6"),
        ((12, 8, 4, 1), "round:6"),
    ],
)
def test_the_claim_for_the_largest_error_holds(sizes: tuple[int, ...], door: str) -> None:
    outcomes = [held(sizes, door, seed) for seed in range(300, 300 + TRIALS)]
    assert sum(ok for ok, _ in outcomes) >= TRIALS // 2
    assert sum(claim for _, claim in outcomes) >= FEWEST_HOLD
