"""Networks with two hidden layers: complete the first, peel it, recover the second, polish, verify."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import AmbiguousSign, OutsideDomain
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.outcome import Outcome, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.found_rows import FoundRows, keep_rows
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.recover_depth import recover_depth
from hingeline.extraction.depth.recover_wide import recover_wide, too_wide
from hingeline.extraction.finish import finish
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.line_votes import in_agreement
from hingeline.extraction.located import located_members
from hingeline.extraction.membership import look_for
from hingeline.extraction.neuron_lines import (
    neuron_evidence,
    note_bypass,
    note_untold,
    note_votes,
    note_walk,
)
from hingeline.extraction.peeled import Peeled, orient, steerable, unexplained_gradients
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.second_layer import OrthantSearch
from hingeline.extraction.shallow import UNDECIDED, signed_layer
from hingeline.extraction.single_layer import SingleLayer
from hingeline.extraction.skips.recovered import skips_after_peel, skips_after_walk
from hingeline.extraction.suspects import Suspects
from hingeline.extraction.verify import random_line
from hingeline.extraction.walking import WalkingResult, recover_by_walking
from hingeline.numerics.binary_system import BinaryStatus
from hingeline.probing.line import sweep_line
from hingeline.probing.probe import is_coarse

REPAIRS = 3
"""Times that a network is finished; again only where verification led to a neuron that was missing."""
WIDENINGS, FRESH_LINES = 3, 2
"""Times that a first layer is looked at again where the layers above do not explain the answers, and the
lines swept to do so."""
WALKS = 3
"""Times that a walk may correct the first layer it was given."""
QUIET_LINES = 3
"""Lines without a new first-layer hyperplane after which there are no more, where answers are coarse."""
WALKED_ERROR = 1e-6
"""Error that rows are claimed to have after a walk, before the polish."""


def recover_deep(bench: Bench, members: Hyperplanes, lines: list[MeasuredLine]) -> Recovery:
    """Rebuild a network whose bends are not all first-layer hyperplanes.

    Args:
        bench: Where to work.
        members: Hyperplanes that belong to the first layer.
        lines: The lines measured so far.

    Raises:
        BudgetExhausted: The budget ended.
    """
    first = _complete_first_layer(bench, members, lines)
    bench.evidence["first_layer"] = {"neurons": first.count, "lines": len(lines)}
    if not first.count:
        return _partial("no first-layer hyperplane could be told from deeper ones", first)
    if not steerable(first.normals) and not is_coarse(bench.probe):
        # one false hyperplane lies in the span of the others, and then they cannot be steered
        first = _agreed(bench, first)
    result, deeper = _peeled(bench, first, lines)
    if result is None and deeper is None and not is_coarse(bench.probe):
        result, deeper, first, lines = _widened(bench, first, lines)
    if result is not None:
        return result
    peeled = _turned(bench, first, lines)
    known = _known_layer(first, peeled)
    if deeper is not None and peeled is not None and too_wide(first.count, [*lines, *deeper]):
        return recover_wide(bench, peeled, deeper)
    if deeper is not None:
        return recover_depth(bench, [*lines, *deeper], known)
    if peeled is not None and not is_coarse(bench.probe):
        # the second layer was looked for in vain though the first is steered: there are more
        layered = recover_depth(bench, lines, known)
        if layered.outcome.ok:
            return layered
    walked = _walk(bench, first, lines)
    if walked.outcome.status is Status.PARTIAL and walked.network is None and not is_coarse(bench.probe):
        return recover_depth(bench, lines, known)
    return walked


def _agreed(bench: Bench, first: Hyperplanes) -> Hyperplanes:
    """The hyperplanes without those that swept lines contradict."""
    agreed = in_agreement(first, bench.sweeps)
    if agreed.all():
        return first
    false = int((~agreed).sum())
    bench.probe.session.emit(Note(f"{false} hyperplanes are left out: other lines do not show them"))
    first = first.select(agreed)
    _note_first(bench, first)
    return first


def _note_first(bench: Bench, first: Hyperplanes) -> None:
    """What is known of the first layer, in case that nothing more is found."""
    bench.evidence["neurons"] = neuron_evidence(first.errors)
    undecided = np.zeros(first.count, dtype=np.bool_)
    keep_rows(bench, [FoundRows(first.normals, first.offsets, first.errors, undecided)])


def _known_layer(first: Hyperplanes, peeled: Peeled | None) -> KnownLayer:
    """A first layer as deeper ones see it, its sides decided if it was steered."""
    error, steered = float(np.median(first.errors)), np.full(first.count, peeled is not None)
    rows, offsets = (first.normals, first.offsets) if peeled is None else (peeled.weights, peeled.biases)
    return KnownLayer(rows, offsets, steered, error=error, errors=first.errors)


def _widened(
    bench: Bench, first: Hyperplanes, lines: list[MeasuredLine]
) -> tuple[Recovery | None, list[MeasuredLine] | None, Hyperplanes, list[MeasuredLine]]:
    """What `_peel` gives for a first layer with neurons that were off wherever lines went so far.

    Also the first layer and the lines to go on with. Before a walk fresh lines save more than they cost, but
    where peeling fails they may show what the first layer does not explain, and then a walk is better off
    with fewer.
    """
    wider, swept = first, list(lines)
    for _ in range(WIDENINGS):
        before, wider = wider, _complete_first_layer(bench, wider, swept, fresh=FRESH_LINES)
        if wider.count == before.count and not steerable(first.normals):
            break
        if wider.count == before.count:
            # a neuron that is seldom on may not have been met yet
            continue
        result, deeper = _peeled(bench, wider, swept)
        if result is not None or deeper is not None:
            bench.evidence["first_layer"] = {"neurons": wider.count, "lines": len(swept)}
            return result, deeper, wider, swept
    plain = wider.count == first.count and not steerable(first.normals)
    return None, None, first, swept if plain else lines


def _peeled(
    bench: Bench, first: Hyperplanes, lines: list[MeasuredLine]
) -> tuple[Recovery | None, list[MeasuredLine] | None]:
    """As `_peel`, if the first layer can be steered and turned; else neither."""
    peeled = _turned(bench, first, lines)
    if peeled is None:
        return None, None
    try:
        return _peel(bench, peeled)
    except OutsideDomain as problem:
        bench.probe.session.emit(Note(f"{problem}; walking instead"))
    return None, None


def _turned(bench: Bench, first: Hyperplanes, lines: list[MeasuredLine]) -> Peeled | None:
    """The first layer with its active sides, if it can be steered and lines tell them."""
    if not steerable(first.normals):
        return None
    try:
        return orient(first, lines, coarse=is_coarse(bench.probe))
    except AmbiguousSign as problem:
        bench.probe.session.emit(Note(f"{problem}: a first-layer neuron may be missing; walking instead"))
    return None


def _partial(reason: str, first: Hyperplanes) -> Recovery:
    text = f"{first.count} first-layer neurons found; {reason}"
    return Recovery(None, Outcome(Status.PARTIAL, text))


def _walk(bench: Bench, first: Hyperplanes, lines: list[MeasuredLine]) -> Recovery:
    """The second layer by walking its boundaries, for a first layer that cannot be steered."""
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
        for line in neuron_evidence(np.full(width, bench.evidence["parameter_error"]), layer)
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


def _complete_first_layer(
    bench: Bench, members: Hyperplanes, lines: list[MeasuredLine], *, fresh: int = 0
) -> Hyperplanes:
    """Sweep more lines until every measured gradient lies in the span of the first layer's rows.

    Args:
        bench: Where to work.
        members: What is known of the first layer.
        lines: The lines measured so far; those swept here are added.
        fresh: Sweep just so many instead.
    """
    probe = bench.probe
    if is_coarse(probe):
        return _coarse_first_layer(bench, members, lines)
    start = 100 + len(lines) - 1 if fresh else 100
    for index in range(start, start + (fresh or bench.settings.most_lines)):
        probe.session.emit(NeuronRecovered(1, members.count))
        _note_first(bench, members)
        if not fresh and members.count and not unexplained_gradients(members.normals, lines).any():
            return members
        line = random_line(probe, bench.randomness.step("line", index), bench.settings)
        with probe.session.phase("lines"):
            sweep = sweep_line(probe, line, predicted=np.sort(members.crossings(line)))
        bench.sweeps.append(sweep)
        with probe.session.phase("hyperplanes"):
            rng = bench.randomness.step("hyperplanes", index)
            measured = measure_bends(
                probe,
                sweep,
                rng,
                basis=lines[-1].basis,
                known=members.explain(sweep, same_jumps=False),
                doubtful=True,
            )
        lines.append(measured)
        candidates = Hyperplanes.from_line(measured, measured.measured)
        if not candidates.count:
            continue
        with probe.session.phase("membership"):
            rng = bench.randomness.step("membership", index)
            looks = look_for(
                probe, candidates.normals, candidates.offsets, candidates.errors, candidates.witnesses, rng
            )
        note_votes(bench, looks)
        members = members.join(candidates.select(looks.members))
    return members


def _coarse_first_layer(bench: Bench, members: Hyperplanes, lines: list[MeasuredLine]) -> Hyperplanes:
    """The same from coarse answers: every hyperplane is fitted to places where it is met.

    Complete when there are as many as the gradients have dimensions, or after lines that show no new one:
    gradients may have all dimensions, or noise may have added one. Verification has the last word.
    """
    probe, quiet = bench.probe, 0
    basis = lines[0].basis
    members = _located(bench, members, basis, 100)
    for index in range(101, 100 + bench.settings.most_lines):
        probe.session.emit(NeuronRecovered(1, members.count))
        bench.evidence["first_layer"] = {"neurons": members.count, "lines": len(lines)}
        full = len(basis) == probe.input_dim
        if (members.count == len(basis) and not full) or quiet >= QUIET_LINES * (1 if full else 2):
            break
        line = random_line(probe, bench.randomness.step("line", index), bench.settings)
        with probe.session.phase("lines"):
            sweep = sweep_line(probe, line)
        bench.sweeps.append(sweep)
        with probe.session.phase("hyperplanes"):
            rng = bench.randomness.step("hyperplanes", index)
            known = members.explain(sweep, same_jumps=False)
            measured = measure_bends(probe, sweep, rng, basis=basis, known=known)
        lines.append(measured)
        fresh = _located(bench, Hyperplanes.from_line(measured, measured.measured), basis, index)
        grown = members.join(fresh, better=True)
        quiet = quiet + 1 if grown.count == members.count else 0
        members = grown
    return members


def _located(bench: Bench, candidates: Hyperplanes, basis: FloatArray, index: int) -> Hyperplanes:
    with bench.probe.session.phase("membership"):
        return located_members(bench.probe, candidates, basis, bench.randomness.step("places", index))


def _peel(bench: Bench, peeled: Peeled) -> tuple[Recovery | None, list[MeasuredLine] | None]:
    """The rest of the network above a steered first layer, None if one more layer does not explain it.

    Also the lines on which it showed that there are more layers; None if it did not.
    """
    search = OrthantSearch(bench, peeled)
    layer = search.run(bench.settings.most_lines)
    result: Recovery | None = None
    for _ in range(REPAIRS):
        if layer is None or not layer.width:
            break
        result = _signed_and_finished(bench, peeled, layer, search)
        if bench.contradiction is None:
            break
        layer = search.look_towards(bench.contradiction, bench.settings.most_lines)
    bench.contradiction = None
    return result, search.measured if search.deeper else None


def _signed_and_finished(bench: Bench, peeled: Peeled, layer: SingleLayer, search: OrthantSearch) -> Recovery:
    layer, undecided = signed_layer(bench, layer, search.view(), "second signs")
    bench.best = peeled.with_above(layer)
    errors = (peeled.errors, layer.errors)
    bench.evidence["neurons"] = neuron_evidence(errors[0], 1) + neuron_evidence(errors[1], 2)
    spread = np.sqrt(bench.probe.input_dim)
    result = finish(bench, bench.best, [spread * peeled.errors, spread * layer.row_errors], undecided)
    if undecided != UNDECIDED[BinaryStatus.NONE] or bench.contradiction is not None:
        return result
    # no signs explain what is linear in the first layer's outputs: read it as a skip
    return skips_after_peel(bench, peeled, layer, result.outcome.status) or result
