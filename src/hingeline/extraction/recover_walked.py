"""A second layer that cannot be peeled: walk its boundaries, correct the first layer, polish, verify.

Source and cost: see `walking`.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.finish import finish
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.neuron_lines import neuron_evidence, note_bypass, note_untold, note_walk
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.skips.recovered import skips_after_walk
from hingeline.extraction.suspects import Suspects
from hingeline.extraction.verify import largest_error
from hingeline.extraction.walking import WalkingResult, recover_by_walking

WALKS = 3
"""Times that a walk may correct the first layer it was given."""
WALKED_ERROR = 1e-6
"""Error that rows are claimed to have after a walk, before the polish."""


def recover_walked(bench: Bench, first: Hyperplanes, lines: list[MeasuredLine]) -> Recovery:
    """The second layer by walking its boundaries, for a first layer that cannot be steered.

    Args:
        bench: Where to work.
        first: The first layer.
        lines: The lines measured so far.

    Raises:
        BudgetExhausted: The budget ended.
    """
    result = _walked(bench, first, lines, 0)
    for attempt in range(1, WALKS):
        if result.complete or not result.suspects.any:
            break
        first = _corrected(first, result.suspects)
        result = _walked(bench, first, lines, attempt)
    note_walk(bench, first.errors, result)
    if result.network is None:
        with_skips = skips_after_walk(bench, result.neurons, result.recorded, None)
        return _partial(result.reason, first) if with_skips is None else with_skips
    bench.best = result.network
    undecided = "" if result.complete and not result.bypass and not result.undetermined else result.reason
    recovery = finish(bench, result.network, WALKED_ERROR, undecided)
    bench.evidence["neurons"] = [
        line
        for layer, width in enumerate(result.network.hidden_widths, start=1)
        for line in neuron_evidence(np.full(width, largest_error(bench.row_errors or 0.0)), layer)
    ]
    note_untold(bench.evidence["neurons"], [(2, k, i) for k, i in result.undetermined])
    note_bypass(bench.evidence["neurons"], result.bypass)
    if not result.bypass or recovery.outcome.status is Status.INCONCLUSIVE:
        return recovery
    status = recovery.outcome.status
    return skips_after_walk(bench, result.neurons, result.recorded, status) or recovery


def _walked(bench: Bench, first: Hyperplanes, lines: list[MeasuredLine], attempt: int) -> WalkingResult:
    randomness = Randomness(bench.randomness.seed + attempt)
    session = bench.probe.session
    with session.phase("walk"):
        return recover_by_walking(bench.probe, first.normals, first.offsets, lines, randomness, session.emit)


def _corrected(first: Hyperplanes, suspects: Suspects) -> Hyperplanes:
    """The first layer without the hyperplanes found false, with those found missing."""
    keep = np.ones(first.count, dtype=np.bool_)
    keep[list(suspects.false)] = False
    first = first.select(keep)
    count = len(suspects.offsets)
    if not count:
        return first
    missing = Hyperplanes(
        suspects.normals,
        suspects.offsets,
        np.zeros((count, first.jumps.shape[1])),
        np.full(count, 1e-7),
        -suspects.offsets[:, np.newaxis] * suspects.normals,
    )
    return first.join(missing)


def _partial(reason: str, first: Hyperplanes) -> Recovery:
    text = f"{first.count} first-layer neurons found; {reason}"
    return Recovery(None, Outcome(Status.PARTIAL, text))
