"""Networks of any depth: search for layers, put them together, polish, verify, and say what is missing.

Cost: see `Search`; the polish about 1.3 per unknown and output. Source: Rolnick and Körding 2020 for the
layering; see the modules used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.assembly import assembled, layer_lines, neuron_lines, row_errors
from hingeline.extraction.depth.filled_network import Filled, filled, in_inputs, note_made, with_made
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.last_layer import EXPLAINED
from hingeline.extraction.depth.recorded_answers import recorded_answers
from hingeline.extraction.depth.search import Search
from hingeline.extraction.depth.suggested import suggested_segments
from hingeline.extraction.depth.telling_samples import telling_samples
from hingeline.extraction.depth.wider_check import contradicted
from hingeline.extraction.finish import finish
from hingeline.extraction.preconditioning import DenseInverse
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

VAGUE = 1e-6
"""Errors claimed of rows before the fit, where answers made or changed some of them."""
REPAIRS = 4
"""Times that a network is finished; again where verification led to what was missing."""


def recover_depth(bench: Bench, lines: Sequence[MeasuredLine], first: KnownLayer) -> Recovery:
    """Rebuild a network with any number of hidden layers.

    Args:
        bench: Where to work; answers must be exact to many digits.
        lines: Lines measured so far, in input coordinates.
        first: What is known of the first layer; its rows span what the network sees. It makes lines cheaper
            until the layer is found here.

    Raises:
        BudgetExhausted: The budget ended; the evidence tells what was found.
    """
    bench.probe.session.emit(Note("more than two hidden layers: looking for them one by one"))
    rows = _orthonormal(first.weights)
    search = Search(FrameProbe(bench.probe, rows), bench.randomness, bench.settings)
    search.first = replace(first, weights=first.weights @ rows.T)
    search.measured = [(line, rows) for line in lines]
    search.on_progress = lambda: _report(bench, search)
    recovery = Recovery(None, Outcome(Status.PARTIAL, "no network was put together"))
    for _ in range(REPAIRS):
        try:
            reached = search.run()
        except BudgetExhausted:
            nearest = _nearest(bench, search, rows)
            bench.best = bench.best if nearest is None else in_inputs(nearest, rows)
            raise
        _report(bench, search)
        if not reached or search.output is None or not search.fits_together():
            bench.evidence["segments"] = suggested_segments(search, rows)
            return _mended(bench, search, rows, _missing(search))
        recovery = _finished(bench, search, rows)
        if bench.contradiction is None:
            return recovery
        bench.probe.session.emit(Note("the network is wrong somewhere; looking there"))
        search.asked((rows @ bench.contradiction)[np.newaxis])
    return recovery


def _orthonormal(normals: FloatArray) -> FloatArray:
    """Orthonormal rows spanning some rows; the unit matrix if they span everything."""
    dim = normals.shape[1]
    if len(normals) >= dim:
        return np.eye(dim)
    return np.asarray(np.linalg.svd(normals, full_matrices=False)[2])


def _finished(bench: Bench, search: Search, rows: FloatArray) -> Recovery:
    if search.output is None:
        raise RuntimeError("nothing was found to put together")
    network = assembled([step.layer for step in search.found], search.output.weights, rows)
    bench.best = network
    bench.recorded = recorded_answers(bench.probe, search.measured, search.samples, rows)
    bench.telling = telling_samples(network, search.record.samples @ rows, bench.probe.calibration.scale)
    undecided = sum(int((~step.layer.decided).sum()) for step in search.found)
    pending = sum(len(step.neurons) - step.layer.width for step in search.found)
    loose = sum(not one.neuron.whole for step in search.found for one in step.neurons[: step.layer.width])
    why = ""
    if undecided:
        why = f"the active side of {undecided} neurons is not decided by what was asked"
    claimed = [np.sqrt(bench.probe.input_dim) * errors for errors in row_errors(search.found)]
    recovery = finish(bench, network, claimed, why)
    if recovery.outcome.ok and recovery.network is not None and bench.row_errors is not None:
        bench.contradiction = contradicted(bench, recovery.network, bench.row_errors)
        if bench.contradiction is not None:
            reason = "Fresh lines far out contradict the network: a neuron that is seldom on is missing."
            return Recovery(recovery.network, Outcome(Status.INCONCLUSIVE, reason, "Try another --seed."))
    _report(bench, search)
    if recovery.outcome.ok and pending:
        reason = (
            f"The function is verified, but {pending} boundaries were met of neurons known in too few "
            "regions to be told."
        )
        return Recovery(recovery.network, Outcome(Status.PARTIAL, reason))
    if recovery.outcome.ok and loose and not _pinned(bench):
        reason = (
            f"The function is verified, but of {loose} neurons not all weights are told: they were never met "
            "on together with some neurons below."
        )
        return Recovery(recovery.network, Outcome(Status.PARTIAL, reason))
    return recovery


def _pinned(bench: Bench) -> bool:
    """Whether a polish fitted every weight to answers, also those that no bend had told."""
    polish = bench.evidence.get("polish", {})
    # the other engine only counts samples
    told = polish.get("improved", False) and polish.get("engine") == DenseInverse.NAME
    pinned = bool(told) and not polish.get("undetermined", [])
    for line in bench.evidence["neurons"] if pinned else []:
        if line["status"] == "pooled":
            line["status"] = "measured"
            line.pop("undetermined_weights", None)
    return pinned


def _nearest(bench: Bench, search: Search, rows: FloatArray) -> PiecewiseLinearNetwork | None:
    """What explained most answers, put together over the span; None if nothing did.

    Args:
        bench: Where to work.
        search: As far as it came.
        rows: Orthonormal rows that take inputs to the span, shape "r d".
    """
    if search.nearest is None:
        return None
    layers, output = search.nearest
    search.found, search.output = list(layers), output
    _report(bench, search)
    return assembled([step.layer for step in layers], output.weights, np.eye(len(rows)))


def _mended(bench: Bench, search: Search, rows: FloatArray, reason: str) -> Recovery:
    """What explained most answers, with neurons that answers show to be missing; complete if verified so.

    Raises:
        BudgetExhausted: The budget ended; the best network is on the bench.
    """
    network = _nearest(bench, search, rows)
    if network is None:
        return Recovery(None, Outcome(Status.PARTIAL, reason))
    bench.best = in_inputs(network, rows)
    done = filled(bench, search, network)
    note_made(bench, done)
    bench.best = whole = in_inputs(done.network, rows)
    if done.departs == 0.0:
        verified = _verified(bench, done, whole)
        if verified is not None:
            return verified
        # a fit that is not verified may be worse than what it began with: neither it nor its errors are told
        bench.best, bench.row_errors = whole, None
        for told in ("polish", "verification", "parameter_error"):
            bench.evidence.pop(told, None)
    if done.cut is not None:
        raise done.cut
    return Recovery(whole, Outcome(Status.PARTIAL, reason + with_made(done)))


def _verified(bench: Bench, done: Filled, network: PiecewiseLinearNetwork) -> Recovery | None:
    """Polished and verified as any complete network is; None if that fails."""
    paired = sum(done.paired)
    why = f"the active side of {paired} neurons is not decided by what was asked" if paired else ""
    try:
        recovery = finish(bench, network, VAGUE, why)
        if recovery.outcome.status not in (Status.COMPLETE, Status.EQUIVALENT):
            return None
        if recovery.network is None or bench.row_errors is None:
            return None
        bench.contradiction = contradicted(bench, recovery.network, bench.row_errors)
    except BudgetExhausted:
        bench.best = network
        raise
    pinned = not recovery.outcome.ok or _pinned(bench)
    return recovery if pinned and bench.contradiction is None else None


def _report(bench: Bench, search: Search) -> None:
    bench.evidence["layers"] = layer_lines(search.found)
    bench.evidence["neurons"] = neuron_lines(search.found)
    bench.evidence["lines"] = len(search.measured)
    bench.evidence["span"] = search.probe.input_dim


def _missing(search: Search) -> str:
    if not search.found:
        return "no layer could be told from deeper ones"
    found = ", ".join(str(len(step.neurons)) for step in search.found)
    left, output = "", search.output
    if output is not None and output.residual < EXPLAINED:
        left = f" at {max(output.unfit, 0.001):.1%} of the places asked"
    elif output is not None:
        left = f", which are missed by {output.residual:.1g} of their range"
    return (
        f"{len(search.found)} hidden layers found with {found} neurons, but together they do not explain the "
        f"answers{left}: neurons or layers are missing above or among them. More lines (a larger --budget) "
        "or another --seed may show them"
    )
