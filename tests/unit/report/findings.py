"""Findings with known content, for the reports."""

from __future__ import annotations

from typing import Any

from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = PiecewiseLinearNetwork([[[1.0, 2.0], [-1.0, 0.5]], [[3.0, -4.0]]], [[0.5, 0.25], [1.0]])

CHECK: dict[str, Any] = {
    "points": 50,
    "largest_gap": 1e-14,
    "tolerance": 1e-12,
    "worst_ratio": 0.25,
    "unexplained_bends": 0,
    "bends_on_fresh_line": 2,
}
EVIDENCE: dict[str, Any] = {
    "verification": CHECK,
    "neurons": [
        {"layer": 1, "neuron": 0, "status": "measured", "error": 2e-15},
        {"layer": 1, "neuron": 1, "status": "measured", "error": 3e-14},
    ],
    "doctor": {"answers": "logits", "deterministic": True},
}


def finding(
    status: Status = Status.COMPLETE,
    value: PiecewiseLinearNetwork | None = NETWORK,
    target: str = "model.npz",
    **evidence: Any,
) -> Finding[PiecewiseLinearNetwork]:
    """A finding of 90 questions in two steps, one of them nested."""
    spending = Spending(90, 1.25, {"doctor": 40, "layer 1/bends": 20, "layer 1/signs": 30})
    return Finding(
        value,
        Outcome(status, "As told.", "Type this."),
        EVIDENCE | evidence,
        spending,
        Provenance("extract", target, seed=7, sources=("Rolnick and Körding 2020",)),
    )
