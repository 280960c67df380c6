"""Networks that take maxima (max pooling): no hyperplane is whole, and yet the answers go on changing.

Where neurons a and b are pooled, a = 0 shows only where b < 0, and a = b only where both are positive: every
hyperplane stops where it meets others. In a fully connected ReLU network a first-layer hyperplane is missing
only where everything above it is off, and then the answers do not change there at all; and deeper ones bend
away at the first hyperplane they meet, so that they are not seen again far out. So hyperplanes that are seen
at some far points and not at others, where the answers do change across them, do not come from layers of
ReLUs, unless most of the rest are whole (sparse layers, convolutions).

A maximum of two affine functions is relu(a - b) + b: its hyperplane is whole, and it is recovered as that.
Source: ours. Cost: none for ReLU networks; else 15 to 24 queries for each hyperplane that was not
seen to stop.
"""

from __future__ import annotations

from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.membership import TRIES, Sightings, look_for
from hingeline.extraction.recovery import Bench

FEWEST = 6
"""Hyperplanes without which nothing is said: of fewer, most may be of deeper neurons that were seen twice
in one region."""
FEWEST_STOPPED = 2
"""Hyperplanes that must stop."""
FEW_MEMBERS = (0.0, 0.2, 1.0)
"""Share of members up to which there is a reason to look closer, where none, one or more stop."""
CLOSER_LOOKS = 5
"""Points at which a hyperplane that did not stop is looked for again."""
MOST_WHOLE = 0.1
"""Share of the hyperplanes that may be whole by chance, as far as they were looked at."""
REASON = (
    "Not ReLU-layered: {stopped} of {count} hyperplanes stop half way, at inputs where the answers go on "
    "changing, and {whole} are whole. Maxima of neurons (max pooling) look like that, very sparse layers may."
)
ADVICE = "For what it looks at and how easily it is flipped, try hingeline span or hingeline fragility."


def refuse_maxima(bench: Bench, planes: Hyperplanes, looks: Sightings, attempt: int) -> Outcome | None:
    """The refusal of a network that takes maxima; None for all others.

    Args:
        bench: Where to work.
        planes: The candidate hyperplanes.
        looks: What was seen of them far out.
        attempt: Which look this is.

    Raises:
        BudgetExhausted: The budget ended.
    """
    stops = (looks.seen > 0) & (looks.stopped > 0)
    if planes.count < FEWEST or looks.members.mean() > FEW_MEMBERS[min(FEWEST_STOPPED, int(stops.sum()))]:
        return None
    # what stopped is no first-layer hyperplane; is what did not stop whole, or was that chance?
    enough = bool(stops.sum() >= FEWEST_STOPPED)
    again = (looks.seen > 0) & ~stops if enough else ~stops
    seen, stopped = looks.seen.copy(), looks.stopped.copy()
    if again.any():
        closer = _looked_at_closer(bench, planes.select(again), attempt, CLOSER_LOOKS if enough else TRIES)
        seen[again] += closer.seen
        stopped[again] += closer.stopped
    halves, whole = int(((seen > 0) & (stopped > 0)).sum()), int(((seen > 0) & (stopped == 0)).sum())
    bench.evidence["maxima"] = {"hyperplanes": planes.count, "stopped": halves, "whole": whole}
    # of a deep network most are deeper neurons', seen once or never: its first layer is among the few others
    if halves < FEWEST_STOPPED or whole > min(MOST_WHOLE * planes.count, halves):
        return None
    return Outcome(Status.REFUSED, REASON.format(stopped=halves, count=planes.count, whole=whole), ADVICE)


def _looked_at_closer(bench: Bench, planes: Hyperplanes, attempt: int, tries: int) -> Sightings:
    bench.probe.session.emit(Note("hyperplanes stop where the answers go on changing: looking closer"))
    with bench.probe.session.phase("maxima"):
        return look_for(
            bench.probe, planes.normals, planes.offsets, planes.errors, planes.witnesses,
            bench.randomness.step("maxima", attempt), patient=tries,
        )  # fmt: skip
