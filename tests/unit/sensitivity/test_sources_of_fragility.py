"""A finding names the papers whose methods it used, and no others."""

import numpy as np

import hingeline as hl
from hingeline.sensitivity.sources import sources_of

RNG = np.random.default_rng(8)
NETWORK = hl.PiecewiseLinearNetwork(
    [RNG.normal(size=(5, 3)), RNG.normal(size=(3, 5))], [RNG.normal(size=5), RNG.normal(size=3)]
)
X = RNG.normal(size=(3, 3))


def told(finding):
    return " ".join(finding.provenance.sources)


def test_behind_labels_no_gradients_fisher_directions_or_proofs_are_named():
    middle = np.median(NETWORK(X)[:, 0])
    door = hl.oracle(lambda x: (NETWORK(x)[:, :1] > middle).astype(float), input_dim=3)
    sources = told(hl.fragility(door, X, budget=3000))
    assert "HopSkipJump" in sources
    assert not any(
        name in sources for name in ("Fisher", "Obfuscated", "CROWN", "Certificates", "single gradient")
    )


def test_of_a_network_that_is_searched_through_gradients_and_proofs_are_named():
    sources = told(hl.fragility(NETWORK, X))
    assert all(name in sources for name in ("Fisher", "CROWN", "Certificates", "single gradient"))


def test_where_nothing_was_measured_nobody_is_named():
    assert sources_of(None) == ()
