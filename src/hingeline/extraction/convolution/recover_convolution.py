"""A first layer that is a convolution: a handful of filters instead of a row per position.

Called after the first line, before any normal is measured in full, which is what costs. The filters come from the
line and a few directions per filter; a dense read-out above them is solved for and verified like any other
network. Where more than one layer lies above, the convolution alone is reported.

Source: specs of convolutions with sharing. Cost: filters about 3 times their number of shared weights; nothing of
this is asked where the image is not told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.convolution.filters import FEWEST_POSITIONS
from hingeline.extraction.convolution.image_shape import ImageShape, checked_image, guessed_images
from hingeline.extraction.convolution.max_pooling import equal_positions
from hingeline.extraction.convolution.read_out import ReadOut, gathered, read_out
from hingeline.extraction.convolution.search import FilterSearch, FoundFilters
from hingeline.extraction.deep import recover_deep
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.shallow import UNDECIDED, UNPROVED, judged, neuron_evidence, verified
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.numerics.binary_system import BinaryStatus
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import is_coarse

FEW_STRANGERS = 20
"""One bend in so many that no filter explains may be an accident; more belong to deeper layers."""


def recover_convolution(
    bench: Bench, sweep: LineSweep, image: tuple[int, int, int] | None = None
) -> Recovery | None:
    """Rebuild a network whose first layer is a convolution.

    Args:
        bench: Where to work.
        sweep: The first line, swept.
        image: Channels, rows and columns of an input; None to try square images.

    Returns:
        What came of it; None if the line's clearest normals are no patches that are shared.

    Raises:
        InvalidInput: An image that a query row cannot be.
        BudgetExhausted: The budget ended; `bench.best` has what was found.

    Cost: at most about 30 queries per image shape where there is no convolution.
    """
    probe = bench.probe
    shapes = guessed_images(probe.input_dim) if image is None else (checked_image(image, probe.input_dim),)
    if is_coarse(probe) or probe.calibration.unit != 1.0:
        return None
    for shape in shapes:
        before = probe.session.spending.queries
        with probe.session.phase("filters"):
            rng = bench.randomness.step("filters")
            found = FilterSearch(probe, sweep, shape, _centre(bench), rng).run()
        if found is not None:
            spent = probe.session.spending.queries - before
            return _with_convolution(bench, sweep, found, _layer(found, shape), spent)
    return None


def _centre(bench: Bench) -> FloatArray:
    centre = bench.probe.calibration.centre
    return np.zeros(bench.probe.input_dim) if centre is None else centre


def _layer(found: FoundFilters, image: ImageShape) -> ConvolutionLayer:
    filters = np.stack([pooled.shared.values for pooled in found.filters])
    biases = np.array([pooled.shared.bias for pooled in found.filters])
    kernel = found.filters[0].shared.kernel
    return ConvolutionLayer(filters, biases, found.grid.stride, found.grid.padding(image, kernel), image)


def _with_convolution(
    bench: Bench, sweep: LineSweep, found: FoundFilters, layer: ConvolutionLayer, spent: int
) -> Recovery:
    """The rest of the network above filters that were found."""
    probe = bench.probe
    strangers = int((~found.explained).sum())
    probe.session.emit(NeuronRecovered(1, layer.positions * len(layer.filters)))
    probe.session.emit(Note(f"convolution: {len(layer.filters)} filters, {strangers} bends left over"))
    described = _described(found, layer, spent)
    bench.evidence["architecture"] = {"layers": [described]}
    shared = [pooled.shared for pooled in found.filters]
    pooling = equal_positions(shared, layer.stride, sweep, found.explained, layer.input_shape, _centre(bench))
    if pooling > FEWEST_POSITIONS:
        return _max_pooled(pooling, layer)
    planes, owners = _planes(bench, found, layer)
    if strangers * FEW_STRANGERS <= len(sweep.bends):
        with probe.session.phase("output layer"):
            answers = gathered(probe, sweep, planes.count, bench.randomness.step("output layer"))
            above = read_out(planes.normals, planes.offsets, planes.errors, owners, answers)
        if above is not None:
            return _one_dense_layer(bench, above, layer, described)
    elif planes.count <= probe.input_dim:
        return _deeper(bench, sweep, planes)
    return _only_first(strangers, layer)


def _planes(bench: Bench, found: FoundFilters, layer: ConvolutionLayer) -> tuple[Hyperplanes, IntArray]:
    """The filters at all their positions, as unit rows in the attack's coordinates, and whose each is."""
    weights, biases = layer.to_dense()
    norms = np.linalg.norm(weights, axis=1)
    owners = np.repeat(np.arange(len(layer.filters)), layer.positions)
    errors = np.array([pooled.shared.error for pooled in found.filters])[owners] / norms
    normals = weights / norms[:, np.newaxis]
    offsets = (biases + weights @ _centre(bench)) / norms
    jumps = np.ones((len(normals), 1))
    return Hyperplanes(normals, offsets, jumps, errors, -offsets[:, np.newaxis] * normals), owners


def _one_dense_layer(
    bench: Bench, above: ReadOut, layer: ConvolutionLayer, described: dict[str, Any]
) -> Recovery:
    """Verify a convolution with one dense layer above it, and judge it."""
    described["filters"] = (above.turned[:, np.newaxis, np.newaxis, np.newaxis] * layer.filters).tolist()
    described["biases"] = (above.turned * layer.biases).tolist()
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
        reason = f"{_named(layer)} and the dense layer above it recovered and verified."
        result = Recovery(result.network, replace(result.outcome, reason=reason))
    return result


def _deeper(bench: Bench, sweep: LineSweep, planes: Hyperplanes) -> Recovery:
    """Go on above a convolution that is no wider than its input, as above any other first layer."""
    known = planes.explain(sweep, same_jumps=False)
    with bench.probe.session.phase("hyperplanes"):
        rng = bench.randomness.step("hyperplanes", 0)
        basis = np.linalg.svd(planes.normals, full_matrices=False)[2]
        line = measure_bends(bench.probe, sweep, rng, basis=basis, known=known)
    return recover_deep(bench, planes, [line])


def _only_first(strangers: int, layer: ConvolutionLayer) -> Recovery:
    text = f"{_named(layer)} found as the first layer; "
    if strangers:
        text += f"{strangers} bends belong to deeper layers, which were not recovered."
    else:
        text += "no single dense layer above it explains the answers, and what does was not recovered."
    return Recovery(None, Outcome(Status.PARTIAL, text, "Its filters are in evidence['architecture']."))


def _max_pooled(bends: int, layer: ConvolutionLayer) -> Recovery:
    text = (
        f"{_named(layer)} found as the first layer, but {bends} bends lie where a filter is equal at two "
        "neighbouring positions: max pooling, which is not supported."
    )
    return Recovery(None, Outcome(Status.REFUSED, text, "Its filters are in evidence['architecture']."))


def _named(layer: ConvolutionLayer) -> str:
    kernel = "x".join(map(str, layer.kernel))
    return f"A convolution of {len(layer.filters)} filters, {kernel}, at {layer.positions} positions each,"


def _described(found: FoundFilters, layer: ConvolutionLayer, spent: int) -> dict[str, Any]:
    """The convolution as data for the evidence."""
    seen = [pooled.agreeing for pooled in found.filters]
    return {
        "kind": "convolution",
        "width": layer.positions * len(layer.filters),
        "activation": "relu",
        "input_shape": list(layer.input_shape),
        "output_shape": list(layer.output_shape),
        "kernel": list(layer.kernel),
        "stride": list(layer.stride),
        "padding": [list(sides) for sides in layer.padding],
        "filters": layer.filters.tolist(),
        "biases": layer.biases.tolist(),
        "error": max(pooled.shared.error for pooled in found.filters),
        "status": "pooled, signs undetermined",
        "sharing": f"confirmed at {min(seen)} positions",
        "positions": layer.positions,
        "positions_agreeing": seen,
        "queries": spent,
    }
