"""The estimator of stability matrices finds the critical exponents of the Ising model."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.known_answers.chain_moments import ChainMoments, blocked_levels
from hingeline.renormalisation.known_answers.ising import Spins
from hingeline.renormalisation.known_answers.majority_rule import even_operators
from hingeline.renormalisation.known_answers.mcrg import IsingExponents, ising_exponents
from hingeline.renormalisation.known_answers.published import SWENDSEN, published_thermal, z_between
from hingeline.renormalisation.known_answers.sector_flow import sector_flow


@functools.cache
def measured() -> IsingExponents:
    """A sample of one second."""
    return ising_exponents(16, configurations=12_000, rng=np.random.default_rng(61))


def moments_of(above: FloatArray, below: FloatArray, blocks: int = 10) -> BlockMoments:
    up, down = (np.array(np.split(values, blocks)) for values in (above, below))
    turned_up, turned_down = up.transpose(0, 2, 1), down.transpose(0, 2, 1)
    return BlockMoments(
        np.full(blocks, float(up.shape[1])),
        up.sum(axis=1),
        down.sum(axis=1),
        turned_up @ up,
        turned_up @ down,
        turned_down @ down,
    )


def test_an_operator_that_halves_has_exponent_one_without_error() -> None:
    above = np.random.default_rng(62).standard_normal((500, 3))
    flow = sector_flow([moments_of(above, 2.0 * above)], ("a", "b", "c"))
    assert flow.exponents == pytest.approx(np.ones((1, 3)), abs=1e-12)
    for k in (1, 2, 3):
        moduli, canonical = flow.spectrum(1, k)
        assert moduli == pytest.approx(2 * np.ones(k), abs=1e-12)
        assert canonical == pytest.approx(np.ones(k), abs=1e-12)
    assert flow.exponent_errors.max() < 1e-12


def test_canonical_correlations_do_not_change_with_the_choice_of_operators() -> None:
    rng = np.random.default_rng(63)
    above, below = rng.standard_normal((2, 400, 3))
    below[:, 0] += above[:, 1]
    mixed = moments_of(above @ rng.standard_normal((3, 3)), below @ rng.standard_normal((3, 3)))
    plain = sector_flow([moments_of(above, below)], ("a", "b", "c"))
    found = sector_flow([mixed], ("a", "b", "c"))
    assert found.canonical_correlations[0, 2] == pytest.approx(plain.canonical_correlations[0, 2], abs=1e-10)
    assert found.canonical_errors[0, 2] == pytest.approx(plain.canonical_errors[0, 2], abs=1e-10)


def test_dependent_operators_are_refused() -> None:
    above = np.repeat(np.arange(20.0)[:, np.newaxis], 2, axis=1)
    with pytest.raises(InvalidInput, match="depend on each other"):
        sector_flow([moments_of(above, above)], ("a", "b"))


def test_moments_in_batches_are_the_covariances_of_all_configurations() -> None:
    spins: Spins = np.random.default_rng(64).choice(np.array([-1, 1], dtype=np.int8), (30, 4, 8, 8))
    levels = blocked_levels(spins, 1, np.random.default_rng(65))
    sums = ChainMoments(1, lambda lattices: even_operators(lattices, 3))
    for part in (slice(0, 11), slice(11, 30)):
        sums.add([level[part] for level in levels])
    (moments,) = sums.moments()
    below, above = (even_operators(level, 3) for level in levels)
    wanted = np.cov(np.concatenate([above, below], axis=2).reshape(-1, 6).T, bias=True)
    for found, block in zip(moments.whole(), (wanted[:3, :3], wanted[:3, 3:], wanted[3:, 3:]), strict=True):
        assert found == pytest.approx(block, abs=1e-9)
    # the blocks are chains: without the last one, only the others count
    others = np.cov(below[:, :3].reshape(-1, 3).T, bias=True)
    assert moments.without(3)[2] == pytest.approx(others, abs=1e-9)


def test_moments_of_nothing_are_refused() -> None:
    with pytest.raises(InvalidInput, match="none were added"):
        ChainMoments(1, lambda lattices: even_operators(lattices, 2)).moments()


def test_exponents_of_a_small_lattice_are_those_that_swendsen_printed() -> None:
    found = measured()
    for operators in (1, 2, 3, 4):
        printed = published_thermal(16, 1, operators)
        assert printed is not None
        assert abs(z_between(*found.thermal.at(1, operators), printed)) < 4
    assert found.thermal.exponent_errors.max() < 0.02
    assert found.published_z.keys() == {(level, k) for level in (1, 2) for k in (1, 2, 3, 4)}


def test_one_operator_at_the_first_level_is_off_by_a_tenth_and_two_at_the_second_are_not() -> None:
    found = measured()
    value, error = found.thermal.at(1, 1)
    assert value + 5 * error < 1.0
    value, error = found.thermal.at(2, 2)
    assert abs(value - 1.0) < 4 * error + 0.01
    assert found.magnetic.at(2, 2)[0] == pytest.approx(1.875, abs=0.004)


def test_energy_agrees_with_kaufman_and_correlations_stay_below_one() -> None:
    found = measured()
    assert abs(found.energy_z) < 4
    assert found.thermalised and 0.5 < found.autocorrelation.tau < 3
    for flow in (found.thermal, found.magnetic):
        assert np.nanmax(flow.canonical_correlations) <= 1 + 1e-9
        assert (flow.eigenvalues[:, :, 0] > 1.5).all()
        assert (flow.conditions >= 1 - 1e-9).all()


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two = (ising_exponents(8, configurations=300, rng=np.random.default_rng(66)) for _ in range(2))
    assert (one.thermal.exponents == two.thermal.exponents).all()
    assert one.energy == two.energy
    assert one.configurations == 300 and one.thermal.levels == 1
    (moments,) = one.thermal_moments
    assert moments.blocks == 50 and moments.samples == 300


def test_results_are_told_in_full_and_cannot_be_written_to() -> None:
    found = measured()
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["thermal"]["exponents"] == found.thermal.exponents.tolist()
    assert told["level"] == 2 and told["thermal_exponent"] == found.thermal.at(2, 2)[0]
    thermal, magnetic = found.figures("small")
    assert [thermal.name, magnetic.name] == ["small-thermal", "small-magnetic"]
    assert len(thermal.curves) == 4 and thermal.curves[0].x == (1.0, 2.0)
    with pytest.raises(ValueError, match="read-only"):
        found.thermal.exponents[0, 0] = 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 6},
        {"levels": 3},
        {"levels": 0},
        {"chains": 1},
        {"configurations": 60},
        {"even": 8},
        {"odd": 0},
    ],
)
def test_impossible_measurements_are_refused(wrong: dict[str, int]) -> None:
    given = {"size": 16, "configurations": 200, "rng": np.random.default_rng(0)} | wrong
    with pytest.raises(InvalidInput):
        ising_exponents(given.pop("size"), **given)  # type: ignore[arg-type]


def test_a_level_that_was_not_measured_is_refused() -> None:
    with pytest.raises(InvalidInput, match="levels are 1 to 2"):
        measured().thermal.at(3, 1)


def test_the_printed_table_has_its_gaps() -> None:
    assert published_thermal(16, 3, 4) is None and published_thermal(128, 1, 1) is None
    assert published_thermal(32, 2, 2) == (0.998, 0.002)
    assert all(len(row) == 3 for row in SWENDSEN.values())
