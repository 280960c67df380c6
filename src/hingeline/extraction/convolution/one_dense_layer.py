"""A convolution with one dense layer above it: the layer by linear algebra, then both fitted to all answers.

Source: ours. Cost: the fresh answers of `gathered` and those of the verification.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.convolution.described import named
from hingeline.extraction.convolution.polishing import Fitted, polished
from hingeline.extraction.convolution.read_out import Answers, ReadOut, gathered, read_out
from hingeline.extraction.convolution.search import FoundFilters
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.layer_signs import UNDECIDED, UNPROVED
from hingeline.extraction.neuron_lines import neuron_evidence
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.shallow import judged, verified
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.numerics.binary_system import BinaryStatus


def recover_read_out(
    bench: Bench, found: FoundFilters, layer: ConvolutionLayer, described: dict[str, Any]
) -> Recovery | None:
    """Rebuild what is above a convolution, if it is one dense layer.

    Args:
        bench: Where to work.
        found: The filters and the lines that show them.
        layer: The convolution they make.
        described: What the evidence says of it; kept current.

    Returns:
        What came of it; None if no dense layer explains the answers.
    """
    probe, centre = bench.probe, centre_of(bench)
    planes = filter_planes(layer, found.errors, centre)
    kept = _crossed_in(bench, planes)
    described["outside_domain"] = int((~kept).sum())
    with probe.session.phase("output layer"):
        rng = bench.randomness.step("output layer")
        answers = gathered(probe, found.lines.sweeps, planes.normals[kept], layer.parameter_count, rng)
    errors = found.errors
    above = _above(layer, errors, kept, answers, centre)
    if above is None:
        return None
    layer = _turned(layer, above)
    better = polished(layer, Fitted(answers, centre, kept, bool(above.layer.linear.any())))
    if better is not None:
        again = _above(better.layer, better.errors, kept, answers, centre)
        if again is not None and again.misfit <= above.misfit:
            above, errors, layer = again, better.errors, _turned(better.layer, again)
    described["filters"], described["biases"] = layer.filters.tolist(), layer.biases.tolist()
    described["error"] = float(errors.max())
    return _judged(bench, above, layer, described)


def centre_of(bench: Bench) -> FloatArray:
    """What to add to the attack's coordinates to get inputs as the door takes them, shape "d"."""
    centre = bench.probe.calibration.centre
    return np.zeros(bench.probe.input_dim) if centre is None else centre


def filter_planes(layer: ConvolutionLayer, errors: FloatArray, centre: FloatArray) -> Hyperplanes:
    """The filters at all their positions, as unit rows in the attack's coordinates.

    Args:
        layer: The convolution.
        errors: Standard deviation of a value of each filter, shape "c_out".
        centre: What to add to the attack's coordinates, shape "d".
    """
    weights, biases = layer.to_dense()
    norms = np.linalg.norm(weights, axis=1)
    normals = weights / norms[:, np.newaxis]
    offsets = (biases + weights @ centre) / norms
    each = np.repeat(errors, layer.positions) / norms
    return Hyperplanes(normals, offsets, np.ones((len(normals), 1)), each, -offsets[:, np.newaxis] * normals)


def _crossed_in(bench: Bench, planes: Hyperplanes) -> BoolArray:
    """Which hyperplanes meet the domain; beyond it a neuron is as good as linear."""
    domain = bench.probe.domain
    reach = np.minimum(domain.radius, domain.half_width * np.abs(planes.normals).sum(axis=1))
    crossed: BoolArray = np.abs(planes.offsets) < reach
    return crossed


def _above(
    layer: ConvolutionLayer, errors: FloatArray, kept: BoolArray, answers: Answers, centre: FloatArray
) -> ReadOut | None:
    planes = filter_planes(layer, errors, centre).select(kept)
    owners = np.repeat(np.arange(len(layer.filters)), layer.positions)[kept]
    return read_out(planes.normals, planes.offsets, planes.errors, owners, len(layer.filters), answers)


def _turned(layer: ConvolutionLayer, above: ReadOut) -> ConvolutionLayer:
    """The convolution with its filters the way round that was decided."""
    filters = above.turned[:, np.newaxis, np.newaxis, np.newaxis] * layer.filters
    return ConvolutionLayer(
        filters, above.turned * layer.biases, layer.stride, layer.padding, layer.input_shape
    )


def _judged(bench: Bench, above: ReadOut, layer: ConvolutionLayer, described: dict[str, Any]) -> Recovery:
    """Verify a convolution with one dense layer above it, and say how that ended."""
    dense = {
        "kind": "dense",
        "width": len(above.layer.constant),
        "activation": "linear",
        "status": "measured",
    }
    bench.evidence["architecture"] = {"layers": [described, dense]}
    bench.evidence["signs"] = {
        "status": str(above.signs.status),
        "deviation": above.signs.deviation,
        "rank": above.signs.rank,
        "free_bits": above.signs.free_bits,
    }
    described["status"] = "pooled"
    undecided = "" if above.signs.unique else UNPROVED
    if above.signs.status is not BinaryStatus.EXACT:
        undecided = UNDECIDED[above.signs.status]
        described["status"] = "pooled, signs undetermined"
    bench.best = above.layer.to_network()
    check = verified(bench, above.layer, 0)
    pooled = neuron_evidence(above.layer.errors)
    bench.evidence["neurons"] = [{**neuron, "status": "pooled"} for neuron in pooled]
    if not check.passed:
        return Recovery(bench.best, Outcome(Status.INCONCLUSIVE, check.complaint, "Try another --seed."))
    result = judged(bench, above.layer, undecided)
    if result.outcome.status is Status.COMPLETE:
        reason = f"{named(layer)} and the dense layer above it recovered and verified."
        result = Recovery(result.network, replace(result.outcome, reason=reason))
    return result
