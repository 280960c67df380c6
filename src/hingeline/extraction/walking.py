"""The second hidden layer by walking its boundaries across the known hyperplanes of the first.

For first layers that cannot be inverted (wider than the input, or nearly dependent rows). Bends that no
first-layer hyperplane explains are witnesses of second-layer neurons; each boundary is followed from one
witness until all its coefficients are known, and a search makes sure that no neuron is left. Signs, biases
and the output layer follow from what is recorded already. If the boundaries show that the first layer was
not right, it is corrected and the search begun again.

Source: Rolnick and Körding 2020, reconstruction of deeper layers, with exact local tests in place of fits.
Cost: 4 to 6 queries per second-layer weight, 250 to 300 for each fresh line (10-20-20-1: 2,100 to 3,400).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import EventSink, Note
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.layer_search import LayerSearch, WalkSettings
from hingeline.extraction.parameter_chart import row_basis
from hingeline.extraction.polish import polish
from hingeline.extraction.recorded import Recorded, RecordingProbe
from hingeline.extraction.suspects import Suspects, no_suspects
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.extraction.unsigned_layers import Assembly, Verdict
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe

RESIDUAL_SHARE = 10.0
"""Parameter errors that a misfit of recorded answers may stand for: some parameters move answers little."""


@dataclass(frozen=True, eq=False)
class WalkingResult:
    """A second hidden layer found by walking, or why not."""

    network: PiecewiseLinearNetwork | None
    """The whole network, signs decided; None if it could not be put together. Fits all recorded answers."""
    reason: str
    """One sentence for people."""
    complete: bool
    """True if every parameter is decided and fresh lines showed nothing new."""
    suspects: Suspects
    """Changes to the first layer that should be made and were not; none if there is a network."""
    corrections: Suspects
    """Changes that were made to the first layer as it was given."""
    undetermined: tuple[tuple[int, int], ...]
    """Second-layer weights (neuron, input) that no answer tells; they hold their neuron's state."""
    bypass: int
    """Neurons at the end of the second layer that stand for what never bends; 0 if there are none."""
    error: float
    """Expected error of the worst parameter (hidden rows at unit norm); inf without a network."""
    recorded: Recorded
    """Every answer that the walk asked for or was given, to fit again."""
    evidence: dict[str, Any]
    """Counts and residuals, JSON-ready."""
    neurons: tuple[UnsignedNeuron, ...] = ()
    """The second layer, unsigned, once fresh lines show nothing new; none before."""


def recover_by_walking(
    probe: Probe,
    normals: FloatArray,
    offsets: FloatArray,
    lines: Sequence[MeasuredLine],
    randomness: Randomness,
    on_event: EventSink,
    settings: WalkSettings | None = None,
) -> WalkingResult:
    """Recover the second hidden layer, all signs and the output layer.

    Args:
        probe: Where queries go; must answer values.
        normals: Unit rows of the first layer in any orientation, shape "n d".
        offsets: normal @ x + offset = 0, shape "n".
        lines: Lines swept so far; their bends that no hyperplane explains are where walks start.
        randomness: Gives each step its generator.
        on_event: Where progress goes.
        settings: How hard to look.

    Raises:
        BudgetExhausted: The budget ended.
    """
    settings = settings or WalkSettings()
    recording = RecordingProbe(probe)
    for line in lines:
        recording.keep(*_answers(line))
    given = planes = Planes(normals, offsets)
    swept = list(lines)
    search = LayerSearch(recording, planes, swept, randomness, on_event, settings)
    search.run()
    for _ in range(settings.corrections):
        if not search.suspects.any:
            break
        on_event(Note(f"correcting the first layer: {search.suspects}"))
        planes = search.suspects.corrected(planes)
        search = LayerSearch(recording, planes, swept, randomness, on_event, settings)
        search.run()
    return _result(search, changes(given, planes))


def changes(given: Planes, used: Planes) -> Suspects:
    """What was added to and removed from the first layer as it was given."""
    rows = np.column_stack([used.normals, used.offsets])
    before = np.column_stack([given.normals, given.offsets])
    added = [not (before == row).all(axis=1).any() for row in rows]
    removed = [i for i, row in enumerate(before) if not (rows == row).all(axis=1).any()]
    return Suspects(used.normals[added], used.offsets[added], tuple(removed))


def _answers(line: MeasuredLine) -> tuple[FloatArray, FloatArray]:
    """Points and values at both ends of every piece of a line."""
    sweep = line.sweep
    lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
    points = sweep.line.at(np.concatenate([sweep.lows, sweep.highs]))
    return points, np.concatenate([sweep.values, sweep.values + lengths * sweep.slopes])


def _result(search: LayerSearch, corrections: Suspects) -> WalkingResult:
    reason, evidence, recorded = _reason(search), search.evidence(), search.probe.recorded()
    assembly = search.assembly
    neurons = () if search.broken or search.open else tuple(search.neurons)
    if assembly is None or assembly.network is None or not search.finished or search.broken:
        left = no_suspects(search.probe.input_dim) if corrections.any else search.suspects
        return WalkingResult(
            None, reason, False, left, corrections, (), 0, np.inf, recorded, evidence, neurons
        )
    network, error = _polished(assembly.network, assembly, recorded, search)
    return WalkingResult(
        network, reason, assembly.verdict is Verdict.COMPLETE, search.suspects, corrections,
        assembly.undetermined, assembly.bypass, error, recorded, evidence, neurons,
    )  # fmt: skip


def _polished(
    network: PiecewiseLinearNetwork, assembly: Assembly, recorded: Recorded, search: LayerSearch
) -> tuple[PiecewiseLinearNetwork, float]:
    """The network fitted to all recorded answers, and the expected error of its worst parameter.

    Crossings were asked close to every facet of every neuron, also of those that are hardly ever on: they
    pin what random points would not. A bypass is left alone: its two halves must stay mirror images.
    """
    walked = max(RESIDUAL_SHARE * assembly.residual, *(_row_error(n) for n in search.neurons))
    if assembly.bypass:
        return network, walked
    fit = polish(
        network, recorded.points, recorded.values, recorded.noise, first_layer_basis=row_basis(network),
        rng=search.randomness.step("held out"), on_event=search.emit,
    )  # fmt: skip
    if not fit.improved or fit.expected_error is None:
        return fit.network, walked
    # error bars grow with what the noise does not explain
    return fit.network, fit.expected_error * max(1.0, fit.held_out_after)


def _row_error(neuron: UnsignedNeuron) -> float:
    return float(neuron.row_errors.max()) / neuron.size


def _reason(search: LayerSearch) -> str:
    """Why the search ended as it did."""
    assembly = search.assembly
    if search.suspects.any:
        return f"the first layer is not right: {search.suspects}"
    if search.broken:
        return (
            f"second-layer boundaries bend where no known hyperplane is ({search.refused} times of "
            f"{search.refused + search.crossed}): the first layer is incomplete, or there is a third layer"
        )
    if search.probe.input_dim < 2:
        return "with one input number, boundaries are points and cannot be followed"
    if not search.boundaries and search.lost:
        return f"no second-layer boundary could be followed; {len(search.lost)} were lost where they began"
    if not search.boundaries:
        return "every bend is on a first-layer hyperplane: no second layer is seen"
    if assembly is None or assembly.network is None:
        lost = f"; {len(search.lost)} boundaries were lost where they began" if search.lost else ""
        return f"{assembly.verdict}: {assembly.detail}{lost}" if assembly else "the search was given up"
    if search.open:
        return f"fresh lines still bend at unexplained places after {search.rounds} of them"
    return assembly.detail
