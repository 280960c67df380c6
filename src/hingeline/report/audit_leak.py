"""The leak gauge: how much of each hidden layer is known, in neurons, digits and bits for 1,000 questions."""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.auditing.leak import MOST_DIGITS, LayerLeak
from hingeline.auditing.record import Audit
from hingeline.core.figure_data import Gauge, Level
from hingeline.report.extraction import verification_claims
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, plural

_UNITS = (
    "A weight that is known with a standard error of 1e-7, in rows of length one, is known to 7 digits; a "
    "64-bit number holds 16. What an outsider now has in hand is told in bits: "
    "known neurons, times the weights and the bias of each, times their digits, at 3.3 bits a digit."
)
_NOT_VERIFIED = (
    " Nothing of this was verified as a whole: there may be more neurons and layers, and some may stand in "
    "another layer."
)


def leak_blocks(audit: Audit) -> Iterable[Block]:
    """The gauge, its numbers as a table, and what the units mean; a sentence where nothing leaked."""
    stage = audit.stage("extraction")
    if not any(layer.known for layer in audit.leak.layers):
        if stage is not None and audit.copy is None:
            yield Text(_nothing(stage.left_out, counted=bool(audit.progress)))
    else:
        yield gauge(audit)
        yield _table(audit)
        yield Text(_UNITS)
    if stage is not None and stage.finding is not None and audit.copy is not None:
        yield from verification_claims(stage.finding)


def gauge(audit: Audit) -> Gauge:
    """Two bars for each layer: the share of its neurons that is known, and their digits."""
    levels: list[Level] = []
    for layer in audit.leak.layers:
        told = _known(layer, audit.copy is not None)
        levels.append(Level(f"layer {layer.layer}, neurons", layer.known, max(layer.seen, 1), told))
        if layer.digits is not None:
            words = f"{layer.digits:.1f} of {MOST_DIGITS:g} digits"
            levels.append(Level("digits of their weights", layer.digits, MOST_DIGITS, words))
    full = (
        "everything there is to know"
        if audit.leak.complete
        else "all that was seen, which may not be all there is"
    )
    return Gauge(
        "leak",
        "For each hidden layer: how many of its neurons an outsider now knows, and to how many digits their "
        f"weights. A full bar is {full}.",
        "share of what there is to know"
        if audit.leak.complete
        else "share of what was seen, or of 16 digits",
        tuple(levels),
    )


def _known(layer: LayerLeak, verified: bool) -> str:
    """What is not verified may be more than was seen."""
    return f"{count(layer.known)} of {plural(layer.seen, 'neuron')}{'' if verified else ' seen'}"


def _table(audit: Audit) -> Table:
    leak, verified = audit.leak, audit.copy is not None
    rows = [
        (
            str(layer.layer),
            _known(layer, verified),
            "not known" if layer.digits is None else f"{layer.digits:.1f}",
            "not known" if layer.bits is None else count(layer.bits),
        )
        for layer in leak.layers
    ]
    pace = leak.bits_per_1000
    asked = plural(leak.queries, "question")
    told = (
        "" if pace is None else f" {count(pace)} bits for every 1,000 questions; {asked} were asked for it."
    )
    return Table(
        ("hidden layer", "neurons known", "digits (median)", "bits leaked"),
        tuple(rows),
        f"What leaked.{told}{'' if verified else _NOT_VERIFIED}",
        everywhere=True,
    )


def _nothing(left_out: str, *, counted: bool) -> str:
    if left_out:
        return f"No weight was told. {left_out}"
    if counted:
        return "Neurons were counted on the way; their weights were not confirmed before extraction ended."
    return "No weight was told before the extraction ended; why, stands below."
