"""Networks with two hidden layers: complete the first, peel it, recover the second, polish, verify."""

from __future__ import annotations

import numpy as np

from hingeline.core.errors import AmbiguousSign, OutsideDomain
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.recover_depth import recover_depth
from hingeline.extraction.depth.recover_wide import recover_wide, too_wide
from hingeline.extraction.finish import finish
from hingeline.extraction.first_layer import agreed, complete_first_layer
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.layer_signs import UNDECIDED, signed_layer
from hingeline.extraction.neuron_lines import (
    neuron_evidence,
)
from hingeline.extraction.peeled import Peeled, orient, steerable
from hingeline.extraction.recover_walked import recover_walked
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.second_layer import OrthantSearch
from hingeline.extraction.single_layer import SingleLayer
from hingeline.extraction.skips.recovered import skips_after_peel
from hingeline.numerics.binary_system import BinaryStatus
from hingeline.probing.probe import is_coarse

REPAIRS = 3
"""Times that a network is finished; again only where verification led to a neuron that was missing."""
WIDENINGS, FRESH_LINES = 3, 2
"""Times that a first layer is looked at again where the layers above do not explain the answers, and the
lines swept to do so."""


def recover_deep(bench: Bench, members: Hyperplanes, lines: list[MeasuredLine]) -> Recovery:
    """Rebuild a network whose bends are not all first-layer hyperplanes.

    Args:
        bench: Where to work.
        members: Hyperplanes that belong to the first layer.
        lines: The lines measured so far.

    Raises:
        BudgetExhausted: The budget ended.
    """
    bench.lines = lines
    first = complete_first_layer(bench, members, lines)
    bench.evidence["first_layer"] = {"neurons": first.count, "lines": len(lines)}
    if not first.count:
        reason = "0 first-layer neurons found; no first-layer hyperplane could be told from deeper ones"
        return Recovery(None, Outcome(Status.PARTIAL, reason))
    if not steerable(first.normals) and not is_coarse(bench.probe):
        # one false hyperplane lies in the span of the others, and then they cannot be steered
        first = agreed(bench, first)
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
        bench.recorded = None  # chosen for what did not come out right
    walked = recover_walked(bench, first, lines)
    if walked.outcome.status is Status.PARTIAL and walked.network is None and not is_coarse(bench.probe):
        return recover_depth(bench, lines, known)
    return walked


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
        before, wider = wider, complete_first_layer(bench, wider, swept, fresh=FRESH_LINES)
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
    return (None, search.measured) if search.deeper else (result, None)


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
