"""Networks with two hidden layers: complete the first, peel it, recover the second, polish, verify."""

from __future__ import annotations

import numpy as np

from hingeline.core.errors import AmbiguousSign
from hingeline.core.events import NeuronRecovered
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.finish import finish
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.membership import belongs_to_first_layer
from hingeline.extraction.peeled import Peeled, orient, steerable, unexplained_gradients
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.second_layer import OrthantSearch
from hingeline.extraction.shallow import neuron_evidence, signed_layer
from hingeline.extraction.verify import random_line
from hingeline.probing.line import sweep_line


def recover_deep(
    bench: Bench, planes: Hyperplanes, members: Hyperplanes, lines: list[MeasuredLine]
) -> Recovery:
    """Rebuild a network whose bends are not all first-layer hyperplanes.

    Args:
        bench: Where to work.
        planes: All hyperplanes seen, of any layer.
        members: Those that belong to the first layer.
        lines: The lines measured so far.

    Raises:
        BudgetExhausted: The budget ended.
    """
    first = _complete_first_layer(bench, members, lines)
    bench.evidence["first_layer"] = {"neurons": first.count, "lines": len(lines)}
    if not first.count:
        return _partial("no first-layer hyperplane could be told from deeper ones", first)
    if not steerable(first.normals):
        return _partial("the first layer is expansive", first)
    try:
        peeled = orient(first, lines)
    except AmbiguousSign as problem:
        return _partial(f"first-layer signs: {problem}", first)
    return _peel(bench, peeled)


def _partial(reason: str, first: Hyperplanes) -> Recovery:
    text = f"{first.count} first-layer neurons found; {reason}."
    return Recovery(None, Outcome(Status.PARTIAL, text))


def _complete_first_layer(bench: Bench, members: Hyperplanes, lines: list[MeasuredLine]) -> Hyperplanes:
    """Sweep more lines until every measured gradient lies in the span of the first layer's rows."""
    probe = bench.probe
    for index in range(100, 100 + bench.settings.most_lines):
        probe.session.emit(NeuronRecovered(1, members.count))
        if members.count and not unexplained_gradients(members.normals, lines).any():
            return members
        line = random_line(probe, bench.randomness.step("line", index), bench.settings)
        with probe.session.phase("lines"):
            sweep = sweep_line(probe, line, predicted=np.sort(members.crossings(line)))
        bench.sweeps.append(sweep)
        with probe.session.phase("hyperplanes"):
            rng = bench.randomness.step("hyperplanes", index)
            measured = measure_bends(
                probe, sweep, rng, basis=lines[-1].basis, known=members.explain(sweep, same_jumps=False)
            )
        lines.append(measured)
        candidates = Hyperplanes.from_line(measured, measured.measured)
        if not candidates.count:
            continue
        with probe.session.phase("membership"):
            rng = bench.randomness.step("membership", index)
            keep = belongs_to_first_layer(
                probe, candidates.normals, candidates.offsets, candidates.errors, candidates.witnesses, rng
            )
        members = members.join(candidates.select(keep))
    return members


def _peel(bench: Bench, peeled: Peeled) -> Recovery:
    search = OrthantSearch(bench, peeled)
    layer = search.run(bench.settings.most_lines)
    if layer is None:
        reason = f"{peeled.width} first-layer neurons recovered; what lies above does not fit one more layer."
        return Recovery(bench.best, Outcome(Status.PARTIAL, reason))
    layer, undecided = signed_layer(bench, layer, search.view(), "second signs")
    bench.best = peeled.with_above(layer)
    errors = (peeled.errors, layer.errors)
    bench.evidence["neurons"] = neuron_evidence(errors[0], 1) + neuron_evidence(errors[1], 2)
    spread = np.sqrt(bench.probe.input_dim)
    return finish(bench, bench.best, [spread * peeled.errors, spread * layer.row_errors], undecided)
