"""Stability matrices of undirected stacks agree with enumeration, chains being what is left out."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.estimate_undirected import estimate_undirected_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.operators.operator_set import product_operators, single_units, total
from hingeline.renormalisation.stacks.exact_undirected import ExactUndirected
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.undirected import UndirectedStack

X = np.array([0.5, -1.0, 1.0, 0.3])


def undirected(seed: int, scale: float = 0.8) -> UndirectedStack:
    rng = np.random.default_rng(seed)
    sizes = (4, 4, 4, 3, 2)
    weights = [scale * rng.standard_normal((w, d)) / np.sqrt(d) for d, w in itertools.pairwise(sizes)]
    return UndirectedStack(
        StochasticStack(weights, [0.2 * rng.standard_normal(w) for w in sizes[1:]], "units")
    )


@pytest.mark.parametrize("seed", [61, 62])
def test_entries_agree_with_enumeration_within_their_errors(seed: int) -> None:
    network, sets = undirected(seed), (product_operators(4, 2), product_operators(4, 2))
    found = estimate_undirected_stability(
        network, X, 1, *sets, chains=150, sweeps=400, burn_in=200, rng=np.random.default_rng(seed)
    )
    exact = ExactUndirected(network.stack).stability(X, 1, *sets)
    z = (found.matrix.matrix - exact) / found.matrix.errors
    assert found.gibbs.burn_in_enough
    assert 0.6 < np.sqrt((z**2).mean()) < 1.5
    assert (np.abs(z) < 4).mean() > 0.97
    json.dumps(found.to_dict(), allow_nan=False)


def test_sweeps_that_depend_on_each_other_count_as_fewer_samples() -> None:
    found = estimate_undirected_stability(
        undirected(63, 1.6), X, 1, single_units(4), single_units(4), chains=100, sweeps=300, rng=_rng()
    )
    assert found.gibbs.naive_error_wrong
    assert found.matrix.samples < 0.7 * found.gibbs.moments.samples


def test_layers_that_know_nothing_of_each_other_stay_within_the_null() -> None:
    stack = undirected(64).stack
    weights = [weight * (step != 1) for step, weight in enumerate(stack.weights)]
    apart = UndirectedStack(StochasticStack(weights, stack.biases, "units"))
    found = estimate_undirected_stability(
        apart, X, 1, single_units(4), single_units(4), chains=100, sweeps=300, rng=_rng()
    )
    assert found.matrix.canonical_correlations[0] < 2 * found.matrix.null_quantile
    assert found.matrix.canonical_correlations[0] < 0.05


def test_eigenvalues_want_an_identification_here_too() -> None:
    settings = {"chains": 100, "sweeps": 100, "permutations": 3}
    sets = total(4), total(4)
    found = estimate_undirected_stability(undirected(65), X, 1, *sets, rng=_rng(), **settings)
    with pytest.raises(InvalidInput, match="identification"):
        _ = found.matrix.eigenvalues
    told = estimate_undirected_stability(
        undirected(65), X, 1, *sets, rng=_rng(), identification=Identification("collective"), **settings
    )
    exact = ExactUndirected(undirected(65).stack).stability(X, 1, *sets)
    assert abs(told.matrix.eigenvalues.moduli[0] - abs(exact[0, 0])) < 4 * told.matrix.eigenvalues.errors[0]


def test_a_null_needs_more_chains_than_pairings() -> None:
    with pytest.raises(InvalidInput, match="1 to 9 permutations"):
        estimate_undirected_stability(
            undirected(66), X, 1, total(4), total(4), chains=10, sweeps=10, rng=_rng()
        )


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)
