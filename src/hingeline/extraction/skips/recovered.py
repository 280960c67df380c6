"""A network whose layers were found but do not explain its linear parts: read as one with skip connections.

Called where the ordinary assembly has ended without a network of decided signs. The form is fitted to answers
that are there already (a walk) or to fresh ones (a peeled first layer); its reading is shipped only if it has
a skip and if fresh queries agree with it.

Source: ours. Cost: the verification, 100 to 200 queries; after a peel also 1.5 per number of the form,
divided by the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.earlier_bends import contradictions
from hingeline.extraction.peeled import Peeled
from hingeline.extraction.rare_points import rare_points
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.single_layer import SingleLayer
from hingeline.extraction.skips.chain import chain_of
from hingeline.extraction.skips.evidence import layers_of, sentence, skips_of
from hingeline.extraction.skips.reading import Reading, read
from hingeline.extraction.skips.refined import RefinedForm, refine, unknowns
from hingeline.extraction.skips.spanned import lifted, within_span
from hingeline.extraction.skips.unsigned_form import UnsignedForm, form_of_peel
from hingeline.extraction.skips.walked_form import form_of_walk
from hingeline.extraction.unsigned import UnsignedNeuron
from hingeline.extraction.verify import UNEXPLAINED, fresh_points, verify
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import is_coarse

SAMPLES_PER_UNKNOWN, SPARE_SAMPLES = 1.5, 60
"""Fresh answers for each number of the form and output, and so many more."""
MOST_SAMPLES_PER_UNKNOWN = 12
"""Recorded answers beyond so many for each number and output are left out of the fit."""
SIZES = (1.0, 0.4, 3.0, 10.0)
"""Norms of fresh answers, in typical ones."""
SPREADS = (0.5, 2.0)
"""Logarithmic spreads of steered heights: neurons that are seldom on are on at uneven ones."""
POOL = 12
"""Points among which those to ask are chosen, offline, for each of them."""
PER_PAIR = 2
"""Points at which a second-layer neuron is on, and off, while a first-layer neuron is on."""
SPARE_SIDE = 6
"""Points on either side of a neuron, beyond what its row needs."""
PLANE_ERROR = 1e-9
"""Error of an entry of a hyperplane after a walk, of which no error bars are handed on."""
SIGMAS = 3.0
"""Standard deviations that are claimed to the verification."""
COARSEST = 1e-6
"""Error of a number, as a fraction of the largest, from which signs cannot be told from skips."""
ADVICE = (
    "evidence['architecture'] names the skips; the network is a plain chain that passes them on in pairs."
)


def skips_after_walk(
    bench: Bench, neurons: Sequence[UnsignedNeuron], recorded: Recorded, settled: Status | None
) -> Recovery | None:
    """The network with skips that a walk's neurons and answers come to; None if they do not.

    Args:
        bench: Where to work.
        neurons: The second layer, unsigned.
        recorded: Answers received so far.
        settled: How the assembly without skips ended; None if it gave no network.

    Raises:
        BudgetExhausted: The budget ended.
    """
    if is_coarse(bench.probe) or not neurons:
        return None
    form = form_of_walk(neurons[0].planes, neurons, recorded)
    if form is None:
        return None
    planes = np.full(form.planes.count, PLANE_ERROR)
    theta = np.array([np.linalg.norm(neuron.root, axis=0) for neuron in neurons])
    kept = _thinned(form, recorded, bench.randomness.step("skip answers"))
    return _shipped(bench, refine(form, kept, planes, theta), settled)


def skips_after_peel(
    bench: Bench, peeled: Peeled, layer: SingleLayer, settled: Status | None
) -> Recovery | None:
    """The same above a peeled first layer, from fresh answers.

    Raises:
        BudgetExhausted: The budget ended.
    """
    if is_coarse(bench.probe) or not layer.width or not layer.jumps.any(axis=1).all():
        return None
    form = form_of_peel(peeled, layer)
    theta = np.outer(layer.errors * np.linalg.norm(layer.jumps, axis=1), np.ones(peeled.width + 1))
    theta *= 1 + np.abs(form.theta) / np.abs(form.theta[:, :-1]).max(axis=1, keepdims=True)
    # the polish that went before has put the rows' span right: fit within it, in as few coordinates
    basis, form = within_span(form, bench.best)
    asked = _asked(bench, peeled, form, basis)
    inside = replace(asked, points=asked.points @ basis.T)
    return _shipped(bench, lifted(refine(form, inside, peeled.errors, theta), basis), settled)


def _thinned(form: UnsignedForm, recorded: Recorded, rng: np.random.Generator) -> Recorded:
    """Some of the answers, where there are more than a fit needs."""
    most = MOST_SAMPLES_PER_UNKNOWN * unknowns(form) // recorded.values.shape[1]
    order = rng.permutation(len(recorded.points))
    kept = np.zeros(len(order), dtype=np.bool_)
    kept[order[_both_sides(form, recorded.points[order], most)]] = True
    return recorded.select(kept)


def _asked(bench: Bench, peeled: Peeled, form: UnsignedForm, basis: FloatArray) -> Recorded:
    """Fresh answers, enough of them on either side of every neuron; the form is on coordinates in `basis`."""
    probe, rng = bench.probe, bench.randomness.step("skip answers")
    count = int(np.ceil(SAMPLES_PER_UNKNOWN * unknowns(form) / form.rest.shape[0])) + SPARE_SAMPLES
    pool = _pool(bench, peeled, POOL * count, rng)
    rare = _rare(bench, form, pool @ basis.T, rng) @ basis
    pool = np.concatenate([pool, rare[bench.probe.domain.holds(rare)]])
    points = pool[_both_sides(form, pool @ basis.T, count)]
    with probe.session.phase("skips"):
        values = probe.ask(points)
    norms = np.linalg.norm(points, axis=1)
    noise = probe.noise.at_norm(norms) + EPSILON * np.abs(values).max(axis=1)
    return Recorded(points, values, probe.calibration.scale + norms, noise)


def _pool(bench: Bench, peeled: Peeled, count: int, rng: np.random.Generator) -> FloatArray:
    """Half typical inputs, half at uneven heights of the first layer."""
    probe = bench.probe
    points = fresh_points(probe, rng, count, SIZES)
    uneven = np.arange(count) % 2 == 0
    shape = (int(uneven.sum()), peeled.width)
    unit = probe.calibration.scale / np.sqrt(probe.input_dim)
    heights = unit * np.exp(rng.uniform(*SPREADS, (shape[0], 1)) * rng.standard_normal(shape))
    heights *= np.where(rng.uniform(size=shape) < rng.uniform(0.2, 1.0, (shape[0], 1)), 1.0, -1.0)
    points[uneven] += (heights - peeled.heights(points[uneven])) @ peeled.inverse.T
    return probe.domain.pulled_in(points)


def _rare(bench: Bench, form: UnsignedForm, pool: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points where a second-layer neuron, in the state that is rare, sees a first-layer neuron on."""
    count, found = form.planes.count, list[FloatArray]()
    for turn in (1.0, -1.0):
        layers = PiecewiseLinearNetwork(
            [form.planes.normals, turn * form.theta[:, :count], form.jumps.T],
            [form.planes.offsets, turn * form.theta[:, -1], np.zeros(form.jumps.shape[1])],
        )
        found.append(rare_points(layers, pool, bench.probe.calibration.scale, rng))
    return np.concatenate(found)


def _both_sides(form: UnsignedForm, pool: FloatArray, count: int) -> IntArray:
    """The first `count` points of a pool, and more where a neuron would be on or off too seldom."""
    features = form.features(pool)
    on = np.column_stack([form.planes.heights(pool), features @ form.theta.T]) > 0
    needed = int(np.ceil(SAMPLES_PER_UNKNOWN * features.shape[1] / form.rest.shape[0])) + SPARE_SIDE
    chosen = np.arange(len(pool)) < count
    for side in np.concatenate([on, ~on], axis=1).T:
        more = np.nonzero(side & ~chosen)[0][: max(0, needed - int((side & chosen).sum()))]
        chosen[more] = True
    if form.signed:
        # a weight acts only where its input is on, and tells itself from the rest on either side of zero
        first = on[:, : form.planes.count]
        for side in np.concatenate([on, ~on], axis=1)[:, form.planes.count :].T:
            for pair in (first & side[:, np.newaxis]).T:
                more = np.nonzero(pair & ~chosen)[0][: max(0, PER_PAIR - int((pair & chosen).sum()))]
                chosen[more] = True
    return np.nonzero(chosen)[0]


def _shipped(bench: Bench, refined: RefinedForm, settled: Status | None) -> Recovery | None:
    reading = read(refined)
    largest = float(np.abs(reading.form.rest[:, :-1]).max())
    if not reading.any or reading.error > COARSEST * largest:
        return None
    found = skips_of(reading, reading.error)
    if settled in (Status.COMPLETE, Status.EQUIVALENT) and not _telling(reading):
        # neurons that never switch look the same, and the function is verified: nothing to ask for
        return None
    network = chain_of(reading)
    rows = [SIGMAS * errors for errors in _row_errors(reading, refined, network)]
    error = max(float(errors.max()) for errors in rows)
    with bench.probe.session.phase("verify skips"):
        rng = bench.randomness.step("verify skips")
        check = verify(bench.probe, network, rows, rng, bench.settings)
    if not check.passed:
        return None
    unexplained = contradictions(network, error, bench.sweeps, door=bench.probe)
    bench.best, bench.row_errors = network, rows
    bench.evidence["verification"] = {**check.to_dict(), "unexplained_earlier_bends": unexplained}
    bench.evidence["parameter_error"] = error
    bench.evidence["neurons"] = _neurons(reading, refined)
    widths = (reading.form.planes.count, len(reading.form.theta))
    bench.evidence["architecture"] = {"layers": layers_of(reading), "skips": found}
    bench.evidence["undetermined_weights"] = [[2, p.neuron, p.plane] for p in reading.form.unmet]
    if unexplained:
        return Recovery(network, Outcome(Status.PARTIAL, UNEXPLAINED.format(count=unexplained)))
    return Recovery(network, _outcome(bench, reading, widths, sentence(found)))


def _telling(reading: Reading) -> bool:
    """Whether a reading says more than that something linear goes around the second layer."""
    return reading.around_second != "dense" or bool(reading.into_second) or bool(reading.direct.any())


def _row_errors(reading: Reading, refined: RefinedForm, network: PiecewiseLinearNetwork) -> list[FloatArray]:
    """Errors of the chain's hidden rows at unit norm: the true neurons, then what passes skips on."""
    form = reading.form
    sizes = np.linalg.norm(form.theta[:, :-1], axis=1)
    second = _ordered(refined.theta_errors.max(axis=1), reading, refined) / sizes
    second = np.maximum(second, _ordered(refined.jump_errors.max(axis=1), reading, refined))
    # directions that pass the second layer are exact; their errors are those of what they carry
    over = max(float(np.abs(reading.from_first).max()), float(np.abs(reading.direct).max()), 1e-300)
    carried = float(refined.rest_errors[:, :-1].max()) / over
    widths = network.hidden_widths
    return [
        np.concatenate([refined.plane_errors, np.full(widths[0] - len(form.planes.offsets), EPSILON)]),
        np.concatenate([second, np.full(widths[1] - len(second), carried)]),
    ]


def _neurons(reading: Reading, refined: RefinedForm) -> list[dict[str, object]]:
    """One line per true neuron; its sign may be open while its row is measured."""
    parts = (
        (1, refined.plane_errors, reading.first_told),
        (2, refined.theta_errors.max(axis=1), reading.second_told),
    )
    return [
        {
            "layer": layer,
            "neuron": index,
            "status": "measured",
            "sign": "measured" if told else "undetermined",
            "error": float(error),
        }
        for layer, errors, told in parts
        for index, error in enumerate(_ordered(errors, reading, refined) if layer == 2 else errors)
    ]


def _ordered(errors: FloatArray, reading: Reading, refined: RefinedForm) -> FloatArray:
    """Errors of the second layer in the reading's order of its neurons."""
    before, now = refined.form.theta, reading.form.theta
    return errors[[int(np.argmin(np.abs(before - row).sum(axis=1))) for row in now]]


def _outcome(bench: Bench, reading: Reading, widths: tuple[int, int], skips: str) -> Outcome:
    # what never switches is no bend, and a free skip around it takes it in
    which = "All neurons that switch, in" if reading.around_second == "dense" else "All neurons of"
    found = f"{which} 2 hidden layers ({widths[0]} and {widths[1]}), found and the function verified"
    left = _left_open(bench, reading)
    status = Status.EQUIVALENT if left else Status.COMPLETE
    return Outcome(status, " ".join([f"{found}, with {skips}.", *left]), ADVICE)


def _left_open(bench: Bench, reading: Reading) -> list[str]:
    """What no answer tells, one sentence each."""
    sentences = list[str]()
    told = (("first", reading.first_told), ("second", reading.second_told))
    layers = " and ".join(name for name, sure in told if not sure)
    if layers:
        sentences.append(
            f"Signs of the {layers} layer are tied to a dense skip and not told by any answer; "
            "an exactly equivalent form is shipped."
        )
    if reading.around_second == "dense":
        sentences.append("Second-layer neurons that never switch would look like the skip around them.")
    if reading.form.unmet:
        pairs = ", ".join(f"{pair.plane} to {pair.neuron}" for pair in reading.form.unmet)
        sentences.append(f"No answer tells the second-layer weights from neuron to neuron {pairs}.")
    if not bench.probe.domain.free:
        sentences.append("Neurons that never switch within the bounds would look like skips.")
    return sentences
