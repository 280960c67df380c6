"""The referee: what a finding claims, against the truth that the attack never saw.

A claim is false if it says "complete" (or "the function is right") while the outputs differ by more than the
finding itself allows and float64 rounds, a neuron is missing that could have been found, or one is there
that the truth does not have.
Scoring asks no oracle and never passes through a session.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding, Status
from hingeline.core.randomness import Randomness
from hingeline.evaluation.visibility import is_visible, same_plane
from hingeline.networks.compare import compare
from hingeline.networks.difference import LayerDifference, NeuronMatch
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON

# Sizes of the fresh inputs, in units of N(0, 1).
SCALES = (0.1, 1.0, 10.0)
POINTS = 10_000
# A matched neuron whose unit row or relative bias is off by more is not the same neuron.
FOUND = 1e-3
# A tolerance above this share of how much the outputs vary verifies nothing.
COARSEST = 1e-2
# Rounding errors of two networks: twice as large as one makes, and up to so much again.
ROUNDINGS = 4.0


@dataclass(frozen=True)
class Score:
    """A finding and the truth."""

    status: str
    """How the verb says it ended."""
    ok: bool
    """Whether it claims a complete and verified result."""
    queries: int
    queries_per_parameter: float
    """Over the parameters of the truth."""
    seconds: float
    parameter_error: float
    """Largest difference of any weight or bias, normalised and matched; inf if something is unmatched."""
    output_gaps: Mapping[str, float]
    """Largest output difference on fresh inputs, by their size; inf without a comparable network."""
    tolerance: float
    """Output gap that the finding allows at N(0, 1) inputs; 0 if it states none."""
    missing: tuple[str, ...]
    """Neurons of the truth that can be found and are not there."""
    invisible: tuple[str, ...]
    """Neurons of the truth that are not there and that no question shows at this tolerance."""
    extra: tuple[str, ...]
    """Neurons of the finding that the truth does not have and that do something."""
    false_claims: tuple[str, ...]
    """What the outcome says and is not so; empty if the outcome claims nothing false."""

    @property
    def wrongly_ok(self) -> bool:
        """True if the finding is ok and should not be."""
        return self.ok and bool(self.false_claims)

    @property
    def output_gap(self) -> float:
        """Largest gap at N(0, 1) inputs."""
        return self.output_gaps["1"]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; infinite values become None."""
        plain = asdict(self) | {"wrongly_ok": self.wrongly_ok}
        plain["output_gaps"] = {size: _finite(gap) for size, gap in self.output_gaps.items()}
        return {key: _finite(value) for key, value in plain.items()}


def score(
    finding: Finding[PiecewiseLinearNetwork],
    truth: PiecewiseLinearNetwork,
    *,
    points: int = POINTS,
    seed: int = 0,
) -> Score:
    """Compare a finding with the truth.

    Args:
        finding: What `extract` returned.
        truth: The network behind the door.
        points: Fresh inputs of each size.
        seed: Draws them; choose another one than the attack's.

    Raises:
        InvalidInput: `points` is below 1.
    """
    if points < 1:
        raise InvalidInput(f"a score needs at least 1 point; got {points}")
    value, tolerance = finding.value, _stated_tolerance(finding)
    gaps = _gaps(truth, value, points, seed)
    missing, invisible, extra = _neurons(truth, value, tolerance)
    claims = _false_claims(finding.outcome.status, gaps, tolerance, _variation(truth, points, seed))
    if finding.outcome.ok:
        claims += [f"missing: {name}" for name in missing] + [f"not there: {name}" for name in extra]
    return Score(
        status=str(finding.outcome.status),
        ok=finding.outcome.ok,
        queries=finding.queries,
        queries_per_parameter=finding.queries / truth.parameter_count,
        seconds=finding.spending.seconds,
        parameter_error=math.inf if value is None else compare(truth, value).max_parameter_error,
        output_gaps={size: gap.largest for size, gap in gaps.items()},
        tolerance=tolerance,
        missing=missing,
        invisible=invisible,
        extra=extra,
        false_claims=tuple(claims),
    )


def _stated_tolerance(finding: Finding[Any]) -> float:
    stated = finding.evidence.get("verification")
    if not isinstance(stated, Mapping):
        return 0.0
    return float(cast(Mapping[str, Any], stated).get("tolerance", 0.0))


def _fresh(network: PiecewiseLinearNetwork, points: int, seed: int) -> FloatArray:
    return Randomness(seed).step("score").standard_normal((points, network.input_dim))


@dataclass(frozen=True)
class _Gap:
    """Outputs of truth and finding on fresh inputs of one size."""

    largest: float
    rounding: float
    """Largest gap that evaluating both in float64 makes by itself."""


def _gaps(
    truth: PiecewiseLinearNetwork, value: PiecewiseLinearNetwork | None, points: int, seed: int
) -> dict[str, _Gap]:
    names = {f"{scale:g}": scale for scale in SCALES}
    if value is None or (value.input_dim, value.output_dim) != (truth.input_dim, truth.output_dim):
        return dict.fromkeys(names, _Gap(math.inf, 0.0))
    fresh = _fresh(truth, points, seed)
    return {name: _gap(truth, value, scale * fresh) for name, scale in names.items()}


def _gap(truth: PiecewiseLinearNetwork, value: PiecewiseLinearNetwork, inputs: FloatArray) -> _Gap:
    largest = float(np.abs(truth(inputs) - value(inputs)).max())
    return _Gap(largest, max(_rounding(truth, inputs), _rounding(value, inputs)))


def _rounding(network: PiecewiseLinearNetwork, inputs: FloatArray) -> float:
    """Largest rounding error of an output: each layer rounds by epsilon times the sizes that it adds up.

    Source: running error analysis, Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.3.
    """
    hidden, error = inputs, np.zeros_like(inputs)
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        sizes = np.abs(hidden) @ np.abs(weight).T + np.abs(bias)
        error = error @ np.abs(weight).T + EPSILON * sizes
        heights = hidden @ weight.T + bias
        hidden = np.maximum(heights, 0.0)
        if index < len(network.weights) - 1:
            error = error * (heights > 0)
    return ROUNDINGS * float(error.max())


def _variation(truth: PiecewiseLinearNetwork, points: int, seed: int) -> float:
    return float(np.ptp(truth(_fresh(truth, points, seed)), axis=0).max())


def _false_claims(status: Status, gaps: Mapping[str, _Gap], tolerance: float, variation: float) -> list[str]:
    """What is wrong with calling the function right; nothing if the outcome does not."""
    if status not in {Status.COMPLETE, Status.EQUIVALENT}:
        return []
    found: list[str] = []
    for size, gap in gaps.items():
        allowed = tolerance * max(1.0, float(size)) + gap.rounding
        if not gap.largest <= allowed:
            found.append(f"gap {gap.largest:.2g} at {size} times N(0, 1) inputs, {allowed:.2g} allowed")
    if tolerance > COARSEST * variation:
        found.append(f"verified to {tolerance:.2g} only, where outputs vary by {variation:.2g}")
    return found


def _neurons(
    truth: PiecewiseLinearNetwork, value: PiecewiseLinearNetwork | None, tolerance: float
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Missing, invisible and extra neurons, by name."""
    if value is None:
        absent = [(layer.layer, pair.a) for layer in compare(truth, truth).neurons for pair in layer.matched]
        surplus: list[tuple[int, tuple[int, ...]]] = []
    else:
        layers = compare(truth, value).neurons
        absent = [(layer.layer, neurons) for layer in layers for neurons in _absent(truth, layer)]
        surplus = [(layer.layer, neurons) for layer in layers for neurons in _surplus(truth, layer)]
    shown = [is_visible(truth, layer, neurons, tolerance) for layer, neurons in absent]
    return (
        tuple(_name(*lost) for lost, visible in zip(absent, shown, strict=True) if visible),
        tuple(_name(*lost) for lost, visible in zip(absent, shown, strict=True) if not visible),
        tuple(_name(*one) for one in surplus if value is not None and is_visible(value, *one, tolerance)),
    )


def _absent(truth: PiecewiseLinearNetwork, layer: LayerDifference) -> list[tuple[int, ...]]:
    """Neurons of the truth without a true partner, unless one on the same hyperplane has one."""
    found = [pair.a[0] for pair in layer.matched if _is_found(truth, layer.layer, pair)]
    lost = [pair.a for pair in layer.matched if not _is_found(truth, layer.layer, pair)]
    lost += [neuron.neuron for neuron in layer.unmatched_a]
    return [
        neurons
        for neurons in lost
        if not any(same_plane(truth, layer.layer, neurons[0], other) for other in found)
    ]


def _surplus(truth: PiecewiseLinearNetwork, layer: LayerDifference) -> list[tuple[int, ...]]:
    """Neurons of the finding that are not the truth's."""
    wrong = [pair.b for pair in layer.matched if not _is_found(truth, layer.layer, pair)]
    return wrong + [neuron.neuron for neuron in layer.unmatched_b]


def _is_found(truth: PiecewiseLinearNetwork, layer: int, pair: NeuronMatch) -> bool:
    row, offset = truth.weights[layer - 1][pair.a[0]], truth.biases[layer - 1][pair.a[0]]
    size = abs(offset) / max(float(np.linalg.norm(row)), np.finfo(np.float64).tiny)
    return pair.weight_error <= FOUND and pair.bias_error <= FOUND * (1.0 + float(size))


def _name(layer: int, neurons: tuple[int, ...]) -> str:
    return f"layer {layer} neuron " + " = ".join(map(str, neurons))


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
