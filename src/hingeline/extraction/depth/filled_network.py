"""A network that explains most answers, with what answers tell of neurons that are missing in it.

Neurons are made where answers differ, sides are told, and everything is polished on what is explained; then
answers are told apart more finely, and more is made. Nothing made is verified here.

Cost: some 400 answers for each neuron looked for, and those that tell how much departs. Source: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.core.events import Note
from hingeline.extraction.depth.missing_inside import STRANGE, Asked, with_missing
from hingeline.extraction.depth.search import Search
from hingeline.extraction.depth.twin_sides import Halves, one_sided
from hingeline.extraction.polish import polish
from hingeline.extraction.recovery import Bench
from hingeline.extraction.verify import fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON

NEAR, MOST_ANSWERS = 30.0, 4000
"""Distance, in typical input norms, and number of the answers on which missing neurons are tried."""
FITTED, FEWEST_FITTED = 6.0, 2.0
"""Answers for each parameter to which everything is fitted, and without which it is not."""
ROUNDS, TRIES = 4, 8
"""Times that everything is polished, and places from which neurons are looked for between two times."""
AGREED = 30.0
"""Answers missed by so many times the median are not fitted."""
FINEST, TOLD_APART = 1e-12, 100.0
"""Least difference that is called one, of scale + norm, and so many times the median."""
TOLD, FRESH_SIZES = 300, (1.0,)
"""Fresh answers that tell how much departs, and their norms in typical ones."""


@dataclass(frozen=True, eq=False)
class Filled:
    """The network, over the coordinates of the span, and how far it goes."""

    network: PiecewiseLinearNetwork
    made: tuple[int, ...]
    """Neurons made from answers, by hidden layer."""
    paired: tuple[int, ...]
    """Neurons whose side is not told, by hidden layer."""
    departs: float | None
    """Share of fresh answers that it does not explain; None: none could be asked."""
    floor: float
    """What is left of an answer, of scale + norm, above which it is not explained."""
    cut: BudgetExhausted | None = None
    """Set if the budget ended before nothing more could be made."""


def filled(bench: Bench, search: Search, network: PiecewiseLinearNetwork) -> Filled:
    """Make what is missing in a network over the span, as far as questions last.

    Args:
        bench: Where to work.
        search: With the answers so far.
        network: Explains most of them.
    """
    scale, rng = search.probe.calibration.scale, search.randomness.step("missing inside")
    above, cut = STRANGE, list[BudgetExhausted]()

    def ask(points: FloatArray) -> FloatArray:
        try:
            return search.probe.ask(points)
        except BudgetExhausted as ended:
            cut.append(ended)
            raise

    with bench.probe.session.phase("answers"):
        fresh = _fresh(search, ask, rng)
        asked, size = _recorded(search, rng), -1
        # sides first: fewer neurons above leave less to be told of one that is missing
        network = one_sided(network, asked.only(~asked.strange(network, scale)).points)
        start, paired = network.hidden_widths, _paired(network)
        for _ in range(ROUNDS):
            tried = network
            network, asked = with_missing(network, asked, ask, scale, rng, above, TRIES)
            if network is tried and size >= 0:
                break
            size = sum(network.hidden_widths)
            network = _polished(bench, search, network, asked, rng)
            above = float(np.clip(TOLD_APART * np.median(asked.share(network, scale)), FINEST, STRANGE))
    made = np.subtract(network.hidden_widths, start)
    departs = None if fresh is None else float(fresh.strange(network, scale, above).mean())
    return Filled(network, tuple(made.tolist()), paired, departs, above, cut[0] if cut else None)


def _paired(network: PiecewiseLinearNetwork) -> tuple[int, ...]:
    """Neurons that stand in two halves, by hidden layer."""
    return tuple(Halves.of(network, layer).paired for layer in range(1, len(network.weights)))


def _fresh(search: Search, ask: Callable[[FloatArray], FloatArray], rng: np.random.Generator) -> Asked | None:
    """Typical answers that nothing is fitted to; None if the budget ended."""
    points = fresh_points(search.probe, rng, TOLD, FRESH_SIZES)
    try:
        return Asked(points, ask(points))
    except BudgetExhausted:
        return None


def _recorded(search: Search, rng: np.random.Generator) -> Asked:
    points, answers = search.record.samples, search.record.answers
    near = np.nonzero(np.linalg.norm(points, axis=1) < NEAR * search.probe.calibration.scale)[0]
    near = rng.permutation(near)[:MOST_ANSWERS]
    return Asked(points[near], answers[near])


def _polished(
    bench: Bench, search: Search, network: PiecewiseLinearNetwork, asked: Asked, rng: np.random.Generator
) -> PiecewiseLinearNetwork:
    """Fitted to answers that it explains as well as most."""
    share, count = asked.share(network, search.probe.calibration.scale), network.parameter_count
    agree = rng.permutation(np.nonzero(share <= max(AGREED * float(np.median(share)), FINEST))[0])
    chosen = asked.only(np.isin(np.arange(len(share)), agree[: min(MOST_ANSWERS, int(FITTED * count))]))
    if len(chosen.points) < FEWEST_FITTED * count:
        return network
    noise = search.probe.noise.at(chosen.points) + EPSILON * np.abs(chosen.answers).max(axis=1)
    result = polish(network, chosen.points, chosen.answers, noise, rng=rng)
    bench.probe.session.emit(Note(f"{sum(network.hidden_widths)} neurons: {result.reason}"))
    return result.network


def note_made(bench: Bench, done: Filled) -> None:
    """Name what was made in the evidence: one line each, and counted in its layer."""
    lines, layers = bench.evidence["neurons"], bench.evidence["layers"]
    for number, (made, paired) in enumerate(zip(done.made, done.paired, strict=True), 1):
        known = sum(line["layer"] == number for line in lines)
        lines += [_line(number, known + index) for index in range(made)]
        layer = layers[number - 1]
        layer |= {"neurons": layer["neurons"] + made, "made_from_answers": made}
        if layer["signs_undetermined"] and not paired:
            layer["signs_undetermined"] = 0
            for line in lines:
                if line["layer"] == number:
                    line.pop("sign", None)


def with_made(done: Filled) -> str:
    """What was made and how much departs, to be added to a reason; sentences go on without a full stop."""
    made = sum(done.made)
    text = f". {made} neurons were made from answers, none of them verified" if made else ""
    if done.departs is None:
        return text
    return (
        text + f". The network departs by more than {done.floor:.1g} at {done.departs:.2%} of typical inputs"
    )


def _line(layer: int, neuron: int) -> dict[str, object]:
    why = "made from answers that were not explained without it; no boundary of it was met"
    return {"layer": layer, "neuron": neuron, "status": "pooled", "error": None, "bends": 0, "why": why}


def in_inputs(network: PiecewiseLinearNetwork, rows: FloatArray) -> PiecewiseLinearNetwork:
    """A network over the span as one over inputs, "r d" rows taking these there."""
    return PiecewiseLinearNetwork([network.weights[0] @ rows, *network.weights[1:]], network.biases)
