"""Networks with one hidden layer (or none): find all hyperplanes, decide signs, measure again, verify.

Every bend of such a network is a first-layer hyperplane, so one line nearly always shows all of them.
The set is complete when hyperplanes, jumps and one affine bypass reproduce the oracle on fresh points;
only then are signs decided, which asks nothing.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import IllConditioned
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.activation_slopes import SlopedLayer, plain_relu, refitted, with_slopes
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.clipped import aligned, clipped_pairs, in_pairs, merged
from hingeline.extraction.digits import largest_claim
from hingeline.extraction.earlier_bends import contradictions
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.layer_signs import UNDECIDED, signed_layer
from hingeline.extraction.layer_words import activation_words, architecture, true_width
from hingeline.extraction.neuron_lines import neuron_evidence
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.remeasure import remeasure
from hingeline.extraction.single_layer import (
    RegionView,
    SingleLayer,
    with_bypass,
)
from hingeline.extraction.skips.direct import asked_again, direct_skip, linear_error, with_identity
from hingeline.extraction.skips.evidence import sentence
from hingeline.extraction.verify import (
    UNEXPLAINED,
    Verification,
    allowed_gap,
    fresh_points,
    verify,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import BinaryStatus
from hingeline.probing.probe import is_coarse

TEST_POINTS = 5
"""Fresh points that decide whether a set of hyperplanes is complete."""
TEST_SIZES = (1.0, 3.0, 1 / 3, 30.0, 300.0)
"""Their norms, in typical input norms: far out, biases that hide deeper layers near the origin do not."""
LOOSEST = 1e-2
"""Gaps allowed above this fraction of what the answers vary do not tell complete from incomplete."""
LOOSEST_COARSE = 0.5
"""The same where answers are coarse: no more than a reason to try, the verification has the last word."""
TWOFOLD = "a skip connection gives its linear part as well as slopes of its neurons do"
MOST_ROUNDS = 4
"""Times that a verification may find more neurons before the result is called partial."""


def recover_affine(bench: Bench, line: MeasuredLine) -> Recovery:
    """An oracle without bends: a matrix and a vector; nothing is claimed if a line before this one bent."""
    piece = int(np.argmin(line.jacobian_errors))
    jacobian = line.jacobians[piece]
    network = PiecewiseLinearNetwork([jacobian], [line.values[piece] - jacobian @ line.centres[piece]])
    error = float(line.jacobian_errors[piece])
    if not np.isfinite(error):
        return Recovery(None, Outcome(Status.INCONCLUSIVE, "No region could be measured."))
    # another attempt may have found neurons that this line does not meet
    bench.best = network if bench.best is None else bench.best
    check = verify(bench.probe, network, error, bench.randomness.step("verify"), bench.settings)
    bench.evidence["verification"] = check.to_dict()
    bench.contradiction = check.worst_point if not check.agreed else None
    if not check.passed:
        return Recovery(network, Outcome(Status.INCONCLUSIVE, "The oracle looked affine but is not."))
    noisy = bench.probe if is_coarse(bench.probe) else None
    unexplained = contradictions(network, error, bench.sweeps, noisy, bench.probe)
    bench.evidence["verification"]["unexplained_earlier_bends"] = unexplained
    if unexplained:
        reason = f"The oracle is affine where it was tried, but {unexplained} bends were seen on swept lines."
        return Recovery(network, Outcome(Status.INCONCLUSIVE, reason, "Try another --seed."))
    reason = "The oracle is affine wherever it was asked: no hidden neuron shows."
    return Recovery(network, Outcome(Status.COMPLETE, reason))


def layer_of(planes: Hyperplanes, view: RegionView, values: FloatArray) -> SingleLayer:
    """The unsigned layer with the bypass that fits one measured region."""
    inputs, outputs = planes.normals.shape[1], len(values)
    layer = SingleLayer(
        planes.normals, planes.offsets, planes.jumps, planes.errors,
        np.zeros((outputs, inputs)), np.zeros(outputs),
    )  # fmt: skip
    layer = with_bypass(layer, view)
    return layer.with_constant_from(view.centre[np.newaxis], values[np.newaxis])


def explains(bench: Bench, layer: SingleLayer, attempt: int) -> bool:
    """Whether an unsigned layer with bypass reproduces the oracle on fresh points; 5 queries."""
    rng = bench.randomness.step("hypothesis", attempt)
    points = fresh_points(bench.probe, rng, TEST_POINTS, TEST_SIZES)
    answers = bench.probe.ask(points)
    gaps = np.abs(answers - layer(points)).max(axis=1)
    allowed = allowed_gap(bench.probe, layer.to_network(), [3 * layer.row_errors], points)
    loosest = LOOSEST_COARSE if is_coarse(bench.probe) else LOOSEST
    return bool((gaps <= allowed).all() and allowed.max() < loosest * np.ptp(answers, axis=0).max())


def recover_single(bench: Bench, layer: SingleLayer, view: RegionView) -> Recovery:
    """Signs, exact measurement and verification of a complete unsigned layer."""
    bench.best = layer.to_network()
    bench.probe.session.emit(NeuronRecovered(1, layer.width))
    complaint = ""
    for attempt in range(MOST_ROUNDS):
        layer, pairs, undecided = _with_linear_part(bench, layer, view)
        doubt = linear_error(layer, view)
        layer = merged(_polished(bench, layer, attempt), pairs)
        if isinstance(layer, SlopedLayer):
            layer = refitted(bench, layer, attempt)
        bench.best = layer.to_network()
        check = verified(bench, layer, attempt)
        if check.passed:
            return _described(bench, layer, undecided, pairs, doubt)
        complaint = check.complaint
        grown = _with_unexplained(bench, layer, check, attempt)
        if grown.width == layer.width:
            again = _with_exact_skip(bench, layer, undecided, pairs)
            if again is not None:
                return again
            break
        layer = _rebased(grown, view, layer)
    return Recovery(bench.best, Outcome(Status.INCONCLUSIVE, complaint, "Try another --seed."))


def _with_linear_part(
    bench: Bench, layer: SingleLayer, view: RegionView
) -> tuple[SingleLayer, IntArray, str]:
    """The layer with what gives its linear part: signs; if none do, signs beside an identity skip, or slopes.

    Returns:
        The layer, pairs of clipped neurons (shape "p 2"), and why it is undecided (empty if it is not).
    """
    if is_coarse(bench.probe):
        layer, undecided = signed_layer(bench, layer, view, "signs")
        return layer, np.zeros((0, 2), dtype=np.int64), undecided
    pairs = clipped_pairs(layer)
    layer, undecided = signed_layer(bench, aligned(layer, pairs), view, "signs", in_pairs(layer, pairs))
    if undecided != UNDECIDED[BinaryStatus.NONE] or len(pairs):
        return layer, pairs, undecided
    beside, sloped = with_identity(layer, view), with_slopes(layer, view)
    if sloped is not None and plain_relu(sloped):
        sloped = None
    if beside is not None and sloped is not None:
        # relu(z) + z is a neuron with slopes 2 and 1: two readings, and no answer tells them apart
        return layer, pairs, TWOFOLD
    found = sloped if beside is None else beside
    if found is None:
        return layer, pairs, undecided
    by, words = ("slopes", "slopes on the other side of each neuron carry it instead")
    if beside is not None:
        by, words = ("identity skip", "beside a multiple of the identity signs are decided")
    bench.evidence["signs"]["status"] = str(BinaryStatus.EXACT)
    bench.evidence["signs"]["by"] = by
    bench.probe.session.emit(Note(words))
    return found, pairs, ""


def _with_exact_skip(bench: Bench, layer: SingleLayer, undecided: str, pairs: IntArray) -> Recovery | None:
    """Once more with a linear part that is as exact as the rows, if it may be a skip; None if that fails."""
    if undecided != UNDECIDED[BinaryStatus.NONE] or is_coarse(bench.probe):
        return None
    layer = asked_again(bench.probe, layer, bench.randomness.step("skip answers"))
    layer = merged(layer, pairs)
    if not verified(bench, layer, MOST_ROUNDS).passed:
        return None
    bench.best = layer.to_network()
    return _described(bench, layer, undecided, pairs, linear_error(layer))


def _described(bench: Bench, layer: SingleLayer, undecided: str, pairs: IntArray, doubt: float) -> Recovery:
    """The outcome of a verified layer, with its neurons and its activation in the evidence."""
    told = architecture(layer, pairs, undecided, bench.probe.calibration)
    bench.evidence["architecture"] = told
    bench.evidence["neurons"] = neuron_evidence(np.delete(layer.errors, pairs[:, 1]))
    return judged(bench, layer, undecided, pairs, doubt)


def _polished(bench: Bench, layer: SingleLayer, attempt: int) -> SingleLayer:
    if not bench.settings.polish or not layer.width:
        return layer
    with bench.probe.session.phase("remeasure"):
        try:
            return remeasure(
                bench.probe, layer, _goal(bench, layer), bench.randomness.step("remeasure", attempt),
                free_linear=isinstance(layer, SlopedLayer),
            )  # fmt: skip
        except IllConditioned as problem:
            bench.probe.session.emit(Note(f"not measured again: {problem}"))
            return layer


def _goal(bench: Bench, layer: SingleLayer) -> float:
    """How exact rows should be; slopes of single neurons magnify what rows leave over."""
    single = isinstance(layer, SlopedLayer) and not layer.shared
    return 0.0 if single else bench.settings.goal


def verified(bench: Bench, layer: SingleLayer, attempt: int) -> Verification:
    """Try a layer on fresh queries; what came of it goes into the evidence."""
    claimed = 3 * layer.row_errors
    with bench.probe.session.phase("verify"):
        rng = bench.randomness.step("verify", attempt)
        check = verify(bench.probe, layer.to_network(), [claimed], rng, bench.settings)
    bench.contradiction = check.worst_point if not check.agreed else None
    bench.evidence["verification"] = check.to_dict()
    bench.row_errors = [layer.row_errors]
    bench.evidence["parameter_error"] = largest_claim(layer.to_network(), claimed[: layer.width])
    bench.evidence["neurons"] = neuron_evidence(layer.errors)
    return check


def _with_unexplained(bench: Bench, layer: SingleLayer, check: Verification, attempt: int) -> SingleLayer:
    """Add the neurons that a failed verification's line shows."""
    if check.sweep is None or not len(check.unexplained):
        return layer
    signs_free = Hyperplanes(
        layer.normals, layer.offsets, layer.jumps, layer.errors, -layer.offsets[:, np.newaxis] * layer.normals
    )
    known = signs_free.explain(check.sweep, same_jumps=True)
    with bench.probe.session.phase("hyperplanes"):
        rng = bench.randomness.step("hyperplanes", 100 + attempt)
        line = measure_bends(bench.probe, check.sweep, rng, known=known)
    new = Hyperplanes.from_line(line, line.measured & ~known.mask)
    joined = signs_free.join(new)
    return SingleLayer(
        joined.normals, joined.offsets, joined.jumps, joined.errors, layer.linear, layer.constant
    )


def _rebased(layer: SingleLayer, view: RegionView, before: SingleLayer) -> SingleLayer:
    """With the bypass and bias that fit the viewed region, where the layer before was right."""
    centre = view.centre[np.newaxis]
    return with_bypass(layer, view).with_constant_from(centre, before(centre))


def judged(
    bench: Bench,
    layer: SingleLayer,
    undecided: str,
    pairs: IntArray | None = None,
    doubt: float | None = None,
) -> Recovery:
    """The outcome of a verified layer, once every bend seen before is explained too.

    Args:
        bench: Where to work; a skip joins the layers of `evidence["architecture"]`.
        layer: What was verified.
        undecided: Why its signs are not decided; empty if they are.
        pairs: Neurons that are one clipped neuron, shape "p 2".
        doubt: Standard deviation of a number of its linear part; None if that is not to be read as a skip.
    """
    network = layer.to_network()
    noisy = bench.probe if is_coarse(bench.probe) else None
    error = float(layer.errors.max(initial=0.0))
    unexplained = contradictions(network, error, bench.sweeps, noisy, bench.probe)
    bench.evidence["verification"]["unexplained_earlier_bends"] = unexplained
    if unexplained:
        return Recovery(network, Outcome(Status.PARTIAL, UNEXPLAINED.format(count=unexplained)))
    none = np.zeros((0, 2), dtype=np.int64)
    skip = "" if doubt is None else _named_skip(bench, layer, undecided, doubt)
    return Recovery(network, _outcome(layer, none if pairs is None else pairs, undecided, skip))


def _named_skip(bench: Bench, layer: SingleLayer, undecided: str, doubt: float) -> str:
    """What is linear and neither signs nor slopes give, as a skip: in words, and beside the layers told."""
    sloped = isinstance(layer, SlopedLayer)
    if sloped or not layer.linear.any() or undecided not in ("", UNDECIDED[BinaryStatus.NONE]):
        return ""
    skips = [direct_skip(layer, doubt, told=not undecided, free=bench.probe.domain.free)]
    bench.evidence["architecture"] = {**bench.evidence.get("architecture", {}), "skips": skips}
    return sentence(skips)


def _outcome(layer: SingleLayer, pairs: IntArray, undecided: str, skip: str) -> Outcome:
    width = true_width(layer, pairs)
    if undecided:
        reason = (
            f"All {width} neurons found and the function verified, but {undecided}; "
            "the network is shipped in an exactly equivalent form"
            + (" with a linear bypass." if layer.linear.any() else ".")
            + (f" Read as {skip}." if skip else "")
        )
        return Outcome(Status.EQUIVALENT, reason)
    words = activation_words(layer, pairs)
    reason = f"All {width} neurons of one hidden layer{words}{',' if words else ''} recovered and verified"
    return Outcome(Status.COMPLETE, reason + (f", with {skip}." if skip else "."))
