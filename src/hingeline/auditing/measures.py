"""Numbers of an audit by the names that policies use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hingeline.core.outcome import Status

if TYPE_CHECKING:
    from hingeline.auditing.record import Audit

Reader = Callable[["Audit"], "float | None"]


@dataclass(frozen=True)
class Measure:
    """One number that a policy can be about."""

    words: str
    """What it counts, with its unit."""
    read: Reader
    """From an audit; None where the audit could not establish it."""


class AtLeast(float):
    """A measure that the audit knows from below only: the stage behind it came to no conclusion."""


class AtMost(float):
    """A measure that the audit knows from above only: a longer search may find something smaller."""


class Undecided(float):
    """A measure that may be smaller or larger: votes did not decide it, or the door spoke against it."""


def _whole_layers(audit: Audit) -> float | None:
    seen = _leaked(audit, audit.leak.whole_layers)
    # a copy in a form of its own answers as all layers do, though none of them is told apart
    return AtLeast(seen) if seen is not None and audit.copy is not None and not audit.leak.complete else seen


def _neurons(audit: Audit) -> float | None:
    return _leaked(audit, sum(layer.known for layer in audit.leak.layers))


def _digits(audit: Audit) -> float | None:
    told = [layer.digits for layer in audit.leak.layers if layer.digits is not None]
    if not told and (audit.copy is not None or any(layer.known for layer in audit.leak.layers)):
        return None  # weights are known, such as those of an affine map, and nobody said how exactly
    return _leaked(audit, max(told, default=0.0))


def _complete(audit: Audit) -> float | None:
    return _leaked(audit, audit.copy is not None)


def _values(audit: Audit) -> float | None:
    if audit.card is None or audit.card.answers == "unknown":
        return None
    return float(audit.card.answers != "labels")


def _span(audit: Audit) -> float | None:
    """Exact where the stage came to its end, from below where it was cut short."""
    stage, finding = audit.stage("span"), audit.finding("span")
    if stage is None or finding is None or finding.value is None:
        return None
    rank = float(finding.value.rank)
    if finding.outcome.status is Status.INCONCLUSIVE:
        return Undecided(rank)
    return rank if stage.settled else AtLeast(rank)


def _hidden(audit: Audit) -> float | None:
    stage = audit.stage("span")
    kept = None if stage is None else stage.facts.get("hidden", {}).get("labels_kept")
    return None if kept is None else float(kept)


def _median_flip(audit: Audit) -> float | None:
    stage, finding = audit.stage("fragility"), audit.finding("fragility")
    if stage is None or finding is None or finding.value is None:
        return None
    upper = float(np.quantile(finding.value.upper, 0.5, method="inverted_cdf"))
    if not math.isfinite(upper):
        return None
    if stage.doubt:
        return Undecided(upper)
    return upper if stage.settled else AtMost(upper)


def _accuracy(audit: Audit) -> float | None:
    return None if audit.usage is None else audit.usage.accuracy


def _queries(audit: Audit) -> float | None:
    return float(sum(stage.queries for stage in audit.stages))


def _leaked(audit: Audit, seen: float) -> float | None:
    """What extraction saw, as sure as it is; None where it did not run and the door may allow it."""
    stage = audit.stage("extraction")
    if stage is None or (stage.finding is None and (stage.starved or stage.doubt)):
        return None
    if audit.card is None or audit.card.kind == "constant":
        return None
    door = audit.stage("door")
    if stage.finding is None and door is not None and not door.settled:
        return None  # left out because the doctor saw too little, which says nothing of what leaks
    if audit.edges_among_neurons and seen:
        return Undecided(seen)
    return float(seen) if stage.settled else AtLeast(seen)


MEASURES: Mapping[str, Measure] = {
    "leak.copy": Measure("1 if a verified copy of the whole network was made, else 0", _complete),
    "leak.layers": Measure("hidden layers of a verified copy known to the last neuron", _whole_layers),
    "leak.neurons": Measure("hidden neurons whose weights are known", _neurons),
    "leak.digits": Measure("digits of the weights of the best known layer", _digits),
    "door.values": Measure("1 if the answers are values or probabilities, 0 if labels only", _values),
    "span.rank": Measure("input directions that the answers depend on", _span),
    "span.hidden": Measure("share of obfuscated inputs that keep their class", _hidden),
    "fragility.median": Measure("median of the smallest changes found that flip, input units", _median_flip),
    "accuracy": Measure("share of the given inputs that are classified as labelled", _accuracy),
    "queries": Measure("questions asked of the target", _queries),
}
"""Every measure there is."""


def measured(audit: Audit) -> dict[str, float | None]:
    """All measures of an audit."""
    return {name: measure.read(audit) for name, measure in MEASURES.items()}
