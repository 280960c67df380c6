"""Rare joint events: what was not seen has an error too, and where errors cannot be known that is said."""

from __future__ import annotations

import numpy as np
from rg_enumeration import exact_moments, random_stack

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.flow.conditioning import correlations
from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.relevance import relevance
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.operator_set import (
    ProductOperators,
    product_operators,
    single_units,
)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def kept(names: tuple[str, ...], operators: ProductOperators) -> ProductOperators:
    chosen = tuple(s for s, name in zip(operators.subsets, operators.names, strict=True) if name in names)
    return ProductOperators(operators.width, chosen)


def rare_and_sampled(seed: int, scale: float) -> tuple[StabilityMatrix, FloatArray, float]:
    """Pairs whose conditional means are not taken, and the truth: T and the first canonical correlation."""
    stack, x = random_stack((6, 6, 3), 61 + seed % 8, scale), generator(seed % 8).choice([-1.0, 1.0], 6)
    below, above = product_operators(6, 2), product_operators(3, 2)
    given = {"samples": 8000, "rng": generator(seed), "permutations": 1, "rao_blackwell": False}
    found = estimate_stability(stack, x, 1, below, above, **given)  # type: ignore[arg-type]
    a, b, c = exact_moments(stack, x, 1, kept(found.names_below, below), kept(found.names_above, above))
    return found, np.linalg.pinv(a) @ b, float(correlations(a, b, c).max(initial=0.0))


def test_an_event_that_was_not_seen_still_has_an_error() -> None:
    deviations = np.concatenate(
        [
            (np.abs(found.matrix - truth) / np.maximum(found.errors, 1e-9)).ravel()
            for found, truth, _ in (rare_and_sampled(seed, 2.5) for seed in range(400, 480))
        ]
    )
    assert len(deviations) > 500
    assert np.mean(deviations > 5) < 0.005


def test_a_correlation_of_one_that_rare_events_would_lower_is_called_fragile() -> None:
    made = [rare_and_sampled(seed, 5.0) for seed in range(416, 440)]
    # the samples leave no doubt of 1, and the truth is below
    blind = [
        found
        for found, _, truth in made
        if found.canonical_correlations.max(initial=0.0) > 1 - 1e-9 and truth < 0.999
    ]
    assert len(blind) >= 3
    assert all(found.fragile and found.summary()["fragile"] for found in blind)
    assert any("nearly coincide" in reason for reason in relevance(blind[0]).missing)


def test_a_well_conditioned_matrix_is_not_fragile() -> None:
    stack, units = random_stack((5, 4, 4), 31), single_units(4)
    found = estimate_stability(stack, np.ones(5), 1, units, units, samples=4000, rng=generator(440))
    assert not found.fragile and found.summary()["fragile"] is False
