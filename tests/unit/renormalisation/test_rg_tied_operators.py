"""Tied layers are measured with the same products, whatever the widths of the other layers."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.renormalisation.stability import stability
from hingeline.renormalisation.stacks.stack import StochasticStack


@pytest.mark.parametrize("operators", ["single units", "pairs"])
@pytest.mark.parametrize("widths", [(4, 5, 5, 5, 3), (4, 5, 5, 3, 2), (3, 2, 2, 2)])
def test_tied_units_are_measured_and_grown_in_every_layer_that_has_them(widths, operators) -> None:
    rng = np.random.default_rng(70)
    pairs = list(zip(widths[1:], widths, strict=False))
    stack = StochasticStack(
        [rng.standard_normal(pair) for pair in pairs], [0.1 * rng.standard_normal(n) for n, _ in pairs]
    )
    found = stability(
        stack,
        rng.standard_normal((6, widths[0])),
        seed=71,
        settings={
            "samples": 4000,
            "samples_per_answer": 40,
            "identification": "tied units",
            "operators": operators,
            "closely": 1,
        },
    )
    assert found.value is not None
    assert found.value.left_out == ()
    assert found.value.stack is not None
    flows = found.value.stack.flows
    assert flows
    for flow in flows:
        told = [r for m, r in zip(flow.matrices, flow.relevance, strict=True) if m.identification]
        assert told
        assert not any("not measured with more" in r.words or "not of the same" in r.words for r in told)
