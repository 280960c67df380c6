"""The sampler draws from the law of the Ising model, and its exact energy agrees with enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.known_answers.ising import CRITICAL_COUPLING, ising_batches
from hingeline.renormalisation.known_answers.kaufman import neighbour_correlation
from hingeline.renormalisation.stacks.stack import joint_states


def energies(spins: FloatArray) -> FloatArray:
    """Sum of neighbours' products, "... L L" to "..."."""
    pairs = spins * np.roll(spins, 1, axis=-1) + spins * np.roll(spins, 1, axis=-2)
    return pairs.sum(axis=(-2, -1))


def enumerated(size: int, coupling: float) -> float:
    found = energies(joint_states(size**2).reshape(-1, size, size))
    weights = np.exp(coupling * (found - found.max()))
    return float(weights @ found / weights.sum() / (2 * size**2))


@pytest.mark.parametrize("coupling", [0.05, 0.3, CRITICAL_COUPLING, 0.6, 2.0])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_exact_energy_agrees_with_enumeration(size: int, coupling: float) -> None:
    assert neighbour_correlation(size, coupling) == pytest.approx(enumerated(size, coupling), abs=1e-13)


@pytest.mark.parametrize(("size", "wanted"), [(16, 0.72653), (32, 0.71683), (64, 0.71197)])
def test_the_exact_energy_of_larger_lattices_is_kaufmans(size: int, wanted: float) -> None:
    assert neighbour_correlation(size) == pytest.approx(wanted, abs=5e-6)


def test_the_exact_energy_tends_to_onsagers_and_neither_overflows_nor_jumps() -> None:
    assert neighbour_correlation(2048) == pytest.approx(np.sqrt(0.5), abs=2e-4)
    beside = [neighbour_correlation(32, CRITICAL_COUPLING + shift) for shift in (-1e-9, 0.0, 1e-9)]
    assert np.ptp(beside) < 1e-7 and beside == sorted(beside)
    assert neighbour_correlation(64, 3.0) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("coupling", [0.2, CRITICAL_COUPLING])
def test_states_of_a_small_torus_come_up_as_often_as_they_should(coupling: float) -> None:
    drawn = np.concatenate(
        list(
            ising_batches(2, chains=400, configurations=200, rng=np.random.default_rng(41), coupling=coupling)
        )
    )
    states = joint_states(4)
    weights = np.exp(coupling * energies(states.reshape(-1, 2, 2)))
    wanted = weights / weights.sum()
    numbers = (drawn.reshape(400 * 200, 4) > 0) @ np.array([8, 4, 2, 1])
    # chains are independent, sweeps of one are not: errors from the spread of the chains
    each = np.stack([(numbers.reshape(200, 400) == state).mean(axis=0) for state in range(16)])
    z = (each.mean(axis=1) - wanted) / (each.std(axis=1, ddof=1) / np.sqrt(400))
    assert np.abs(z).max() < 4 and np.sqrt(np.mean(z**2)) < 1.6


def test_the_energy_of_a_critical_lattice_is_kaufmans() -> None:
    batches = ising_batches(16, chains=40, configurations=100, rng=np.random.default_rng(42), every=2)
    chains = np.concatenate([energies(batch.astype(np.float64)) / 512 for batch in batches]).mean(axis=0)
    error = chains.std(ddof=1) / np.sqrt(40)
    assert abs(chains.mean() - neighbour_correlation(16)) < 4 * error
    assert error < 0.003


def test_without_coupling_spins_are_coins_and_with_a_strong_one_they_agree() -> None:
    (free,) = ising_batches(8, chains=50, configurations=20, rng=np.random.default_rng(43), coupling=0.0)
    assert abs(free.mean(dtype=np.float64)) < 4 / np.sqrt(free.size)
    (cold,) = ising_batches(8, chains=50, configurations=20, rng=np.random.default_rng(44), coupling=5.0)
    magnetisation = cold.mean(axis=(2, 3), dtype=np.float64)
    assert np.abs(magnetisation).min() > 0.9
    # lattices do not touch: each chooses its own sign
    assert 0 < (magnetisation[-1] > 0).sum() < 50


def test_batches_bound_what_is_held_and_change_nothing() -> None:
    def drawn(batch: int) -> list[FloatArray]:
        rng = np.random.default_rng(45)
        return list(ising_batches(4, chains=3, configurations=7, rng=rng, discard=5, batch=batch))

    whole, split = drawn(1 << 20), drawn(3 * 16 * 2)
    assert [len(part) for part in split] == [2, 2, 2, 1]
    assert whole[0].dtype == np.int8 and whole[0].shape == (7, 3, 4, 4)
    assert (np.concatenate(split) == whole[0]).all()


@pytest.mark.parametrize(
    "wrong",
    [{"size": 1}, {"chains": 0}, {"configurations": 0}, {"every": 0}, {"discard": -1}, {"coupling": -0.1}],
)
def test_the_sampler_says_what_it_wants(wrong: dict[str, float]) -> None:
    given = {"size": 4, "chains": 2, "configurations": 2, "rng": np.random.default_rng(0)} | wrong
    with pytest.raises(InvalidInput):
        next(ising_batches(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "coupling"), [(1, 0.4), (4, 0.0), (4, np.inf)])
def test_the_exact_energy_says_what_it_wants(size: int, coupling: float) -> None:
    with pytest.raises(InvalidInput, match="wants size"):
        neighbour_correlation(size, coupling)
