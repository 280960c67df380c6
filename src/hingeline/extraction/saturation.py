"""Answers that stop changing far out: clipped inputs, or neurons that are clipped themselves?

The doctor cannot tell the two apart, and so keeps an attack within the inputs at which answers change. Once
a layer of clipped neurons is recovered, it says what lies beyond: which constants, and where they are
reached. If fresh points and a fresh line far out agree, the network explains the flatness and holds there.

Source: ours. Cost: that of one verification, and only for networks with clipped neurons.
"""

from __future__ import annotations

from dataclasses import replace

from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.verify import verify
from hingeline.probing.probe import Probe


def saturates_by_itself(bench: Bench, result: Recovery) -> bool:
    """Whether a recovered network with clipped neurons is right beyond where answers stop changing.

    Raises:
        BudgetExhausted: The budget ended.
    """
    layers = bench.evidence.get("architecture", {}).get("layers", [])
    clipped = any("clipped" in layer for layer in layers)
    if result.network is None or bench.row_errors is None or not clipped:
        return False
    probe = Probe(bench.probe.session, replace(bench.probe.calibration, radius=float("inf")))
    errors = bench.row_errors
    claimed = errors if isinstance(errors, float | int) else [3 * e for e in errors]
    with probe.session.phase("verify"):
        check = verify(probe, result.network, claimed, bench.randomness.step("far out check"), bench.settings)
    if check.passed:
        bench.evidence["verification"]["reach"] = check.reach
    return check.passed
