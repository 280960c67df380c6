"""What leaks through a defended door: neurons and digits of the network, its span, and at what price.

Attacks run as any outsider's would: through a session of their own, every query counted. Only afterwards is
what they bring compared with the truth, where its weights are at hand; the comparison asks nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import HingelineError
from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.counted import Counted
from hingeline.evaluation.defending.learned import LearnedRun
from hingeline.evaluation.score import FOUND
from hingeline.extraction.extract import extract
from hingeline.networks.compare import compare
from hingeline.networks.difference import LayerDifference
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.statistics import median
from hingeline.oracles.protocol import Oracle

_MOST_DIGITS = 16.0
"""Decimal digits of a float64."""


@dataclass(frozen=True)
class LeakRun:
    """One extraction through the defended door.

    Attributes:
        seed: Of the attacker.
        status: How the attack says it ended; "failed" if the door broke it off.
        claims_complete: Whether it claims a complete and verified result.
        neurons: Hidden neurons of the truth that were found; None where the truth is not at hand.
        digits: Decimal digits of the hidden neurons' rows and biases, mean over all of them (0 where one is
            missing); None likewise.
        agreement: Share of the inputs at which the copy decides as the model; None without a copy.
        queries: Rows asked.
        reason: What the attack says.
        attempted: False if it turned away after the examination of the door: our attack cannot work with
            such answers, which does not mean that none can.
    """

    seed: int
    status: str
    claims_complete: bool
    neurons: int | None
    digits: float | None
    agreement: float | None
    queries: int
    reason: str
    attempted: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> LeakRun:
        """What `to_dict` told."""
        return cls(**told)


@dataclass(frozen=True)
class Leak:
    """Extractions through one defended door, one for each seed.

    Attributes:
        runs: One for each seed.
        neurons_in_all: Hidden neurons of the truth; None where it is not at hand.
        learned: Copies that were learned from decisions instead, one for each seed.
    """

    runs: tuple[LeakRun, ...]
    neurons_in_all: int | None
    learned: tuple[LearnedRun, ...] = ()

    @property
    def complete(self) -> int:
        """Runs that claim a complete and verified copy."""
        return sum(run.claims_complete for run in self.runs)

    @property
    def attempted(self) -> bool:
        """Whether our extraction could work with the answers at all; if not, nothing is known of the leak."""
        return any(run.attempted for run in self.runs)

    @property
    def neurons(self) -> float | None:
        """Hidden neurons found, median over the seeds."""
        return _middle([run.neurons for run in self.runs])

    @property
    def neurons_range(self) -> tuple[float, float] | None:
        """Fewest and most."""
        return _range([run.neurons for run in self.runs])

    @property
    def digits(self) -> float | None:
        """Decimal digits of the hidden neurons, median over the seeds."""
        return _middle([run.digits for run in self.runs])

    @property
    def digits_range(self) -> tuple[float, float] | None:
        """Fewest and most."""
        return _range([run.digits for run in self.runs])

    @property
    def agreement(self) -> float | None:
        """Share of decisions that a copy takes over, median over the seeds; no copy takes over none."""
        return _middle([0.0 if run.agreement is None else run.agreement for run in self.runs])

    @property
    def learned_agreement(self) -> float | None:
        """Share of decisions that a learned copy takes over, median over the seeds; None without one."""
        found = [run.agreement for run in self.learned if run.agreement is not None]
        return median(np.array(found)) if found else None

    @property
    def queries(self) -> float:
        """Rows asked, median over the seeds."""
        return float(np.median([run.queries for run in self.runs]))

    @property
    def share(self) -> float:
        """What leaks, in [0, 1]: median share of neurons found, or of runs with a complete copy."""
        if self.neurons is None or not self.neurons_in_all:
            return self.complete / len(self.runs)
        return self.neurons / self.neurons_in_all

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "neurons_in_all": self.neurons_in_all,
            "neurons": self.neurons,
            "neurons_range": self.neurons_range,
            "digits": self.digits,
            "digits_range": self.digits_range,
            "complete": self.complete,
            "attempted": self.attempted,
            "agreement": self.agreement,
            "queries": self.queries,
            "share": self.share,
            "learned_agreement": self.learned_agreement,
            "learned": [run.to_dict() for run in self.learned],
            "runs": [run.to_dict() for run in self.runs],
        }


def leak_run(
    door: Oracle,
    *,
    seed: int,
    budget: int | None,
    truth: PiecewiseLinearNetwork | None,
    points: FloatArray,
    decided: IntArray,
    on_event: EventSink = ignore,
) -> LeakRun:
    """Extract through a door, then compare.

    Args:
        door: The defended door.
        seed: Of the attacker.
        budget: Most rows that it may ask.
        truth: The network behind the door; never shown to the attack.
        points: Inputs at which copies are compared with the model, shape "n d".
        decided: What the undefended model decides there, shape "n".
        on_event: Where the attack's events go.
    """
    counted = Counted(door)
    try:
        finding = extract(counted, budget=budget, seed=seed, on_event=on_event)
    except HingelineError as error:
        # doors may answer what nothing can be read from, or turn the attacker away: that is an outcome here
        neurons, digits = (None, None) if truth is None else (0, 0.0)
        return LeakRun(seed, "failed", False, neurons, digits, None, counted.rows, str(error), False)
    reference = _reference(finding)
    seen_truth = None if truth is None else as_log_ratios(truth, reference)
    neurons, digits = (None, None) if seen_truth is None else found_neurons(finding.value, seen_truth)
    return LeakRun(
        seed=seed,
        status=str(finding.outcome.status),
        claims_complete=finding.outcome.ok,
        neurons=neurons,
        digits=digits,
        agreement=_agreement(finding.value, reference, points, decided),
        queries=finding.queries,
        reason=finding.outcome.reason,
        attempted=finding.queries > finding.evidence.get("doctor", {}).get("queries", 0),
    )


def found_neurons(value: PiecewiseLinearNetwork | None, truth: PiecewiseLinearNetwork) -> tuple[int, float]:
    """Hidden neurons of the truth that a copy has, and the mean of their decimal digits.

    A neuron counts as found if its unit row and its bias are off by at most `evaluation.score.FOUND`.
    """
    total = sum(truth.hidden_widths)
    if value is None or not total:
        return 0, 0.0
    errors = [error for layer in compare(truth, value).neurons for error in _errors(layer, truth)]
    digits = [min(_MOST_DIGITS, -math.log10(max(error, 1e-300))) for error in errors if error <= FOUND]
    return len(digits), float(sum(digits)) / total


def as_log_ratios(network: PiecewiseLinearNetwork, reference: int | None) -> PiecewiseLinearNetwork:
    """The network whose outputs are log-ratios to one output, as a softmax shows them; itself for None."""
    if reference is None or network.output_dim == 1:
        return network
    weight, bias = network.weights[-1], network.biases[-1]
    last = np.delete(weight - weight[reference], reference, axis=0)
    return PiecewiseLinearNetwork(
        (*network.weights[:-1], last), (*network.biases[:-1], np.delete(bias - bias[reference], reference))
    )


def _errors(layer: LayerDifference, truth: PiecewiseLinearNetwork) -> list[float]:
    """Errors of the truth's matched neurons; a neuron on at the wrong side is not found."""
    rows, biases = truth.weights[layer.layer - 1], truth.biases[layer.layer - 1]
    errors: list[float] = []
    for pair in (pair for pair in layer.matched if pair.orientation > 0):
        size = abs(biases[pair.a[0]]) / max(float(np.linalg.norm(rows[pair.a[0]])), np.finfo(np.float64).tiny)
        errors += [max(pair.weight_error, pair.bias_error / (1.0 + float(size)))] * len(pair.a)
    return errors


def _reference(finding: Finding[Any]) -> int | None:
    """The output that log-ratios are taken against; None if answers were no probabilities of classes."""
    head = finding.evidence.get("doctor", {}).get("head", {})
    return int(head["reference"]) if head.get("kind") in ("softmax", "log-softmax") else None


def _agreement(
    value: PiecewiseLinearNetwork | None, reference: int | None, points: FloatArray, decided: IntArray
) -> float | None:
    if value is None:
        return None
    outputs = value(points)
    if reference is not None:
        outputs = np.insert(outputs, reference, 0.0, axis=1)
    taken = (outputs[:, 0] > 0).astype(np.int64) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return float((taken == decided).mean())


def _middle(values: list[Any]) -> float | None:
    return None if any(value is None for value in values) else median(np.array(values, dtype=np.float64))


def _range(values: list[Any]) -> tuple[float, float] | None:
    return None if any(value is None for value in values) else (float(min(values)), float(max(values)))
