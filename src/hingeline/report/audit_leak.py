"""The leak gauge: how much of each hidden layer is known, in neurons, digits and bits for 1,000 questions."""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.auditing.leak import MOST_DIGITS, LayerLeak
from hingeline.auditing.record import Audit
from hingeline.core.figure_data import Gauge, Level
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, plural

_UNITS = (
    "A weight that is known with a standard error of 1e-7, in rows of length one, is known to 7 digits; a "
    "64-bit number holds 16. Bits are neurons times weights times digits: what an outsider now has in hand."
)


def leak_blocks(audit: Audit) -> Iterable[Block]:
    """The gauge, its numbers as a table, and what the units mean; a sentence where nothing leaked."""
    if not audit.leak.layers:
        stage = audit.stage("extraction")
        if stage is not None:
            yield Text(_nothing(stage.left_out))
        return
    yield gauge(audit)
    yield _table(audit)
    yield Text(_UNITS)


def gauge(audit: Audit) -> Gauge:
    """Two bars for each layer: the share of its neurons that is known, and their digits."""
    levels: list[Level] = []
    for layer in audit.leak.layers:
        name, told = f"layer {layer.layer}", _known(layer, audit.leak.complete)
        levels.append(Level(name, float(layer.known), float(max(layer.seen, 1)), told))
        if layer.digits is not None:
            levels.append(
                Level("", layer.digits, MOST_DIGITS, f"{layer.digits:.1f} of {MOST_DIGITS:g} digits")
            )
    return Gauge(
        "leak",
        "For each hidden layer: how many of its neurons an outsider now knows, and to how many digits their "
        "weights. A full bar is everything there is to know.",
        "share of what there is to know",
        tuple(levels),
    )


def _known(layer: LayerLeak, complete: bool) -> str:
    """What "of 12 neurons" may be said of: a layer that is not verified may have more."""
    seen = plural(layer.seen, "neuron") if complete else f"{plural(layer.seen, 'neuron')} seen"
    return f"{count(layer.known)} of {seen}"


def _table(audit: Audit) -> Table:
    leak = audit.leak
    rows = [
        (
            str(layer.layer),
            _known(layer, leak.complete),
            "not known" if layer.digits is None else f"{layer.digits:.1f}",
            "not known" if layer.bits is None else count(layer.bits),
        )
        for layer in leak.layers
    ]
    pace = leak.bits_per_1000
    told = (
        "" if pace is None else f" {count(pace)} bits for every 1,000 of {plural(leak.queries, 'question')}."
    )
    more = (
        ""
        if leak.complete
        else " No copy was verified: layers may have more neurons, and there may be more layers."
    )
    return Table(
        ("hidden layer", "neurons known", "digits (median)", "bits leaked"),
        tuple(rows),
        f"What leaked.{told}{more}",
    )


def _nothing(left_out: str) -> str:
    if left_out:
        return f"No weight was told. {left_out}"
    return "No weight was told before the extraction came to its end; why is told below."
