"""Exponents of the two-dimensional Ising model against exact ones and those of Swendsen 1982.

His numbers are those that Landau and Binder print in Table 9.1. Two minutes: `pytest -m paper
tests/reproduction/test_ising_exponents.py`. Seeds served for nothing else.
"""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest

from hingeline.renormalisation.known_answers.mcrg import IsingExponents, ising_exponents
from hingeline.renormalisation.known_answers.published import published_thermal

pytestmark = pytest.mark.paper

SEEDS = (101, 102, 103)
MOST_SECONDS = 60.0
"""Of the processor, for one measurement at L = 32."""


@functools.cache
def measured(size: int, seed: int) -> tuple[IsingExponents, float]:
    began = time.process_time()
    found = ising_exponents(size, configurations=60_000, rng=np.random.default_rng([size, seed]), every=5)
    return found, time.process_time() - began


def covers_the_printed(found: IsingExponents, level: int, operators: int) -> bool:
    """Whether three of our own errors reach the number that Swendsen printed; his are smaller still."""
    printed = published_thermal(found.size, level, operators)
    assert printed is not None
    value, error = found.thermal.at(level, operators)
    return abs(value - printed[0]) < 3 * error


@pytest.mark.parametrize("seed", SEEDS)
def test_level_two_has_the_exact_exponents_within_a_minute(seed: int) -> None:
    found, seconds = measured(32, seed)
    thermal, error = found.thermal.at(2, 2)
    assert abs(thermal - 1.0) < 0.02
    assert error < 0.01
    assert covers_the_printed(found, 2, 2)
    assert found.magnetic.at(2, 2)[0] == pytest.approx(1.875, rel=0.002)
    assert seconds <= MOST_SECONDS


@pytest.mark.parametrize("seed", SEEDS)
def test_level_one_with_one_operator_is_as_low_as_swendsens(seed: int) -> None:
    found, _ = measured(32, seed)
    value, error = found.thermal.at(1, 1)
    assert covers_the_printed(found, 1, 1)
    assert value + 5 * error < 1.0


@pytest.mark.parametrize(("size", "seed"), [(32, seed) for seed in SEEDS] + [(16, seed) for seed in SEEDS])
def test_the_energy_is_kaufmans(size: int, seed: int) -> None:
    assert abs(measured(size, seed)[0].energy_z) < 3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_whole_table_of_a_size_agrees(seed: int) -> None:
    z = np.array(list(measured(32, seed)[0].published_z.values()))
    assert len(z) == 12
    assert np.abs(z).max() < 4


@pytest.mark.parametrize("seed", SEEDS)
def test_canonical_correlations_stay_below_one_where_eigenvalues_do_not(seed: int) -> None:
    found, _ = measured(32, seed)
    for flow in (found.thermal, found.magnetic):
        for level in (1, 2, 3):
            moduli, canonical = flow.spectrum(level, 3)
            assert canonical.max() <= 1 + 1e-9 < moduli[0]
            assert canonical[0] > 0.85 and canonical[1] < 0.5


def test_errors_of_the_jackknife_are_those_that_repeats_show() -> None:
    repeats = [
        ising_exponents(16, configurations=4_000, rng=np.random.default_rng([7, seed]), every=3)
        for seed in range(40)
    ]
    for place in ((0, 0), (0, 1), (1, 1)):
        spread = np.std([found.thermal.exponents[place] for found in repeats], ddof=1)
        told = np.sqrt(np.mean([found.thermal.exponent_errors[place] ** 2 for found in repeats]))
        # the spread of 40 is known to a ninth, so 0.7 to 1.4 is three errors
        assert 0.7 < spread / told < 1.4
