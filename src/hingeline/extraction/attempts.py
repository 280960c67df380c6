"""Recover, and again where that may help: on other lines, or nearer to the centre.

Chance may hide a neuron from the lines that were drawn; then the self-check fails and other lines are
tried. Answers far out may hold no numbers (saturated probabilities, overflow); then a smaller ball is tried.
"""

from __future__ import annotations

from dataclasses import replace

from hingeline.core.errors import OutsideDomain, QueryFailed
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.recover import recover
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.probing.probe import Probe

ATTEMPTS = 2
"""Times that a recovery whose self-check failed is tried on other lines."""
HEAD_ATTEMPTS = 4
"""The same behind a softmax or a sigmoid, where lines are short; there also where neurons were not found."""
SETTLED = (Status.COMPLETE, Status.EQUIVALENT)
"""Outcomes that are kept, whatever other lines came to before."""
MOST_SHRINKS = 8
"""Times that the usable radius is reduced because answers far out hold no numbers."""
SHRINK = 0.2
"""Factor on the radius each time."""


def recover_in_range(bench: Bench) -> Recovery:
    """Recover where answers are usable.

    Raises:
        BudgetExhausted: The budget ended; `bench.best` has what was found.
        QueryFailed: The door is closed.
    """
    for _ in range(MOST_SHRINKS):
        try:
            return _on_other_lines(bench)
        except OutsideDomain as problem:
            return _out_of_reach(bench, str(problem))
        except QueryFailed as failure:
            if not failure.out_of_range:
                raise
            measured = bench.probe.calibration
            radius = min(measured.radius, bench.settings.line_reach * measured.scale) * SHRINK
            if radius < 2 * measured.scale:
                return _out_of_reach(bench, str(failure))
            bench.probe.session.emit(Note(f"{failure} Staying within {radius:.3g} of the centre."))
            bench.probe = Probe(bench.probe.session, replace(measured, radius=radius))
            bench.sweeps.clear()
    return _out_of_reach(bench, "Answers hold no numbers at too many places.")


def _out_of_reach(bench: Bench, why: str) -> Recovery:
    bench.evidence["out_of_reach"] = why
    reason = f"What is left to find out lies where the door gives no values: {why}"
    return Recovery(bench.best, Outcome(Status.INCONCLUSIVE, reason))


def _on_other_lines(bench: Bench) -> Recovery:
    """Recover, and once more on other lines where the self-check failed: chance may have hidden a neuron."""
    result = recover(bench)
    behind_head = bench.probe.calibration.to_values is not None
    for attempt in range(1, HEAD_ATTEMPTS if behind_head else ATTEMPTS):
        lost = behind_head and result.outcome.status is Status.PARTIAL and result.network is None
        if result.outcome.status is not Status.INCONCLUSIVE and not lost:
            break
        bench.probe.session.emit(Note(f"{result.outcome.reason} Trying again on other lines."))
        bench.randomness = Randomness(bench.randomness.seed + 7919 * attempt)
        with bench.probe.session.phase(f"attempt {attempt + 1}"):
            again = recover(bench)
        bench.evidence["attempts"] = attempt + 1
        result = again if again.outcome.status in SETTLED or result.network is None else result
    return result
