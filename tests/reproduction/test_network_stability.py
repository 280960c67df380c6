"""Stability of trained digits classifiers against the flip rates and gains of an earlier prototype.

The limits are our own bar (the source reports no numerical experiment that we know of). Seeds are others than
those of `test_fisher_directions.py`, which holds the same networks to the whole table of flips. A minute:
`pytest -m paper tests/reproduction/test_network_stability.py`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from test_fisher_directions import ONE, SIX, THREE, trained

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.feed_forward.direction_gains import DirectionGains
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curves import flip_curves

pytestmark = pytest.mark.paper

SEEDS = (211, 212, 213)
"""None of them served to choose anything."""
SIZE = 0.5
EVERY = [
    pytest.param(hidden, seed, id=f"{len(hidden)} hidden, seed {seed}")
    for hidden in (ONE, THREE, SIX)
    for seed in SEEDS
]
CHOSEN, RANDOM = (2.4, 5.6, 12.9, 23.7), (1.1, 1.8, 3.4, 5.7)
"""Cumulative raw gains of the prototype's 64-64-64 along the Fisher direction and along random ones."""
CHOSEN_OF_SIX, RANDOM_OF_SIX = 50.0, 8.0
"""Those of its 6x32 at the outputs."""
OTHER_TRAININGS = 0.25
"""Relative; one network of each kind was measured then, and trainings differ by a tenth."""


@functools.cache
def diagnosed(hidden: tuple[int, ...], seed: int) -> NetworkDiagnosis:
    model, images = trained(hidden, seed)
    return diagnose_network(model, images, rng=np.random.default_rng(seed))


def gains_of(hidden: tuple[int, ...], seed: int) -> DirectionGains:
    gains = diagnosed(hidden, seed).gains
    assert gains is not None
    return gains.raw


def medians(log_gains: FloatArray) -> FloatArray:
    return np.exp(np.median(log_gains.reshape(len(log_gains), -1), axis=1))


@pytest.mark.parametrize(("hidden", "seed"), EVERY)
def test_signed_fisher_steps_beat_chance_and_keep_up_with_the_gradient(
    hidden: tuple[int, ...], seed: int
) -> None:
    model, images = trained(hidden, seed)
    curves = flip_curves(
        model,
        Decision(10),
        images,
        [SIZE],
        rng=np.random.default_rng(seed),
        fisher=diagnosed(hidden, seed).fisher,
        random_directions=100,
    )
    assert curves.ratio_low[0] >= (10 if hidden == SIX else 20)
    assert curves["fisher"].low[0] >= 0.9 * curves["gradient"].shares[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_three_layers_gain_what_the_prototype_gained(seed: int) -> None:
    gains = gains_of(THREE, seed)
    np.testing.assert_allclose(medians(gains.cumulative), CHOSEN, rtol=OTHER_TRAININGS)
    np.testing.assert_allclose(medians(gains.random_cumulative), RANDOM, rtol=OTHER_TRAININGS)


@pytest.mark.parametrize("seed", SEEDS)
def test_six_layers_gain_what_the_prototype_gained_at_the_outputs(seed: int) -> None:
    gains = gains_of(SIX, seed)
    assert medians(gains.cumulative)[-1] == pytest.approx(CHOSEN_OF_SIX, rel=OTHER_TRAININGS)
    assert medians(gains.random_cumulative)[-1] == pytest.approx(RANDOM_OF_SIX, rel=OTHER_TRAININGS)


@pytest.mark.parametrize(("hidden", "seed"), EVERY)
def test_the_fisher_direction_gains_more_than_random_ones_in_either_units(
    hidden: tuple[int, ...], seed: int
) -> None:
    gains = diagnosed(hidden, seed).gains
    assert gains is not None
    for kind in (gains.whitened, gains.raw):
        chosen, random = medians(kind.cumulative), medians(kind.random_cumulative)
        assert np.all(chosen > random) and chosen[-1] > 2 * random[-1]


@pytest.mark.parametrize(("hidden", "seed"), EVERY)
def test_scaling_is_claimed_of_one_law_over_four_layers_only(hidden: tuple[int, ...], seed: int) -> None:
    gains = diagnosed(hidden, seed).gains
    assert gains is not None
    for kind in (gains.whitened, gains.raw):
        found = kind.scaling
        if len(hidden) + 1 < 4:
            assert found.verdict == "undecided"
        if found.verdict == "scaling":
            assert abs(found.slope) > 3 * found.error and found.probability > 0.0027


@pytest.mark.parametrize(("hidden", "seed"), EVERY)
def test_layers_of_the_noisy_twin_never_win_information(hidden: tuple[int, ...], seed: int) -> None:
    twin = diagnosed(hidden, seed).twin
    assert twin is not None
    assert all(rows.max() <= 1 + 1e-9 for rows in twin.correlations)
