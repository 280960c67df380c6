"""The first layer of a network with several: complete it with further lines, leave out what lines contradict.

Source: see `peeled.unexplained_gradients`. Cost: about 8 queries per bend of a line, and a gradient where a
bend is not explained.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import NeuronRecovered, Note
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.found_rows import FoundRows, keep_rows
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.line_votes import in_agreement
from hingeline.extraction.located import located_members
from hingeline.extraction.membership import look_for
from hingeline.extraction.neuron_lines import neuron_evidence, note_votes
from hingeline.extraction.peeled import unexplained_gradients
from hingeline.extraction.recovery import Bench
from hingeline.extraction.verify import random_line
from hingeline.probing.line import sweep_line
from hingeline.probing.probe import is_coarse

QUIET_LINES = 3
"""Lines without a new first-layer hyperplane after which there are no more, where answers are coarse."""


def complete_first_layer(
    bench: Bench, members: Hyperplanes, lines: list[MeasuredLine], *, fresh: int = 0
) -> Hyperplanes:
    """Sweep more lines until every measured gradient lies in the span of the first layer's rows.

    Args:
        bench: Where to work.
        members: What is known of the first layer.
        lines: The lines measured so far; those swept here are added.
        fresh: Sweep just so many instead.

    Raises:
        BudgetExhausted: The budget ended.
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
                room=members.room if members.count else None,
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


def agreed(bench: Bench, first: Hyperplanes) -> Hyperplanes:
    """The hyperplanes without those that swept lines contradict; no queries."""
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
