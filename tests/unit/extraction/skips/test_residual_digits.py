from __future__ import annotations

import numpy as np
import pytest
from residual_networks import trained_on_digits

import hingeline as hl
from hingeline.core.outcome import Status


@pytest.mark.parametrize(
    ("skips", "kind", "ends"),
    [
        ("identity", "identity", (1, 2)),
        ("direct", "dense", ("input", "output")),
        ("into", "dense", ("input", 2)),
    ],
)
def test_a_residual_network_trained_on_digits_is_recovered_with_its_skip(
    skips: str, kind: str, ends: tuple[str | int, str | int]
) -> None:
    network, accuracy = trained_on_digits(8, skips, seed=301, epochs=30)
    assert accuracy > 0.9
    found = hl.extract(hl.oracle(network, input_dim=64), seed=301)
    (skip,) = found.evidence["architecture"]["skips"]
    assert found.outcome.status in (Status.COMPLETE, Status.EQUIVALENT)
    assert (skip["kind"], (skip["from"], skip["to"])) == (kind, ends)
    # a free skip into the second layer takes in the signs of the first: never "measured"
    assert skip["status"] == ("undetermined" if skips == "into" else "measured")
    assert found.outcome.ok == (skips != "into")
    points = np.random.default_rng(302).uniform(0, 1, (500, 64))
    assert found.value is not None
    assert found.value(points) == pytest.approx(network(points), abs=1e-8)
    if skips == "direct":
        assert np.abs(np.array(skip["weights"]) - network.direct).max() < 1e-6
