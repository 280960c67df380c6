"""Findings with known content, for the reports."""

from __future__ import annotations

from typing import Any

from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = PiecewiseLinearNetwork([[[1.0, 2.0], [-1.0, 0.5]], [[3.0, -4.0]]], [[0.5, 0.25], [1.0]])

EVIDENCE: dict[str, Any] = {
    "verification": {"points": 50, "largest_gap": 1e-14, "tolerance": 1e-12},
    "layers": [{"layer": 1, "width": 2, "neurons": [{"error": 2e-15}, {"error": 3e-14}]}],
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
